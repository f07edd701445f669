# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import re

from odoo.tools import SQL

from . import shape

_COLUMNS = ("name", "code", "active", "api_key_hash", "webhook_url", "webhook_secret", "create_uid")


def take_over(env, report):
    """Make a service of each of the scaffold's, with a technical user, its key, and its secret encrypted."""
    companies, codes, hashes = _find_companies(env.cr), set(), set()
    for row in shape.read(env.cr, "service", _COLUMNS):
        service = _create(env, row, companies.get(row["id"]), codes)
        _keep_key(service, row, hashes, report)
        if row["webhook_secret"]:
            service._set_webhook_secret(row["webhook_secret"])
        # Not by the ORM: it may be an address that is refused nowadays, which the service's webhooks say then.
        env.flush_all()
        env.cr.execute(
            "UPDATE fusion_billing_service SET webhook_url = %s WHERE id = %s", [row["webhook_url"] or None, row["id"]]
        )
    shape.number_on(env, "fusion.billing.service")
    env.invalidate_all()


def _create(env, row, company_id, codes):
    code = row["code"] or f"service-{row['id']}"
    code = f"{code}-{row['id']}" if code in codes else code
    codes.add(code)
    shape.number_next(env, "fusion.billing.service", row["id"])
    return env["fusion.billing.service"].create(
        {
            "name": row["name"] or code,
            "code": code,
            "active": row["active"] is not False,
            "company_id": company_id or env["res.company"].search([], order="id", limit=1).id,
            "owner_id": _find_owner(env, row["create_uid"]).id,
        }
    )


def _find_owner(env, user_id):
    user = env["res.users"].browse(user_id or ()).exists()
    is_person = user and user.active and not user.share and user != env.ref("base.user_root")
    return user if is_person else env.ref("base.user_admin")


def _keep_key(service, row, hashes, report):
    key_hash = (row["api_key_hash"] or "").lower()
    if not key_hash:
        return
    if not re.fullmatch("[0-9a-f]{64}", key_hash) or key_hash in hashes:
        report.tell(f"The API key of {service.name} is no SHA-256 of its own: make a new one.", service.id)
        return
    hashes.add(key_hash)
    service.env["fusion.billing.api.key"].create(
        {
            "name": "From before the upgrade",
            "service_id": service.id,
            "prefix": "(unknown)",  # only the hash was kept
            "key_hash": key_hash,
            "is_default": True,
        }
    )


def _find_companies(cr):
    """Return {service id: company id}: of most subscriptions of its customers, for the scaffold knew no companies."""
    cr.execute(
        SQL(
            """
            SELECT DISTINCT ON (link.service_id) link.service_id, sale_order.company_id
              FROM %s AS link JOIN sale_order ON sale_order.partner_id = link.partner_id
             WHERE sale_order.is_subscription
             GROUP BY 1, 2 ORDER BY 1, COUNT(DISTINCT sale_order.id) DESC, 2
            """,
            SQL.identifier(shape.aside("account_link")),
        )
    )
    return dict(cr.fetchall())
