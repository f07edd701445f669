# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import UserError

#: Fields of Odoo by which a rated line would be billed again, not at all, or to another customer.
_BILLED_OTHERWISE = {"order_id", "qty_to_invoice", "qty_invoiced", "invoice_status", "invoice_lines", "is_downpayment"}


class SaleOrderLine(models.Model):
    """A rated line: the amount of a charge, or of the minimum commitment, in a period. Only rating writes it."""

    _name = "sale.order.line"
    _inherit = ["sale.order.line", "fusion.billing.guarded"]

    # === FIELDS === #

    x_fc_is_rated = fields.Boolean(
        string="Rated", readonly=True, copy=False, help="The amount comes from the rating ledger."
    )
    x_fc_charge_id = fields.Many2one(
        "fusion.billing.charge", string="Charge", readonly=True, copy=False, ondelete="restrict"
    )
    x_fc_period_start = fields.Datetime(string="Usage From", readonly=True, copy=False)
    x_fc_period_end = fields.Datetime(string="Usage Until", readonly=True, copy=False)
    x_fc_rating_ids = fields.One2many("fusion.billing.rating", "order_line_id", string="Ratings")

    # === COMPUTE === #

    @api.depends("x_fc_is_rated", "x_fc_rating_ids.state", "x_fc_rating_ids.amount")
    def _compute_qty_to_invoice(self):
        """Bill a rated line once, while its rating is open, whatever the product's invoicing policy.

        Not by quantities: a credit note would lower the quantity invoiced, and bill the usage again.
        """
        super()._compute_qty_to_invoice()
        for line in self.filtered("x_fc_is_rated"):
            is_open = any(rating.state == "open" and rating.amount for rating in line.sudo().x_fc_rating_ids)
            line.qty_to_invoice = 1 if is_open and line.state == "sale" else 0

    # === CRUD === #

    def write(self, vals):
        rated = self.filtered("x_fc_is_rated")
        if rated and not self.env.su and set(vals) & {*super()._get_protected_fields(), *_BILLED_OTHERWISE}:
            raise UserError(self.env._("Usage lines are rated: change the usage or the charge, not the line."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_rated(self):
        if not self.env.su and self.filtered("x_fc_is_rated"):
            raise UserError(self.env._("Usage lines are rated: they cannot be deleted."))

    # === BUSINESS === #

    def _is_billed_by_usage(self):
        """Enterprise's renewals and upsells leave rated lines behind, and defer none of their revenue."""
        return self.x_fc_is_rated

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        # What makes a line a rated one.
        marks = {"x_fc_is_rated", "x_fc_charge_id", "x_fc_period_start", "x_fc_period_end"}
        return super()._fc_get_guarded_fields() | marks

    def _get_protected_fields(self):
        """Let rating write on the lines of a locked order; write() keeps everybody else off them."""
        if self.env.su and self and all(line.x_fc_is_rated for line in self):
            return []
        return super()._get_protected_fields()
