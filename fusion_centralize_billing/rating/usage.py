# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What was used in one billing period."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from .errors import RatingError
from .money import store_as_decimals, to_decimal


@dataclass(frozen=True)
class Usage:
    """The aggregated quantity of one billing period.

    Numbers may be given as int, text or float too; they are kept as Decimal.

    :param total: the quantity as the metric aggregates it. Never negative: nobody can use less
        than nothing, and a bill must not pay out; callers decide what to do with such a sum.
    :param rows: the single quantities in order of time. Only needed where
        ``ChargeModel.needs_rows(terms)`` says so.
    :raise RatingError: ``negative_quantity``, ``invalid_number`` or ``out_of_range``.
    """

    total: Decimal
    rows: tuple[Decimal, ...] = ()

    def __post_init__(self) -> None:
        store_as_decimals(self, "total")
        rows = tuple(to_decimal(row, ("rows", index)) for index, row in enumerate(self.rows))
        object.__setattr__(self, "rows", rows)
        if self.total < 0:
            raise RatingError("negative_quantity", "The total quantity must not be negative.", ("total",))
