# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models


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
            values = preview.order_id._origin._fc_preview_invoice(preview.at) if preview.order_id else {}
            preview.content = self.env["ir.qweb"]._render("fusion_centralize_billing.invoice_preview", values)
