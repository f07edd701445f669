# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, fields, models
from odoo.tools import format_date

from ..fee_ledger import Terms


class FusionSubscriptionLineTerm(models.Model):
    """What was agreed about a recurring line from a day on: quantity, price and discount.

    Of the terms that have begun on a day the newest record holds. Nothing is changed or deleted: a new agreement
    is a new record, written by the line itself (sale_order_line_terms.py). A line without any has always had the
    values that it has now.
    """

    _name = "fusion.subscription.line.term"
    _inherit = ["fusion.subscription.guarded"]
    _description = "Agreed Terms of a Recurring Line"
    _order = "id desc"
    _rec_name = "order_line_id"

    # === FIELDS === #

    order_line_id = fields.Many2one(
        "sale.order.line", string="Line", required=True, readonly=True, index=True, ondelete="cascade"
    )
    order_id = fields.Many2one(
        related="order_line_id.order_id", string="Subscription", store=True, index=True, ondelete="cascade"
    )
    product_id = fields.Many2one(related="order_line_id.product_id")
    company_id = fields.Many2one(related="order_line_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="order_line_id.currency_id")
    effective_from = fields.Date(
        string="From", readonly=True, help="First day with these terms; empty for always. A later agreement wins."
    )
    # digits=False: exactly what the order line had
    quantity = fields.Float(digits=False, readonly=True)
    price_unit = fields.Float(string="Unit Price", digits=False, readonly=True)
    discount = fields.Float(string="Discount (%)", digits=False, readonly=True)
    create_uid = fields.Many2one("res.users", string="Agreed By")
    create_date = fields.Datetime(string="Agreed On")

    # === COMPUTE === #

    @api.depends("order_line_id.name", "effective_from")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for term in self:
            day = format_date(self.env, term.effective_from) if term.effective_from else self.env._("Start")
            term.display_name = f"{(term.order_line_id.name or '').split(chr(10), 1)[0]} ({day})"

    # === HELPERS === #

    @api.model
    def _get_guarded_fields(self):
        return set(self._fields)

    def _get_timeline(self):
        """Return (first day or None, Terms) of the records, as they were agreed."""
        return [
            (term.effective_from or None, Terms(term.quantity, term.price_unit, term.discount))
            for term in self.sorted("id")
        ]
