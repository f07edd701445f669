# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""JSON as the API reads and writes it.

Numbers with a fraction become Decimal, never float; one out of bounds stands there as an OutOfRangeNumber (numbers.py).
A name that occurs twice in one object is refused, since one of the two values would be ignored silently.
"""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

from .errors import InvalidPayloadError, PayloadTooLargeError
from .numbers import read_decimal, read_integer

#: The most values in one text: several full batches of counters. Python needs some hundred bytes for each.
MAX_VALUES = 500_000
#: The most names in one object; no object of any transport has a tenth of them.
_MAX_NAMES = 1000
#: Bytes that are looked at together.
_STEP = 64 * 1024


def loads(body: bytes) -> Any:
    """Return the value of a JSON text.

    :raises InvalidPayloadError: ``invalid_json``
    :raises PayloadTooLargeError: ``too_many_values``
    """
    if _count_values(body) > MAX_VALUES and _has_too_many_values(body):
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
        reason = str(exc)
    # Here, so that the error does not keep its cause, which has the whole body.
    raise InvalidPayloadError(f"The body is not valid JSON: {reason}", code="invalid_json")


def dumps(value: Any) -> str:
    """Return the compact JSON text of an answer: Decimal as a string, times as RFC 3339 in UTC."""
    return json.dumps(value, default=_default, ensure_ascii=False, separators=(",", ":"))


def _count_values(body: bytes) -> int:
    """Return how many values a JSON text has, at most; what stands in its texts is counted, too."""
    return sum(map(body.count, (b",", b"[", b"{")))


def _has_too_many_values(body: bytes) -> bool:
    """Tell whether a JSON text has more values than MAX_VALUES, counting nothing that stands in its texts."""
    body = body.replace(rb"\\", b"").replace(rb"\"", b"")
    count, is_text = 0, False
    # Step by step: the parts of the whole would take more memory than the values.
    for start in range(0, len(body), _STEP):
        parts = body[start : start + _STEP].split(b'"')
        count += _count_values(b"".join(parts[is_text::2]))
        if count > MAX_VALUES:
            return True
        is_text ^= len(parts) % 2 == 0
    return False


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(pairs) > _MAX_NAMES:
        raise ValueError(f"an object has more than {_MAX_NAMES} names")
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
