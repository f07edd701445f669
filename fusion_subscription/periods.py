# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Arithmetic of billing periods. Pure dates: no Odoo, no clock.

A subscription has an *anchor* and *boundaries* at anchor + n periods, n >= 1. The anchor is its first
day or, if periods are aligned, the first day of the calendar week, month or year that holds the first
day: the first period is then the rest of a full one. Each boundary is computed from the anchor and not
from the boundary before it, so that a subscription of the 31st comes back to the 31st after a short
month (Jan 31, Feb 28, Mar 31).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from dateutil.relativedelta import relativedelta

UNITS = ("week", "month", "year")


@dataclass(frozen=True)
class Recurrence:
    """Length of a billing period: ``value`` times ``unit`` (week, month or year).

    Aligned boundaries lie on Mondays, on firsts of a month or on January 1. ``first_day`` is the first
    day of the subscription everywhere; the anchor follows from it.
    """

    value: int
    unit: str
    aligned: bool = False

    def __post_init__(self) -> None:
        if self.value < 1:
            raise ValueError(f"a period lasts at least one {self.unit}, not {self.value!r}")
        if self.unit not in UNITS:
            raise ValueError(f"unknown period unit {self.unit!r}")

    def boundary(self, first_day: date, number: int) -> date:
        """Return anchor + ``number`` periods, shortened to the last day of a shorter month."""
        return self._anchor(first_day) + relativedelta(**{f"{self.unit}s": self.value * number})

    def next_boundary(self, first_day: date, after: date) -> date:
        """Return the first boundary later than ``after``; never the anchor itself."""
        return self.boundary(first_day, self._number_after(first_day, after))

    def period_around(self, first_day: date, day: date) -> tuple[date, date]:
        """Return the full period [start, end) that holds ``day``; the first one may start before ``first_day``.

        :raise ValueError: if the day lies before the first period
        """
        number = self._number_after(first_day, day)
        start = self.boundary(first_day, number - 1)
        if day < start:
            raise ValueError(f"{day} lies before the first period, which starts on {start}")
        return start, self.boundary(first_day, number)

    def fraction(self, first_day: date, start: date, end: date) -> Fraction:
        """Return how many full periods the days [start, end) are: 1 for a whole one, days / full days of a part."""
        total = Fraction(0)
        while start < end:
            full_start, full_end = self.period_around(first_day, start)
            total += Fraction((min(end, full_end) - start).days, (full_end - full_start).days)
            start = full_end
        return total

    def _anchor(self, first_day: date) -> date:
        if not self.aligned:
            return first_day
        if self.unit == "week":
            return first_day - timedelta(days=first_day.weekday())
        return first_day.replace(day=1) if self.unit == "month" else first_day.replace(month=1, day=1)

    def _number_after(self, first_day: date, after: date) -> int:
        number = max(1, self._estimate(self._anchor(first_day), after))
        while self.boundary(first_day, number) <= after:
            number += 1
        return number

    def _estimate(self, anchor: date, after: date) -> int:
        """Return a boundary number at or just below the wanted one, so that few steps remain."""
        if self.unit == "week":
            return (after - anchor).days // (7 * self.value)
        months = 12 * (after.year - anchor.year) + after.month - anchor.month
        length = self.value * (12 if self.unit == "year" else 1)
        return (months - 1) // length


def covers(stretches: Iterable[tuple[date, date | None]], start: date, end: date) -> bool:
    """Tell whether stretches [from, to) together hold all of [start, end); an open end holds all.

    Stretches that meet or overlap count as one.
    """
    reached = start
    for begins, ends in sorted(stretches, key=lambda stretch: stretch[0]):
        if begins > reached:
            break
        reached = end if ends is None else max(reached, ends)
    return reached >= end
