# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""A counter on its way into the table, and what a batch of them does to the counters that are known."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from odoo import fields

from ..rating import attributed_at, plain_text
from .billing_usage_change import Change


@dataclass(frozen=True)
class UsageRow:
    """A counter; times are naive UTC, as Odoo stores them.

    :param properties: its dimensions, such as ``{"region": "eu"}``; None if it has none
    """

    subscription_id: int
    metric_id: int
    quantity: Decimal
    period_start: datetime.datetime
    period_end: datetime.datetime
    idempotency_key: str | None = None
    properties: Mapping[str, str] | None = None

    @property
    def attributed_at(self):
        return attributed_at(self.period_start, self.period_end)

    def as_json(self):
        """Return what a correction can change of a counter, exactly, for its history."""
        return {
            "quantity": plain_text(self.quantity),
            "period_start": self.period_start.isoformat(),
            "period_end": self.period_end.isoformat(),
            "properties": dict(self.properties) if self.properties else None,
        }


@dataclass(frozen=True)
class RecordedRow:
    """A counter in the table."""

    id: int
    row: UsageRow
    is_voided: bool


def find_faults(rows, recorded, locked_until, first_orders=None):
    """Return ``{index: (field, code)}`` of rows that must not be written.

    A key names one counter of one subscription and metric, for ever; also within one batch. What
    repeats a counter as it is does no harm, whatever became of it.

    :param recorded: ``{key: RecordedRow}``
    :param locked_until: ``{subscription id: instant or None}``; usage before it is locked
    :param first_orders: ``{order id: id of the order that its subscription began with}`` of renewed ones
    """
    owners = {key: _get_owner(known.row, first_orders) for key, known in recorded.items()}
    faults = {}
    for index, row in enumerate(rows):
        known = recorded.get(row.idempotency_key)
        owner = _get_owner(row, first_orders)
        if row.idempotency_key is not None and owners.setdefault(row.idempotency_key, owner) != owner:
            faults[index] = ("idempotency_key", "idempotency_conflict")
        elif known and known.row == row:
            continue
        elif known and known.is_voided:
            faults[index] = ("idempotency_key", "usage_voided")
        else:
            touched = [row.attributed_at, *([known.row.attributed_at] if known else [])]
            limit = locked_until.get(row.subscription_id)
            if limit and min(touched) < limit:
                faults[index] = ("period_end", "period_locked")
    return faults


def _get_owner(row, first_orders):
    """Return whose counter a key names, for ever: the subscription, whichever order bills that time, and metric."""
    return (first_orders or {}).get(row.subscription_id, row.subscription_id), row.metric_id


def classify(rows, recorded):
    """Return for each row, in order, whether it is new, changes the counter of its key, or repeats it."""
    known = {key: found.row for key, found in recorded.items()}
    outcomes = []
    for row in rows:
        before = known.get(row.idempotency_key)
        outcomes.append("accepted" if before is None else "duplicate" if before == row else "updated")
        if row.idempotency_key is not None:
            known[row.idempotency_key] = row
    return outcomes


def changes(touched):
    """Return the (subscription id, Change) of triples (subscription id, metric id, instant).

    A batch of counters of a whole year concerns the months that it touches, not the time between.
    """
    spans = {}
    for subscription_id, metric_id, instant in touched:
        key = subscription_id, metric_id, instant.year, instant.month
        earliest, latest = spans.get(key, (instant, instant))
        spans[key] = min(earliest, instant), max(latest, instant)
    return [(key[0], Change(key[1], *span)) for key, span in sorted(spans.items())]


def describe_properties(properties):
    """Return the properties of a counter as one line for people."""
    return ", ".join(f"{name}: {value}" for name, value in sorted(properties.items()))


def naive_utc(value):
    """Return a time as Odoo stores it; a date counts from its midnight."""
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return fields.Datetime.to_datetime(value)
