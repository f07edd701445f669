# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Signatures of outgoing webhooks."""

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
