# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    x_fc_usage_lock_date = fields.Date(related="company_id.x_fc_usage_lock_date", readonly=False)
    x_fc_billing_tz = fields.Selection(related="company_id.x_fc_billing_tz", readonly=False)
    x_fc_usage_periods_ahead = fields.Integer(related="company_id.x_fc_usage_periods_ahead", readonly=False)
    x_fc_start_days_back = fields.Integer(related="company_id.x_fc_start_days_back", readonly=False)
    x_fc_ask_before_linking = fields.Boolean(related="company_id.x_fc_ask_before_linking", readonly=False)
