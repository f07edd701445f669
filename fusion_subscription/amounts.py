# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Amounts of recurring lines, exact until the one rounding. No Odoo."""

from decimal import Decimal
from fractions import Fraction
from math import floor


def get_line_amount(
    quantity: float, price_unit: float | Decimal, discount: float, rounding: float, share: Fraction | int = 1
) -> Decimal:
    """Return quantity x price less the discount in percent, times ``share``, rounded once.

    A float stands for its shortest text: 0.1 is one tenth, not the binary fraction next to it.

    :param rounding: smallest amount of the currency, e.g. 0.01; the half is rounded away from zero
    """
    quantity, price_unit, discount, step = (
        Fraction(str(number)) for number in (quantity, price_unit, discount, rounding)
    )
    exact = quantity * price_unit * (1 - discount / 100) * share
    steps = floor(abs(exact) / step + Fraction(1, 2))
    amount = Decimal(steps) * Decimal(str(rounding))
    return amount if exact >= 0 else -amount
