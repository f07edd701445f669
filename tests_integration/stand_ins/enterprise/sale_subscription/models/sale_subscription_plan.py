# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from dateutil.relativedelta import relativedelta

from odoo import fields, models


class SaleSubscriptionPlan(models.Model):
    """Recurring plans (documentation: Set up recurring plans)."""

    _name = "sale.subscription.plan"
    _description = "Recurrence"

    # === FIELDS === #

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company")
    billing_period_value = fields.Integer(default=1, required=True)
    billing_period_unit = fields.Selection(
        [("week", "Weeks"), ("month", "Months"), ("year", "Years")], default="month", required=True
    )
    billing_first_day = fields.Boolean("Align to Period Start")
    auto_close_limit = fields.Integer("Automatic Closing", default=15, help="Days after an unpaid invoice.")
    invoice_mail_template_id = fields.Many2one("mail.template", domain=[("model", "=", "account.move")])
    user_closable = fields.Boolean("Closable")
    user_renewable = fields.Boolean("Renew")

    # === HELPERS === #

    def _get_next_boundary(self, day):
        """Return the first day of the next billing period ("uses the Recurring Plan ... accordingly")."""
        self.ensure_one()
        first = self._get_first_day(day) if self.billing_first_day else day
        return first + relativedelta(**{f"{self.billing_period_unit}s": self.billing_period_value})

    def _get_first_day(self, day):
        """Return the first day of the calendar period that holds a day ("Align to Period Start")."""
        if self.billing_period_unit == "week":
            return day - relativedelta(days=day.weekday())
        return day.replace(day=1) if self.billing_period_unit == "month" else day.replace(month=1, day=1)

    def _get_billed_part(self, start, end):
        """Return the part of a full period that [start, end) is: less than 1 for an aligned first period."""
        self.ensure_one()
        if not self.billing_first_day:
            return 1
        return (end - start).days / (end - self._get_first_day(start)).days

    def _get_monthly(self, amount):
        """Return what an amount per period comes to per month (documentation of reports: MRR)."""
        months = {"week": 12 / 52, "month": 1, "year": 12}[self.billing_period_unit] * self.billing_period_value
        return amount / months
