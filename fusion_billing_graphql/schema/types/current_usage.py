# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from .. import fields, scalars
from ..listings import LISTINGS
from .charge import ChargeModel
from .dimension import dimensions
from .rating import BreakdownLine


def _rated(attribute, description):
    return scalars.Decimal(
        required=True,
        description=description,
        resolver=lambda item, _info: scalars.plain_decimal(getattr(item["rated"], attribute)),
    )


class CurrentUsage(graphene.ObjectType):
    """What a charge would cost if the billing period that is not invoiced yet ended now. It is computed, not stored."""

    metric = graphene.Field(lambda: LISTINGS["Metric"].object_type, required=True, description="What is counted.")
    charge_name = graphene.String(required=True, description="The name of the charge.")
    charge_model = graphene.Field(ChargeModel, description="How the quantity becomes an amount.")
    dimensions = dimensions(
        "What the counters have in common, if the charge groups them.", lambda item: item["dimensions"]
    )
    period_start = scalars.DateTime(required=True, description="The start of the billing period.")
    period_end = scalars.DateTime(required=True, description="The first instant after the billing period.")
    quantity = _rated("total", "The quantity used so far.")
    included = _rated("included", "The part of it that costs nothing.")
    billable = _rated("billable", "The part of it that is priced.")
    amount = scalars.Decimal(required=True, description="What it costs, without tax, rounded as it will be billed.")
    currency = graphene.String(required=True, description="The currency of the amount, as ISO 4217 code.")
    breakdown = graphene.List(
        graphene.NonNull(BreakdownLine), required=True, description="How the amount came about, part by part."
    )

    @staticmethod
    def resolve_metric(item, info):
        return item["charge"].metric_id.with_env(info.context.env)

    @staticmethod
    def resolve_charge_name(item, _info):
        return item["charge"].name

    @staticmethod
    def resolve_charge_model(item, _info):
        return item["charge"].charge_model

    @staticmethod
    def resolve_amount(item, _info):
        return fields.in_currency(item["amount"], item["subscription"].currency_id)

    @staticmethod
    def resolve_currency(item, _info):
        return item["subscription"].currency_id.name

    @staticmethod
    def resolve_breakdown(item, _info):
        return [line.as_dict() for line in item["rated"].lines]


def load_current_usage(orders):
    """Return ``{subscription id: items}`` with a number of queries that does not depend on how many there are."""
    usage = orders._fc_get_current_usage()
    return {order.id: [{**item, "subscription": order} for item in usage[order]] for order in orders}
