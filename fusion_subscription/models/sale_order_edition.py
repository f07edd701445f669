# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import timedelta
from fractions import Fraction

from odoo import api, models
from odoo.tools import SQL


class SaleOrder(models.Model):
    """What other addons may ask of a subscription, whichever edition is installed.

    Enterprise's subscriptions answer the same questions, by the addon of this name for Enterprise. What each one
    means is written where they are asked: fusion.billing.edition, in the addon that bills usage.
    """

    _inherit = "sale.order"

    # === BUSINESS: PERIODS === #

    def _edition_get_period_around(self, day):
        return self._get_period_around(day) if self.plan_id and self.start_date else None

    def _edition_get_period_end(self, start):
        """Whatever the start: the period that is not invoiced may be several, for who asks later than it began."""
        return self.next_invoice_date or None

    def _edition_get_due_boundary(self, ended_on):
        due = self._get_due_period()
        return due and due[1]

    def _edition_get_passed_boundaries(self, reached, ended_on):
        """None: a boundary is passed by recording its period, with or without an invoice."""
        return []

    def _edition_pass_boundary(self):
        """Nothing: invoicing has recorded the period."""

    def _edition_preview_end(self):
        """Nothing: the end date has said it."""

    def _edition_is_reached(self, day):
        return self._is_reached(day)

    def _edition_get_invoiced_days(self, current):
        due = self._get_due_invoice()
        return due and (due.period or due.fee)

    def _edition_get_invoice_day(self, period):
        return period[1] + timedelta(days=self.x_fc_grace_days) if period else self.x_fc_invoice_on or None

    def _edition_has_due_invoice(self):
        return bool(self._get_due_invoice())

    def _edition_is_in_recurring_run(self):
        """Never: each subscription, or group that shares an invoice, has a job of its own."""
        return False

    def _edition_waits_for_last_period(self):
        """The last period is invoiced after the days of grace."""
        return bool(self.x_fc_invoice_on) and not self._get_due_period()

    def _edition_schedule_invoicing(self):
        self._schedule_recurring_invoice()

    def _edition_get_invoicing_key(self):
        return self._get_invoicing_identity_key()

    def _edition_get_billed_until(self):
        return self.last_invoice_date or None

    @api.model
    def _edition_end_decides(self):
        return True

    @api.model
    def _edition_get_proof_columns(self):
        return SQL("sale_order.end_date"), SQL("sale_order.x_fc_invoice_on")

    # === BUSINESS: LIFE === #

    def _edition_get_planned_end(self):
        return self.end_date or None

    def _edition_plan_end(self, end_date):
        if end_date:
            self._close_subscription(end_date)
        else:
            self.end_date = False

    def _edition_close(self, end_date, reason):
        """The reason is kept by who gave it."""
        self._close_subscription(end_date)

    def _edition_pause(self):
        self._pause_subscription()

    def _edition_get_renewed(self):
        """Empty: a subscription runs on by itself."""
        return self.browse()

    # === BUSINESS: FEES === #

    def _edition_get_recurring_lines(self):
        return self.order_line.filtered("x_fc_is_recurring")

    def _edition_get_recurring_fee(self, start, end):
        return self._get_recurring_fee(start, end)

    def _edition_owes_fee(self, start, end):
        return self._owes_recurring_fee(start, end)

    def _edition_get_period_fraction(self, start, end):
        """A subscription older than who asks may have a first period of several: it counts as a whole one."""
        if self.x_fc_proration != "day":
            return Fraction(1)
        return min(Fraction(1), self._get_period_fraction(start, end))

    def _edition_get_committed_days(self, start, end):
        window = self._get_owed_window(start, end)
        return window.start, window.end, window.full_days

    # === BUSINESS: CHANGES === #

    def _edition_get_change_day(self, chosen=None):
        if chosen is None:
            return self._get_change_day()
        self._check_change_day(chosen)
        return chosen

    def _edition_get_earliest_change(self):
        return self._get_period_start()

    def _edition_change_recurring_lines(self, values_by_line, day):
        self._change_recurring_lines(values_by_line, day)

    def _edition_get_effective_from(self, line):
        terms = line.x_fc_term_ids.sorted("id")
        return (terms and terms[-1].effective_from) or None

    # === BUSINESS: CATALOGUE === #

    @api.model
    def _edition_prepare_line_role(self, role):
        """The line says it, whatever its product says."""
        return {"x_fc_recurrence": role}

    @api.model
    def _edition_product_decides(self):
        return False

    @api.model
    def _edition_get_order_terms(self):
        return {
            "fee_timing": "x_fc_fee_timing",
            "proration": "x_fc_proration",
            "trial_days": "x_fc_trial_days",
            "grace_days": "x_fc_grace_days",
            "change_timing": "x_fc_change_timing",
        }

    # === BUSINESS: MONEY === #

    @api.model
    def _edition_collects_payments(self):
        return False

    @api.model
    def _edition_give_back(self, moves):
        moves._give_back_to_subscriptions()

    @api.model
    def _edition_bills_rest(self):
        """The last invoice of who asks may bear one-off lines: what it bears is not billed again."""
        return False
