# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Which counters a charge adds up: of a subscription and metric, in a window of time, with some properties."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass

from odoo.models import BaseModel
from odoo.tools import SQL

#: The group of a window that is not grouped.
WHOLE = ""
#: What SQL adds up of counters ``usage`` in a window ``win``, as exact text: a quantity, or the numerator of one and
#: what it is divided by.
COMPONENTS = {
    "sum": "SUM(quantity)::text, NULL::text",
    "count": "COUNT(*)::text, NULL::text",
    "max": "MAX(quantity)::text, NULL::text",
    "last": "(ARRAY_AGG(quantity ORDER BY attributed_at DESC, usage.id DESC))[1]::text, NULL::text",
    "unique_count": "COUNT(DISTINCT quantity)::text, NULL::text",
    "average": "SUM(quantity)::text, COUNT(*)::text",
    "weighted_sum": (
        "SUM(quantity * EXTRACT(EPOCH FROM usage.period_end - usage.period_start)::numeric)::text,"
        " MIN(EXTRACT(EPOCH FROM win.end_at - win.start_at)::numeric)::text"
    ),
}


@dataclass(frozen=True)
class UsageWindow:
    """The counters of a subscription and metric attributed to [start, end), naive UTC.

    :param filters: pairs (property, values); a counter needs one of the values of each property
    :param group_by: properties; counters that differ in one of them are added up apart
    :param until: the first instant of counters that the window does not hold, if not its end
    """

    subscription: BaseModel
    metric: BaseModel
    start: datetime.datetime
    end: datetime.datetime
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    group_by: tuple[str, ...] = ()
    until: datetime.datetime | None = None

    @property
    def selection(self):
        """Return what windows have in common that one query can serve."""
        return self.metric.aggregation, self.filters, self.group_by


def group_dimensions(group: str) -> dict[str, str | None]:
    """Return what the counters of a group have in common, by name; empty for :data:`WHOLE`."""
    return dict(sorted(json.loads(group).items())) if group else {}


def windows_query(components: str, windows: list[UsageWindow], first_number: int) -> SQL:
    """Return the query of (number, group, components...) of windows with one selection; empty ones are left out."""
    return SQL(
        """
        SELECT %(first)s + win.number - 1, %(group)s, %(components)s %(counters)s
         GROUP BY 1, 2
        """,
        first=first_number,
        group=_group(windows[0].group_by),
        components=SQL(components),
        counters=_counters(windows),
    )


def _counters(windows):
    """Return the FROM clause of the counters of windows with one selection, numbered from 1."""
    accepted = windows[0].filters
    conditions = [SQL(" AND usage.properties ->> %s = ANY(%s)", name, list(values)) for name, values in accepted]
    return SQL(
        """
          FROM UNNEST(%(subscriptions)s::int[], %(metrics)s::int[], %(starts)s::timestamp[], %(ends)s::timestamp[],
                      %(limits)s::timestamp[])
               WITH ORDINALITY AS win (subscription_id, metric_id, start_at, end_at, until_at, number)
          JOIN fusion_billing_usage AS usage
            ON usage.subscription_id = win.subscription_id AND usage.metric_id = win.metric_id
           AND usage.attributed_at >= win.start_at AND usage.attributed_at < win.until_at
           AND usage.voided_at IS NULL%(conditions)s
        """,
        subscriptions=[window.subscription.id for window in windows],
        metrics=[window.metric.id for window in windows],
        starts=[window.start for window in windows],
        ends=[window.end for window in windows],
        limits=[window.until or window.end for window in windows],
        conditions=SQL("").join(conditions),
    )


def _group(group_by):
    """Return the expression of a group: its dimensions as JSON text, which PostgreSQL writes in one way only."""
    if not group_by:
        return SQL("%s", WHOLE)
    pairs = SQL(", ").join(SQL("%s::text, usage.properties ->> %s", name, name) for name in group_by)
    return SQL("jsonb_build_object(%s)::text", pairs)
