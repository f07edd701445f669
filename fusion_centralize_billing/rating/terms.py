# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What was agreed for one charge: prices, quotas and tiers, without the usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from .errors import RatingError
from .money import ONE, ZERO, plain_text, store_as_decimals

_AMOUNTS = (
    "included_quota",
    "price_per_unit",
    "free_units",
    "rate",
    "fixed_fee",
    "free_amount",
)
_LIMITS = ("row_minimum", "row_maximum")


@dataclass(frozen=True)
class Tier:
    """One slice of the quantity and its prices.

    Numbers may be given as int, text or float too; they are kept as Decimal.

    :param up_to: the last quantity inside the tier (inclusive); None leaves it open.
    :param price_per_unit: currency units per unit of the quantity (graduated, volume).
    :param flat_fee: currency units, owed once when the tier is entered.
    :param rate: percent of the quantity (graduated_percentage).
    :raise RatingError: ``invalid_number`` or ``out_of_range``.
    """

    up_to: Decimal | None
    price_per_unit: Decimal = ZERO
    flat_fee: Decimal = ZERO
    rate: Decimal = ZERO

    def __post_init__(self) -> None:
        store_as_decimals(self, "price_per_unit", "flat_fee", "rate")
        if self.up_to is not None:
            store_as_decimals(self, "up_to")


@dataclass(frozen=True)
class Terms:
    """The terms of one charge; each charge model uses some of them and refuses the others.

    Numbers may be given as int, text or float too; they are kept as Decimal. Making terms checks
    only that they are numbers; :func:`check_terms` checks that they make sense for a charge model.

    :param included_quota: units per billing period that the subscription's fee already covers.
    :param price_per_unit: currency units per ``unit_batch`` units.
    :param unit_batch: units sold together; 1 sells single units and fractions of them.
    :param free_units: units per billing period before the first package.
    :param tiers: contiguous from zero, the last one open.
    :param rate: percent of the summed amount.
    :param fixed_fee: currency units per row (transaction).
    :param free_rows: rows per billing period without a fixed fee.
    :param free_amount: summed amount per billing period without the rate.
    :param row_minimum: least charge of a row that is not free, in currency units; None for no limit.
    :param row_maximum: greatest charge of a row, in currency units; None for no limit.
    :raise RatingError: ``invalid_number`` or ``out_of_range``.
    """

    included_quota: Decimal = ZERO
    price_per_unit: Decimal = ZERO
    unit_batch: Decimal = ONE
    free_units: Decimal = ZERO
    tiers: tuple[Tier, ...] = ()
    rate: Decimal = ZERO
    fixed_fee: Decimal = ZERO
    free_rows: int = 0
    free_amount: Decimal = ZERO
    row_minimum: Decimal | None = None
    row_maximum: Decimal | None = None

    def __post_init__(self) -> None:
        store_as_decimals(self, *_AMOUNTS, "unit_batch")
        for name in _LIMITS:
            if getattr(self, name) is not None:
                store_as_decimals(self, name)
        object.__setattr__(self, "tiers", tuple(self.tiers))
        if not isinstance(self.free_rows, int) or isinstance(self.free_rows, bool):
            raise RatingError("invalid_number", "The number of free rows must be whole.", ("free_rows",))

    def as_dict(self) -> dict[str, Any]:
        """Return the terms for JSON, numbers as plain text; equal terms give equal dicts."""
        tiers = [_as_json(tier) for tier in self.tiers]
        return {**_as_json(self), "tiers": tiers}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Terms:
        """Return the terms that :meth:`as_dict` wrote; terms that it did not know yet have their default."""
        tiers = tuple(Tier(**tier) for tier in values["tiers"])
        return cls(**{**values, "tiers": tiers})


def _as_json(record: Terms | Tier) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: plain_text(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def refuse_unused(terms: Terms, used: frozenset[str]) -> None:
    """Refuse terms that are set although the charge model does not look at them.

    Somebody who sets a price expects it to count; ignoring it bills something else than agreed.

    :raise RatingError: ``unused_term`` with the name of the first such term.
    """
    for field in fields(terms):
        if field.name not in used and getattr(terms, field.name) != field.default:
            raise RatingError("unused_term", f"This charge model does not use {field.name}.", (field.name,))


def refuse_impossible(terms: Terms) -> None:
    """Refuse values that no charge model can price; tiers are checked in ``tiers.check_tiers``.

    Negative prices would make the amount fall with more usage: discounts and credits are not terms.

    :raise RatingError: ``negative_term``, ``batch_not_positive`` or ``minimum_above_maximum``.
    """
    for name in (*_AMOUNTS, "free_rows", *_LIMITS):
        value = getattr(terms, name)
        if value is not None and value < 0:
            raise RatingError("negative_term", f"{name} must not be negative.", (name,))
    if terms.unit_batch <= 0:
        raise RatingError("batch_not_positive", "unit_batch must be above zero.", ("unit_batch",))
    minimum, maximum = terms.row_minimum, terms.row_maximum
    if minimum is not None and maximum is not None and minimum > maximum:
        message = "row_minimum must not be above row_maximum."
        raise RatingError("minimum_above_maximum", message, ("row_minimum",))
