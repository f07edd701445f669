# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from dataclasses import replace
from datetime import timedelta

from odoo import api, fields, models

from ..fee_ledger import FeeWindow

MAX_TRIAL_DAYS = 3650


class SaleOrder(models.Model):
    """What was agreed about the recurring fee: parts of periods, when it is billed, trial, grace and changes.

    Nothing here knows about invoices; see sale_order_fees.py and sale_order_invoicing.py.
    """

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_proration = fields.Selection(
        selection=[("none", "In Full"), ("day", "By Day")],
        string="Partial Periods",
        required=True,
        default="none",
        tracking=True,
        help="How recurring lines are billed for a first or last period that is shorter than a full one: "
        "in full, or in proportion to its days.",
    )
    x_fc_fee_timing = fields.Selection(
        selection=[("arrears", "At the End of the Period"), ("advance", "In Advance")],
        string="Recurring Fee",
        required=True,
        default="arrears",
        tracking=True,
        help="When recurring lines are invoiced. One-off lines and usage always follow at the end of their period.",
    )
    x_fc_trial_days = fields.Integer(
        string="Free Trial",
        tracking=True,
        help="Days from the start date that are free of recurring fees, by day also where partial periods are billed "
        "in full. One-off lines and usage are not affected.",
    )
    x_fc_grace_days = fields.Integer(
        string="Grace Period",
        tracking=True,
        help="Days between the end of a period and its invoice, for what is reported late. "
        "Fees in advance do not wait.",
    )
    x_fc_change_timing = fields.Selection(
        selection=[("next_period", "From the Next Period"), ("by_day", "At Once, by Day")],
        string="Changes Apply",
        required=True,
        default="next_period",
        tracking=True,
        help="From when a new quantity, price or discount of a recurring line, or a new line, is billed. From the next "
        "period: the one after the period that runs. At once: from that day, with both parts of the period in "
        "proportion to their days.",
    )
    x_fc_trial_end_date = fields.Date(
        string="Trial Ends On",
        compute="_compute_x_fc_trial_end_date",
        store=True,
        help="First day that is not free any more.",
    )
    x_fc_invoice_on = fields.Date(
        string="Current Period Invoiced On",
        compute="_compute_x_fc_invoice_on",
        store=True,
        index="btree_not_null",
        help="Date of next invoice plus grace period.",
    )

    # === CONSTRAINTS AND INDEXES === #

    _trial_days_in_range = models.Constraint(
        f"CHECK(x_fc_trial_days BETWEEN 0 AND {MAX_TRIAL_DAYS})",
        "A free trial lasts from 0 to 3650 days.",
    )
    _grace_days_in_range = models.Constraint(
        "CHECK(x_fc_grace_days BETWEEN 0 AND 27)",
        "A grace period lasts from 0 to 27 days.",
    )

    # === COMPUTE === #

    @api.depends("start_date", "x_fc_trial_days")
    def _compute_x_fc_trial_end_date(self):
        for order in self:
            # Bounded, since this runs before the constraint refuses what is out of range
            days = min(max(order.x_fc_trial_days, 0), MAX_TRIAL_DAYS)
            order.x_fc_trial_end_date = order.start_date and days and order.start_date + timedelta(days=days)

    @api.depends("next_invoice_date", "x_fc_grace_days")
    def _compute_x_fc_invoice_on(self):
        for order in self:
            boundary = order.next_invoice_date
            order.x_fc_invoice_on = boundary and boundary + timedelta(days=order.x_fc_grace_days)

    # === BUSINESS === #

    def _get_period_fraction(self, period_start, period_end):
        """Return how much of a full period the days [period_start, period_end) are, whatever the rule for partial ones.

        :return: Fraction of days in the period / days in the full period around it; 1 for a whole period
        :raise ValueError: if the days lie before the subscription's first period
        """
        self.ensure_one()
        return self.plan_id._get_recurrence().fraction(self.start_date, period_start, period_end)

    def _get_owed_window(self, start, end):
        """Return the days of the fee, or minimum, that the part [start, end) of a period bears, as a FeeWindow.

        By day: its own. In full: all days of the period with the first one that bears the fee, and none for a rest
        of the period that was added later (by moving the end date).
        """
        window = self._get_fee_window(start)
        if self.x_fc_proration == "day":
            return replace(window, start=max(window.start, start), end=min(window.end, end))
        return window if start <= window.start < end else replace(window, end=window.start)

    def _get_recurring_share(self, start, end):
        """Return which share of a full period's fee, or minimum, is owed for the part [start, end) of a period.

        :return: Fraction, 0 in a trial and for a period that lies wholly within pauses
        """
        window = self._get_owed_window(start, end)
        return window.get_share(window.start, window.end)

    def _owes_recurring_fee(self, period_start, period_end):
        """Tell whether a period bears a fee at all: not within the trial, nor if it was paused all the time."""
        window = self._get_fee_window(period_start)
        return not window.is_empty and window.start < period_end

    # === HELPERS === #

    def _get_period_around(self, day):
        """Return the period of the subscription that holds a day, cut where the subscription starts and ends."""
        self.ensure_one()
        start, end = self.plan_id._get_recurrence().period_around(self.start_date, day)
        return max(start, self.start_date), min(end, self.end_date or end)

    def _get_first_fee_day(self):
        """Return the first day that is not free."""
        self.ensure_one()
        return self.x_fc_trial_end_date or self.start_date

    def _get_fee_window(self, day):
        """Return which days of the full period around a day bear the recurring fee, as a FeeWindow.

        Free are the trial, and a period that lies wholly within trial and pauses. By day, the whole fee is for the
        full period. In full, it is for what follows the start, and an end does not lower it.

        :raise ValueError: if the day lies before the subscription's first period
        """
        self.ensure_one()
        full_start, full_end = self.plan_id._get_recurrence().period_around(self.start_date, day)
        covered_from = max(full_start, self.start_date)
        covered_to = min(full_end, self.end_date or full_end)
        start = max(covered_from, self._get_first_fee_day())
        # sudo: the pauses count whoever invoices
        is_free = start >= covered_to or self.sudo().x_fc_pause_ids._covers(start, covered_to)
        if self.x_fc_proration == "day":
            return FeeWindow(start, start if is_free else covered_to, full_start, full_end)
        return FeeWindow(start, start if is_free else full_end, covered_from, full_end)

    def _get_change_day(self):
        """Return the first day on which a change that is agreed today is billed, by the rule of the subscription."""
        self.ensure_one()
        today = self._get_subscription_today()
        if today < self.start_date:
            return self.start_date
        if self.x_fc_change_timing == "by_day":
            return max(today, self._get_period_start())
        return self.plan_id._get_recurrence().next_boundary(self.start_date, today)
