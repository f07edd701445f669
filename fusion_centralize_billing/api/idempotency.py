# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Idempotency keys: a request that is sent twice with one key is done once, and answered twice alike.

Modelled on draft-ietf-httpapi-idempotency-key-header. REST has the key in the header ``Idempotency-Key``, JSON-RPC
in the member ``idempotency_key`` of a request object (so that each call of a batch has its own), GraphQL in the
field ``idempotencyKey`` of a mutation's input.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from .errors import ConflictError, InvalidPayloadError
from .operations import Operation
from .payloads import Payload

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
_KEY = re.compile(r"[ -~]{1,255}\Z")


class Replayed(dict[str, Any]):
    """The answer that the first request with the same key was given."""


def check(operation: Operation, key: Any) -> None:
    """Raise InvalidPayloadError if the operation takes no key, or it is none."""
    if not operation.takes_idempotency_key:
        raise not_supported()
    if not isinstance(key, str) or not _KEY.match(key) or not key.strip():
        message = "An idempotency key has 1 to 255 printable ASCII characters."
        raise InvalidPayloadError(message, code="invalid_idempotency_key")


def fingerprint(operation: Operation, request: Payload) -> str:
    """Return what two requests have in common if and only if they ask for the same."""
    asked = json.dumps([operation.name, request.canonical()], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()


def not_supported() -> InvalidPayloadError:
    message = "What changes nothing, or tells a secret, takes no idempotency key."
    return InvalidPayloadError(message, code="idempotency_key_not_supported")


def reused() -> ConflictError:
    return ConflictError("This idempotency key belongs to another request.", code="idempotency_key_reused")
