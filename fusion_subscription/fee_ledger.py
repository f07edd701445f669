# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What a recurring line owes for a period, and what of it is not billed yet or billed too much. No Odoo."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from .amounts import get_line_amount

Days = set[int]
"""Days as ordinals (date.toordinal), so that stretches add and subtract as sets."""


@dataclass(frozen=True)
class Terms:
    """What was agreed about a recurring line; discount in percent."""

    quantity: float
    price_unit: float
    discount: float

    def get_amount(self, rounding: float, share: Fraction | int = 1) -> Decimal:
        """Return a share of the amount of a full period, rounded to the currency's smallest amount."""
        return get_line_amount(self.quantity, self.price_unit, self.discount, rounding, share)

    @property
    def direction(self) -> int:
        """1, or -1 of a discount, whose amounts lie below zero."""
        return -1 if self.quantity * self.price_unit < 0 else 1


@dataclass(frozen=True)
class FeeWindow:
    """The days [start, end) of a period that bear its fee, and the days that the whole fee is for.

    :param start: first day that bears the fee; not before ``end`` if none does
    :param full_start: first of the days of which ``days`` are a part
    """

    start: date
    end: date
    full_start: date
    full_end: date

    @property
    def is_empty(self) -> bool:
        return self.start >= self.end

    @property
    def full_days(self) -> int:
        return (self.full_end - self.full_start).days

    def get_share(self, start: date, end: date) -> Fraction:
        """Return the share of the whole fee that the days of [start, end) bear."""
        days = (min(end, self.end) - max(start, self.start)).days
        return Fraction(max(days, 0), self.full_days)


@dataclass(frozen=True)
class FeePart:
    """The fee of one line for the days [start, end), with the same terms on each of them.

    :param amount: before tax, rounded; of a credit, what it takes back, with the other sign
    :param invoiced: of a recorded part, what stands on invoices of it; less than ``amount`` if people credited some
    """

    start: date
    end: date
    terms: Terms
    amount: Decimal
    is_credit: bool = False
    invoiced: Decimal = Decimal(0)


def split_by_terms(window: FeeWindow, timeline: Sequence[tuple[date | None, Terms]]) -> dict[Terms, Days]:
    """Return which days of a window bear the fee of which terms; days without a fee are left out.

    :param timeline: (first day or None for always, terms) as they were agreed: of those that have begun, the last one
        holds
    """
    days: dict[Terms, Days] = {}
    for day in range(window.start.toordinal(), window.end.toordinal()):
        terms = get_terms_on(date.fromordinal(day), timeline)
        if terms and terms.quantity and terms.price_unit:
            days.setdefault(terms, set()).add(day)
    return days


def get_terms_on(day: date, timeline: Sequence[tuple[date | None, Terms]]) -> Terms | None:
    """Return the terms that hold on a day, or None if nothing is agreed for it."""
    begun = [terms for begins_on, terms in timeline if begins_on is None or begins_on <= day]
    return begun[-1] if begun else None


def find_missing(
    owed: Mapping[Terms, Days], recorded: Sequence[FeePart], full_days: int, rounding: float
) -> list[FeePart]:
    """Return the parts by which what is recorded of a line and period comes to what is owed.

    Terms whose days are recorded as they are owed are settled, whatever they came to. What people have credited
    by hand is not credited again, and not billed again either.

    :param owed: days by their terms
    :param recorded: what is billed, credits included, in the order in which it was recorded
    :param full_days: how many days the whole amount is for
    """
    billed = _get_billed_days(recorded)
    missing: list[FeePart] = []
    for terms in {**billed, **owed}:
        wanted, present = owed.get(terms, set()), billed.get(terms, set())
        if wanted == present:
            continue
        of_terms = [part for part in recorded if part.terms == terms]
        amount = terms.get_amount(rounding, Fraction(len(wanted), full_days))
        lacking = amount - sum((part.amount for part in of_terms), Decimal(0))
        excess = amount - sum((part.invoiced for part in of_terms), Decimal(0))
        if lacking * terms.direction > 0:
            missing += _spread(lacking, wanted - present, terms, rounding)
        elif lacking and excess * terms.direction < 0:
            missing += _spread(excess, present - wanted, terms, rounding, is_credit=True)
    return sorted(missing, key=lambda part: (part.start, not part.is_credit))


def _get_billed_days(recorded: Iterable[FeePart]) -> dict[Terms, Days]:
    billed: dict[Terms, Days] = {}
    for part in recorded:
        days = set(range(part.start.toordinal(), part.end.toordinal()))
        known = billed.setdefault(part.terms, set())
        billed[part.terms] = known - days if part.is_credit else known | days
    return billed


def _spread(amount: Decimal, days: Days, terms: Terms, rounding: float, is_credit: bool = False) -> list[FeePart]:
    """Spread an amount over the stretches that some days make, so that the parts add up to it."""
    parts, passed, given = [], 0, Decimal(0)
    for start, end in _get_stretches(days):
        passed += end - start
        reached = get_line_amount(1, amount, 0, rounding, Fraction(passed, len(days)))
        part = FeePart(date.fromordinal(start), date.fromordinal(end), terms, reached - given, is_credit)
        given = reached
        parts.append(part)
    return parts


def _get_stretches(days: Days) -> list[tuple[int, int]]:
    stretches: list[tuple[int, int]] = []
    for day in sorted(days):
        if stretches and stretches[-1][1] == day:
            stretches[-1] = (stretches[-1][0], day + 1)
        else:
            stretches.append((day, day + 1))
    return stretches
