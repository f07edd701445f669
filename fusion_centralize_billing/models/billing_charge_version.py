# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .price_schedule import ALWAYS, PriceStage
from .price_terms import PriceTerms


class BillingChargeVersion(models.Model):
    """The prices of a charge from a day on. Of the versions that have begun on a day, the newest counts.

    Versions are never changed: what was planned is taken back, or changed, by newer ones (price_schedule.py).
    A billing period is priced with the version of its first day, so that new prices leave alone the
    periods that have begun, unless they are made to apply from an earlier day.
    """

    _name = "fusion.billing.charge.version"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Price Version"
    _order = "charge_id, id desc"

    # === FIELDS === #

    charge_id = fields.Many2one("fusion.billing.charge", required=True, readonly=True, ondelete="cascade", index=True)
    effective_from = fields.Date(
        readonly=True, help="Prices the billing periods that begin on this day or later; empty for all."
    )
    terms = fields.Json(required=True, readonly=True)
    applies = fields.Boolean(
        readonly=True, default=True, help="Unset: billing periods that begin from this day on are not charged."
    )
    summary = fields.Char(compute="_compute_summary")
    create_uid = fields.Many2one("res.users", string="By", readonly=True)
    create_date = fields.Datetime(string="On", readonly=True)

    # === COMPUTE === #

    @api.depends("terms", "applies")
    def _compute_summary(self):
        for version in self:
            version.summary = ", ".join(version._describe_terms()) if version.applies else self.env._("not charged")

    @api.depends("charge_id.name", "effective_from")
    def _compute_display_name(self):
        for version in self:
            day = format_date(self.env, version.effective_from) or self.env._("always")
            version.display_name = f"{version.charge_id.name} ({day})"

    # === ACTIONS === #

    def action_discard(self):
        """Take these prices back before their day has come."""
        self.ensure_one()
        self.charge_id.check_access("write")
        if self not in self.charge_id.planned_version_ids:
            raise UserError(self.env._("These prices are not planned (any more): save others instead."))
        self.charge_id._discard_prices(self.effective_from)

    # === BUSINESS === #

    def _as_stage(self):
        """Return what the version says, as price_schedule.py takes it."""
        self.ensure_one()
        return PriceStage(self.effective_from or ALWAYS, PriceTerms.from_json(self.terms), self.applies, self)

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        # A charge that is saved makes its versions.
        return set(self._fields)

    def _describe_terms(self):
        """Return the terms that are set, as short texts."""
        values = self.terms["terms"]
        labels = self.env["fusion.billing.charge"]._fields
        yield dict(labels["charge_model"]._description_selection(self.env))[self.terms["charge_model"]]
        for name, value in values.items():
            if name != "tiers" and value not in (None, 0, "0", "1" if name == "unit_batch" else "0"):
                yield f"{labels[name]._description_string(self.env)} {value}"
        for tier in values["tiers"]:
            bound = self.env._("up to %s", tier["up_to"]) if tier["up_to"] is not None else self.env._("above")
            prices = [tier[name] for name in ("price_per_unit", "rate", "flat_fee") if tier[name] != "0"]
            yield f"{bound}: {' + '.join(prices) or 0}"
        for name, accepted in self.terms["filters"]:
            yield f"{name} = {' / '.join(accepted)}"
        if self.terms["group_by"]:
            yield self.env._("per %s", ", ".join(self.terms["group_by"]))
        if self.terms.get("amount_rounding") == "charge":
            yield self.env._("rounded as a sum")
