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
)


@listed(
    "fusion.billing.metric",
    columns=("name", "code", "aggregation"),
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
    created_at = fields.created_at()
