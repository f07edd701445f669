# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Percentage: a rate on the summed amount, and a fixed fee for each row (transaction)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from ..errors import RatingError
from ..money import PERCENT, ZERO
from ..result import Basis, RatedLine
from ..terms import Terms
from ..usage import Usage
from .base import ChargeModel

_USED = frozenset(
    {
        "included_quota",
        "rate",
        "fixed_fee",
        "free_rows",
        "free_amount",
        "row_minimum",
        "row_maximum",
    }
)


class Percentage(ChargeModel):
    """``rate`` percent of the summed amount, plus ``fixed_fee`` for each row.

    - The first ``included_quota + free_amount`` of the summed amount, in order of time, bears no
      rate. As in every model but package the quota comes off first; the free amount is what this
      charge gives on top. Neither frees a row from its fixed fee.
    - The first ``free_rows`` rows, in order of time, bear no fixed fee; they still bear the rate.
    - A row of zero is a cancelled transaction: it owes nothing and uses up no free row (as at
      Lago, where nothing is owed at a sum of zero). A row below zero is refused, since a fee or a
      limit on it has no agreed meaning: transactions are corrected by sending them again.
    - With ``row_minimum`` or ``row_maximum``, what a row owes (its share above the free amount at
      the rate, plus its fixed fee) is brought between them. A row that owes nothing because it is
      wholly free is not lifted to the minimum.

    The lines are the same with and without limits: rate, fixed fees, then the differences that
    the limits make. So limits that touch no row change nothing.
    """

    def used_terms(self, terms: Terms) -> frozenset[str]:
        return _USED

    def needs_rows(self, terms: Terms) -> bool:
        return bool(terms.fixed_fee) or _has_row_limits(terms)

    def _allowance(self, terms: Terms) -> Decimal:
        return terms.included_quota + terms.free_amount

    def _lines(self, terms: Terms, usage: Usage, billable: Decimal) -> Sequence[RatedLine]:
        _check_rows(usage, self.needs_rows(terms))
        lines = [*_rate_lines(terms, billable), *_fixed_fee_lines(terms, usage.rows)]
        if _has_row_limits(terms):
            owed = list(_owed_by_row(terms, usage.rows, self._allowance(terms)))
            lines += _limit_lines(terms, owed)
        return lines


def _has_row_limits(terms: Terms) -> bool:
    return terms.row_minimum is not None or terms.row_maximum is not None


def _check_rows(usage: Usage, needed: bool) -> None:
    """Refuse rows that do not tell how the total came about.

    :raise RatingError: ``missing_rows``, ``negative_quantity`` or ``rows_total_mismatch``.
    """
    if not usage.rows:
        if needed and usage.total:
            raise RatingError("missing_rows", "These terms need the single rows of the usage.", ("rows",))
        return
    for index, row in enumerate(usage.rows):
        if row < 0:
            raise RatingError("negative_quantity", "A row must not be negative.", ("rows", index))
    if sum(usage.rows, ZERO) != usage.total:
        raise RatingError("rows_total_mismatch", "The rows do not add up to the total.", ("total",))


def _rate_lines(terms: Terms, billable: Decimal) -> Iterator[RatedLine]:
    if billable:
        subtotal = billable * terms.rate * PERCENT
        yield RatedLine(None, billable, terms.rate, ZERO, subtotal, "percent")


def _fixed_fee_lines(terms: Terms, rows: Sequence[Decimal]) -> Iterator[RatedLine]:
    transactions = sum(1 for row in rows if row)
    charged = Decimal(max(0, transactions - terms.free_rows))
    if charged and terms.fixed_fee:
        yield RatedLine(None, charged, terms.fixed_fee, ZERO, charged * terms.fixed_fee, "row")


def _owed_by_row(terms: Terms, rows: Sequence[Decimal], allowance: Decimal) -> Iterator[Decimal]:
    """Yield what each row owes before the limits, leaving out the rows that are wholly free."""
    transactions = [row for row in rows if row]
    for number, row in enumerate(transactions, start=1):
        free = min(row, allowance)
        allowance -= free
        fee = terms.fixed_fee if number > terms.free_rows else ZERO
        if row > free or fee:
            yield (row - free) * terms.rate * PERCENT + fee


def _limit_lines(terms: Terms, owed: Sequence[Decimal]) -> Iterator[RatedLine]:
    """Yield what it costs or saves to bring the rows that lie outside the limits to the limits."""
    minimum, maximum = terms.row_minimum, terms.row_maximum
    if minimum is not None:
        yield from _difference_line("row_minimum", minimum, [each for each in owed if each < minimum])
    if maximum is not None:
        yield from _difference_line("row_maximum", maximum, [each for each in owed if each > maximum])


def _difference_line(basis: Basis, limit: Decimal, owed: Sequence[Decimal]) -> Iterator[RatedLine]:
    if owed:
        rows = Decimal(len(owed))
        yield RatedLine(None, rows, limit, ZERO, rows * limit - sum(owed, ZERO), basis)
