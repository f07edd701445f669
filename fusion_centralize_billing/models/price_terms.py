# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What prices a charge in one billing period, as the ledger and the price history keep it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..rating import CHARGE_MODELS, Rated, Terms, Usage, price, prorate_terms
from .usage_window import UsageWindow


@dataclass(frozen=True)
class PriceTerms:
    """Charge model and terms, which counters they price, and how much of a full period they are for.

    :param filters: pairs (property, values), sorted; see :class:`UsageWindow`
    :param group_by: properties; each group is priced by itself, with the whole quota and all tiers
    :param fraction: the part of a full billing period; quotas shrink with it
    """

    charge_model: str
    terms: Terms
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    group_by: tuple[str, ...] = ()
    fraction: Fraction = Fraction(1)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PriceTerms:
        """Return what :meth:`as_json` wrote."""
        return cls(
            values["charge_model"],
            Terms.from_dict(values["terms"]),
            tuple((name, tuple(accepted)) for name, accepted in values["filters"]),
            tuple(values["group_by"]),
            Fraction(values["fraction"]),
        )

    def as_json(self) -> dict[str, Any]:
        """Return JSON values, with Decimals as exact text; equal terms give equal values."""
        return {
            "charge_model": self.charge_model,
            "terms": self.terms.as_dict(),
            "filters": [[name, list(accepted)] for name, accepted in self.filters],
            "group_by": list(self.group_by),
            "fraction": str(self.fraction),
        }

    def for_fraction(self, fraction: Fraction) -> PriceTerms:
        return dataclasses.replace(self, fraction=fraction)

    def price(self, usage: Usage) -> Rated:
        """Return what the usage of one group costs, unrounded and explained.

        :raises RatingError: see ``rating.price``
        """
        return price(self.charge_model, self._prorated(), usage)

    def takes(self, properties: Mapping[str, str] | None) -> bool:
        """Tell whether a counter with these properties is priced; the same as the filters of a UsageWindow."""
        return all((properties or {}).get(name) in accepted for name, accepted in self.filters)

    @property
    def needs_rows(self) -> bool:
        """Whether the single usage rows are priced, and not only their total."""
        return CHARGE_MODELS[self.charge_model].needs_rows(self._prorated())

    def window(self, subscription, metric, start, end) -> UsageWindow:
        """Return which counters these terms price in a period of a subscription."""
        until = subscription._fc_get_usage_limit(end)
        return UsageWindow(subscription, metric, start, end, self.filters, self.group_by, until)

    def _prorated(self) -> Terms:
        return prorate_terms(self.terms, self.fraction)
