# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models

from .switches import get_switch

SUBSCRIPTION_STATES = [
    ("1_draft", "Quotation"),
    ("2_renewal", "Renewal Quotation"),
    ("3_progress", "In Progress"),
    ("4_paused", "Paused"),
    ("5_renewed", "Renewed"),
    ("6_churn", "Churned"),
    ("7_upsell", "Upsell"),
]


class SaleOrder(models.Model):
    """The subscription: its fields, its start and its states."""

    _inherit = "sale.order"

    # === FIELDS === #

    plan_id = fields.Many2one("sale.subscription.plan", string="Recurring Plan", check_company=True)
    # Documentation: "Sales orders with a defined recurring plan automatically become subscriptions."
    is_subscription = fields.Boolean(compute="_compute_is_subscription", store=True)
    subscription_state = fields.Selection(
        SUBSCRIPTION_STATES, compute="_compute_subscription_state", store=True, readonly=False, copy=False
    )
    start_date = fields.Date(copy=False)
    end_date = fields.Date(copy=False)
    next_invoice_date = fields.Date(
        "Date of Next Invoice", compute="_compute_next_invoice_date", store=True, readonly=False, copy=False
    )
    last_invoice_date = fields.Date(copy=False, readonly=True)
    # The orders before this one: the first of all (history), and the one that this one renews or sells on to.
    origin_order_id = fields.Many2one("sale.order", copy=False, index="btree_not_null")
    subscription_id = fields.Many2one("sale.order", "Parent Contract", copy=False, index="btree_not_null")
    close_reason_id = fields.Many2one("sale.order.close.reason", copy=False)
    recurring_total = fields.Monetary(compute="_compute_recurring_total", store=True)
    recurring_monthly = fields.Monetary(compute="_compute_recurring_total", store=True)
    # What the stored computations below are fed with, where the switches say that nothing is written.
    stand_in_state = fields.Char(copy=False)
    stand_in_next_invoice_date = fields.Date(copy=False)

    # === COMPUTE === #

    @api.depends("plan_id")
    def _compute_is_subscription(self):
        for order in self:
            order.is_subscription = bool(order.plan_id) and order.subscription_state != "7_upsell"

    @api.depends("plan_id", "stand_in_state")
    def _compute_subscription_state(self):
        for order in self:
            if order.stand_in_state:
                order.subscription_state = order.stand_in_state
            elif order.subscription_state != "7_upsell":
                order.subscription_state = order.plan_id and (order.subscription_state or "1_draft")

    @api.depends("state", "is_subscription", "start_date", "stand_in_next_invoice_date")
    def _compute_next_invoice_date(self):
        for order in self:
            if order.stand_in_next_invoice_date:
                order.next_invoice_date = order.stand_in_next_invoice_date
            elif order.state != "sale" or not order.is_subscription:
                order.next_invoice_date = order.next_invoice_date if order.state == "cancel" else False
            elif not order.last_invoice_date and not order.next_invoice_date:
                # Public: recurring lines are billed in advance, from the start date on.
                order.next_invoice_date = order.start_date

    @api.depends("order_line.price_subtotal", "order_line.recurring_invoice", "plan_id")
    def _compute_recurring_total(self):
        for order in self:
            lines = order.order_line.filtered("recurring_invoice")
            order.recurring_total = sum(lines.mapped("price_subtotal"))
            plan = order.plan_id
            order.recurring_monthly = plan._get_monthly(order.recurring_total) if plan else 0

    # === BUSINESS === #

    def _action_confirm(self):
        """Start subscriptions (documentation: Confirmation); renewals and upsells go their own ways."""
        result = super()._action_confirm()
        for order in self:
            if order.subscription_state == "7_upsell":
                order._confirm_upsell()
            elif order.subscription_state == "2_renewal":
                order._confirm_renewal()
            elif order.is_subscription:
                order._start_subscription(order.start_date or fields.Date.today())
        return result

    def _start_subscription(self, day, event_type=None):
        self.start_date = day
        self._move_next_invoice_date(day)
        self._set_subscription_state("3_progress")
        self._log_mrr(event_type)

    def pause_subscription(self):
        """Stop the recurring run (reports: "in progress or paused"; third-party addons extend it by super())."""
        self.filtered(lambda order: order.subscription_state == "3_progress")._set_subscription_state("4_paused")

    def resume_subscription(self):
        """Go on where it stopped; nothing public tells of periods left out."""
        self.filtered(lambda order: order.subscription_state == "4_paused")._set_subscription_state("3_progress")

    def _action_cancel(self):
        """A cancelled subscription is churned."""
        result = super()._action_cancel()
        running = self.filtered(lambda order: order.subscription_state in ("3_progress", "4_paused"))
        running._set_subscription_state("6_churn")
        running._log_mrr()
        return result

    def action_draft(self):
        """A cancelled subscription that is set back is a quotation again."""
        result = super().action_draft()
        for order in self.filtered("is_subscription"):
            order.write({"last_invoice_date": False, "next_invoice_date": False})
            order._set_subscription_state("1_draft")
        return result

    # === HELPERS === #

    def _set_subscription_state(self, state):
        """Move to another state; states may be computed and stored (public discussions), see switches.py."""
        if get_switch(self.env, "states") == "computed":
            self.stand_in_state = state
        else:
            self.write({"subscription_state": state})

    def _move_next_invoice_date(self, day):
        if get_switch(self.env, "next_invoice_date") == "computed":
            self.stand_in_next_invoice_date = day
        else:
            self.write({"next_invoice_date": day})
