# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.tools import format_date

from .price_terms import PriceTerms


class BillingChargeVersion(models.Model):
    """The prices of a charge from a day on. Of the versions that have begun on a day, the newest counts.

    A billing period is priced with the version of its first day, so that new prices leave alone the
    periods that have begun, unless they are made to apply from an earlier day.
    """

    _name = "fusion.billing.charge.version"
    _description = "Billing Price Version"
    _order = "charge_id, id desc"

    # === FIELDS === #

    charge_id = fields.Many2one("fusion.billing.charge", required=True, readonly=True, ondelete="cascade", index=True)
    effective_from = fields.Date(
        readonly=True, help="Prices the billing periods that begin on this day (UTC) or later; empty for all."
    )
    terms = fields.Json(required=True, readonly=True)
    summary = fields.Char(compute="_compute_summary")
    create_uid = fields.Many2one("res.users", string="By", readonly=True)
    create_date = fields.Datetime(string="On", readonly=True)

    # === COMPUTE === #

    @api.depends("terms")
    def _compute_summary(self):
        for version in self:
            version.summary = ", ".join(version._describe_terms())

    @api.depends("charge_id.name", "effective_from")
    def _compute_display_name(self):
        for version in self:
            day = format_date(self.env, version.effective_from) or self.env._("always")
            version.display_name = f"{version.charge_id.name} ({day})"

    # === BUSINESS === #

    def _get_price_terms(self):
        self.ensure_one()
        return PriceTerms.from_json(self.terms)

    # === HELPERS === #

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
