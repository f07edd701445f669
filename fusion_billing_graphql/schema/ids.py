# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Opaque global ids: the name of a type and the id of a record."""

import binascii

from graphql_relay import from_global_id, to_global_id

from odoo.addons.fusion_centralize_billing.api.errors import InvalidPayloadError

_MAX_ID = 2**31 - 1


def encode(type_name, record_id):
    return to_global_id(type_name, str(record_id))


def decode(global_id):
    """Return ``(type name, record id)``, or raise InvalidPayloadError with code ``invalid_id``."""
    try:
        type_name, text = from_global_id(global_id)
    except (ValueError, binascii.Error, UnicodeError):
        type_name, text = "", ""
    if not type_name or not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > _MAX_ID:
        raise InvalidPayloadError("This is not an id of this API.", code="invalid_id")
    return type_name, int(text)


def decode_as(global_id, type_name):
    """Return the record id of a global id of one type."""
    found, record_id = decode(global_id)
    if found != type_name:
        raise InvalidPayloadError(f"This is not the id of a {type_name}.", code="invalid_id")
    return record_id
