# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models

from ..api import list_payloads, payloads, plain_values
from ..api.errors import NotFoundError


class BillingService(models.Model):
    """Handlers: customers. Handlers are described in billing_service_catalog.py."""

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_upsert_customer(self, payload):
        """Create or change a customer: see _resolve_or_create_partner for how services share partners."""
        request = payloads.UpsertCustomer.parse(payload)
        service = self._as_technical_user()
        link = service.env["fusion.billing.account.link"]._resolve_or_create_partner(
            service, request.external_id, name=request.name, email=request.email
        )
        return {"status": "ok", "partner_id": link.sudo().partner_id.id, "external_id": link.external_id}

    def _api_get_customer(self, payload):
        """Return a customer as this service named it; what others say of the same partner is theirs."""
        request = list_payloads.GetCustomer.parse(payload)
        link = self._as_technical_user()._get_account_link(request.external_id, path="external_id")
        return {"status": "ok", **_describe_customer(link)}

    def _api_list_customers(self, payload=None):
        request = list_payloads.ListCustomers.parse(payload or {})
        service = self._as_technical_user()
        links = service.env["fusion.billing.account.link"]
        page, cursor = service._read_page(request, links, [("service_id", "=", service.id)])
        customers = [_describe_customer(link) for link in page.sudo()]
        return {"status": "ok", "customers": customers, "next_cursor": cursor}

    # === HELPERS === #

    def _get_account_link(self, external_id, path="external_customer_id"):
        link = self.env["fusion.billing.account.link"].search(
            [("service_id", "=", self.id), ("external_id", "=", external_id)], limit=1
        )
        if not link:
            raise NotFoundError(
                self.env._("There is no customer %s.", external_id), code="customer_not_found", path=path
            )
        return link.sudo()


def _describe_customer(link):
    return {
        "external_id": link.external_id,
        "name": plain_values.text(link.external_name),
        "email": plain_values.text(link.external_email),
        "partner_id": link.partner_id.id,
        "created_at": plain_values.instant(link.create_date),
    }
