# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Package: units are sold in whole packages only."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ..result import RatedLine
from ..terms import Terms
from ..usage import Usage
from .base import ChargeModel
from .batches import batch_line


class Package(ChargeModel):
    """Begun packages of ``unit_batch`` units above ``free_units``, at ``price_per_unit`` each.

    Unlike standard, a package of 1 unit is sold whole as well: half a unit costs a whole one.
    ``included_quota`` is accepted and ignored: packages count the raw quantity, and charges that
    carry a quota for another purpose must stay valid. ``free_units`` is the term for free usage.
    """

    def used_terms(self, terms: Terms) -> frozenset[str]:
        return frozenset({"included_quota", "price_per_unit", "unit_batch", "free_units"})

    def _allowance(self, terms: Terms) -> Decimal:
        return terms.free_units

    def _lines(self, terms: Terms, usage: Usage, billable: Decimal) -> Sequence[RatedLine]:
        return (batch_line(billable, terms.price_per_unit, terms.unit_batch),) if billable else ()
