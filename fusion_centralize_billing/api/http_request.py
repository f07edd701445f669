# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What every transport reads from an HTTP request: the key and the body."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from werkzeug.exceptions import UnsupportedMediaType

from odoo.api import SUPERUSER_ID
from odoo.http import request
from odoo.models import BaseModel

from . import json_text
from .execution import authenticate

#: Larger than MAX_EVENTS counters with the longest keys need.
MAX_BODY = 16 * 1024 * 1024


def authenticated_key() -> BaseModel:
    """Return the API key in ``Authorization: Bearer KEY``, or raise UnauthenticatedError."""
    request.update_env(user=SUPERUSER_ID)
    return authenticate(request.env, _bearer_key())


def json_body(mimetypes: Collection[str] = ("application/json",)) -> Any:
    """Return the decoded body, or raise werkzeug's UnsupportedMediaType or InvalidPayloadError."""
    if request.httprequest.mimetype not in mimetypes:
        raise UnsupportedMediaType
    return json_text.loads(request.httprequest.get_data())


def _bearer_key() -> str | None:
    scheme, _, key = request.httprequest.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
