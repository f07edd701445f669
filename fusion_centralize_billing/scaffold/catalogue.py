# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from . import shape

_CHARGE = (
    *("name", "plan_code", "metric_id", "product_id", "charge_model", "included_quota", "price_per_unit"),
    *("unit_batch", "active"),
)
_COMPANIES = """
    SELECT usage.metric_id, ARRAY_AGG(DISTINCT sale_order.company_id ORDER BY sale_order.company_id)
      FROM %s AS usage JOIN sale_order ON sale_order.id = usage.subscription_id GROUP BY 1
"""


def take_over(env, report):
    """Keep metrics and charges; they get the companies whose subscriptions have usage of them."""
    env.cr.execute(SQL(_COMPANIES, SQL.identifier(shape.aside("usage"))))
    companies = dict(env.cr.fetchall())
    _take_metrics(env, companies, report)
    _take_charges(env, companies, report)


def _take_metrics(env, companies, report):
    is_alone = env["res.company"].search_count([]) == 1
    default = env["res.company"].search([], order="id", limit=1)
    codes = set()
    for row in shape.read(env.cr, "metric", ("name", "code", "aggregation", "active")):
        users = companies.get(row["id"]) or (default.ids if is_alone else ())
        code = row["code"] or f"metric_{row['id']}"
        if code in codes:
            report.tell(f"Two metrics had the code {code}: one is {code}_{row['id']} now, and archived.")
        shape.number_next(env, "fusion.billing.metric", row["id"])
        env["fusion.billing.metric"].create(
            {
                "name": text(row["name"]) or code,
                "code": f"{code}_{row['id']}" if code in codes else code,
                "active": row["active"] is not False and code not in codes,
                "aggregation": row["aggregation"] or "sum",
                # One company's, or all share it.
                "company_id": users[0] if len(users) == 1 else False,
            }
        )
        codes.add(code)
    shape.number_on(env, "fusion.billing.metric")


def _take_charges(env, companies, report):
    default = env["res.company"].search([], order="id", limit=1).ids
    copies, taken = [], set()
    for row in shape.read(env.cr, "charge", _CHARGE):
        if not row["metric_id"]:
            report.tell(f"The charge {text(row['name'])} had no metric and was left out.")
            continue
        first, *others = companies.get(row["metric_id"]) or default
        shape.number_next(env, "fusion.billing.charge", row["id"])
        _create_charge(env, row, first, taken, report)
        copies += [(row, company_id) for company_id in others]
    # A charge is one company's from now on: the others get their own, behind all that have ids already.
    shape.number_on(env, "fusion.billing.charge")
    for row, company_id in copies:
        _create_charge(env, row, company_id, taken, report)


def _create_charge(env, row, company_id, taken, report):
    name, plan_code = text(row["name"]) or f"Charge {row['id']}", row["plan_code"] or "unassigned"
    key = plan_code, row["metric_id"], company_id
    is_active, is_second = row["active"] is not False, key in taken
    if is_active and is_second:
        report.tell(f"{name}: {plan_code} prices the same counters twice, as before.")
    if is_active:
        taken.add(key)
    values = {
        "name": name,
        "plan_code": plan_code,
        "company_id": company_id,
        "metric_id": row["metric_id"],
        "product_id": _find_product(env, row["product_id"], report).id,
        "charge_model": row["charge_model"] or "standard",
        "included_quota": row["included_quota"] or 0,
        "price_per_unit": row["price_per_unit"] or 0,
        "unit_batch": row["unit_batch"] or 1,
        "active": is_active,
        "is_additional": is_active and is_second,
    }
    try:
        env["fusion.billing.charge"].with_company(company_id).create(values)
    except (UserError, ValidationError) as exc:
        raise UserError(f"The charge {name} cannot be taken over: {exc} Put it right before you upgrade.") from exc


def _find_product(env, product_id, report):
    """Return the product of a charge; of a recurring one a copy that is not: its line would be billed each period."""
    product = env["product.product"].browse(product_id or ()).exists()
    if not product.recurring_invoice:
        return product
    copy = product.copy({"name": f"{product.name} (usage)", "recurring_invoice": False})
    report.tell(f"{product.display_name} is recurring: its usage is billed with {copy.display_name} from now on.")
    return copy


def text(value):
    """Return a name in English, whether the scaffold had it translated or not."""
    return value.get("en_US") or next(iter(value.values()), "") if isinstance(value, dict) else value
