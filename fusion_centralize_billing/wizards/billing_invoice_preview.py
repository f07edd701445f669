# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo import api, fields, models

from ..api.errors import ConflictError, DeadlineExceededError
from ..models.number_text import format_number, format_quantity


class BillingInvoicePreview(models.TransientModel):
    """Shows the invoice that a subscription would get."""

    _name = "fusion.billing.invoice.preview"
    _description = "Billing Invoice Preview"

    order_id = fields.Many2one("sale.order", string="Subscription", required=True, readonly=True)
    at = fields.Selection(
        [("period_end", "At the End of the Period"), ("now", "Now")],
        string="Invoiced",
        required=True,
        default="period_end",
    )
    content = fields.Html(compute="_compute_content", string="Preview")

    @api.depends("order_id", "at")
    def _compute_content(self):
        for preview in self:
            # Not the onchange's pseudo-record: what is rolled back must be a real one.
            try:
                values = preview.order_id._origin._fc_preview_invoice(preview.at) if preview.order_id else {}
                shown = values and preview._format(values)
            except (ConflictError, DeadlineExceededError) as error:
                shown = {"problem": error.message}  # nothing that a dialog has to stop for
            preview.content = self.env["ir.qweb"]._render("fusion_centralize_billing.invoice_preview", shown)

    # === HELPERS === #

    def _format(self, values):
        """Return a preview with its numbers as invoices show them, in the language of the reader."""
        places = self.order_id.currency_id.decimal_places

        def in_words(source, *names):
            return {name: format_number(self.env, Decimal(source[name]), places) for name in names}

        lines = [
            {
                **line,
                "quantity": format_quantity(self.env, Decimal(line["quantity"])),
                **in_words(line, "price_unit", "amount_untaxed"),
            }
            for line in values["lines"]
        ]
        return {**values, "lines": lines, **in_words(values, "amount_untaxed", "amount_tax", "amount_total")}
