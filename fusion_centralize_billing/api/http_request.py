# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What every transport reads from an HTTP request: the key and the body."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from werkzeug.exceptions import UnsupportedMediaType

from odoo.api import SUPERUSER_ID
from odoo.http import request
from odoo.models import BaseModel

from . import json_text, refusals
from .errors import InvalidPayloadError
from .execution import authenticate, authenticate_customer
from .idempotency import HEADER
from .request_body import MAX_BODY, read_body

__all__ = [
    "MAX_BODY",
    "authenticated_key",
    "customer_token",
    "idempotency_key",
    "json_body",
    "query",
    "refuse_idempotency_header",
]

#: How access tokens of customers begin; keys do not.
TOKEN_PREFIX = "fcbt_"


def authenticated_key() -> BaseModel:
    """Return the API key in ``Authorization: Bearer KEY``, or raise UnauthenticatedError."""
    request.update_env(user=SUPERUSER_ID)
    key = authenticate(request.env, _bearer_key())
    refusals.note_service(key.service_id.code)
    return key


def customer_token() -> BaseModel | None:
    """Return the customer's access token in ``Authorization: Bearer TOKEN``; None if there is an API key, or nothing.

    :raises UnauthenticatedError: if the token opens nothing
    """
    raw = _bearer_key()
    if raw is None or not raw.startswith(TOKEN_PREFIX):
        return None
    request.update_env(user=SUPERUSER_ID)
    token = authenticate_customer(request.env, raw)
    refusals.note_service(token.service_id.code)
    return token


def json_body(mimetypes: Collection[str] = ("application/json",)) -> Any:
    """Return the decoded body, or raise werkzeug's UnsupportedMediaType or a BillingError."""
    if request.httprequest.mimetype not in mimetypes:
        raise UnsupportedMediaType
    return json_text.loads(read_body(request.httprequest))


def idempotency_key() -> str | None:
    """Return the header ``Idempotency-Key`` as it is."""
    return request.httprequest.headers.get(HEADER)


def refuse_idempotency_header() -> None:
    """Raise InvalidPayloadError if there is the header of REST, which would be ignored."""
    if idempotency_key() is not None:
        message = f"Here the header {HEADER} means nothing: each call has its own key, as the description tells."
        raise InvalidPayloadError(message, code="idempotency_key_not_supported")


def query() -> dict[str, str]:
    """Return the query string's values, or raise InvalidPayloadError if a name stands in it twice."""
    values = request.httprequest.args.to_dict(flat=False)
    for name, texts in values.items():
        if len(texts) > 1:
            raise InvalidPayloadError(f"{name} stands in the query twice.", code="repeated_parameter", path=name)
    return {name: texts[0] for name, texts in values.items()}


def _bearer_key() -> str | None:
    scheme, _, key = request.httprequest.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
