# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Exact decimal numbers: the way in, the arithmetic, the one rounding, the way out as text."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from .errors import Path, RatingError

ZERO = Decimal(0)
ONE = Decimal(1)
#: One percent, the factor of rates. Multiplying is exact, dividing by 100 need not be.
PERCENT = Decimal("0.01")

#: Digits allowed before and after the decimal point. Holds every finite double, and is small
#: enough that the product of two such numbers (at most 1600 digits) stays exact.
MAX_DIGITS = 400

_QUOTIENT_STEP = Decimal("1e-18")

# Inexact is trapped: a result that would have to be rounded is an error, not a wrong cent.
_EXACT = decimal.Context(
    prec=5 * MAX_DIGITS,
    traps=[decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Make decimal arithmetic inside the block exact, whatever context the caller has set.

    Python's default context silently rounds each sum and product to 28 digits.

    :raise RatingError: ``out_of_range`` if a result cannot be held exactly.
    """
    try:
        with decimal.localcontext(_EXACT):
            yield
    except decimal.DecimalException as error:
        raise RatingError("out_of_range", "A number is too large or too fine to compute exactly.") from error


def to_decimal(value: int | str | float | Decimal, path: Path = ()) -> Decimal:
    """Return the exact decimal meant by a number or its text.

    A float stands for its shortest text (``repr``): 0.1 is one tenth, not the binary fraction
    next to it. Truth values are no numbers.

    :param path: where the value stands, for the error.
    :raise RatingError: ``invalid_number`` if it is no finite number, ``out_of_range`` beyond
        ``MAX_DIGITS`` digits before or after the decimal point.
    """
    number = _parse(value)
    if number is None or not number.is_finite():
        raise RatingError("invalid_number", f"Not a finite number: {_shortened(value)}.", path)
    exponent = number.as_tuple().exponent
    if number.adjusted() >= MAX_DIGITS or (isinstance(exponent, int) and exponent < -MAX_DIGITS):
        message = f"More than {MAX_DIGITS} digits before or after the decimal point."
        raise RatingError("out_of_range", message, path)
    return number


def has_plain_digits(text: str) -> bool:
    """Tell whether a text has none of what Decimal() reads as a number beside ASCII digits.

    Digits of other scripts and underscores, as in "1_000", are taken for a mistake.
    """
    return text.isascii() and "_" not in text


def _parse(value: object) -> Decimal | None:
    """Return the number a value stands for, possibly not finite, or None if it is no number."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, str, float)):
        return None
    if isinstance(value, str) and not has_plain_digits(value):
        return None
    if isinstance(value, float):
        # Not repr(): subclasses such as numpy's print their type, too.
        value = float.__repr__(value)
    try:
        return Decimal(value)
    except decimal.InvalidOperation:
        return None


def _shortened(value: object) -> str:
    """Return a value's text for a message; texts from clients can be of any length."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def store_as_decimals(record: object, *names: str) -> None:
    """Turn the named fields of a frozen dataclass into decimals while it is being made.

    :raise RatingError: as :func:`to_decimal`, with the field's name as path.
    """
    for name in names:
        object.__setattr__(record, name, to_decimal(getattr(record, name), (name,)))


def round_half_up(amount: Decimal, rounding: Decimal) -> Decimal:
    """Round an amount to the nearest multiple of a currency's rounding, halves away from zero.

    :param rounding: the currency's smallest step: 0.01 (CAD), 1 (JPY), 0.001 (KWD), 0.05 (CHF in cash).
    :return: the multiple, with as many decimals as ``rounding`` has; never a negative zero.
    :raise RatingError: ``invalid_rounding`` unless the rounding is finite and above zero,
        ``invalid_number`` if the amount is not finite, ``out_of_range`` if it is absurdly large.
    """
    return divide_half_up(amount, ONE, rounding)


def divide_half_up(amount: Decimal, divisor: Decimal, rounding: Decimal) -> Decimal:
    """Divide and round in one step, as :func:`round_half_up` would round the exact quotient.

    Quotients such as 100 / 3 do not terminate; rounded twice, they could end on the wrong side of a half.

    :raise RatingError: ``invalid_divisor`` unless the divisor is finite and above zero, and as
        :func:`round_half_up`.
    """
    if not rounding.is_finite() or rounding <= 0:
        raise RatingError("invalid_rounding", "The currency's rounding must be above zero.", ("rounding",))
    if not amount.is_finite():
        raise RatingError("invalid_number", "The amount is not a finite number.", ("amount",))
    if not divisor.is_finite() or divisor <= 0:
        raise RatingError("invalid_divisor", "The divisor must be above zero.", ("divisor",))
    with exact_arithmetic():
        # The rounded quotient is a number of steps, and a step is this much of the amount.
        step = divisor * rounding
        steps, rest = divmod(abs(amount), step)
        if rest + rest >= step:
            steps += 1
        rounded = steps * rounding
        return -rounded if amount < 0 else rounded


def quotient(numerator: Decimal, denominator: Decimal) -> Decimal:
    """Return a quantity that comes from a division: exact, then rounded half up, once, to 18 decimals.

    :raise RatingError: as :func:`divide_half_up`.
    """
    return divide_half_up(numerator, denominator, _QUOTIENT_STEP)


def plain_text(number: Decimal) -> str:
    """Return the number without exponent and needless zeros, so that equal numbers have equal texts."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
