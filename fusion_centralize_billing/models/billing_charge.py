# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import Command, api, fields, models
from odoo.exceptions import ValidationError

from ..api.errors import BusinessRuleError
from ..rating import CHARGE_MODELS, RatingError
from .billing_charge_tier import with_charge_checking
from .changes import get_changes
from .price_terms import NUMBERS

_MAX_DIMENSIONS = 5
#: Fields that say which counters a charge prices, and when.
_DECISIVE = {
    *("plan_code", "company_id", "metric_id", "filter_ids", "is_additional"),
    *("active", "effective_until", "price_effective_from"),
}


class BillingCharge(models.Model):
    """The price of one metric in one plan. A charge applies to subscriptions of its plan code only."""

    _name = "fusion.billing.charge"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Charge"
    _order = "plan_code, name, id"
    _check_company_auto = True
    _fc_is_confined = True

    # === FIELDS === #

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    plan_code = fields.Char(required=True, index=True, help="The code of the plan whose subscriptions are charged.")
    billing_plan_id = fields.Many2one(
        "fusion.billing.plan", compute="_compute_billing_plan_id", store=True, string="Plan"
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id")
    metric_id = fields.Many2one("fusion.billing.metric", required=True, check_company=True, ondelete="restrict")
    product_id = fields.Many2one(
        "product.product",
        check_company=True,
        ondelete="restrict",
        help="The product of the invoice line; gives it its taxes and account.",
    )
    charge_model = fields.Selection(
        [
            ("standard", "Standard"),
            ("package", "Package"),
            ("volume", "Volume"),
            ("graduated", "Graduated"),
            ("percentage", "Percentage"),
            ("graduated_percentage", "Graduated Percentage"),
        ],
        required=True,
        default="standard",
    )
    included_quota = fields.Float(min_display_digits=0, help="The quantity per billing period that costs nothing.")
    price_per_unit = fields.Float(min_display_digits=2, string="Price", help="Per unit, or per batch of units.")
    unit_batch = fields.Float(
        min_display_digits=0, string="Units per Batch", default=1, help="A begun batch counts whole."
    )
    free_units = fields.Float(min_display_digits=0, help="Package: units per billing period before the first package.")
    rate = fields.Float(min_display_digits=0, string="Rate (%)", help="Percentage: of the summed amount.")
    fixed_fee = fields.Float(min_display_digits=2, help="Percentage: for each usage row.")
    free_rows = fields.Integer(help="Percentage: usage rows per billing period without a fixed fee.")
    free_amount = fields.Float(
        min_display_digits=2, help="Percentage: summed amount per billing period without the rate."
    )
    row_minimum = fields.Float(min_display_digits=2, help="Percentage: least charge of a usage row; 0 for none.")
    row_maximum = fields.Float(min_display_digits=2, help="Percentage: greatest charge of a usage row; 0 for none.")
    tier_ids = fields.One2many("fusion.billing.charge.tier", "charge_id", string="Tiers", copy=True)
    filter_ids = fields.One2many(
        "fusion.billing.charge.filter",
        "charge_id",
        string="Filters",
        copy=True,
        help="Only counters with these properties are priced; without filters all are.",
    )
    group_by = fields.Char(
        help="Properties, separated by commas. Counters that differ in them are priced apart, each group with the"
        " whole quota and all tiers, and on a line of its own.",
    )
    amount_rounding = fields.Selection(
        [("line", "Each Line"), ("charge", "The Sum of All Lines")],
        string="Rounded",
        required=True,
        default="line",
        help="Each line: the amount of each group is rounded to the currency. The sum of all lines: what the charge"
        " comes to in a billing period is rounded once, and the largest line bears the difference.",
    )
    effective_until = fields.Date(
        copy=False,
        help="The first day on which no billing period that begins is charged any more; empty for no end."
        " Archiving sets it to the next day, so that the periods that have begun are still charged.",
    )
    is_additional = fields.Boolean(
        string="Priced Beside Others",
        copy=False,
        help="Counters that another charge of the plan prices, too, are meant to be priced by both.",
    )
    example_quantity = fields.Float(
        min_display_digits=0, store=False, help="Try the charge: a quantity of one billing period."
    )
    example_amount = fields.Monetary(compute="_compute_example_amount", help="What the example quantity costs.")

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains(*NUMBERS, "charge_model", "free_rows", "row_minimum", "row_maximum", "tier_ids")
    def _check_terms(self):
        for charge in self:
            try:
                charge._get_price_terms().check()
            except RatingError as exc:
                raise ValidationError(self.env._("%(charge)s: %(reason)s", charge=charge.name, reason=exc)) from exc

    @api.constrains("charge_model", "metric_id")
    def _check_metric(self):
        for charge in self:
            charge._check_metric_of(charge.charge_model)

    @api.constrains("group_by")
    def _check_group_by(self):
        for charge in self:
            names = charge._get_group_by()
            if len(set(names)) != len(names) or len(names) > _MAX_DIMENSIONS:
                raise ValidationError(
                    self.env._(
                        "%(charge)s: group by at most %(most)s different properties.", charge=charge.name, most=5
                    )
                )

    # === COMPUTE === #

    @api.depends("plan_code", "company_id")
    def _compute_billing_plan_id(self):
        # A plan that is not sold any more still gives its charges their currency, and keeps them from other services.
        catalog = self.env["fusion.billing.plan"].sudo().with_context(active_test=False)
        plans = catalog.search([("code", "in", self.mapped("plan_code"))])
        by_key = {(plan.company_id, plan.code): plan for plan in plans}
        for charge in self:
            charge.billing_plan_id = by_key.get((charge.company_id, charge.plan_code))

    @api.depends("billing_plan_id.currency_id", "company_id.currency_id")
    def _compute_currency_id(self):
        for charge in self:
            charge.currency_id = charge.billing_plan_id.currency_id or charge.company_id.currency_id

    @api.depends("example_quantity", *NUMBERS, "charge_model", "tier_ids")
    def _compute_example_amount(self):
        for charge in self:
            try:
                charge.example_amount = charge._compute_billable(charge.example_quantity)[1]
            except (RatingError, BusinessRuleError):
                charge.example_amount = 0  # half-typed terms; saving them explains what is wrong

    @api.onchange("charge_model", "tier_ids")
    def _onchange_charge_model(self):
        """Reset the terms that the chosen model does not use: the form hides them, and saving would refuse them."""
        try:
            used = CHARGE_MODELS[self.charge_model].used_terms(self._get_terms())
        except (KeyError, RatingError):
            return
        for name in {*NUMBERS, "free_rows", "row_minimum", "row_maximum"} - used:
            self[name] = 1 if name == "unit_batch" else 0
        if "tiers" not in used:
            self.tier_ids = [Command.clear()]

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        # The tiers and filters come first: the version holds them all.
        charges = super(BillingCharge, with_charge_checking(self)).create(vals_list)
        charges = charges.with_env(self.env)
        for charge, vals in zip(charges, vals_list, strict=True):
            charge._record_price_version(vals.get("price_effective_from"))
        charges._check_beside_others()
        return charges

    def write(self, vals):
        self._check_metric_kept(vals)
        self._check_plan_kept(vals)
        before = {charge: (charge.active, charge.effective_until) for charge in self}
        moved = self.filtered(lambda charge: get_changes(charge, vals, ["plan_code", "company_id", "metric_id"]))
        charges = with_charge_checking(self) if {"tier_ids", "filter_ids"} & set(vals) else self
        result = super(BillingCharge, charges).write(vals)
        if "active" in vals and "effective_until" not in vals:
            for charge in self.filtered(lambda charge: charge.active != before[charge][0]):
                super(BillingCharge, charge).write({"effective_until": charge._get_end_of_archived(before[charge][1])})
        day = vals.get("price_effective_from")
        for charge in self:
            pause = charge._get_pause(*before[charge], charge in moved, day) if charge.active else None
            charge._record_price_version(day, vals, pause)
        if _DECISIVE & set(vals):
            self._check_beside_others()
        for charge in self.filtered(lambda charge: charge.effective_until != before[charge][1]):
            # What was invoiced in between keeps its price; what was not charged may be now.
            since = min(day for day in (before[charge][1], charge.effective_until) if day)
            charge._get_running_subscriptions()._fc_request_rating(charge.metric_id, since)
        return result

    def copy_data(self, default=None):
        """Let a copy be archived, so that nobody is charged twice; it begins when it is made active."""
        chosen = default or {}
        values = super().copy_data(default)
        for charge, vals in zip(self, values, strict=True):
            own = {"active": False, "name": self.env._("%s (copy)", charge.name)}
            vals.update({name: value for name, value in own.items() if name not in chosen})
        return values

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return {"billing_plan_id"}
