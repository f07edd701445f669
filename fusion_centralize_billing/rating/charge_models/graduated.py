# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Graduated: each unit at the price of the tier it lies in."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ..result import RatedLine
from ..terms import Terms
from ..tiers import split_by_tier
from ..usage import Usage
from .standard import standard_lines
from .tiered import UnitTiers, unit_tier_line


class Graduated(UnitTiers):
    """The quantity above ``included_quota``, cut at the bounds of the tiers.

    Each entered tier adds its flat fee once; the first tier is entered also at zero usage.
    """

    def _lines(self, terms: Terms, usage: Usage, billable: Decimal) -> Sequence[RatedLine]:
        if not terms.tiers:
            return standard_lines(terms, billable)
        return [unit_tier_line(part) for part in split_by_tier(terms.tiers, billable)]
