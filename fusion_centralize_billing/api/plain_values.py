# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Values of records as answers show them; Odoo's False for "nothing" becomes None."""

from __future__ import annotations

import datetime
from decimal import Decimal

from odoo.models import BaseModel

from ..rating import plain_text, to_decimal


def text(value: str | bool | None) -> str | None:
    return value or None  # type: ignore[return-value]


def day(value: datetime.date | bool | None) -> str | None:
    return value.isoformat() if isinstance(value, datetime.date) else None


def instant(value: datetime.datetime | bool | None) -> str | None:
    """Return a time as Odoo stores it, naive and in UTC, in the form of RFC 3339."""
    return f"{value.isoformat()}Z" if isinstance(value, datetime.datetime) else None


def number(value: float | Decimal | str) -> str:
    """Return a quantity or a price without needless zeros."""
    if isinstance(value, float):
        value = f"{value:.15g}"  # what binary fractions hold; 0.30000000000000004 is noise
    return plain_text(to_decimal(value))


def money(value: float | Decimal, currency: BaseModel) -> str:
    """Return an amount with the decimals of its currency."""
    return f"{value:.{currency.decimal_places}f}"
