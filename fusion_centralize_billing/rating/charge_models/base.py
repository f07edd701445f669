# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The shape of a charge model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal

from ..money import exact_arithmetic
from ..result import Rated, RatedLine
from ..terms import Terms, refuse_impossible, refuse_unused
from ..usage import Usage


class ChargeModel(ABC):
    """One way to turn a quantity into an amount.

    A subclass says which terms it uses and which lines they make; checking, exact arithmetic, the
    quota and the sum are the same for all of them and stand here.
    """

    @abstractmethod
    def used_terms(self, terms: Terms) -> frozenset[str]:
        """Return the names of the terms this model looks at; all others must be left alone."""

    def needs_rows(self, terms: Terms) -> bool:
        """Tell whether the single rows are needed, or the total alone will do."""
        return False

    def check(self, terms: Terms) -> None:
        """Refuse terms that this model could not price or would partly ignore.

        :raise RatingError: see ``pricing.check_terms``.
        """
        refuse_unused(terms, self.used_terms(terms))
        refuse_impossible(terms)

    def price(self, terms: Terms, usage: Usage) -> Rated:
        """Return what the usage costs, unrounded and explained.

        :raise RatingError: see ``pricing.price``.
        """
        self.check(terms)
        with exact_arithmetic():
            included = min(usage.total, self._allowance(terms))
            lines = self._lines(terms, usage, usage.total - included)
            return Rated.from_lines(usage.total, included, lines)

    def _allowance(self, terms: Terms) -> Decimal:
        """Return the quantity that is not priced; the first one used is covered."""
        return terms.included_quota

    @abstractmethod
    def _lines(self, terms: Terms, usage: Usage, billable: Decimal) -> Sequence[RatedLine]:
        """Return the lines for the billable quantity, which is zero or more."""
