# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date

from ..api.errors import BusinessRuleError
from ..rating import RatingError, Terms, Usage, to_decimal
from .price_schedule import ALWAYS, PriceStage, arrange, change, discard, get_stage
from .price_terms import NUMBERS, PriceTerms

#: Fields of a charge that are a term of its price by another name.
_TERM_OF_FIELD = {"tier_ids": "tiers", "filter_ids": "filters"}


class BillingCharge(models.Model):
    """Prices by day: a version keeps what was saved, the charge's own fields hold the prices planned last."""

    _inherit = "fusion.billing.charge"

    # === FIELDS === #

    price_effective_from = fields.Date(
        string="New Prices Apply From",
        store=False,
        help="Billing periods that begin on this day or later get what is changed now, also where other prices are"
        " planned. Empty: periods that have not begun yet. An earlier day changes begun periods, but nothing that was"
        " invoiced.",
    )
    version_ids = fields.One2many("fusion.billing.charge.version", "charge_id", string="Price History", readonly=True)
    planned_version_ids = fields.Many2many(
        "fusion.billing.charge.version", compute="_compute_planned_prices", string="Planned Prices"
    )
    prices_from = fields.Date(
        compute="_compute_planned_prices",
        string="Prices From",
        help="The first day of the billing periods that get the prices shown here, if they do not apply yet.",
    )
    current_prices = fields.Char(
        compute="_compute_planned_prices",
        string="Today",
        help="What billing periods cost that begin today, if those are not the prices shown here.",
    )
    current_prices_until = fields.Date(
        compute="_compute_planned_prices",
        string="Until",
        help="The first day of the billing periods that get other prices than those of today.",
    )

    # === COMPUTE === #

    @api.depends("version_ids.terms", "version_ids.effective_from", "version_ids.applies", "effective_until")
    def _compute_planned_prices(self):
        today = fields.Date.today()
        for charge in self:
            stages = charge._get_stages()
            planned = [stage for stage in stages if stage.day > today]
            held = get_stage(stages, today) if planned else None
            charge.planned_version_ids = [Command.set([stage.version.id for stage in planned])]
            charge.prices_from = planned[-1].day if planned else False
            charge.current_prices_until = planned[0].day if planned else False
            charge.current_prices = False
            if planned:
                charge.current_prices = held.version.summary if held else self.env._("not charged yet")

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
            return PriceTerms(
                self.charge_model,
                self._get_terms(),
                self._get_filters(),
                self._get_group_by(),
                self.amount_rounding,
            )
        if self.effective_until and day >= self.effective_until:
            return None
        stage = get_stage(self._get_stages(), day)
        return stage.terms if stage and stage.applies else None

    def _get_price_terms_today(self):
        """Return the PriceTerms of billing periods that begin today; of a charge that has not begun, those to come."""
        return self._get_price_terms(self._get_first_day() or fields.Date.today()) or self._get_price_terms()

    def _get_first_day(self):
        """Return the first day to come of billing periods that are charged, or None if those of today are."""
        return None if self._get_price_terms(fields.Date.today()) else next(iter(self._get_upcoming_days()), None)

    def _get_upcoming_days(self):
        """Return the days after today from which other prices apply, in their order."""
        days = [stage.day for stage in self._get_stages() if stage.applies and stage.day > fields.Date.today()]
        return [day for day in days if not self.effective_until or day < self.effective_until]

    def _get_stages(self):
        """Return the PriceStages of the charge by day; its end and whether it is archived are not among them."""
        self.ensure_one()
        # sudo: whoever asks for a price need not read its history.
        return arrange(version._as_stage() for version in self.sudo().version_ids.sorted("id"))

    def _get_first_new_day(self, subscriptions):
        """Return the first day of billing periods that none of some subscriptions has begun yet."""
        today = max((order._fc_get_today() for order in subscriptions), default=fields.Date.today())
        return today + datetime.timedelta(days=1)

    # === CHANGES === #

    def _record_price_version(self, effective_from=None, named=(), paused_from=None):
        """Keep the terms that were changed as versions: of their day, and of all prices planned for later.

        :param effective_from: see the field ``price_effective_from``
        :param named: fields that were written, whether to other values or not; all terms hold from a day that
            is given without any
        :param paused_from: a charge that applies again from ``effective_from`` has not since this day
        """
        for charge in self:
            stages, terms = charge._get_stages(), charge._get_price_terms()
            subscriptions = charge._get_running_subscriptions()
            day = fields.Date.to_date(effective_from)
            begins = bool(day)
            if not day and subscriptions:
                day = charge._get_first_new_day(subscriptions)
            day = day or ALWAYS
            if not stages:
                charge._add_stages([PriceStage(day, terms)], subscriptions)
                continue
            names = terms.changes_from(stages[-1].terms)
            if begins:
                # A day brings forward what is named, although the prices planned last have it already.
                names |= charge._get_named_terms(named)
                if not names and paused_from is None:
                    names = set(terms.as_fields())
            if not names and paused_from is None:
                continue
            added = change(stages, day, terms, names, begins)
            if paused_from is not None and paused_from < day:
                held = get_stage(stages, paused_from) or stages[0]
                added.insert(0, PriceStage(paused_from, held.terms, applies=False))
            if arrange([*stages, *added]) != stages:
                charge._add_stages(added, subscriptions)

    def _get_named_terms(self, named):
        """Return the names of terms, as PriceTerms has them, of fields that were written."""
        return {_TERM_OF_FIELD.get(name, name) for name in named} & set(self._get_price_terms().as_fields())

    def _add_stages(self, added, subscriptions):
        """Keep stages as versions, in their order, and have begun periods rated anew if they change any."""
        self.ensure_one()
        for stage in added:
            self._check_stage(stage)
        # sudo: the history has no other writer.
        self.env["fusion.billing.charge.version"].sudo().create(
            [
                {
                    "charge_id": self.id,
                    "effective_from": stage.day if stage.day != ALWAYS else False,
                    "terms": stage.terms.as_json(),
                    "applies": stage.applies,
                }
                for stage in added
            ]
        )
        if any(stage.day < self._get_first_new_day(subscriptions) for stage in added):
            subscriptions._fc_request_rating(self.metric_id, min(stage.day for stage in added))

    def _check_stage(self, stage):
        """Refuse terms that do not fit those of another day, which a change of some of them can bring about."""
        try:
            stage.terms.check()
        except RatingError as exc:
            day = self.env._("always") if stage.day == ALWAYS else format_date(self.env, stage.day)
            raise ValidationError(
                self.env._(
                    "%(charge)s has other prices at another time, which this change does not fit. From %(day)s on: "
                    '%(reason)s Name a day with "New Prices Apply From", or discard what is planned later.',
                    charge=self.name,
                    day=day,
                    reason=exc,
                )
            ) from exc
        self._check_metric_of(stage.terms.charge_model)

    def _discard_prices(self, day):
        """Take the prices back that are planned for a day; what was planned later keeps its day and its own changes."""
        self.ensure_one()
        try:
            added = discard(self._get_stages(), day)
        except ValueError as exc:
            raise UserError(
                self.env._("%s begins with these prices: archive it, if it is not to be charged.", self.name)
            ) from exc
        self._add_stages(added, self._get_running_subscriptions())
        last = self._get_stages()[-1].terms
        self.write(self._prepare_from_terms(last))
        self._check_beside_others()

    def _copy_to_plan(self, plan):
        """Copy the charges that apply, now or later, to another plan on which nobody runs.

        What holds now, or first, holds from always there; what is planned keeps its day.
        """
        today = fields.Date.today()
        for charge in self.filtered(lambda each: not each.effective_until or each.effective_until > today):
            stages = charge._get_stages()
            ahead = [stage for stage in stages if stage.applies and stage.day > today]
            held = get_stage(stages, today)
            first = held if held and held.applies else ahead.pop(0) if ahead else None
            if not first:
                continue
            own = {"active": True, "is_additional": charge.is_additional, "effective_until": charge.effective_until}
            target = {"name": charge.name, "plan_code": plan.code, "company_id": plan.company_id.id}
            copied = charge.copy({**own, **target})
            added = [PriceStage(ALWAYS, first.terms), *(stage for stage in stages if stage.day > first.day)]
            subscriptions = copied._get_running_subscriptions()
            if not subscriptions and arrange([*copied._get_stages(), *added]) != copied._get_stages():
                copied._add_stages(added, subscriptions)

    # === HELPERS === #

    def _prepare_from_terms(self, terms):
        """Return the values of fields that these terms would change."""
        own = terms.terms
        values = {name: float(getattr(own, name)) for name in NUMBERS}
        values |= {name: float(getattr(own, name) or 0) for name in ("row_minimum", "row_maximum")}
        values |= {"free_rows": own.free_rows, "charge_model": terms.charge_model}
        values |= {"group_by": ", ".join(terms.group_by), "amount_rounding": terms.amount_rounding}
        changed = terms.changes_from(self._get_price_terms())
        values = {name: value for name, value in values.items() if name in changed}
        if "tiers" in changed:
            numbered = enumerate(own.tiers, 1)
            tiers = [Command.create({"sequence": 10 * number, **_describe_tier(tier)}) for number, tier in numbered]
            values["tier_ids"] = [Command.clear(), *tiers]
        if "filters" in changed:
            pairs = [{"name": name, "value": value} for name, accepted in terms.filters for value in accepted]
            values["filter_ids"] = [Command.clear(), *map(Command.create, pairs)]
        return values

    def _get_terms(self):
        self.ensure_one()
        return Terms(
            **{name: to_decimal(self[name]) for name in NUMBERS},
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


def _describe_tier(tier):
    return {
        "up_to": float(tier.up_to or 0),
        **{name: float(getattr(tier, name)) for name in ("price_per_unit", "flat_fee", "rate")},
    }
