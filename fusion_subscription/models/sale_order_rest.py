# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, fields, models


class SaleOrder(models.Model):
    """What is left of a subscription that no period is left for: the recurring run invoices it once it has ended.

    One-off lines of one that ended before its first period was over, or lines added after the last one; fees and
    one-off lines that a void, cancelled or deleted invoice gave back.
    """

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_rest_due_on = fields.Date(
        string="Rest Due On",
        compute="_compute_x_fc_rest_due_on",
        store=True,
        index="btree_not_null",
        help="Day from which what is left after the last period is invoiced. Empty if nothing is left.",
    )

    # === COMPUTE === #

    @api.depends(
        "is_subscription",
        "state",
        "end_date",
        "next_invoice_date",
        "x_fc_fee_due_on",
        "x_fc_fee_ids.state",
        "order_line.qty_to_invoice",
        "order_line.price_unit",
        "order_line.discount",
    )
    def _compute_x_fc_rest_due_on(self):
        for order in self:
            confirmed = order.is_subscription and order.state == "sale"
            is_last = confirmed and order.end_date and not order.next_invoice_date and not order.x_fc_fee_due_on
            order.x_fc_rest_due_on = is_last and order._has_rest() and order.end_date

    # === BUSINESS === #

    def _schedule_rest(self):
        """Enqueue the invoice of what is left of ended subscriptions, if it is due."""
        for order in self:
            due = order._get_due_invoice()
            if due and due.is_rest:
                order._schedule_recurring_invoice()

    # === HELPERS === #

    def _has_rest(self):
        self.ensure_one()
        return bool(self._get_open_fees()) or any(
            line.qty_to_invoice and line._get_discounted_price() for line in self._get_rest_lines()
        )

    def _get_rest_lines(self):
        """Return the lines that are invoiced after the end for their own sake; a down payment is not."""
        return self.order_line.filtered(lambda line: not line.is_downpayment and not line.display_type)
