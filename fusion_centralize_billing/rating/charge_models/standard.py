# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Standard: one price for every unit, or for every begun batch of units."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ..money import ONE, ZERO
from ..result import RatedLine
from ..terms import Terms
from ..usage import Usage
from .base import ChargeModel
from .batches import batch_line

STANDARD_TERMS = frozenset({"included_quota", "price_per_unit", "unit_batch"})


def standard_lines(terms: Terms, billable: Decimal) -> Sequence[RatedLine]:
    """Return the one line of a standard charge, or none if nothing is billable.

    A batch of 1 means a price per unit: half a unit costs half the price (as at Stripe and Lago).
    Any other batch is sold whole once begun (as Stripe's ``transform_quantity`` rounding up).
    """
    if not billable:
        return ()
    price = terms.price_per_unit
    if terms.unit_batch == ONE:
        return (RatedLine(None, billable, price, ZERO, billable * price),)
    return (batch_line(billable, price, terms.unit_batch),)


class Standard(ChargeModel):
    """The quantity above ``included_quota``, at ``price_per_unit`` for each ``unit_batch`` units.

    Batches are counted from the end of the quota, not from zero.
    """

    def used_terms(self, terms: Terms) -> frozenset[str]:
        return STANDARD_TERMS

    def _lines(self, terms: Terms, usage: Usage, billable: Decimal) -> Sequence[RatedLine]:
        return standard_lines(terms, billable)
