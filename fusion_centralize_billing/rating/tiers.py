# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Tiers: which ones are acceptable, and which part of a quantity lies in which.

Bounds are continuous: a tier holds the quantities above the bound before it, up to and including
its own ``up_to``. So 1,000 lies in the tier up to 1,000, and 1,000.5 has entered the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from .errors import RatingError
from .money import ZERO
from .terms import Tier


@dataclass(frozen=True)
class TierSlice:
    """The part of a quantity that one tier prices.

    :param number: position of the tier, the first being 1.
    :param above: lower bound of the tier (exclusive).
    """

    number: int
    tier: Tier
    above: Decimal
    units: Decimal


def check_tiers(tiers: Sequence[Tier], used: frozenset[str]) -> None:
    """Refuse tiers that leave a quantity without a price, or with two.

    They must be contiguous from zero: each bound strictly above the one before, the last one open.

    :param used: the prices of a tier that the charge model looks at.
    :raise RatingError: ``missing_tiers``, ``open_tier_not_last``, ``tier_not_rising``,
        ``last_tier_not_open``, ``unused_term`` or ``negative_term``, with the path of the value.
    """
    if not tiers:
        raise RatingError("missing_tiers", "At least one tier is needed.", ("tiers",))
    for index, tier in enumerate(tiers):
        _check_tier_prices(tier, index, used)
    _check_bounds(tiers)


def _check_tier_prices(tier: Tier, index: int, used: frozenset[str]) -> None:
    for name in ("price_per_unit", "flat_fee", "rate"):
        value = getattr(tier, name)
        path = ("tiers", index, name)
        if value < 0:
            raise RatingError("negative_term", f"{name} of a tier must not be negative.", path)
        if value and name not in used:
            raise RatingError("unused_term", f"This charge model does not use {name} of a tier.", path)


def _check_bounds(tiers: Sequence[Tier]) -> None:
    lower, last = ZERO, len(tiers) - 1
    for index, tier in enumerate(tiers):
        path = ("tiers", index, "up_to")
        if tier.up_to is None:
            if index != last:
                raise RatingError("open_tier_not_last", "Only the last tier may be open.", path)
        elif index == last:
            raise RatingError("last_tier_not_open", "The last tier must be open.", path)
        elif tier.up_to <= lower:
            raise RatingError("tier_not_rising", f"The tier must end above {lower:f}.", path)
        else:
            lower = tier.up_to


def split_by_tier(tiers: Sequence[Tier], quantity: Decimal) -> Iterator[TierSlice]:
    """Yield each entered tier with its part of the quantity; the parts add up to the quantity.

    The first tier is entered also at zero, so that its flat fee is owed without any usage
    (as Stripe and Lago do); the others once the quantity exceeds the bound before them.
    """
    lower = ZERO
    for number, tier in enumerate(tiers, start=1):
        upper = quantity if tier.up_to is None else min(quantity, tier.up_to)
        yield TierSlice(number, tier, lower, upper - lower)
        if tier.up_to is None or quantity <= tier.up_to:
            return
        lower = tier.up_to


def find_tier(tiers: Sequence[Tier], quantity: Decimal) -> TierSlice:
    """Return the one tier that holds the quantity, with the whole quantity in it."""
    *_, last = split_by_tier(tiers, quantity)
    return TierSlice(last.number, last.tier, last.above, quantity)
