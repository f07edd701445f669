# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .sale_order import STARTED_STATES

# Fields of Odoo that would bill a recurring line once more, or not at all: by quantity, as a down payment, elsewhere
_BILLED_OTHERWISE = {"order_id", "qty_to_invoice", "qty_invoiced", "invoice_status", "invoice_lines", "is_downpayment"}


class SaleOrderLine(models.Model):
    """The role of a line: recurring, invoiced per period by its subscription, or one-off, invoiced by quantity."""

    _name = "sale.order.line"
    _inherit = ["sale.order.line", "fusion.subscription.guarded"]

    # === FIELDS === #

    x_fc_recurrence = fields.Selection(
        selection=[("product", "As the Product Says"), ("recurring", "Every Period"), ("one_off", "Once")],
        string="Billed",
        required=True,
        default="product",
        help="How the line is invoiced on a subscription. As the product says: every period if the product is "
        "recurring when the line is added.",
    )
    x_fc_is_recurring = fields.Boolean(
        string="Recurring",
        compute="_compute_x_fc_is_recurring",
        store=True,
        help="Invoiced for every period of the subscription.",
    )

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("x_fc_recurrence", "product_id")
    def _check_combo_not_recurring(self):
        if any(line.x_fc_recurrence == "recurring" and line.product_id.type == "combo" for line in self):
            raise ValidationError(
                self.env._("A combo cannot be recurring. Sell its products one by one, as recurring lines.")
            )

    # === COMPUTE === #

    # No trigger on product_id.recurring_invoice: a later change must not turn what was billed per
    # period into a quantity that is still to be invoiced or refunded.
    @api.depends("product_id", "x_fc_recurrence", "order_id.is_subscription")
    def _compute_x_fc_is_recurring(self):
        for line in self:
            by_role = {"recurring": bool(line.product_id), "one_off": False}
            line.x_fc_is_recurring = (
                line.order_id.is_subscription
                and not line.display_type
                and by_role.get(line.x_fc_recurrence, line.product_id.recurring_invoice)
            )

    @api.depends(
        "x_fc_is_recurring",
        "invoice_lines.x_fc_reversed_line_id",
        "invoice_lines.move_id.x_fc_is_given_back",
    )
    def _compute_qty_to_invoice(self):
        super()._compute_qty_to_invoice()
        self.filtered("x_fc_is_recurring").qty_to_invoice = 0
        for line in self.filtered(lambda line: line._is_billed_once()):
            line.qty_to_invoice = line._get_qty_to_bill_once()

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

    # === CRUD === #

    def write(self, vals):
        """Keep the lines of started subscriptions billed as they are: per period, or once.

        :raise UserError: if a line would be billed in another way
        """
        names = [] if self.env.su else [name for name in _BILLED_OTHERWISE if name in vals]
        for line in self.filtered(lambda line: line._is_billed_per_period()) if names else ():
            line._refuse_by_hand(name for name in names if line._is_changed(name, vals))
        started = (
            self.filtered(lambda line: line._is_started()) if {"product_id", "x_fc_recurrence"} & set(vals) else ()
        )
        roles = {line: line.x_fc_is_recurring for line in started}
        result = super().write(vals)
        for line, is_recurring in roles.items():
            if line.x_fc_is_recurring != is_recurring:
                raise UserError(
                    self.env._("%s is billed as it was agreed, every period or once: add another line.", line.name)
                )
        return result

    # === HELPERS === #

    @api.model
    def _get_guarded_fields(self):
        return super()._get_guarded_fields() | {"x_fc_is_recurring"}

    def _is_started(self):
        return self.order_id.subscription_state in STARTED_STATES

    def _is_billed_per_period(self):
        return self.x_fc_is_recurring and self._is_started()

    def _is_billed_once(self):
        return (
            self.order_id.is_subscription
            and self.state == "sale"
            and not self.x_fc_is_recurring
            and not self.display_type
            and self.product_id.type != "combo"
        )

    def _get_qty_to_bill_once(self):
        """Return the quantity of a one-off line that is to be invoiced: crediting by hand bills nothing again.

        Odoo takes the quantity of a reversal off the quantity invoiced. A quantity that is lowered is credited, unless
        people have credited as much.
        """
        ordered = self.qty_to_invoice + self.qty_invoiced
        billed = self._get_billed_qty()
        if ordered >= billed:
            return ordered - billed
        return min(ordered - self.qty_invoiced, 0)

    def _get_billed_qty(self):
        """Return the quantity on invoices that count, as Odoo does, but for the reversals of people."""
        billed = 0
        for line in self._get_invoice_lines():
            move = line.move_id
            if move.state == "cancel" or move.x_fc_is_given_back or line.x_fc_reversed_line_id:
                continue
            quantity = line.product_uom_id._compute_quantity(line.quantity, self.product_uom_id)
            billed += {"out_invoice": quantity, "out_refund": -quantity}.get(move.move_type, 0)
        return billed
