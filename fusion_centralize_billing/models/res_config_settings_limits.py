# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models

from ..limits.settings import PREFIX, Settings

_FIELD = "x_fc_limit_"


class ResConfigSettings(models.TransientModel):
    """What one client may take of the server.

    Not ``config_parameter`` fields: those cannot keep a 0, which is no limit.
    """

    _inherit = "res.config.settings"

    # === FIELDS === #

    x_fc_limit_request_seconds = fields.Integer("Seconds of a Request")
    x_fc_limit_preview_seconds = fields.Integer("Seconds of a Preview")
    x_fc_limit_batch_cost = fields.Integer("Cost of a Batch")
    x_fc_limit_costly_at_once = fields.Integer("Costly Requests at a Time")
    x_fc_limit_reads_per_second = fields.Integer("Reads per Second")
    x_fc_limit_writes_per_second = fields.Integer("Writes per Second")
    x_fc_limit_costly_per_second = fields.Integer("Costly Requests per Second")
    x_fc_limit_customer_reads_per_second = fields.Integer("Queries of a Customer per Second")
    x_fc_limit_customer_costly_per_second = fields.Integer("Costly Queries of a Customer per Second")
    x_fc_limit_failures_at_once = fields.Integer("Failed Authentications")
    x_fc_limit_customers_per_day = fields.Integer("Customers per Day")
    x_fc_limit_subscriptions_per_day = fields.Integer("Subscriptions per Day")

    # === OVERRIDES === #

    @api.model
    def get_values(self):
        values = super().get_values()
        settings = Settings.load(self.env)
        return values | {name: getattr(settings, name.removeprefix(_FIELD)) for name in self._fc_get_limits()}

    def set_values(self):
        parameters = self.env["ir.config_parameter"]
        for name in self._fc_get_limits():
            parameters.set_param(PREFIX + name.removeprefix(_FIELD), str(max(0, self[name])))
        return super().set_values()

    # === HELPERS === #

    @api.model
    def _fc_get_limits(self):
        return [name for name in self._fields if name.startswith(_FIELD)]
