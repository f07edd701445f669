# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Wire formats: how an answer and an exception become an HTTP response.

Odoo's Dispatcher (odoo/http.py) catches what the endpoint and the flush after it raise, and still
retries serialization failures, so that controllers need no try.
"""

from __future__ import annotations

from werkzeug.exceptions import HTTPException

from odoo.http import HttpDispatcher, Response

from . import json_text
from .errors import BillingError, MethodNotAllowedError, UnauthenticatedError, from_exception


class RestDispatcher(HttpDispatcher):
    """``type="fusion_rest"``: JSON in and out, an error as ``{"status": "error", "code", "message", "errors"}``."""

    routing_type = "fusion_rest"
    mimetypes = ("application/json",)

    def dispatch(self, endpoint, args):
        # Not HttpDispatcher.dispatch: it parses forms, which would eat the body of a wrongly typed request.
        self.request.params = dict(args)
        return self.request.registry["ir.http"]._dispatch(endpoint)

    def handle_error(self, exc: Exception) -> Response:
        if isinstance(exc, HTTPException) and exc.response is not None:
            return exc.response
        return error_response(from_exception(exc))


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        json_text.dumps(value),
        status=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        content_type="application/json; charset=utf-8",
    )


def error_response(error: BillingError) -> Response:
    body = {"status": "error", "code": error.code, "message": error.message}
    body["errors"] = [fault.as_dict() for fault in error.errors]
    headers = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = 'Bearer realm="fusion-billing"'
    if isinstance(error, MethodNotAllowedError):
        headers["Allow"] = ", ".join(error.allowed)
    return json_response(body, error.http_status, headers)
