# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The outcome of rating: an exact amount and the lines that explain it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from .money import ZERO, plain_text, round_half_up

#: What the price of a line is for: one unit, one begun batch, each hundred of the quantity, or one
#: row; ``row_minimum`` and ``row_maximum`` lines hold the difference that the limit makes, a
#: ``minimum`` line what is missing to the minimum of a whole period, and a ``rounding`` line what
#: one group bears of rounding all of them together.
Basis: TypeAlias = Literal["unit", "batch", "percent", "row", "row_minimum", "row_maximum", "minimum", "rounding"]


@dataclass(frozen=True)
class RatedLine:
    """One part of the amount.

    :param tier: number of the tier, the first being 1; None outside of tiers.
    :param units: the quantity this line prices; a number of rows if the basis begins with ``row``,
        and what was billed, in currency units, on a ``minimum`` line, where it may be negative.
    :param price: currency units for one of what the basis names, or the rate in percent;
        on a limit or ``minimum`` line, the limit.
    :param flat_fee: currency units owed for entering the tier.
    :param subtotal: currency units, unrounded and with the flat fee; only the line of a
        ``row_maximum`` is negative, or of a ``rounding``.
    :param basis: what the price is for.
    :param batches: how often the price was charged, if the basis is ``batch``.
    :param unit_batch: units in one batch, if the basis is ``batch``.
    :param above: lower bound of the tier (exclusive); None outside of tiers.
    :param up_to: upper bound of the tier (inclusive); None if open, and outside of tiers.
    """

    tier: int | None
    units: Decimal
    price: Decimal
    flat_fee: Decimal
    subtotal: Decimal
    basis: Basis = "unit"
    batches: Decimal | None = None
    unit_batch: Decimal | None = None
    above: Decimal | None = None
    up_to: Decimal | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the line for JSON, numbers as plain text."""
        return {field.name: _json_value(getattr(self, field.name)) for field in fields(self)}


@dataclass(frozen=True)
class Rated:
    """What one charge costs for one billing period.

    :param total: the quantity used.
    :param included: the part of it that quota, free units or free amount cover; negative if a period
        under a minimum commitment has given more than it took.
    :param billable: the rest, which is priced.
    :param amount: currency units, **not rounded**; exactly the sum of the lines' subtotals.
    :param lines: the breakdown, in the order in which a reader follows it.
    """

    total: Decimal
    included: Decimal
    billable: Decimal
    amount: Decimal
    lines: tuple[RatedLine, ...]

    @classmethod
    def from_lines(cls, total: Decimal, included: Decimal, lines: Sequence[RatedLine]) -> Rated:
        """Return the result whose amount is the sum of the lines; call it in exact arithmetic."""
        amount = sum((line.subtotal for line in lines), ZERO)
        return cls(total, included, total - included, amount, tuple(lines))

    def rounded(self, rounding: Decimal) -> Decimal:
        """Return the amount in the currency's rounding, half up. Round nowhere else.

        :raise RatingError: ``invalid_rounding``.
        """
        return round_half_up(self.amount, rounding)

    def as_dict(self) -> dict[str, Any]:
        """Return the result for JSON, numbers as plain text; equal results give equal dicts."""
        return {
            "total": plain_text(self.total),
            "included": plain_text(self.included),
            "billable": plain_text(self.billable),
            "amount": plain_text(self.amount),
            "lines": [line.as_dict() for line in self.lines],
        }


#: What costs nothing because nothing is priced at all, not even a tier's flat fee. Told apart by identity.
NOTHING = Rated(ZERO, ZERO, ZERO, ZERO, ())


def _json_value(value: object) -> object:
    return plain_text(value) if isinstance(value, Decimal) else value
