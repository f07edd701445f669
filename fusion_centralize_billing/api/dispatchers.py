# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Wire formats: how an answer and an exception become an HTTP response.

Odoo's Dispatcher (odoo/http.py) catches what the endpoint and the flush after it raise, and still
retries serialization failures, so that controllers need no try.
"""

from __future__ import annotations

import base64
import logging
from typing import Any

from werkzeug.exceptions import HTTPException

from odoo.http import HttpDispatcher, Response, content_disposition

from ..limits import admission
from . import json_text, refusals
from .errors import BillingError, InternalError, MethodNotAllowedError, UnauthenticatedError, from_exception
from .idempotency import REPLAYED_HEADER, Replayed
from .jsonrpc import INVALID_PARAMS, INVALID_REQUEST, RpcError
from .jsonrpc import error_response as rpc_error_response
from .jsonrpc_methods import rpc_error
from .operations import Operation
from .request_body import release


class RestDispatcher(HttpDispatcher):
    """``type="fusion_rest"``: JSON in and out, an error as ``{"status": "error", "code", "message", "errors"}``."""

    routing_type = "fusion_rest"
    mimetypes = ("application/json",)

    def dispatch(self, endpoint, args):
        # Not HttpDispatcher.dispatch: it parses forms, which would eat the body of a wrongly typed request.
        self.request.params = dict(args)
        refusals.begin()
        return self.request.registry["ir.http"]._dispatch(endpoint)

    def post_dispatch(self, response: Response) -> None:
        self._finish(response)
        super().post_dispatch(response)

    def handle_error(self, exc: Exception) -> Response:
        ready = exc.response if isinstance(exc, HTTPException) else None
        response = self.error_response(exc) if ready is None else ready
        admission.close()
        self._finish(response)
        release(self.request.httprequest, exc)
        if response.status_code != InternalError.http_status:
            # Odoo reads it (odoo/http.py): what is no fault of ours has its line, and needs no other.
            exc.loglevel = logging.DEBUG
        return response

    def error_response(self, exc: Exception) -> Response:
        error = from_exception(exc)
        refusals.note(error.code, error.http_status)
        return error_response(error)

    def _finish(self, response: Response) -> None:
        response.headers[refusals.HEADER] = refusals.request_id(self.request.httprequest)
        response.headers.extend(admission.headers())
        refusals.write_down()


class JsonrpcDispatcher(RestDispatcher):
    """``type="fusion_jsonrpc"``: a response object of JSON-RPC 2.0 for a request that failed as a whole.

    JSON-RPC over HTTP has no standard. Ours: the status speaks of the HTTP message, the response object of the
    call. So a call that was understood is answered with 200, also if it fails; 400 is for what is no JSON or no
    request, 401, 404, 405, 413, 415 and 500 mean what they always do. All of them carry a response with a null id.
    """

    routing_type = "fusion_jsonrpc"
    # The second is what the draft "JSON-RPC over HTTP" of 2008 asks for.
    mimetypes = ("application/json", "application/json-rpc")

    def error_response(self, exc: Exception) -> Response:
        if isinstance(exc, RpcError):
            refusals.note(exc.code, 400)
            return json_response(rpc_error_response(exc), 400)
        error = from_exception(exc)
        refusals.note(error.code, error.http_status)
        failure = rpc_error(error)
        if failure.number == INVALID_PARAMS:
            failure.number = INVALID_REQUEST  # no call was reached whose parameters they could be
        return json_response(rpc_error_response(failure), error.http_status, error_headers(error))


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        json_text.dumps(value),
        status=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        content_type="application/json; charset=utf-8",
    )


def answer_response(operation: Operation, answer: dict[str, Any]) -> Response:
    """Return an operation's answer as REST sends it: JSON, or the document that is in it."""
    if operation.content_type == "application/json":
        headers = {REPLAYED_HEADER: "true"} if isinstance(answer, Replayed) else {}
        return json_response(answer, operation.status, headers)
    return Response(
        base64.b64decode(answer["content_base64"]),
        status=operation.status,
        headers={"Cache-Control": "no-store", "Content-Disposition": content_disposition(answer["filename"])},
        content_type=operation.content_type,
    )


def empty_response() -> Response:
    """Return what answers a request that may not be answered."""
    response = Response(status=204, headers={"Cache-Control": "no-store"})
    response.headers.remove("Content-Type")  # there is no content
    return response


def error_response(error: BillingError) -> Response:
    body = {"status": "error", "code": error.code, "message": error.message}
    body["errors"] = [fault.as_dict() for fault in error.errors]
    return json_response(body, error.http_status, error_headers(error))


def error_headers(error: BillingError) -> dict[str, str]:
    """Return the headers that HTTP demands, or knows, beside the status of an error."""
    if error.retry_after:
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, UnauthenticatedError):
        return {"WWW-Authenticate": 'Bearer realm="fusion-billing"'}
    if isinstance(error, MethodNotAllowedError):
        return {"Allow": ", ".join(error.allowed)}
    return {}
