# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    x_fc_usage_lock_date = fields.Date(
        string="Usage Lock Date",
        help="Usage of the days before this one (UTC) is locked: it is neither recorded nor corrected any more.",
    )
