# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Graduated percentage: each slice of the summed amount at the rate of its tier."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ..result import RatedLine
from ..terms import Terms
from ..tiers import check_tiers, split_by_tier
from ..usage import Usage
from .base import ChargeModel
from .tiered import percent_tier_line


class GraduatedPercentage(ChargeModel):
    """The summed amount above ``included_quota``, cut at the bounds of the tiers.

    Flat fees are owed as in the graduated model. Tiers are required: without them there is no rate.
    """

    def used_terms(self, terms: Terms) -> frozenset[str]:
        return frozenset({"included_quota", "tiers"})

    def check(self, terms: Terms) -> None:
        super().check(terms)
        check_tiers(terms.tiers, frozenset({"rate", "flat_fee"}))

    def _lines(self, terms: Terms, usage: Usage, billable: Decimal) -> Sequence[RatedLine]:
        return [percent_tier_line(part) for part in split_by_tier(terms.tiers, billable)]
