# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import format_date

from ..amounts import get_line_amount


class FusionSubscriptionFee(models.Model):
    """The fee of one recurring order line for the days [date_from, date_to), billed in advance.

    The unique constraint is the guard against billing it twice: two concurrent runs begin at the same
    day, so the second one cannot be stored. The terms of that day are kept, so that unused days are
    credited at the price that was billed, whatever the order line says by then.
    """

    _name = "fusion.subscription.fee"
    _inherit = ["fusion.subscription.guarded"]
    _description = "Subscription Fee Billed in Advance"
    _order = "date_from desc, id"
    _rec_name = "date_from"

    # === FIELDS === #

    order_id = fields.Many2one(
        related="order_line_id.order_id", string="Subscription", store=True, index=True, ondelete="restrict"
    )
    # restrict: billed history must not vanish together with its line
    order_line_id = fields.Many2one("sale.order.line", required=True, readonly=True, ondelete="restrict")
    company_id = fields.Many2one(related="order_line_id.company_id", store=True, index=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    date_from = fields.Date(string="From", required=True, readonly=True, help="First day of the fee.")
    date_to = fields.Date(string="Until", required=True, readonly=True, help="The first day after the fee.")
    # digits=False: exactly what the order line had
    quantity = fields.Float(digits=False, readonly=True)
    price_unit = fields.Float(string="Unit Price", digits=False, readonly=True)
    discount = fields.Float(string="Discount (%)", digits=False, readonly=True)
    amount = fields.Monetary(readonly=True, help="Before tax, as billed in advance.")
    invoice_line_ids = fields.One2many(
        "account.move.line",
        "x_fc_fee_id",
        string="Invoice Lines",
        readonly=True,
        help="The line that billed the fee and those that credited it. None if there was nothing to bill.",
    )

    # === CONSTRAINTS AND INDEXES === #

    _line_date_from_uniq = models.Constraint(
        "UNIQUE(order_line_id, date_from)",
        "The fee of these days has already been invoiced.",
    )
    _days_not_empty = models.Constraint(
        "CHECK(date_to > date_from)",
        "A fee ends after it starts.",
    )

    # === COMPUTE === #

    @api.depends("order_id.name", "date_from", "date_to")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for fee in self:
            start, end = (format_date(self.env, day) for day in (fee.date_from, fee.date_to))
            fee.display_name = f"{fee.order_id.name} {start} - {end}"

    # === HELPERS === #

    @api.model
    def _get_guarded_fields(self):
        return set(self._fields)

    def _get_amount(self, share):
        """Return what a share of the full recurring amount is, at the price that was billed."""
        self.ensure_one()
        return get_line_amount(self.quantity, self.price_unit, self.discount, self.currency_id.rounding, share)

    def _get_invoiced_amount(self):
        """Return what stands on invoices less what was credited, by this addon or by people reversing an invoice.

        Lines of cancelled moves do not count, nor do those of a deleted draft.
        """
        self.ensure_one()
        total = Decimal(0)
        # sudo: invoices count whoever looks
        for line in self.sudo().invoice_line_ids.filtered(lambda line: line.move_id.state != "cancel"):
            amount = get_line_amount(line.quantity, line.price_unit, line.discount, self.currency_id.rounding)
            total += -amount if line.move_id.move_type == "out_refund" else amount
        return total
