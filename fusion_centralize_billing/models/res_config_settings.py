# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..delivery import addresses


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    x_fc_webhook_ports = fields.Char(
        string="Webhook Ports",
        config_parameter="fusion_centralize_billing.webhook_ports",
        help="The ports that webhooks may go to, separated by commas; empty for those on which web servers listen.",
    )
    x_fc_webhook_secret_overlap_hours = fields.Integer(
        related="company_id.x_fc_webhook_secret_overlap_hours", readonly=False
    )
    x_fc_usage_lock_date = fields.Date(related="company_id.x_fc_usage_lock_date", readonly=False)
    x_fc_billing_tz = fields.Selection(related="company_id.x_fc_billing_tz", readonly=False)
    x_fc_usage_periods_ahead = fields.Integer(related="company_id.x_fc_usage_periods_ahead", readonly=False)
    x_fc_start_days_back = fields.Integer(related="company_id.x_fc_start_days_back", readonly=False)
    x_fc_invoice_grouping = fields.Selection(related="company_id.x_fc_invoice_grouping", readonly=False)
    x_fc_ask_before_linking = fields.Boolean(related="company_id.x_fc_ask_before_linking", readonly=False)

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("x_fc_webhook_ports")
    def _check_webhook_ports(self):
        for settings in self:
            try:
                addresses.parse_ports(settings.x_fc_webhook_ports)
            except ValueError as exc:
                raise ValidationError(self.env._("Webhook ports: %s.", exc)) from exc
