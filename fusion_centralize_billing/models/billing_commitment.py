# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models


class BillingCommitment(models.Model):
    """The minimum commitment of a subscription from a day on.

    Of those that have begun on a day the newest record holds. A change is a new record; a subscription without any
    has always had the minimum that it has now.
    """

    _name = "fusion.billing.commitment"
    _inherit = ["fusion.billing.guarded"]
    _description = "Agreed Minimum Commitment"
    _order = "id desc"
    _rec_name = "effective_from"

    # === FIELDS === #

    subscription_id = fields.Many2one("sale.order", required=True, readonly=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="subscription_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="subscription_id.currency_id")
    effective_from = fields.Date(
        string="From", readonly=True, help="First day with this minimum; empty for always. A later agreement wins."
    )
    amount = fields.Monetary(string="Minimum Commitment", readonly=True)
    create_uid = fields.Many2one("res.users", string="Agreed By")
    create_date = fields.Datetime(string="Agreed On")

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return set(self._fields)

    def _get_on(self, day):
        """Return the record that holds on a day, or none."""
        begun = self.filtered(lambda each: not each.effective_from or each.effective_from <= day)
        return begun.sorted("id")[-1:]
