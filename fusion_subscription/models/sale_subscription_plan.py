# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..periods import Recurrence


class SaleSubscriptionPlan(models.Model):
    """How often a subscription is invoiced. Named and shaped as in Odoo Enterprise."""

    _name = "sale.subscription.plan"
    _description = "Subscription Plan"
    _order = "billing_period_unit, billing_period_value, name, id"
    _check_company_auto = True

    # === FIELDS === #

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Leave empty to share the plan between all companies.")
    billing_period_value = fields.Integer(string="Invoice Every", required=True, default=1)
    billing_period_unit = fields.Selection(
        selection=[("week", "Weeks"), ("month", "Months"), ("year", "Years")],
        string="Period Unit",
        required=True,
        default="month",
    )
    billing_first_day = fields.Boolean(
        string="Align to Period Start",
        help="Periods begin on the first day of the calendar: Mondays, the first of a month, January 1. "
        "The first period of a subscription is the rest of the one in which it starts.",
    )
    billing_period_display = fields.Char(string="Billing Period", compute="_compute_billing_period_display")

    # === CONSTRAINTS AND INDEXES === #

    _billing_period_value_positive = models.Constraint(
        "CHECK(billing_period_value > 0)",
        "A billing period lasts at least one week, month or year.",
    )

    # === COMPUTE === #

    @api.depends("billing_period_value", "billing_period_unit")
    @api.depends_context("lang")
    def _compute_billing_period_display(self):
        units = dict(self._fields["billing_period_unit"]._description_selection(self.env))
        for plan in self:
            plan.billing_period_display = (
                f"{plan.billing_period_value} {units.get(plan.billing_period_unit, '')}".strip()
            )

    # === CRUD === #

    def write(self, vals):
        """Refuse to change the period under running subscriptions: their boundaries would move.

        :raise UserError: if a confirmed subscription uses the plan
        """
        changed = self.filtered(
            lambda plan: any(
                field in vals and vals[field] != plan[field]
                for field in ("billing_period_value", "billing_period_unit", "billing_first_day")
            )
        )
        if changed and changed._is_used_by_running_subscription():
            raise UserError(
                self.env._(
                    "Running subscriptions use this plan: its period cannot change. Create another plan instead."
                )
            )
        return super().write(vals)

    # === HELPERS === #

    def _is_used_by_running_subscription(self):
        # sudo: subscriptions of other companies and salespeople count as well
        return bool(
            self.env["sale.order"]
            .sudo()
            .search_count(
                [
                    ("plan_id", "in", self.ids),
                    ("state", "=", "sale"),
                    ("subscription_state", "in", ("3_progress", "4_paused", "6_churn")),
                    "|",
                    "|",
                    ("next_invoice_date", "!=", False),
                    ("x_fc_fee_due_on", "!=", False),
                    ("x_fc_rest_due_on", "!=", False),
                ],
                limit=1,
            )
        )

    def _get_recurrence(self):
        self.ensure_one()
        return Recurrence(self.billing_period_value, self.billing_period_unit, self.billing_first_day)
