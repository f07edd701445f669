# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

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


def _exact(terms, name):
    number = getattr(terms, name)
    return None if number is None else scalars.plain_decimal(number)


def _number(name, description, required=True):
    """Return a field of a tier."""
    return scalars.Decimal(required=required, description=description, resolver=lambda tier, _info: _exact(tier, name))


def _term(name, description, required=True):
    """Return a field of a charge, of its terms today."""
    return scalars.Decimal(
        required=required,
        description=description,
        resolver=lambda record, _info: _exact(record._get_price_terms_today().terms, name),
    )


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
class Charge(graphene.ObjectType):
    """The price of one metric in one plan, in the billing periods that begin today.

    Terms that its charge model does not use are 0, or null.
    """

    class Meta:
        interfaces = (Node,)

    name = fields.text("name", "Name for people.", required=True)
    plan_code = fields.text("plan_code", "The code of the plan whose subscriptions are charged.", required=True)
    metric = one("Metric", "metric_id", "What is counted.")
    charge_model = graphene.Field(ChargeModel, description="How a quantity becomes an amount.")
    currency = graphene.String(required=True, description="The currency of the prices, as ISO 4217 code.")
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
    effective_until = fields.day(
        "effective_until", "The first day on which no billing period that begins is charged any more."
    )
    created_at = fields.created_at()

    @staticmethod
    def resolve_currency(record, _info):
        # sudo: services have no access to their company, whose currency it is unless the plan has another one.
        return record.sudo().currency_id.name

    @staticmethod
    def resolve_charge_model(record, _info):
        return record._get_price_terms_today().charge_model

    @staticmethod
    def resolve_free_rows(record, _info):
        return record._get_price_terms_today().terms.free_rows

    @staticmethod
    def resolve_filters(record, _info):
        filters = record._get_price_terms_today().filters
        return [{"name": name, "values": list(values)} for name, values in filters]

    @staticmethod
    def resolve_group_by(record, _info):
        return list(record._get_price_terms_today().group_by)

    @staticmethod
    def resolve_tiers(record, _info):
        return list(record._get_price_terms_today().terms.tiers)
