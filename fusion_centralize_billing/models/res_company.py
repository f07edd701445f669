# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models
from odoo.addons.base.models.res_partner import _tz_get


class ResCompany(models.Model):
    _inherit = "res.company"

    x_fc_usage_lock_date = fields.Date(
        string="Usage Lock Date",
        help="Usage of the days before this one is locked: it is neither recorded nor corrected any more.",
    )
    x_fc_billing_tz = fields.Selection(
        _tz_get,
        string="Billing Time Zone",
        help="Billing periods of new subscriptions begin and end at midnight of this time zone, unless their service or"
        " plan has one of its own. Empty: the time zone of the company's contact, else UTC.",
    )

    def _fc_get_billing_tz(self):
        """Return the name of the time zone for subscriptions whose service and plan have none of their own."""
        return self.x_fc_billing_tz or self.partner_id.tz or "UTC"
