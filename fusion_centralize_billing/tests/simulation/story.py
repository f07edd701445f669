# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Who subscribes to what, and what happens on which day. Made up by a seeded generator, so always the same."""

import datetime
import random
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from .agreements import CHARGES, OFFERS, Agreement, Counter, Offer

_DAY = datetime.timedelta(days=1)
_FEES = {"CAD": ("29.99", "100", "7.05"), "JPY": ("2980", "10001", "777"), "KWD": ("9.125", "3.333", "20")}
_MINIMUMS = {"CAD": 150, "JPY": 15000, "KWD": Fraction("40.125")}
#: Late counters and corrections of subscriptions that run on stop so long before the last day, to be invoiced by then.
_QUIET_DAYS = 45


@dataclass(frozen=True)
class Event:
    """Something that happens to a subscription: ``open``, ``push``, ``amend``, ``void``, ``end``, or ``prices`` to all.

    :param counter: what is sent or corrected
    :param quantity: the right quantity, of ``amend``
    """

    kind: str
    agreement: Agreement | None = None
    counter: Counter | None = None
    quantity: Fraction | None = None


class Story:
    """Agreements and events of some months from January 1, 2026 on.

    The subscriptions that are billed for more than a month at once end on the last day, so that all
    they owe is invoiced; the others run on, but for those that end before.

    :param size: number of subscriptions
    """

    def __init__(self, size, months, seed=20260101):
        self._random = random.Random(seed)
        self.first_day = datetime.date(2026, 1, 1)
        self.last_day = self.first_day.replace(year=self.first_day.year + months // 12, month=1 + months % 12)
        #: A few days for days of grace, and for what comes after the end.
        self.settled_on = self.last_day + 9 * _DAY
        self.prices_change_on = self.first_day + (self.last_day - self.first_day) * 5 // 12 + 8 * _DAY
        self.events = defaultdict(list)
        self.agreements = [self._agree(number) for number in range(size)]
        self.events[self.prices_change_on].append(Event("prices"))
        for agreement in self.agreements:
            self._tell(agreement)

    def _agree(self, number):
        rng = self._random
        currency, tax, codes = OFFERS[number % len(OFFERS)]
        offer = Offer(currency, tax, tuple(CHARGES[code] for code in codes))
        months = rng.choices([1, 3, 12], [5, 3, 2])[0]
        prorated = rng.random() < 0.5
        in_advance = rng.random() < 0.3
        start = self.first_day + rng.randrange((self.last_day - self.first_day).days // 2) * _DAY
        ends_on = self.last_day if months > 1 else None
        if rng.random() < 0.15:
            ends_on = start + rng.randrange(10, (self.last_day - start).days) * _DAY
        return Agreement(
            number,
            offer,
            months,
            aligned=rng.random() < 0.4,
            start=start,
            fee=Fraction(rng.choice(_FEES[currency])) * months,
            in_advance=in_advance,
            prorated=prorated,
            trial_days=rng.choice([0, 0, 0, 7, 14, 40]),
            grace_days=rng.choice([0, 0, 0, 2, 5]),
            minimum=Fraction(_MINIMUMS[currency]) * months
            if tax != "HST included" and rng.random() < 0.25
            else Fraction(0),
            ends_on=ends_on,
        )

    def _tell(self, agreement):
        rng = self._random
        self.events[agreement.start].append(Event("open", agreement))
        until = agreement.ends_on or self.last_day
        if agreement.ends_on:
            told = agreement.ends_on - rng.choice([0, 0, 3, 20]) * _DAY
            self.events[max(told, agreement.start)].append(Event("end", agreement))
        for charge in agreement.offer.charges:
            start = agreement.start
            number = 0
            while start < until:
                end = min(start + 7 * _DAY, until)
                for _row in range(rng.randrange(1, 4) if charge.model == "percentage" else 1):
                    number += 1
                    self._tell_counter(agreement, charge, f"{agreement.number}:{charge.code}:{number}", start, end)
                start = end

    def _tell_counter(self, agreement, charge, key, start, end):
        rng = self._random
        begin, finish = (datetime.datetime.combine(day, datetime.time.min) for day in (start, end))
        if charge.model == "percentage":
            begin = finish = begin + datetime.timedelta(seconds=rng.randrange(int((finish - begin).total_seconds())))
        region = rng.choice([None, "eu", "us"]) if charge.by_region else None
        counter = Counter(key, charge.code, self._get_quantity(agreement, charge), begin, finish, region)
        # What happens at an instant is told on the next day, so that it is in time for the end of its period.
        pushed_on = finish.date() + _DAY if begin == finish else end
        if rng.random() < 0.06 and self._may_still_change(agreement, end + 35 * _DAY):
            pushed_on += rng.randrange(5, 35) * _DAY
        self.events[pushed_on].append(Event("push", agreement, counter))
        fate = rng.random()
        corrected_on = pushed_on + rng.randrange(2, 40) * _DAY
        if fate > 0.08 or not self._may_still_change(agreement, corrected_on):
            return
        kind = "void" if fate < 0.02 else "amend" if fate < 0.04 else "push"
        quantity = self._get_quantity(agreement, charge)
        again = Counter(key, charge.code, quantity, begin, finish, region)
        self.events[corrected_on].append(Event(kind, agreement, again if kind == "push" else counter, quantity))

    def _may_still_change(self, agreement, day):
        """Tell whether an invoice will still come for what is changed on a day."""
        return day <= (self.last_day if agreement.ends_on else self.last_day - _QUIET_DAYS * _DAY)

    def _get_quantity(self, agreement, charge):
        """Return a quantity with up to three decimals, now and then zero or a round one."""
        rng = self._random
        if rng.random() < 0.1:
            return Fraction(rng.choice([0, 1, charge.typical]))
        quantity = Fraction(rng.randrange(2000 * charge.typical), 1000)
        # What is sold is counted in currency units, and those of Japan are small.
        return quantity * agreement.offer.scale if charge.model == "percentage" else quantity
