# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""How the usage rows of one billing period become one quantity.

SQL does this in production; these are the same rules in Python, small enough to be read, and the
yardstick that the SQL is tested against. SQL brings only the :class:`Components`, which are exact,
and :func:`finish` divides and rounds them for both, so that they cannot differ in the last digit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from .errors import RatingError
from .money import ZERO, exact_arithmetic, quotient, to_decimal
from .periods import attributed_at, microseconds_between


@dataclass(frozen=True)
class StoredRow:
    """A usage row as an aggregation looks at it.

    :param sequence: its number in order of storage.
    :param quantity: what was used in, or held during, [``period_start``, ``period_end``).
    """

    sequence: int
    quantity: Decimal
    period_start: datetime
    period_end: datetime

    @property
    def attributed_at(self) -> datetime:
        """The instant that decides its billing period, and its place in order of time."""
        return attributed_at(self.period_start, self.period_end)


@dataclass(frozen=True)
class Components:
    """The exact numbers that a quantity is made of.

    :param numerator: the quantity itself, if there is no denominator.
    :param denominator: what the numerator is still to be divided by, above zero.
    """

    numerator: Decimal
    denominator: Decimal | None = None


#: The billing period as its start and its end (exclusive).
Window: TypeAlias = tuple[datetime, datetime]
Aggregation: TypeAlias = Callable[[Sequence[StoredRow], Window | None], Components]


def _as_it_is(select: Callable[[Sequence[StoredRow]], Decimal]) -> Aggregation:
    """Return an aggregation whose numerator is the quantity, whatever the window."""
    return lambda rows, _window: Components(select(rows))


def _sum(rows: Sequence[StoredRow]) -> Decimal:
    return sum((row.quantity for row in rows), ZERO)


def _max(rows: Sequence[StoredRow]) -> Decimal:
    return max(row.quantity for row in rows)


def _last(rows: Sequence[StoredRow]) -> Decimal:
    """Of rows at the same instant, the one stored last wins."""
    return max(rows, key=lambda row: (row.attributed_at, row.sequence)).quantity


def _unique_count(rows: Sequence[StoredRow]) -> Decimal:
    """Values are compared as numbers: 1.0 and 1.00 are one value."""
    return Decimal(len({row.quantity for row in rows}))


def _count(rows: Sequence[StoredRow]) -> Decimal:
    """Rows count whatever their quantity, rows of zero too."""
    return Decimal(len(rows))


def _average(rows: Sequence[StoredRow], _window: Window | None) -> Components:
    """Each row weighs the same, however long it lasts."""
    return Components(_sum(rows), _count(rows))


def _weighted_sum(rows: Sequence[StoredRow], window: Window | None) -> Components:
    """Each quantity counts for the part of the window for which it was held.

    A row that begins before the window counts with its whole duration: it is attributed to this
    window alone, so what is cut off here would be billed nowhere.

    :raise RatingError: ``window_needed``, ``duration_needed``.
    """
    length = microseconds_between(*window) if window else 0
    if not length:
        raise RatingError("window_needed", "A weighted sum needs a window with a duration.", ("window",))
    total = ZERO
    for index, row in enumerate(rows):
        duration = microseconds_between(row.period_start, row.period_end)
        if not duration:
            message = "A weighted sum needs rows with a duration."
            raise RatingError("duration_needed", message, ("rows", index, "period_end"))
        total += row.quantity * duration
    return Components(total, Decimal(length))


#: Called with at least one row, in exact arithmetic; what they return goes to :func:`finish`.
AGGREGATIONS: dict[str, Aggregation] = {
    "sum": _as_it_is(_sum),
    "max": _as_it_is(_max),
    "last": _as_it_is(_last),
    "unique_count": _as_it_is(_unique_count),
    "count": _as_it_is(_count),
    "average": _average,
    "weighted_sum": _weighted_sum,
}


def finish(components: Components) -> Decimal:
    """Return the quantity: the numerator as it is, or the :func:`quotient`.

    :raise RatingError: ``invalid_divisor`` unless the denominator is above zero.
    """
    if components.denominator is None:
        return components.numerator
    return quotient(components.numerator, components.denominator)


def aggregate(name: str, rows: Sequence[StoredRow], window: Window | None = None) -> Decimal:
    """Return the quantity that the rows of one billing period amount to; zero without rows.

    The rows may come in any order. The result can be negative if quantities are.

    :param name: a name in ``AGGREGATIONS``.
    :param rows: those that are attributed to the billing period; nothing is left out here.
    :param window: the billing period; only ``weighted_sum`` needs it.
    :raise RatingError: ``unknown_aggregation``; ``invalid_number`` or ``out_of_range`` with the
        index of the row; for ``weighted_sum`` also ``duration_needed`` with the index of the row,
        and ``window_needed``.
    """
    if name not in AGGREGATIONS:
        raise RatingError("unknown_aggregation", f"Unknown aggregation: {name}.", ("aggregation",))
    if not rows:
        return ZERO
    checked = [
        replace(row, quantity=to_decimal(row.quantity, ("rows", index, "quantity"))) for index, row in enumerate(rows)
    ]
    with exact_arithmetic():
        return finish(AGGREGATIONS[name](checked, window))
