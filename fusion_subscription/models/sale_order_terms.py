# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import timedelta
from fractions import Fraction

from odoo import api, fields, models

MAX_TRIAL_DAYS = 3650


class SaleOrder(models.Model):
    """What was agreed about the recurring fee: parts of periods, when it is billed, trial and grace.

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
        help="Days from the start date that are free of recurring fees. One-off lines and usage are not affected.",
    )
    x_fc_grace_days = fields.Integer(
        string="Grace Period",
        tracking=True,
        help="Days between the end of a period and its invoice, for what is reported late. "
        "Fees in advance do not wait.",
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

    def _get_recurring_share(self, start, end, period):
        """Return which share of the full recurring amount is owed for the days [start, end) of a period.

        None if the period lies wholly within a pause, or the days within the trial. By day: the days after
        the trial. In full: all of it with the first of these days, nothing for a rest of the period that
        was added later (by moving the end date).
        """
        self.ensure_one()
        # sudo: the pauses count whoever invoices
        if self.sudo().x_fc_pause_ids._covers(*period):
            return Fraction(0)
        first_day = max(period[0], self._get_first_fee_day())
        if self.x_fc_proration == "day":
            return self._get_period_fraction(max(start, first_day), end)
        return Fraction(start <= first_day < end)
