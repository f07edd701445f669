# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The bounds of every number that a client sends, in every transport.

A number of some characters, 1e999999999, has a thousand million digits once it is written out. So one that is out of
bounds is never made a number: it travels as an :class:`OutOfRangeNumber`, which is no value of any field.
"""

from __future__ import annotations

import re
from decimal import Decimal

from ..rating import plain_text

#: Digits of a number; a quantity has 38.
MAX_DIGITS = 100
#: The greatest exponent, and the least below zero: 1e100, 1e-100.
MAX_EXPONENT = 100

CODE = "number_out_of_range"
MESSAGE = f"A number has at most {MAX_DIGITS} digits and an exponent from -{MAX_EXPONENT} to {MAX_EXPONENT}."

_NUMBER = re.compile(r"\s*[+-]?(?P<digits>[0-9]*\.?[0-9]*)(?:[eE](?P<exponent>[+-]?[0-9]+))?\s*\Z")
_WITH_EMPTY_FRACTION = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+\Z")


class OutOfRangeNumber:
    """What takes the place of a number out of bounds in a decoded request."""

    code = CODE

    def __repr__(self) -> str:
        return "<number out of range>"


OUT_OF_RANGE = OutOfRangeNumber()


def is_out_of_range(text: str) -> bool:
    """Tell whether a text is a number out of bounds; a text that is no number is not."""
    match = _NUMBER.match(text)
    if not match or not match["digits"].strip("."):
        return False
    exponent = match["exponent"] or "0"
    # Its length first: Python refuses to read integers of more than 4,300 digits.
    return len(match["digits"]) > MAX_DIGITS or len(exponent) > MAX_DIGITS or abs(int(exponent)) > MAX_EXPONENT


def read_integer(text: str) -> int | OutOfRangeNumber:
    """Return an integer of JSON."""
    return OUT_OF_RANGE if is_out_of_range(text) else int(text)


def read_decimal(text: str) -> Decimal | OutOfRangeNumber:
    """Return a number of JSON with a fraction or an exponent."""
    return OUT_OF_RANGE if is_out_of_range(text) else Decimal(text)


def property_text(value: object) -> object:
    """Return the text that a counter's property is compared by; what can be none is returned as it is.

    5, 5.0 and 5.000000 are "5", also as text: a client that sends numbers once so and once so means one value.
    A text with any other fraction stays: "1.10" may be a version, and is not "1.1". Truth values are "true" and
    "false".
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, Decimal)):
        return plain_text(Decimal(value))
    match = _WITH_EMPTY_FRACTION.match(value) if isinstance(value, str) else None
    if not match:
        return value
    return "0" if match[1] == "-0" else match[1]
