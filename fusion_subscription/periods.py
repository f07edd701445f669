# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Arithmetic of billing periods. Pure dates: no Odoo, no clock.

A subscription has an *anchor* (its first day) and *boundaries* at anchor + n periods, n >= 1. Each
boundary is computed from the anchor and not from the boundary before it, so that a subscription
of the 31st comes back to the 31st after a short month (Jan 31, Feb 28, Mar 31).
"""

from dataclasses import dataclass
from datetime import date

from dateutil.relativedelta import relativedelta

UNITS = ("week", "month", "year")


@dataclass(frozen=True)
class Recurrence:
    """Length of a billing period: ``value`` times ``unit`` (week, month or year)."""

    value: int
    unit: str

    def __post_init__(self) -> None:
        if self.value < 1:
            raise ValueError(f"a period lasts at least one {self.unit}, not {self.value!r}")
        if self.unit not in UNITS:
            raise ValueError(f"unknown period unit {self.unit!r}")

    def boundary(self, anchor: date, number: int) -> date:
        """Return anchor + ``number`` periods, shortened to the last day of a shorter month."""
        return anchor + relativedelta(**{f"{self.unit}s": self.value * number})

    def next_boundary(self, anchor: date, after: date) -> date:
        """Return the first boundary later than ``after``; never the anchor itself."""
        number = max(1, self._estimate(anchor, after))
        while self.boundary(anchor, number) <= after:
            number += 1
        return self.boundary(anchor, number)

    def _estimate(self, anchor: date, after: date) -> int:
        """Return a boundary number at or just below the wanted one, so that few steps remain."""
        if self.unit == "week":
            return (after - anchor).days // (7 * self.value)
        months = 12 * (after.year - anchor.year) + after.month - anchor.month
        length = self.value * (12 if self.unit == "year" else 1)
        return (months - 1) // length


def covers(outer_start: date, outer_end: date | None, start: date, end: date) -> bool:
    """Tell whether [outer_start, outer_end) holds all of [start, end); an open end holds all."""
    return outer_start <= start and (outer_end is None or outer_end >= end)
