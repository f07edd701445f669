# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Signatures of outgoing webhooks."""

import base64
import hashlib
import hmac
import json
from typing import Any


def canonical_body(payload: Any) -> bytes:
    """Return the bytes that are signed and sent: JSON with sorted keys and no spaces."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()


def sign(secret: str, body: bytes | str) -> str:
    """Return the hexadecimal HMAC-SHA256 of ``body`` with ``secret``."""
    data = body.encode() if isinstance(body, str) else body
    return hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()


def standard_signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return a signature of Standard Webhooks, version 1: it covers id and time of the message as well.

    :param timestamp: seconds since 1970
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
