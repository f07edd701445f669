# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models


class BillingPeriod(models.Model):
    """A closed billing period [start_on, end_on) of a subscription: its usage was rated and invoiced, if there was any.

    Kept by the core itself, so that late usage finds its period in every edition, whatever rows the ledger has.
    """

    _name = "fusion.billing.period"
    _inherit = ["fusion.billing.guarded"]
    _description = "Closed Billing Period"
    _order = "start_on desc, id desc"
    _rec_name = "start_on"

    # === FIELDS === #

    subscription_id = fields.Many2one("sale.order", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", related="subscription_id.company_id")
    start_on = fields.Date(string="From", required=True, readonly=True, help="First day of the period.")
    end_on = fields.Date(string="Until", required=True, readonly=True, help="First day after the period.")
    start_at = fields.Datetime(required=True, readonly=True, help="First instant of the period (UTC).")
    end_at = fields.Datetime(required=True, readonly=True, help="First instant after the period (UTC).")

    # === CONSTRAINTS AND INDEXES === #

    _start_uniq = models.Constraint("UNIQUE(subscription_id, start_at)", "This billing period is closed already.")
    _period_order = models.Constraint("CHECK(end_on > start_on)", "A period cannot end before it starts.")

    # === BUSINESS === #

    @api.model
    def _close(self, subscription, start_on, end_on):
        """Note that a billing period was closed."""
        return self.create(
            {
                "subscription_id": subscription.id,
                "start_on": start_on,
                "end_on": end_on,
                "start_at": subscription._fc_start_of(start_on),
                "end_at": subscription._fc_start_of(end_on),
            }
        )

    @api.model
    def _get_touched(self, subscription, from_at, to_at):
        """Return the closed periods of a subscription with an instant in [from_at, to_at]."""
        return self.search(
            [("subscription_id", "=", subscription.id), ("start_at", "<=", to_at), ("end_at", ">", from_at)]
        )

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return set(self._fields)
