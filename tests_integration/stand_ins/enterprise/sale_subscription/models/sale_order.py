# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from dateutil.relativedelta import relativedelta

from odoo import fields, models


class SaleOrder(models.Model):
    """What is publicly known of Enterprise: recurring lines are billed in advance, from the start date on."""

    _inherit = "sale.order"

    is_subscription = fields.Boolean()
    plan_id = fields.Many2one("sale.subscription.plan")
    start_date = fields.Date()
    next_invoice_date = fields.Date()
    subscription_state = fields.Selection(
        [
            ("1_draft", "Quotation"),
            ("2_renewal", "Renewal Quotation"),
            ("3_progress", "In Progress"),
            ("4_paused", "Paused"),
            ("5_renewed", "Renewed"),
            ("6_churn", "Churned"),
            ("7_upsell", "Upsell"),
        ]
    )

    def _action_confirm(self):
        result = super()._action_confirm()
        for order in self.filtered("is_subscription"):
            start = order.start_date or fields.Date.today()
            order.write({"subscription_state": "3_progress", "start_date": start, "next_invoice_date": start})
        return result

    def _create_recurring_invoice(self, batch_size=30):
        moves = self.env["account.move"]
        for order in self:
            invoices = order.with_context(raise_if_nothing_to_invoice=False)._create_invoices(final=True)
            invoices.action_post()
            plan = order.plan_id
            order.next_invoice_date += relativedelta(**{f"{plan.billing_period_unit}s": plan.billing_period_value})
            moves |= invoices
        return moves
