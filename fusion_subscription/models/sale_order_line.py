# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date


class SaleOrderLine(models.Model):
    """Recurring lines are invoiced per period by their subscription, never by quantity."""

    _inherit = "sale.order.line"

    # === FIELDS === #

    x_fc_is_recurring = fields.Boolean(
        string="Recurring",
        compute="_compute_x_fc_is_recurring",
        store=True,
        help="Invoiced in full for every period of the subscription.",
    )

    # === COMPUTE === #

    # No trigger on product_id.recurring_invoice: a later change must not turn what was billed per
    # period into a quantity that is still to be invoiced or refunded.
    @api.depends("product_id", "order_id.is_subscription")
    def _compute_x_fc_is_recurring(self):
        for line in self:
            line.x_fc_is_recurring = (
                line.order_id.is_subscription and not line.display_type and line.product_id.recurring_invoice
            )

    @api.depends("x_fc_is_recurring")
    def _compute_qty_to_invoice(self):
        super()._compute_qty_to_invoice()
        self.filtered("x_fc_is_recurring").qty_to_invoice = 0

    @api.depends("x_fc_is_recurring")
    def _compute_invoice_status(self):
        super()._compute_invoice_status()
        self.filtered("x_fc_is_recurring").invoice_status = "no"

    @api.depends("x_fc_is_recurring")
    def _compute_untaxed_amount_to_invoice(self):
        super()._compute_untaxed_amount_to_invoice()
        self.filtered("x_fc_is_recurring").untaxed_amount_to_invoice = 0

    @api.depends("x_fc_is_recurring")
    def _compute_amount_to_invoice(self):
        super()._compute_amount_to_invoice()
        self.filtered("x_fc_is_recurring").amount_to_invoice = 0

    @api.depends("x_fc_is_recurring")
    def _compute_amount_to_invoice_at_date(self):
        super()._compute_amount_to_invoice_at_date()
        self.filtered("x_fc_is_recurring").amount_to_invoice_at_date = 0

    # === BUSINESS === #

    def _prepare_invoice_line(self, **optional_values):
        """Bill a recurring line in full for the due period and name that period in the customer's language."""
        values = super()._prepare_invoice_line(**optional_values)
        period = self.x_fc_is_recurring and self.order_id._get_due_period()
        if period:
            values["quantity"] = self.product_uom_qty
            values["name"] = f"{values['name']}\n{self._get_period_description(*period)}"
        return values

    # === HELPERS === #

    def _get_period_description(self, period_start, period_end):
        return self.env._(
            "%(first_day)s to %(last_day)s",
            first_day=format_date(self.env, period_start),
            last_day=format_date(self.env, period_end - timedelta(days=1)),
        )
