# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import ValidationError


class BillingMetric(models.Model):
    """What is counted, and how the counters of a billing period become one quantity."""

    _name = "fusion.billing.metric"
    _description = "Billing Metric"
    _order = "name, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="The name that source apps use.")
    active = fields.Boolean(default=True)
    aggregation = fields.Selection(
        [("sum", "Sum"), ("max", "Maximum"), ("last", "Last"), ("unique_count", "Count of Distinct Values")],
        required=True,
        default="sum",
    )

    _code_uniq = models.Constraint("UNIQUE(code)", "Another metric has this code.")

    @api.constrains("aggregation")
    def _check_aggregation_unused(self):
        for metric in self:
            # sudo: usage of every company counts.
            if self.env["fusion.billing.usage"].sudo().search_count([("metric_id", "=", metric.id)], limit=1):
                raise ValidationError(
                    self.env._(
                        "%s has usage: another aggregation would change what was billed. Make a new metric.",
                        metric.name,
                    )
                )
