# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models

from ..rating import Tier, to_decimal

#: Context key: the charge is writing its tiers and filters one by one and checks them as a whole when it is done.
#: The ORM leaves no other way to tell them (odoo/orm/fields_relational.py: write_real).
_CHECKED_BY_CHARGE = "fusion_billing_checked_by_charge"
#: Its value, by identity: the contexts that clients send are JSON or XML and hold other objects.
_CHARGE = object()


def with_charge_checking(records):
    """Return records whose charge sees to the terms and their history when all parts of a change are written."""
    return records.with_context(**{_CHECKED_BY_CHARGE: _CHARGE})


def is_charge_checking(records):
    return records.env.context.get(_CHECKED_BY_CHARGE) is _CHARGE


class BillingChargeTier(models.Model):
    """A range of quantities with its own price."""

    _name = "fusion.billing.charge.tier"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Charge Tier"
    _order = "charge_id, sequence, id"

    charge_id = fields.Many2one("fusion.billing.charge", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    up_to = fields.Float(
        min_display_digits=0, help="The last quantity of the tier; 0 for the last tier, which is open."
    )
    price_per_unit = fields.Float(min_display_digits=2)
    flat_fee = fields.Float(min_display_digits=2, help="Owed once the tier is entered.")
    rate = fields.Float(string="Rate (%)", min_display_digits=0)

    @api.constrains("up_to", "price_per_unit", "flat_fee", "rate", "sequence", "charge_id")
    def _check_terms(self):
        if not is_charge_checking(self):
            self.charge_id._check_terms()

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        tiers = super().create(vals_list)
        tiers._after_change(tiers.charge_id)
        return tiers

    def write(self, vals):
        charges = self.charge_id
        result = super().write(vals)
        self._after_change(charges | self.charge_id)
        return result

    def unlink(self):
        charges = self.charge_id
        result = super().unlink()
        if not is_charge_checking(self):
            charges.exists()._check_terms()
        self._after_change(charges.exists())
        return result

    # === HELPERS === #

    @api.model
    def _fc_get_fixed_fields(self):
        # The rules would not see to which charge, maybe of another company, it moves.
        return {"charge_id"}

    def _after_change(self, charges):
        if not is_charge_checking(self):
            charges._record_price_version()

    def _as_tier(self):
        """Return the tier as the rating core takes it."""
        self.ensure_one()
        return Tier(
            up_to=to_decimal(self.up_to) if self.up_to else None,
            price_per_unit=to_decimal(self.price_per_unit),
            flat_fee=to_decimal(self.flat_fee),
            rate=to_decimal(self.rate),
        )
