# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from .. import fields
from ..filters import Filter, TextFilter
from ..listings import Node, listed

Aggregation = fields.enumeration(
    "Aggregation",
    "How the counters of a billing period become one quantity.",
    SUM=("sum", "Their sum."),
    MAX=("max", "The greatest one."),
    LAST=("last", "The latest one."),
    UNIQUE_COUNT=("unique_count", "How many distinct values there are."),
    COUNT=("count", "How many counters there are."),
    AVERAGE=("average", "Their average."),
    WEIGHTED_SUM=("weighted_sum", "Their sum, each weighted by its part of the billing period."),
)

UnitRounding = fields.enumeration(
    "UnitRounding",
    "How the quantity of a billing period is rounded before it is priced.",
    NONE=("none", "Not at all."),
    UP=("up", "Away from zero."),
    DOWN=("down", "Towards zero."),
    HALF_UP=("half_up", "To the nearest, halves away from zero."),
)


@listed(
    "fusion.billing.metric",
    columns=("name", "code", "aggregation", "unit_rounding", "unit_digits"),
    orders={"CODE": ("code", "By code.")},
    filters={"code": Filter(TextFilter, "code", "Its code.")},
)
class Metric(graphene.ObjectType):
    """What is counted."""

    class Meta:
        interfaces = (Node,)

    code = fields.text("code", "The name that source apps use.", required=True)
    name = fields.text("name", "Name for people.", required=True)
    aggregation = fields.choice(Aggregation, "aggregation", "How counters become one quantity.")
    unit_rounding = fields.choice(UnitRounding, "unit_rounding", "How the quantity is rounded before it is priced.")
    unit_digits = fields.integer("unit_digits", "Decimals that rounding leaves; negative for tens, hundreds and so on.")
    created_at = fields.created_at()
