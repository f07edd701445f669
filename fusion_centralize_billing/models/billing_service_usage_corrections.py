# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models

from ..api import payloads
from ..api.errors import NotFoundError
from .billing_service_usage_reads import describe_counter


class BillingService(models.Model):
    """Handlers: correcting counters, by the keys they were recorded with. The history keeps what they were."""

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_void_usage(self, payload):
        """Let a counter count no more; a void one stays as it is."""
        request = payloads.VoidUsage.parse(payload)
        usage = self._as_technical_user()._get_counter(request.idempotency_key)
        usage.sudo()._void(request.reason)
        return {"status": "ok", **describe_counter(usage)}

    def _api_amend_usage(self, payload):
        """Give a counter its right quantity; what was billed of it is adjusted on the next invoice."""
        request = payloads.AmendUsage.parse(payload)
        usage = self._as_technical_user()._get_counter(request.idempotency_key)
        usage.sudo()._amend(request.quantity, request.reason)
        return {"status": "ok", **describe_counter(usage)}

    # === HELPERS === #

    def _get_counter(self, idempotency_key):
        """Return the counter that this service has recorded with a key, or raise NotFoundError."""
        counters = self.env["fusion.billing.usage"]
        usage = counters.search([("service_id", "=", self.id), ("idempotency_key", "=", idempotency_key)])
        if not usage:
            raise NotFoundError(
                self.env._("There is no counter with this key."), code="usage_not_found", path="idempotency_key"
            )
        return usage
