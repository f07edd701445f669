# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The rounding of units: what a metric's quantity becomes before it is priced."""

from __future__ import annotations

from decimal import Decimal

from .errors import RatingError
from .money import ONE, exact_arithmetic, to_decimal

#: As it is; away from zero; towards zero; to the nearest, halves away from zero.
UNIT_ROUNDINGS = ("none", "up", "down", "half_up")

#: From trillions to the decimals that divided quantities have.
MIN_UNIT_DIGITS, MAX_UNIT_DIGITS = -12, 18


def round_units(quantity: Decimal, method: str, digits: int) -> Decimal:
    """Return the quantity as a metric rounds it; the result keeps the sign or is zero.

    :param method: a name in ``UNIT_ROUNDINGS``.
    :param digits: decimals that stay; -1 rounds to tens, -2 to hundreds.
    :raise RatingError: ``unknown_unit_rounding``, or ``invalid_number`` for a quantity that is no
        finite number and for digits that are not whole or not between -12 and 18, whatever the method.
    """
    if method not in UNIT_ROUNDINGS:
        raise RatingError("unknown_unit_rounding", f"Unknown rounding of units: {method}.", ("method",))
    whole = isinstance(digits, int) and not isinstance(digits, bool)
    if not whole or not MIN_UNIT_DIGITS <= digits <= MAX_UNIT_DIGITS:
        message = f"The digits must be a whole number from {MIN_UNIT_DIGITS} to {MAX_UNIT_DIGITS}."
        raise RatingError("invalid_number", message, ("digits",))
    number = to_decimal(quantity, ("quantity",))
    if method == "none":
        return number
    with exact_arithmetic():
        step = ONE.scaleb(-digits)
        steps, rest = divmod(abs(number), step)
        if (method == "up" and rest) or (method == "half_up" and rest + rest >= step):
            steps += ONE
        rounded = steps * step
        return -rounded if number < 0 else rounded
