# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain

from .switches import get_switch


class SaleOrder(models.Model):
    """Closing, reopening and expiring (documentation: Close subscriptions; Subscriptions expiration)."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def set_close(self, close_reason_id=None, renew=False):
        """Close with a reason ("shows Churned ..., along with the specified Close Reason").

        Public: third-party addons extend it by super(), with this signature. An end date that was reached stays; a
        renewed order ends where its renewal begins, and has no end date of its own.
        """
        today = fields.Date.today()
        for order in self:
            values = {"close_reason_id": close_reason_id or False}
            if not renew and (not order.end_date or order.end_date > today):
                values["end_date"] = today
            order.write(values)
            order._set_subscription_state("5_renewed" if renew else "6_churn")
            order._log_mrr()
        return True

    def reopen_order(self):
        """Let churned subscriptions run again, where they stopped (public: churned ones can be reopened)."""
        for order in self.filtered(lambda order: order.subscription_state == "6_churn"):
            order.write({"close_reason_id": False, "end_date": False})
            order._set_subscription_state("3_progress")
            order._log_mrr("creation")
        return True

    # === JOBS === #

    @api.model
    def _close_expired_subscriptions(self):
        """Close what has passed its end date, and what was not paid within the plan's days of automatic closing."""
        running = Domain("is_subscription", "=", True) & Domain("subscription_state", "in", ("3_progress", "4_paused"))
        for order in self.search(running):
            if order._has_expired():
                order.set_close(self.env.ref("sale_subscription.close_reason_end_of_contract").id)
            elif order._is_unpaid_for_too_long():
                order.set_close(self.env.ref("sale_subscription.close_reason_unpaid").id)

    # === HELPERS === #

    def _get_first_day_after(self):
        """Return the first day that the subscription does not cover, or None."""
        days = 1 if get_switch(self.env, "end_date") == "last_day" else 0
        return self.end_date + relativedelta(days=days) if self.end_date else None

    def _has_expired(self):
        day = self._get_first_day_after()
        return bool(day) and day <= fields.Date.today()

    def _is_unpaid_for_too_long(self):
        """Documentation: invoiced "on the 1st", "15 Days": closed "on the 16th ... if payment is not received"."""
        limit = self.plan_id.auto_close_limit
        if not limit:
            return False
        last = fields.Date.today() - relativedelta(days=limit)
        if self.payment_token_id and self.next_invoice_date <= last:
            return True  # no charge has succeeded since
        return any(
            move.state == "posted"
            and move.move_type == "out_invoice"
            and move.payment_state in ("not_paid", "partial")
            and move.invoice_date <= last
            for move in self.invoice_ids
        )
