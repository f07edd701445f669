# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo import api, fields, models
from odoo.tools import SQL

from ..api.errors import BusinessRuleError
from .billing_usage_change import Change

#: Context key: the day on which a subscription is being ended. A date, which no client can send.
_END = "fusion_billing_end_date"
RUNNING_STATES = ("3_progress", "4_paused")
#: States of a subscription that is over: closed, or continued by another order.
ENDED_STATES = ("5_renewed", "6_churn")
_QUOTATION_STATES = (False, "1_draft", "2_renewal", "7_upsell")


class SaleOrder(models.Model):
    """The life of a subscription: it starts, ends, and is reopened, in the ways of the edition.

    An edition writes the state, or computes it. So billing keeps the state that it has acted upon, and acts when it
    finds another one: after a write, before it rates or invoices, and in a sweep.
    """

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_seen_state = fields.Char(readonly=True, copy=False, help="The state that billing has acted upon.")
    x_fc_ended_on = fields.Date(
        string="Ended On", readonly=True, copy=False, help="The first day that the subscription does not cover."
    )
    x_fc_close_reason = fields.Selection(
        [
            ("customer_request", "Asked by the Customer"),
            ("not_paid", "Not Paid"),
            ("replaced", "Replaced by Another Subscription"),
            ("misuse", "Misuse"),
            ("other", "Another Reason"),
        ],
        string="Closed Because",
        readonly=True,
        copy=False,
        help="The reason that the source app gave for the end.",
    )

    # === CRUD === #

    def write(self, vals):
        result = super().write(vals)
        if "subscription_state" in vals:
            self._fc_notice_state()
        return result

    # === BUSINESS === #

    def _action_confirm(self):
        result = super()._action_confirm()
        self._fc_notice_state()
        return result

    def _fc_notice_state(self):
        """Act upon a state that is another one than billing knows of."""
        for order in self:
            # sudo: nobody writes by hand what billing has seen.
            state, seen = order.subscription_state, order.sudo().x_fc_seen_state
            if state != seen and not (state in _QUOTATION_STATES and seen in _QUOTATION_STATES):
                order.sudo().x_fc_seen_state = state
                order._fc_after_state_change(seen)

    @api.model
    def _fc_find_unseen_states(self):
        """Return subscriptions whose state changed without a write, or without this addon."""
        self.flush_model(["subscription_state", "x_fc_seen_state"])
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM sale_order WHERE subscription_state IS DISTINCT FROM x_fc_seen_state"
                " AND (subscription_state IN %(alive)s OR x_fc_seen_state IN %(alive)s) ORDER BY id",
                alive=(*RUNNING_STATES, *ENDED_STATES),
            )
        )
        return self.browse(order_id for [order_id] in rows)

    def _fc_after_state_change(self, before):
        """Tell the source app, and see to it that usage of an ended subscription is billed."""
        self.ensure_one()
        was_over, is_over = before in ENDED_STATES, self.subscription_state in ENDED_STATES
        if was_over and is_over:
            # Renewed after it was closed, or closed after it was renewed: it ended before, and stays as it is.
            return
        if was_over:
            self._fc_begin_anew()
        if self.subscription_state == "3_progress" and before != "4_paused":
            # The source app notices nothing of a renewal, but was told of an end that is taken back.
            if not self._fc_take_over(is_reopened=was_over) or was_over:
                self._fc_emit("subscription.started")
            self._fc_check_plan()
        elif is_over:
            self._fc_after_end()

    def _fc_after_end(self):
        # sudo: nobody writes it by hand, but people end subscriptions.
        order = self.sudo()
        if self.subscription_state == "6_churn":
            order.x_fc_ended_on = max(self._fc_get_agreed_end() or self._fc_get_today(), self._fc_get_earliest_end())
            self._fc_emit("subscription.terminated")
        elif not order.x_fc_successor_id:
            # Renewed: until the new order takes over, and says so.
            order.x_fc_ended_on = self._fc_get_planned_end() or self.next_invoice_date or self._fc_get_today()
        if not self._edition_has_due_invoice():
            # The change sees to it if the job is lost; an end is rated whatever its instant.
            now = fields.Datetime.now()
            self.env["fusion.billing.usage.change"]._append([(self.id, Change(None, now, now))])
            self._schedule_rating()

    def _fc_begin_anew(self):
        """Forget the end of a life that was taken back; of a quotation that was not billed also what it had agreed."""
        # sudo: nobody writes these by hand, but people reopen subscriptions; an invoice counts whoever does.
        order = self.sudo()
        ended_on = order.x_fc_ended_on
        order._fc_take_back()
        order.write({"x_fc_ended_on": False, "x_fc_close_reason": False})
        if order.subscription_state != "1_draft":
            order._fc_reopen_period(ended_on)
            return
        invoices = [("x_fc_subscription_ids", "in", order.ids), ("state", "!=", "cancel")]
        if not order.env["account.move"].search_count(invoices, limit=1):
            order.x_fc_billed_until = False
        if not order.x_fc_billed_until:
            # What the next life agrees on, and where it begins, may be something else.
            order.x_fc_commitment_ids.unlink()
            order.x_fc_rating_ids.filtered(lambda row: row.state == "open")._forget()

    def _fc_reopen_period(self, ended_on):
        """Open the period again that an end had cut short: it goes on, with one quota and one minimum.

        What was billed of it counts: the ledger bills the difference.
        """
        periods = self.env["fusion.billing.period"]
        cut = periods.search([("subscription_id", "=", self.id), ("end_on", "=", ended_on)]) if ended_on else periods
        # By the day on which it was cut: the end date may still be there.
        whole = cut and self._fc_get_period_around(cut.end_on)
        if whole and whole[0] < cut.end_on and self.x_fc_billed_until == cut.end_on:
            self.x_fc_billed_until = cut.start_on
            cut.unlink()
        # The last period had what was used behind the end, and periods behind it had nothing.
        self._fc_request_rating(since=ended_on and ended_on - datetime.timedelta(days=1))

    def _fc_terminate(self, end_date=None, reason=None):
        """End the subscription on a day (today by default), in the way of the edition that is installed.

        Usage that was acknowledged for later days is billed with the last period.

        :param reason: why, a value of x_fc_close_reason
        :raises BusinessRuleError: ``subscription_not_active``, ``end_date_refused``, ``usage_after_end``
        """
        self.ensure_one()
        end_date = end_date or self._fc_get_first_end_date()
        if self.subscription_state == "6_churn" and self._fc_get_end_date() == end_date:
            return
        if self.subscription_state not in RUNNING_STATES:
            raise BusinessRuleError(self.env._("The subscription is not active."), code="subscription_not_active")
        if (self.x_fc_billed_until and end_date < self.x_fc_billed_until) or (
            self.start_date and end_date < self.start_date
        ):
            raise BusinessRuleError(
                self.env._("The subscription is billed, or starts, after %s.", end_date),
                code="end_date_refused",
                path="end_date",
            )
        if self.start_date and end_date <= self.start_date and self._fc_has_usage():
            raise BusinessRuleError(
                self.env._("%s has usage: it covers at least its first day.", self.name),
                code="usage_after_end",
                path="end_date",
            )
        # sudo: only code writes it; whether the end is allowed the edition decides.
        self.sudo().x_fc_close_reason = reason
        self.with_context(**{_END: end_date})._edition_close(end_date, reason)
        self._fc_notice_state()

    def _fc_get_first_end_date(self):
        """Return today, or the later start; the day after the start if the subscription has usage by then."""
        today = self._fc_get_today()
        if self.start_date and self.start_date >= today and self._fc_has_usage():
            return self.start_date + datetime.timedelta(days=1)
        return max(today, self.start_date or today)

    def _fc_get_earliest_end(self):
        """Return the first end that leaves a day, and so a period, to what was used and not billed."""
        first = self.start_date or datetime.date.min
        if first > datetime.date.min and self._fc_has_usage():
            first += datetime.timedelta(days=1)
        return max(first, self.x_fc_billed_until or first)

    def _get_default_end_date(self):
        """Community's subscriptions ask for it when they are closed or cancelled: with usage they cover their start."""
        day = super()._get_default_end_date()
        if self.start_date and day <= self.start_date and self._fc_has_usage():
            return self.start_date + datetime.timedelta(days=1)
        return day

    # === HELPERS === #

    def _fc_get_end_date(self):
        """Return the first day that the subscription does not cover, as far as it is known, or None."""
        return self._fc_get_ended_on() or self._fc_get_planned_end()

    def _fc_get_planned_end(self):
        """Return the first day that is planned not to be covered, or None.

        Where Enterprise closes what has ended, an end before what is billed, which anybody may type, changes nothing
        until it does: it would have credited invoices, and billed later usage in earlier periods again.
        """
        day = self._edition_get_planned_end()
        is_billed = day and self.x_fc_billed_until and day < self.x_fc_billed_until
        return None if is_billed and not self._edition_end_decides() else day or None

    def _fc_get_ended_on(self):
        """Return the first day after the life that has ended, or None; the end of an earlier life does not count."""
        # By the state and not by what was written with it: the editions reopen subscriptions in several ways.
        is_alive = self.subscription_state in (*_QUOTATION_STATES, *RUNNING_STATES)
        return None if is_alive else self.x_fc_ended_on or None

    def _fc_has_ended(self):
        """Tell whether the subscription is over, whether or not a job has closed it yet."""
        self.ensure_one()
        end_date = self._fc_get_end_date()
        is_over = bool(end_date) and end_date <= self._fc_get_today()
        return is_over or self.state == "cancel" or self.subscription_state == "6_churn"

    def _fc_get_agreed_end(self):
        """Return the day on which the subscription is being ended, as far as it was told, or None."""
        day = self.env.context.get(_END)
        return (day if type(day) is datetime.date else None) or self._edition_get_planned_end() or None

    @api.model
    def _fc_get_guarded_fields(self):
        return super()._fc_get_guarded_fields() | {"x_fc_seen_state", "x_fc_ended_on", "x_fc_close_reason"}
