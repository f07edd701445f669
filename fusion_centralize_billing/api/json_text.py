# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""JSON as the API reads and writes it.

Numbers with a fraction become Decimal, never float; a name that occurs twice in one object is
refused, since one of the two values would be ignored silently.
"""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

from .errors import InvalidPayloadError


def loads(body: bytes) -> Any:
    """Return the value of a JSON text, or raise InvalidPayloadError with code ``invalid_json``."""
    try:
        return json.loads(
            body,
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_without_duplicates,
        )
    except (ValueError, ArithmeticError, RecursionError) as exc:
        raise InvalidPayloadError(f"The body is not valid JSON: {exc}", code="invalid_json") from exc


def dumps(value: Any) -> str:
    """Return the compact JSON text of an answer: Decimal as a string, times as RFC 3339 in UTC."""
    return json.dumps(value, default=_default, ensure_ascii=False, separators=(",", ":"))


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
