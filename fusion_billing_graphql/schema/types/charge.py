# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime
from dataclasses import dataclass

import graphene

from odoo.addons.fusion_centralize_billing.models.price_terms import PriceTerms

from .. import fields, scalars
from ..filters import Filter, IdFilter, TextFilter
from ..links import one
from ..listings import Node, listed

ChargeModel = fields.enumeration(
    "ChargeModel",
    "How a quantity becomes an amount.",
    STANDARD=("standard", "Begun batches above the included quota, at one price."),
    PACKAGE=("package", "Begun packages of all units above the free ones."),
    VOLUME=("volume", "All units at the price of the tier that holds the total."),
    GRADUATED=("graduated", "Each unit at the price of its tier."),
    PERCENTAGE=("percentage", "A rate on the summed amount, and a fee per usage row."),
    GRADUATED_PERCENTAGE=("graduated_percentage", "Each slice of the summed amount at the rate of its tier."),
)

AmountRounding = fields.enumeration(
    "AmountRounding",
    "What of a charge is rounded to the currency in a billing period.",
    LINE=("line", "The amount of each group."),
    CHARGE=("charge", "The sum of all groups; the largest line bears the difference."),
)


def _exact(terms, name):
    number = getattr(terms, name)
    return None if number is None else scalars.plain_decimal(number)


def _number(name, description, required=True):
    """Return a field of a tier."""
    return scalars.Decimal(required=required, description=description, resolver=lambda tier, _info: _exact(tier, name))


def _get_price_terms(source):
    """Return the terms of a charge today, or of prices to come."""
    return source.price_terms if isinstance(source, _PricesFrom) else source._get_price_terms_today()


def _term(name, description, required=True):
    """Return a field of prices."""
    return scalars.Decimal(
        required=required,
        description=description,
        resolver=lambda source, _info: _exact(_get_price_terms(source).terms, name),
    )


@dataclass(frozen=True)
class _PricesFrom:
    """What a charge costs in the billing periods that begin on a day or later."""

    effective_from: datetime.date
    price_terms: PriceTerms


class ChargeTier(graphene.ObjectType):
    """A range of quantities with its own price."""

    up_to = _number("up_to", "The last quantity of the tier; null for the last tier, which is open.", required=False)
    price_per_unit = _number("price_per_unit", "The price of a unit in this tier.")
    flat_fee = _number("flat_fee", "Owed once the tier is entered.")
    rate = _number("rate", "The rate in percent.")


class ChargeCondition(graphene.ObjectType):
    """A property that counters need to be priced: one of its values."""

    name = graphene.String(required=True, description="The name of the property.")
    values = graphene.List(graphene.NonNull(graphene.String), required=True, description="The values that will do.")


class _Prices:
    """The fields of prices: of a charge, and of those to come."""

    charge_model = graphene.Field(ChargeModel, description="How a quantity becomes an amount.")
    included_quota = _term("included_quota", "The quantity of a billing period that costs nothing.")
    price_per_unit = _term("price_per_unit", "The price of a unit, or of a batch of units.")
    unit_batch = _term("unit_batch", "Units in a batch; a begun batch counts whole.")
    free_units = _term("free_units", "Units of a billing period before the first package.")
    rate = _term("rate", "The rate in percent.")
    fixed_fee = _term("fixed_fee", "Owed for each usage row.")
    free_rows = graphene.Int(required=True, description="Usage rows of a billing period without the fixed fee.")
    free_amount = _term("free_amount", "Summed amount of a billing period without the rate.")
    row_minimum = _term("row_minimum", "The least charge of a usage row.", required=False)
    row_maximum = _term("row_maximum", "The greatest charge of a usage row.", required=False)
    tiers = graphene.List(
        graphene.NonNull(ChargeTier), required=True, description="Its tiers, contiguous from zero, the last one open."
    )
    filters = graphene.List(
        graphene.NonNull(ChargeCondition),
        required=True,
        description="The properties that counters need; without any, all counters of the metric are priced.",
    )
    group_by = graphene.List(
        graphene.NonNull(graphene.String),
        required=True,
        description="Counters that differ in one of these properties are priced apart.",
    )
    amount_rounding = graphene.Field(
        AmountRounding, required=True, description="What is rounded, if counters are priced apart."
    )

    @staticmethod
    def resolve_charge_model(source, _info):
        return _get_price_terms(source).charge_model

    @staticmethod
    def resolve_amount_rounding(source, _info):
        return _get_price_terms(source).amount_rounding

    @staticmethod
    def resolve_free_rows(source, _info):
        return _get_price_terms(source).terms.free_rows

    @staticmethod
    def resolve_filters(source, _info):
        filters = _get_price_terms(source).filters
        return [{"name": name, "values": list(values)} for name, values in filters]

    @staticmethod
    def resolve_group_by(source, _info):
        return list(_get_price_terms(source).group_by)

    @staticmethod
    def resolve_tiers(source, _info):
        return list(_get_price_terms(source).terms.tiers)


class UpcomingPrices(_Prices, graphene.ObjectType):
    """What a charge will cost in billing periods that begin on a day or later.

    Terms that its charge model does not use are 0, or null.
    """

    effective_from = scalars.Date(required=True, description="The first day (UTC) of such billing periods.")


@listed(
    "fusion.billing.charge",
    columns=("name", "plan_code", "billing_plan_id", "company_id", "metric_id", "effective_until"),
    orders={"PLAN_CODE": ("plan_code", "By plan code.")},
    filters={
        "plan_code": Filter(TextFilter, "plan_code", "The code of its plan."),
        "metric_id": Filter(IdFilter, "metric_id", "Its metric.", target="Metric"),
        "charge_model": Filter(ChargeModel, "charge_model", "Its charge model."),
    },
)
class Charge(_Prices, graphene.ObjectType):
    """The price of one metric in one plan, in the billing periods that begin today.

    Terms that its charge model does not use are 0, or null.
    """

    class Meta:
        interfaces = (Node,)

    name = fields.text("name", "Name for people.", required=True)
    plan_code = fields.text("plan_code", "The code of the plan whose subscriptions are charged.", required=True)
    metric = one("Metric", "metric_id", "What is counted.")
    currency = graphene.String(required=True, description="The currency of the prices, as ISO 4217 code.")
    effective_from = scalars.Date(
        description="The first day of billing periods that get these prices; null if those that begin today do."
    )
    effective_until = fields.day(
        "effective_until", "The first day on which no billing period that begins is charged any more."
    )
    upcoming = graphene.List(
        graphene.NonNull(UpcomingPrices), required=True, description="Other prices to come, by their days."
    )
    created_at = fields.created_at()

    @staticmethod
    def resolve_currency(record, _info):
        # sudo: services have no access to their company, whose currency it is unless the plan has another one.
        return record.sudo().currency_id.name

    @staticmethod
    def resolve_effective_from(record, _info):
        return record._get_first_day()

    @staticmethod
    def resolve_upcoming(record, _info):
        return [_PricesFrom(day, record._get_price_terms(day)) for day in record._get_upcoming_days()]
