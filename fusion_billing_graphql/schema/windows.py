# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Which page of which list is asked for: arguments of a connection, read and checked."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from dataclasses import dataclass
from typing import Any

from odoo.addons.fusion_centralize_billing.api.errors import InvalidPayloadError
from odoo.fields import Domain

from .filters import checked_text

#: The most objects of one page.
MAX_PAGE = 100


@dataclass(frozen=True)
class Window:
    """A page of a list.

    :param backward: the page ends at the cursor, or at the list's end
    :param cursor: ``(value of the sort column, record id)`` beyond which the page begins, or None
    :param name: hashable, the same for the same arguments
    """

    size: int
    backward: bool
    order: str
    column: str
    descending: bool
    cursor: tuple[Any, int] | None
    domain: Domain
    name: str

    @classmethod
    def read(cls, listing, model, args):
        """Return the window that a connection's arguments ask for, or raise InvalidPayloadError."""
        size, backward, text = read_place(args)
        order_by = args.get("order_by") or {}
        order = getattr(order_by.get("field"), "value", None) or "ID"
        direction = getattr(order_by.get("direction"), "value", "asc")
        column = listing.orders[order]
        return cls(
            size=size,
            backward=backward,
            order=order,
            column=column,
            descending=direction == "desc",
            cursor=None if text is None else decode_cursor(text, order, model._fields[column].type),
            domain=listing.domain_of(args.get("filter")),
            name=repr(sorted(args.items())),
        )

    def cursor_of(self, value, record_id):
        """Return the cursor of a record by its value in the sort column."""
        return encode_cursor(self.order, value, record_id)


def read_place(args):
    """Return ``(page size, whether it is counted from the end, text of its cursor or None)``."""
    size, backward = read_size(args)
    if args.get("before" if not backward else "after") is not None:
        raise InvalidPayloadError(
            "Use first with after, or last with before.",
            code="pagination_invalid",
            path="last" if backward else "first",
        )
    return size, backward, args.get("before") if backward else args.get("after")


def read_size(args):
    """Return ``(page size, whether it is counted from the end)``, or raise InvalidPayloadError."""
    first, last = args.get("first"), args.get("last")
    if (first is None) == (last is None):
        raise InvalidPayloadError("Give either first or last.", code="pagination_required")
    size = last if first is None else first
    if not 0 <= size <= MAX_PAGE:
        raise InvalidPayloadError(f"first and last go from 0 to {MAX_PAGE}.", code="page_size_out_of_range")
    return size, first is None


_PARSERS = {
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "char": checked_text,
    "selection": checked_text,
}


def encode_cursor(order, value, record_id):
    """Return the cursor of a record in an order, by its value in the sort column."""
    plain = value.isoformat() if isinstance(value, datetime.date) else value
    return base64.urlsafe_b64encode(json.dumps([order, plain, record_id]).encode()).decode()


def decode_cursor(text, order, field_type=None):
    """Return the ``(value, record id)`` of a cursor, or raise InvalidPayloadError."""
    try:
        found, value, record_id = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
        if found != order or type(record_id) is not int or not 0 <= record_id < 2**31:
            raise ValueError
        if order == "ID":
            return record_id, record_id
        return None if value is None else _PARSERS[field_type](value), record_id
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error, InvalidPayloadError) as exc:
        raise InvalidPayloadError("This cursor is not of this list and order.", code="invalid_cursor") from exc
