# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..api.errors import BusinessRuleError
from ..rating import CHARGE_MODELS, RatingError, Terms, Usage, check_terms, to_decimal
from .billing_charge_tier import with_charge_checking
from .changes import get_changes
from .price_terms import PriceTerms

_MAX_DIMENSIONS = 5
_TERMS = ("included_quota", "price_per_unit", "unit_batch", "free_units", "rate", "fixed_fee", "free_amount")


class BillingCharge(models.Model):
    """The price of one metric in one plan. A charge applies to subscriptions of its plan code only."""

    _name = "fusion.billing.charge"
    _description = "Billing Charge"
    _order = "plan_code, name, id"
    _check_company_auto = True

    # === FIELDS === #

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    plan_code = fields.Char(required=True, index=True, help="The code of the plan whose subscriptions are charged.")
    billing_plan_id = fields.Many2one(
        "fusion.billing.plan", compute="_compute_billing_plan_id", store=True, string="Plan"
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id")
    metric_id = fields.Many2one("fusion.billing.metric", required=True, ondelete="restrict")
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
    effective_until = fields.Date(
        copy=False,
        help="The first day (UTC) on which no billing period that begins is charged any more; empty for no end."
        " Archiving sets it to the next day, so that the periods that have begun are still charged.",
    )
    price_effective_from = fields.Date(
        string="New Prices Apply From",
        store=False,
        help="Billing periods that begin on this day (UTC) or later get the prices that are saved now. Empty: periods"
        " that have not begun yet. An earlier day changes begun periods, but nothing that was invoiced.",
    )
    version_ids = fields.One2many("fusion.billing.charge.version", "charge_id", string="Price History", readonly=True)
    example_quantity = fields.Float(
        min_display_digits=0, store=False, help="Try the charge: a quantity of one billing period."
    )
    example_amount = fields.Monetary(compute="_compute_example_amount", help="What the example quantity costs.")

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains(*_TERMS, "charge_model", "free_rows", "row_minimum", "row_maximum", "tier_ids")
    def _check_terms(self):
        for charge in self:
            try:
                check_terms(charge.charge_model, charge._get_terms())
            except RatingError as exc:
                raise ValidationError(self.env._("%(charge)s: %(reason)s", charge=charge.name, reason=exc)) from exc

    @api.constrains("charge_model", "metric_id")
    def _check_metric(self):
        for charge in self:
            metric = charge.metric_id
            if charge.charge_model == "percentage" and (metric.aggregation, metric.unit_rounding) != ("sum", "none"):
                raise ValidationError(
                    self.env._("%s: a percentage needs a metric that is summed up, without rounding.", charge.name)
                )

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

    @api.constrains("product_id")
    def _check_product(self):
        for charge in self:
            # A recurring product would be billed again in every period, beside what is rated.
            if "recurring_invoice" in charge.product_id._fields and charge.product_id.recurring_invoice:
                raise ValidationError(self.env._("%s: the product of a charge must not be recurring.", charge.name))

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

    @api.depends("example_quantity", *_TERMS, "charge_model", "tier_ids")
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
        for name in {*_TERMS, "free_rows", "row_minimum", "row_maximum"} - used:
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
        return charges

    def write(self, vals):
        self._check_metric_kept(vals)
        self._check_plan_kept(vals)
        before = {charge: (charge.active, charge.effective_until) for charge in self}
        charges = with_charge_checking(self) if {"tier_ids", "filter_ids"} & set(vals) else self
        result = super(BillingCharge, charges).write(vals)
        if "active" in vals and "effective_until" not in vals:
            for charge in self.filtered(lambda charge: charge.active != before[charge][0]):
                end = charge._get_end_of_archived(before[charge][1])
                super(BillingCharge, charge).write({"effective_until": end})
        self._record_price_version(vals.get("price_effective_from"))
        for charge in self.filtered(lambda charge: charge.effective_until != before[charge][1]):
            charge._get_running_subscriptions()._fc_request_rating()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_running(self):
        for charge in self:
            if charge._get_running_subscriptions():
                raise UserError(self.env._("%s applies to running subscriptions: archive it instead.", charge.name))

    # === BUSINESS === #

    def _compute_billable(self, total):
        """Return ``(billable units, amount)`` for the total quantity of one billing period.

        The amount is rounded to the charge's currency. Both are floats, as in Odoo's own fields;
        what is billed goes through :meth:`_price`, in Decimal. A percentage charge takes the total as
        one usage row.
        """
        rated = self._price(Usage(to_decimal(total), (to_decimal(total),)), self._get_price_terms())
        return float(rated.billable), float(rated.rounded(to_decimal(self.currency_id.rounding)))

    def _price(self, usage, terms):
        """Return the Rated result of a billing period's usage, unrounded and with its breakdown.

        :param terms: PriceTerms, of today or of an earlier day: see :meth:`_get_price_terms`
        :raises BusinessRuleError: with the code of the RatingError
        """
        self.ensure_one()
        try:
            return terms.price(usage)
        except RatingError as exc:
            raise BusinessRuleError(f"{self.name}: {exc}", code=exc.code) from exc

    def _get_price_terms(self, day=None):
        """Return the PriceTerms of billing periods that begin on a day; without one, those that were saved last.

        None if the charge does not apply to such periods.
        """
        self.ensure_one()
        if day is None:
            return PriceTerms(self.charge_model, self._get_terms(), self._get_filters(), self._get_group_by())
        if self.effective_until and day >= self.effective_until:
            return None
        # sudo: whoever asks for a price need not read its history.
        begun = self.sudo().version_ids.filtered(
            lambda version: not version.effective_from or version.effective_from <= day
        )
        return max(begun, key=lambda version: version.id)._get_price_terms() if begun else None

    def _get_price_terms_today(self):
        """Return the PriceTerms of billing periods that begin today; of a charge that has not begun, those to come."""
        return self._get_price_terms(fields.Date.today()) or self._get_price_terms()

    def _get_upcoming_days(self):
        """Return the days after today from which other prices apply, in their order."""
        self.ensure_one()
        # sudo: see _get_price_terms.
        versions = self.sudo().version_ids.sorted("id", reverse=True)
        days, latest = [], datetime.date.max
        for version in versions:
            day = version.effective_from or datetime.date.min
            if day < latest:  # a newer version that applies from an earlier day has taken the place of the others
                latest = day
                days.append(day)
        return [day for day in reversed(days) if day > fields.Date.today()]

    def _record_price_version(self, effective_from=None):
        """Keep the terms that were saved as a new version, if they differ from the last one.

        :param effective_from: see the field ``price_effective_from``
        """
        for charge in self:
            terms = charge._get_price_terms().as_json()
            # sudo: the history has no other writer.
            versions = charge.sudo().version_ids
            last = max(versions, key=lambda version: version.id) if versions else versions
            if last.terms == terms and not effective_from:
                continue
            subscriptions = charge._get_running_subscriptions()
            day = fields.Date.to_date(effective_from)
            if not day and versions and subscriptions:
                day = fields.Date.today() + datetime.timedelta(days=1)
            versions.create({"charge_id": charge.id, "effective_from": day, "terms": terms})
            if not day or day <= fields.Date.today():
                subscriptions._fc_request_rating()

    # === HELPERS === #

    def _check_metric_kept(self, vals):
        """A charge that has rated keeps its metric: late usage would take back what the old one has billed."""
        if self.filtered(lambda charge: get_changes(charge, vals, ["metric_id"]))._has_rated():
            raise UserError(
                self.env._("A charge that has rated usage keeps its metric. Archive it and make another one.")
            )

    def _check_plan_kept(self, vals):
        """A charge of running subscriptions keeps its plan: the periods they have begun would lose or gain it."""
        for charge in self:
            moves = get_changes(charge, vals, ["plan_code", "company_id"])
            if moves and (charge._get_running_subscriptions() or charge._has_rated()):
                raise UserError(
                    self.env._(
                        "%s applies to subscriptions, so it keeps its plan and company. "
                        "Archive it and make another one.",
                        charge.name,
                    )
                )

    def _has_rated(self):
        # sudo: ratings of every company count.
        return bool(self.env["fusion.billing.rating"].sudo().search_count([("charge_id", "in", self.ids)], limit=1))

    def _get_end_of_archived(self, planned):
        """Return until when a charge applies that was just archived, or is active again (for no end).

        :param planned: the end it had before
        """
        if self.active:
            return False
        tomorrow = fields.Date.today() + datetime.timedelta(days=1)
        return min(planned, tomorrow) if planned else tomorrow

    def _get_terms(self):
        self.ensure_one()
        return Terms(
            **{name: to_decimal(self[name]) for name in _TERMS},
            free_rows=self.free_rows,
            row_minimum=to_decimal(self.row_minimum) if self.row_minimum else None,
            row_maximum=to_decimal(self.row_maximum) if self.row_maximum else None,
            tiers=tuple(
                tier._as_tier()
                for tier in self.tier_ids.sorted(lambda tier: (tier.sequence, tier.up_to or float("inf")))
            ),
        )

    def _get_filters(self):
        accepted = {}
        for condition in self.filter_ids:
            accepted.setdefault(condition.name, []).append(condition.value)
        return tuple((name, tuple(sorted(accepted[name]))) for name in sorted(accepted))

    def _get_group_by(self):
        return tuple(name.strip() for name in (self.group_by or "").split(",") if name.strip())

    def _get_running_subscriptions(self):
        """Return the subscriptions that this charge applies to."""
        domain = [
            ("x_fc_plan_code", "=", self.plan_code),
            ("company_id", "=", self.company_id.id),
            ("is_subscription", "=", True),
            ("state", "=", "sale"),
        ]
        # sudo: they are charged, whoever changes the price.
        return self.env["sale.order"].sudo().search(domain)
