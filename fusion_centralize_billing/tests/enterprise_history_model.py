# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What a subscription of Enterprise owes, worked out without the product: no ledger, no rating, no Odoo.

The yardstick of test_enterprise_histories.py. It is told what Enterprise does (the next invoice date, the end, the
order that renews another one) and which counters were acknowledged, and says which periods there are and what each
one costs. Money is in fractions, rounded half up to cents.
"""

import datetime
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from dateutil.relativedelta import relativedelta

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class PlanSpec:
    """A monthly plan; amounts and quantities are text, so that no float comes between.

    :param tiers: ``(up to or None, price)``, each unit at the price of its tier; instead of quota and price
    :param by_day: quota and minimum of a period that is not whole have their share
    """

    name: str
    quota: str = "0"
    price: str = "0.37"
    tiers: tuple[tuple[str | None, str], ...] = ()
    fee: str = "0"
    minimum: str = "0"
    by_day: bool = False
    aligned: bool = False

    def get_begin(self, day):
        """Return the first day of the full period of which one that begins on a day is a part."""
        return day.replace(day=1) if self.aligned else day

    def get_part(self, start, end):
        """Return how much of a full period the days [start, end) are, at most 1."""
        begin = self.get_begin(start)
        return min(Fraction(1), Fraction((end - start).days, (begin + relativedelta(months=1) - begin).days))

    def price_usage(self, total, part):
        if self.tiers:
            return self._price_tiers(total)
        quota = _round(Fraction(self.quota) * part, 6)
        return _round(max(Fraction(0), total - quota) * Fraction(self.price), 2)

    def _price_tiers(self, total):
        amount, reached = Fraction(0), Fraction(0)
        for up_to, price in self.tiers:
            bound = min(total, Fraction(up_to)) if up_to else total
            amount += max(Fraction(0), bound - reached) * Fraction(price)
            reached = max(reached, bound)
        return _round(amount, 2)

    def price_period(self, period, total):
        """Return what a period costs beside its fee: usage, and what is missing to the minimum."""
        part = self.get_part(period.start, period.end) if self.by_day else Fraction(1)
        usage = self.price_usage(total, part)
        # Enterprise bills fees in advance: an end does not lower them, only alignment does.
        whole = self.get_part(period.start, self.get_begin(period.start) + relativedelta(months=1))
        fee = _round(Fraction(self.fee) * period.seats * whole, 2)
        minimum = _round(Fraction(self.minimum) * part, 2)
        return usage + max(Fraction(0), minimum - fee - usage)


@dataclass(frozen=True)
class Counter:
    """A counter as it was acknowledged last.

    :param day: the subscription's day that holds it
    """

    day: datetime.date
    quantity: int
    is_void: bool = False


@dataclass(frozen=True)
class Period:
    """The days [start, end), and how many seats had a fee when it was closed."""

    start: datetime.date
    end: datetime.date
    seats: int


@dataclass
class Life:
    """One order's part of a subscription.

    :param opened: first day that is not closed
    :param next_date: Enterprise's next invoice date
    :param ended_on: first day after the end, or None
    """

    first: datetime.date
    opened: datetime.date
    next_date: datetime.date
    is_aligned: bool
    seats: int = 1
    ended_on: datetime.date | None = None
    is_continued: bool = False
    closed: list[Period] = field(default_factory=list)

    # === WHAT ENTERPRISE DOES === #

    def pass_days(self, today):
        """Close the periods whose end has come although the next invoice date lies behind it; ends too."""
        if self.ended_on and not self.is_continued:
            self._close_until(min(today, self.ended_on - _DAY), self._get_boundaries(today))
        else:
            self._close_until(min(today, self.next_date - _DAY), self._get_boundaries(self.next_date))

    def move(self, day):
        """Let the next invoice date move: forward it ends the period that it closed so far."""
        if day > self.next_date:
            self._close_until(self.next_date, self._get_boundaries(self.next_date))
        self.next_date = day

    def invoice(self, today):
        """Let an invoice be made: of a due subscription it ends the period."""
        if self.next_date <= today and not self.ended_on:
            self._close_until(self.next_date, self._get_boundaries(self.next_date))

    def end(self, day, has_usage):
        """Let it end: with usage it covers its first day, and what is closed in any case."""
        self.ended_on = max(day, self.opened, self.first + _DAY if has_usage else self.first)

    def reopen(self):
        """Let it run again: the period that the end had cut goes on."""
        self.ended_on = None

    # === ANSWERS === #

    def get_periods(self):
        """Return the closed periods, and of what is over also the last ones, cut at the end."""
        periods = list(self.closed)
        start = self.opened
        while self.ended_on and start < self.ended_on:
            end = min([day for day in self._get_boundaries(self.ended_on) if day > start] + [self.ended_on])
            periods.append(Period(start, end, self.seats))
            start = end
        return periods

    def get_totals(self, counters):
        """Return ``[(period, sum of its counters)]``; the last one of what is over has what was pushed for later."""
        periods = self.get_periods()
        totals = [
            (period, sum(each.quantity for each in counters if period.start <= each.day < period.end))
            for period in periods
        ]
        if self.ended_on and not self.is_continued and totals:
            last, total = totals[-1]
            totals[-1] = last, total + sum(each.quantity for each in counters if each.day >= last.end)
        return totals

    # === HELPERS === #

    def _get_boundaries(self, until):
        """Return the ends of periods behind the open day up to a day, counted from the next invoice date."""
        begin = self.next_date.replace(day=1) if self.is_aligned else self.next_date
        number = -12 * (begin.year - self.opened.year + 1)
        found = set()
        while (day := begin + relativedelta(months=number)) <= until:
            found.add(day)
            number += 1
        # Moved by hand, it may be no boundary otherwise.
        found |= set() if self.ended_on else {self.next_date}
        return sorted(day for day in found if self.opened < day <= until)

    def _close_until(self, last, boundaries):
        for day in boundaries:
            if day <= last:
                self.closed.append(Period(self.opened, day, self.seats))
                self.opened = day


@dataclass
class EnterpriseModel:
    """A subscription: its plan, the orders that it consists of, and its counters by key."""

    spec: PlanSpec
    lives: list[Life]
    counters: dict[str, Counter] = field(default_factory=dict)

    def get_counters(self, life):
        """Return the counters of one order's time."""
        number = self.lives.index(life)
        first = life.first if number else datetime.date.min
        after = self.lives[number + 1].first if number + 1 < len(self.lives) else datetime.date.max
        standing = [counter for counter in self.counters.values() if not counter.is_void]
        return [counter for counter in standing if first <= counter.day < after]

    def renew(self, day):
        """Let another order go on, from the next invoice date on or from where the periods were closed."""
        old = self.lives[-1]
        old.ended_on, old.is_continued = day, True
        self.lives.append(Life(day, day, day, old.is_aligned, old.seats))

    def price(self, life):
        """Return ``{first day of a period: amount}`` of what an order owes, without fees."""
        totals = life.get_totals(self.get_counters(life))
        owed = {period.start: self.spec.price_period(period, Fraction(total)) for period, total in totals}
        return {day: amount for day, amount in owed.items() if amount}


def _round(number, digits):
    """Round a number that is not negative half up."""
    scale = 10**digits
    return Fraction(floor(number * scale + Fraction(1, 2)), scale)
