# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    def _set_error(self, state_message, extra_allowed_states=()):
        """Tell the service of an invoice that its payment failed."""
        failed = super()._set_error(state_message, extra_allowed_states=extra_allowed_states)
        failed.invoice_ids._fc_emit("invoice.payment_failed")
        return failed
