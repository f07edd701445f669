# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models
from odoo.exceptions import ValidationError

from ..rating import round_units


class BillingMetric(models.Model):
    """What is counted, and how the counters of a billing period become one quantity."""

    _name = "fusion.billing.metric"
    _description = "Billing Metric"
    _order = "name, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="The name that source apps use.")
    active = fields.Boolean(default=True)
    aggregation = fields.Selection(
        [
            ("sum", "Sum"),
            ("count", "Count of Rows"),
            ("max", "Maximum"),
            ("last", "Last"),
            ("unique_count", "Count of Distinct Values"),
            ("average", "Average"),
            ("weighted_sum", "Sum Weighted by Time"),
        ],
        required=True,
        default="sum",
        help="Weighted by time: a counter of 100 that holds for 10 days of a period of 30 days adds 33.33.",
    )
    unit_rounding = fields.Selection(
        [("none", "None"), ("up", "Up"), ("down", "Down"), ("half_up", "Half Up")],
        string="Rounding of Units",
        required=True,
        default="none",
        help="Rounds the quantity of a billing period before it is priced.",
    )
    unit_digits = fields.Integer(
        string="Decimals of Units", help="Decimals that rounding leaves; negative for tens, hundreds and so on."
    )

    _code_uniq = models.Constraint("UNIQUE(code)", "Another metric has this code.")

    _unit_digits_range = models.Constraint(
        "CHECK(unit_digits BETWEEN -12 AND 18)", "Units are rounded to between -12 and 18 decimals."
    )

    # === CRUD === #

    def write(self, vals):
        decisive = ("aggregation", "unit_rounding", "unit_digits")
        changed = self.filtered(lambda metric: any(metric[name] != vals.get(name, metric[name]) for name in decisive))
        # sudo: usage of every company counts.
        used = self.env["fusion.billing.usage"].sudo().search([("metric_id", "in", changed.ids)], limit=1).metric_id
        if used:
            raise ValidationError(
                self.env._(
                    "%s has usage: another aggregation or rounding would change what was billed. Make a new metric.",
                    used.name,
                )
            )
        return super().write(vals)

    # === BUSINESS === #

    def _round_units(self, quantity):
        """Return a period's quantity, a Decimal, as this metric rounds it."""
        self.ensure_one()
        return round_units(quantity, self.unit_rounding, self.unit_digits)
