# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Volume: all units at the price of the one tier that holds the quantity."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ..result import RatedLine
from ..terms import Terms
from ..tiers import find_tier
from ..usage import Usage
from .standard import standard_lines
from .tiered import UnitTiers, unit_tier_line


class Volume(UnitTiers):
    """The quantity above ``included_quota``, priced as a whole by the tier that holds it.

    Only that tier's flat fee is owed; at zero usage it is the first tier's. One unit more can
    make the amount smaller, when it reaches a cheaper tier: that is what was agreed.
    """

    def _lines(self, terms: Terms, usage: Usage, billable: Decimal) -> Sequence[RatedLine]:
        if not terms.tiers:
            return standard_lines(terms, billable)
        return (unit_tier_line(find_tier(terms.tiers, billable)),)
