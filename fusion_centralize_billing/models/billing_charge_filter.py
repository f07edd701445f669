# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models

from ..api.numbers import property_text
from .billing_charge_tier import is_charge_checking


class BillingChargeFilter(models.Model):
    """A property that counters must have for a charge to price them.

    Of several values of one property a counter needs one; of several properties it needs all.
    """

    _name = "fusion.billing.charge.filter"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Charge Filter"
    _order = "charge_id, name, value, id"

    charge_id = fields.Many2one("fusion.billing.charge", required=True, ondelete="cascade", index=True)
    name = fields.Char(string="Property", required=True)
    value = fields.Char(required=True, help="As a counter has it; 5.0 is taken for 5, as it is in counters.")

    _value_uniq = models.Constraint("UNIQUE(charge_id, name, value)", "The charge has this filter already.")

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        filters = super().create([self._with_plain_value(vals) for vals in vals_list])
        filters._after_change(filters.charge_id)
        return filters

    def write(self, vals):
        charges = self.charge_id
        result = super().write(self._with_plain_value(vals))
        self._after_change(charges | self.charge_id)
        return result

    def unlink(self):
        charges = self.charge_id
        result = super().unlink()
        self._after_change(charges.exists())
        return result

    # === HELPERS === #

    @api.model
    def _fc_get_fixed_fields(self):
        # The rules would not see to which charge, maybe of another company, it moves.
        return {"charge_id"}

    @api.model
    def _with_plain_value(self, vals):
        """Return values with that of the property as counters keep it."""
        return {**vals, "value": property_text(vals["value"])} if "value" in vals else vals

    def _after_change(self, charges):
        if not is_charge_checking(self):
            charges._record_price_version()
            charges._check_beside_others()
