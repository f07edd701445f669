# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Arithmetic of Enterprise's billing periods, which follow from the next invoice date. No Odoo, no clock."""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from dateutil.relativedelta import relativedelta

#: About how long the units are, in days, to begin a search with.
_DAYS = {"week": 7, "month": 30.44, "year": 365.25}


@dataclass(frozen=True)
class Recurrence:
    """Length of a billing period: ``value`` times ``unit`` (week, month or year).

    ``aligned``: full periods begin on Mondays, on firsts of a month or on January 1.
    """

    value: int
    unit: str
    aligned: bool = False

    def step(self, number: int) -> relativedelta:
        return relativedelta(**{f"{self.unit}s": self.value * number})

    def period_around(self, boundary: date, day: date) -> tuple[date, date]:
        """Return the period [start, end) that holds a day, counted from a known boundary.

        The first day of an aligned subscription is none: its full period began before.
        """
        boundary = self._align(boundary) if self.aligned else boundary
        number = int((day - boundary).days / (_DAYS[self.unit] * self.value))
        while boundary + self.step(number) <= day:
            number += 1
        while boundary + self.step(number - 1) > day:
            number -= 1
        return boundary + self.step(number - 1), boundary + self.step(number)

    def boundaries_between(self, after: date, before: date, boundary: date) -> list[date]:
        """Return the boundaries between two days, without these, oldest first, counted from a known one."""
        found = []
        day = self.period_around(boundary, after)[1]
        while day < before:
            found.append(day)
            day = self.period_around(boundary, day)[1]
        return found

    def end_of(self, start: date) -> date:
        """Return the first day after the full period whose part begins on a day."""
        return (self._align(start) if self.aligned else start) + self.step(1)

    def full_days(self, start: date) -> int:
        """Return how many days the full period has whose part begins on a day."""
        begins = self._align(start) if self.aligned else start
        return (begins + self.step(1) - begins).days

    def fraction(self, start: date, end: date) -> Fraction:
        """Return how much of a full period the days [start, end) are, at most 1."""
        begins = self._align(start) if self.aligned else start
        if not self.aligned and end >= start + self.step(1):
            return Fraction(1)
        return min(Fraction(1), Fraction((end - start).days, (begins + self.step(1) - begins).days))

    def _align(self, day: date) -> date:
        """Return the first day of the calendar week, month or year that holds a day."""
        if self.unit == "week":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.unit == "month" else day.replace(month=1, day=1)
