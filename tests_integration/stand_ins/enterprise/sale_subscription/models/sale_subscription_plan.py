# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models


class SaleSubscriptionPlan(models.Model):
    _name = "sale.subscription.plan"
    _description = "Recurrence"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company")
    billing_period_value = fields.Integer(default=1, required=True)
    billing_period_unit = fields.Selection([("week", "Weeks"), ("month", "Months"), ("year", "Years")], default="month")
