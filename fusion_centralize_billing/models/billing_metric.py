# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models


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
