# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Prices per batch of units, shared by standard and package."""

from __future__ import annotations

from decimal import Decimal

from ..money import ONE, ZERO
from ..result import RatedLine


def begun_batches(units: Decimal, unit_batch: Decimal) -> Decimal:
    """Return the number of batches that the units need; a begun batch counts whole.

    No units need no batch.
    """
    whole, rest = divmod(units, unit_batch)
    return whole + ONE if rest else whole


def batch_line(units: Decimal, price: Decimal, unit_batch: Decimal) -> RatedLine:
    """Return the line for units sold in whole batches."""
    batches = begun_batches(units, unit_batch)
    return RatedLine(None, units, price, ZERO, batches * price, "batch", batches, unit_batch)
