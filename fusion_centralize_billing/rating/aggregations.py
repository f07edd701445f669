# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""How the usage rows of one billing period become one quantity.

SQL does this in production; these are the same rules in Python, small enough to be read, and the
yardstick that the SQL is tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from .errors import RatingError
from .money import ZERO, exact_arithmetic, to_decimal

#: When the row happened (see ``periods.attributed_at``), its number in order of storage, its quantity.
UsageRow: TypeAlias = tuple[datetime, int, Decimal]
Aggregation: TypeAlias = Callable[[Sequence[UsageRow]], Decimal]


def _sum(rows: Sequence[UsageRow]) -> Decimal:
    return sum((quantity for _, _, quantity in rows), ZERO)


def _max(rows: Sequence[UsageRow]) -> Decimal:
    return max(quantity for _, _, quantity in rows)


def _last(rows: Sequence[UsageRow]) -> Decimal:
    """Of rows at the same instant, the one stored last wins."""
    return max(rows, key=lambda row: row[:2])[2]


def _unique_count(rows: Sequence[UsageRow]) -> Decimal:
    """Values are compared as numbers: 1.0 and 1.00 are one value."""
    return Decimal(len({quantity for _, _, quantity in rows}))


#: Called with at least one row.
AGGREGATIONS: dict[str, Aggregation] = {
    "sum": _sum,
    "max": _max,
    "last": _last,
    "unique_count": _unique_count,
}


def aggregate(name: str, rows: Sequence[UsageRow]) -> Decimal:
    """Return the quantity that the rows of one billing period amount to; zero without rows.

    The rows may come in any order. The result can be negative if quantities are.

    :param name: a name in ``AGGREGATIONS``.
    :raise RatingError: ``unknown_aggregation``, or ``invalid_number`` or ``out_of_range`` with the
        index of the row.
    """
    if name not in AGGREGATIONS:
        raise RatingError("unknown_aggregation", f"Unknown aggregation: {name}.", ("aggregation",))
    if not rows:
        return ZERO
    checked = [
        (moment, sequence, to_decimal(quantity, ("rows", index, "quantity")))
        for index, (moment, sequence, quantity) in enumerate(rows)
    ]
    with exact_arithmetic():
        return AGGREGATIONS[name](checked)
