# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What the charge models with tiers have in common."""

from __future__ import annotations

from decimal import Decimal

from ..money import PERCENT
from ..result import RatedLine
from ..terms import Terms
from ..tiers import TierSlice, check_tiers
from .base import ChargeModel
from .standard import STANDARD_TERMS

_UNIT_TIERS = frozenset({"included_quota", "tiers"})
_UNIT_PRICES = frozenset({"price_per_unit", "flat_fee"})


class UnitTiers(ChargeModel):
    """Base of the models whose tiers have prices per unit; without tiers they are standard.

    With tiers, a ``unit_batch`` is refused: a batch could straddle the bound of two tiers, and
    which price it has is nowhere agreed. The tiers are walked over the quantity above
    ``included_quota``, not over the total.
    """

    def used_terms(self, terms: Terms) -> frozenset[str]:
        return _UNIT_TIERS if terms.tiers else STANDARD_TERMS

    def check(self, terms: Terms) -> None:
        super().check(terms)
        if terms.tiers:
            check_tiers(terms.tiers, _UNIT_PRICES)


def unit_tier_line(part: TierSlice) -> RatedLine:
    """Return the line of a tier whose price is per unit; fractions of a unit are priced as such."""
    tier = part.tier
    subtotal = part.units * tier.price_per_unit + tier.flat_fee
    return _tier_line(part, tier.price_per_unit, subtotal)


def percent_tier_line(part: TierSlice) -> RatedLine:
    """Return the line of a tier whose price is a rate in percent."""
    tier = part.tier
    subtotal = part.units * tier.rate * PERCENT + tier.flat_fee
    return _tier_line(part, tier.rate, subtotal, percent=True)


def _tier_line(part: TierSlice, price: Decimal, subtotal: Decimal, percent: bool = False) -> RatedLine:
    return RatedLine(
        tier=part.number,
        units=part.units,
        price=price,
        flat_fee=part.tier.flat_fee,
        subtotal=subtotal,
        basis="percent" if percent else "unit",
        above=part.above,
        up_to=part.tier.up_to,
    )
