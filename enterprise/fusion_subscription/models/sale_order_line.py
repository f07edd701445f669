# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    # === BUSINESS === #

    def _is_billed_by_usage(self):
        """Hook: tell whether the line is billed once, in arrears, and not taken along by a renewal or an upsell."""
        return False

    def _prepare_invoice_line(self, **optional_values):
        """Usage is billed in arrears: none of its revenue is deferred to the period that begins."""
        values = super()._prepare_invoice_line(**optional_values)
        if not values.get("quantity") and self.order_id._is_previewed_ahead() and self.product_id.recurring_invoice:
            values["quantity"] = self.product_uom_qty
        if self._is_billed_by_usage():
            values.pop("deferred_start_date", None)
            values.pop("deferred_end_date", None)
        return values
