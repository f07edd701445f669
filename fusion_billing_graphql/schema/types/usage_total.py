# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from .. import answered
from .dimension import dimensions


class UsageTotal(graphene.ObjectType):
    """Usage of a metric in a window, added up as the metric says."""

    window_start = answered.instant("from", "The start of the window.")
    window_end = answered.instant("to", "The first instant after the window.")
    metric_code = answered.text("metric_code", "The code of the metric.")
    dimensions = dimensions(
        "What the counters have in common, if they were grouped by a property.", lambda total: total["properties"]
    )
    quantity = answered.number("quantity", "How much was used.")
    rows = answered.integer("rows", "How many counters it is made of.")


class UsageTotalPage(graphene.ObjectType):
    """A page of totals; groups follow in no particular order."""

    nodes = graphene.List(graphene.NonNull(UsageTotal), required=True, description="The page's totals.")
    next_cursor = graphene.String(description="The cursor of the next page; null on the last one.")
