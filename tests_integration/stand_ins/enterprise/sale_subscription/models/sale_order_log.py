# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models

#: States in which a subscription counts as recurring revenue.
RECURRING = ("3_progress", "4_paused")


class SaleOrderLog(models.Model):
    """Changes of the monthly recurring revenue (documentation: Subscription reports, MRR breakdown)."""

    _name = "sale.order.log"
    _description = "Sale Order Log"
    _order = "id"

    order_id = fields.Many2one("sale.order", required=True, ondelete="cascade")
    event_date = fields.Date(required=True)
    event_type = fields.Selection(
        [
            ("creation", "New"),
            ("expansion", "Expansion"),
            ("contraction", "Contraction"),
            ("churn", "Churn"),
            ("transfer", "Transfer"),
        ],
        required=True,
    )
    amount_signed = fields.Float("MRR Change")


class SaleOrder(models.Model):
    _inherit = "sale.order"

    order_log_ids = fields.One2many("sale.order.log", "order_id", string="MRR Log", copy=False)

    def _log_mrr(self, event_type=None):
        """Write down how the monthly revenue of each order has changed (public: Enterprise writes a log per change)."""
        for order in self.sudo():  # sudo: nobody writes the log by hand
            recurs = order.state == "sale" and order.subscription_state in RECURRING
            change = (order.recurring_monthly if recurs else 0) - sum(order.order_log_ids.mapped("amount_signed"))
            if order.currency_id.is_zero(change):
                continue
            order.order_log_ids.create(
                {
                    "order_id": order.id,
                    "event_date": fields.Date.today(),
                    "event_type": event_type or order._get_mrr_event(recurs, change),
                    "amount_signed": change,
                }
            )

    def _get_mrr_event(self, recurs, change):
        if not recurs:
            return "transfer" if self.subscription_state == "5_renewed" else "churn"
        if not self.order_log_ids:
            return "creation"
        return "expansion" if change > 0 else "contraction"
