# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What prices a charge in one billing period, as the ledger and the price history keep it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ..rating import CHARGE_MODELS, Rated, Terms, Usage, bill_groups, check_terms, price, prorate_terms
from .usage_window import UsageWindow

#: Terms that are decimal numbers, which a charge has as fields of the same name.
NUMBERS = ("included_quota", "price_per_unit", "unit_batch", "free_units", "rate", "fixed_fee", "free_amount")
_OWN_TERMS = ("charge_model", "filters", "group_by", "amount_rounding")


@dataclass(frozen=True)
class PriceTerms:
    """Charge model and terms, which counters they price, and how much of a full period they are for.

    :param filters: pairs (property, values), sorted; see :class:`UsageWindow`
    :param group_by: properties; each group is priced by itself, with the whole quota and all tiers
    :param amount_rounding: whether each group's amount is rounded, or their sum; see ``rating.bill_groups``
    :param fraction: the part of a full billing period; quotas shrink with it
    :param bills_unused: whether flat fees are owed without any usage
    """

    charge_model: str
    terms: Terms
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    group_by: tuple[str, ...] = ()
    amount_rounding: str = "line"
    fraction: Fraction = Fraction(1)
    bills_unused: bool = True

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> PriceTerms:
        """Return what :meth:`as_json` wrote; what it did not know yet has its default."""
        return cls(
            values["charge_model"],
            Terms.from_dict(values["terms"]),
            tuple((name, tuple(accepted)) for name, accepted in values["filters"]),
            tuple(values["group_by"]),
            values.get("amount_rounding", "line"),
            Fraction(values["fraction"]),
            values.get("bills_unused", True),
        )

    def as_json(self) -> dict[str, Any]:
        """Return JSON values, with Decimals as exact text; equal terms give equal values."""
        return {
            "charge_model": self.charge_model,
            "terms": self.terms.as_dict(),
            "filters": [[name, list(accepted)] for name, accepted in self.filters],
            "group_by": list(self.group_by),
            "amount_rounding": self.amount_rounding,
            "fraction": str(self.fraction),
            # Only where it is not so: versions of prices, and rows of the ledger, were kept without it.
            **({} if self.bills_unused else {"bills_unused": False}),
        }

    def as_fields(self) -> dict[str, Any]:
        """Return each term by its name, the fraction aside; ``tiers`` and ``filters`` are one term each."""
        terms = {field.name: getattr(self.terms, field.name) for field in dataclasses.fields(Terms)}
        return {**terms, **{name: getattr(self, name) for name in _OWN_TERMS}}

    def with_fields(self, values: Mapping[str, Any]) -> PriceTerms:
        """Return these terms with some others in their place, named as in :meth:`as_fields`."""
        own = {name: value for name, value in values.items() if name in _OWN_TERMS}
        terms = {name: value for name, value in values.items() if name not in _OWN_TERMS}
        return dataclasses.replace(self, terms=dataclasses.replace(self.terms, **terms), **own)

    def changes_from(self, other: PriceTerms) -> set[str]:
        """Return the names of the terms that are not the same in other terms."""
        before = other.as_fields()
        return {name for name, value in self.as_fields().items() if value != before[name]}

    def check(self) -> None:
        """Refuse terms that could not be priced.

        :raises RatingError: see ``rating.check_terms``
        """
        check_terms(self.charge_model, self.terms)

    def for_period(self, fraction: Fraction, bills_unused: bool = True) -> PriceTerms:
        """Return these terms as they apply to a period."""
        return dataclasses.replace(self, fraction=fraction, bills_unused=bills_unused)

    def without_unused(self) -> PriceTerms:
        """Return these terms for the same period, but without flat fees as long as nothing is used."""
        return dataclasses.replace(self, bills_unused=False)

    @property
    def has_flat_fees(self) -> bool:
        return any(tier.flat_fee for tier in self.terms.tiers)

    def price(self, usage: Usage) -> Rated:
        """Return what the usage of one group costs, unrounded and explained.

        :raises RatingError: see ``rating.price``
        """
        if not self.bills_unused and not usage.total and not usage.rows:
            return Rated.from_lines(usage.total, usage.total, ())
        return price(self.charge_model, self._prorated(), usage)

    def takes(self, properties: Mapping[str, str] | None) -> bool:
        """Tell whether a counter with these properties is priced; the same as the filters of a UsageWindow."""
        return all((properties or {}).get(name) in accepted for name, accepted in self.filters)

    def bill(self, groups: Mapping[str, Rated], step: Decimal) -> dict[str, tuple[Rated, Decimal]]:
        """Return the results of the groups of a charge and period with what is billed of each, in the currency's step.

        :raises RatingError: see ``rating.bill_groups``
        """
        return bill_groups(groups, step, self.amount_rounding)

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
