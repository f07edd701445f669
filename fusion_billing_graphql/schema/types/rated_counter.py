# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from functools import partial

import graphene

from odoo.addons.fusion_centralize_billing.api.errors import ForbiddenError

from .. import fields, scalars
from ..links import find
from ..listings import LISTINGS, connection_type
from ..pages import Edge, make_page, place_arguments
from ..windows import decode_cursor, encode_cursor, read_place
from .dimension import dimensions

#: The order of the list: its cursors are of no other one.
_ORDER = "RATED"

CounterCorrection = fields.enumeration(
    "CounterCorrection",
    "What has happened to a counter.",
    AMENDED=("amended", "It has another quantity, time or properties."),
    VOIDED=("voided", "It counts no more."),
    DELETED=("deleted", "It is not there any more."),
)


def _quantity(name, description, required=False):
    return scalars.Decimal(
        required=required,
        description=description,
        resolver=lambda counter, _info: None if counter[name] is None else scalars.plain_decimal(counter[name]),
    )


class RatedCounter(graphene.ObjectType):
    """A counter as it was when it was rated, and what has become of it."""

    number = graphene.Int(
        required=True,
        description="Its number, the same in all ratings.",
        resolver=lambda counter, _info: counter["counter_id"],
    )
    quantity = _quantity("quantity", "How much was rated.", required=True)
    period_start = scalars.DateTime(required=True, description="From when on it counted.")
    period_end = scalars.DateTime(required=True, description="Until when it counted (exclusive).")
    attributed_at = scalars.DateTime(required=True, description="Its last instant, which decides the billing period.")
    properties = dimensions("Its dimensions when it was rated.", lambda counter: counter["properties"] or {})
    metric_code = graphene.String(required=True, description="The code of its metric.")
    idempotency_key = graphene.String(description="The key it was recorded with.")
    source = graphene.String(required=True, description="How it came here.")
    created_at = scalars.DateTime(required=True, description="When it was recorded.")
    current_quantity = _quantity("current_quantity", "How much stands there now; null if the counter was deleted.")
    correction = graphene.Field(
        CounterCorrection, description="What has happened to it since it was rated; null if it is as it was."
    )
    corrected_at = scalars.DateTime(description="When that happened.")
    voided_at = scalars.DateTime(description="Since when it does not count any more; null if it counts.")
    void_reason = graphene.String(description="Why it does not count any more.")
    updated_at = scalars.DateTime(required=True, description="When it was changed last.")
    usage_record = graphene.Field(
        lambda: LISTINGS["UsageRecord"].object_type, description="The counter as it is now; null if it was deleted."
    )

    @staticmethod
    def resolve_usage_record(counter, info):
        def load(records):
            return {record.id: record for record in find(info.context.env, "UsageRecord", [("id", "in", records.ids)])}

        return info.context.batch("present counter", counter["usage"], load)


_CONNECTION = connection_type("RatedCounter", RatedCounter)


def counters(description):
    """Return the field of a rating's counters."""
    return graphene.Field(_CONNECTION, required=True, description=description, resolver=_resolve, **place_arguments())


def _resolve(rating, info, **args):
    context = info.context
    if not context.env["fusion.billing.usage"].has_access("read"):
        raise ForbiddenError("You have no access to RatedCounter objects.")
    size, backward, text = read_place(args)
    beyond = None if text is None else decode_cursor(text, _ORDER)[1]
    service = context.service
    load = partial(_load, context.env, service, size, backward, beyond)
    page = context.batch(("counters", size, backward, beyond), rating, load)
    page.count = lambda _info: context.batch("count of counters", rating, partial(_count, context.env, service))
    return page


def _load(env, service, size, backward, beyond, ratings):
    # sudo: the ratings are visible, and a service gets its own counters only.
    found = (
        env["fusion.billing.rated.counter"]
        .sudo()
        ._read_pages(ratings, size + 1, beyond, descending=backward, service=service)
    )
    usage = env["fusion.billing.usage"].browse(row["counter_id"] for rows in found.values() for row in rows)
    records = dict(zip(usage.ids, usage, strict=True))
    return {
        rating_id: make_page(
            [
                Edge({**row, "usage": records[row["counter_id"]]}, encode_cursor(_ORDER, None, row["counter_id"]))
                for row in rows
            ],
            size,
            backward,
            beyond is not None,
        )
        for rating_id, rows in found.items()
    }


def _count(env, service, ratings):
    # sudo: as in _load.
    return env["fusion.billing.rated.counter"].sudo()._count_counters(ratings, service)
