# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""JSON as the API reads and writes it.

Numbers with a fraction become Decimal, never float; one out of bounds stands there as an OutOfRangeNumber (numbers.py).
A name that occurs twice in one object is refused, since one of the two values would be ignored silently.
"""

from __future__ import annotations

import datetime
import json
import re
from decimal import Decimal
from typing import Any

from .errors import InvalidPayloadError, PayloadTooLargeError
from .numbers import read_decimal, read_integer

#: The most values in one text: several full batches of counters. Python needs some hundred bytes for each.
MAX_VALUES = 500_000
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')


def loads(body: bytes) -> Any:
    """Return the value of a JSON text.

    :raises InvalidPayloadError: ``invalid_json``
    :raises PayloadTooLargeError: ``too_many_values``
    """
    if _count_values(body) > MAX_VALUES and _count_values(_TEXT.sub(b"", body)) > MAX_VALUES:
        raise PayloadTooLargeError(f"A body has at most {MAX_VALUES} values.", code="too_many_values")
    try:
        return json.loads(
            body.decode("utf-8-sig"),  # given bytes, json would also take UTF-16 and UTF-32
            parse_float=read_decimal,
            parse_int=read_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_without_duplicates,
        )
    except (ValueError, ArithmeticError, RecursionError) as exc:
        raise InvalidPayloadError(f"The body is not valid JSON: {exc}", code="invalid_json") from exc


def dumps(value: Any) -> str:
    """Return the compact JSON text of an answer: Decimal as a string, times as RFC 3339 in UTC."""
    return json.dumps(value, default=_default, ensure_ascii=False, separators=(",", ":"))


def _count_values(body: bytes) -> int:
    """Return how many values a JSON text has, at most; what stands in its texts is counted, too."""
    return sum(map(body.count, (b",", b"[", b"{")))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return result


def _default(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="seconds") + ("Z" if value.tzinfo is None else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form here")
