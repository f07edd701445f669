# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""REST: decode, execute(), encode."""

from odoo import http
from odoo.http import request

from ..api import refusals, routes
from ..api.dispatchers import answer_response, json_response
from ..api.errors import InvalidPayloadError
from ..api.execution import execute
from ..api.http_request import MAX_BODY, authenticated_key, idempotency_key, json_body, query
from ..api.openapi import document
from ..api.operations import Operation
from ..limits import costs
from ..limits.admission import admitted

BASE = "/api/billing/v1"


def _is_readonly(_controller: http.Controller, _rule: object, args: dict[str, str]) -> bool:
    return routes.is_readonly(args.get("path", ""), request.httprequest.method)


class RestController(http.Controller):
    # One route for all operations: Odoo answers unknown paths and methods in HTML before any dispatcher is chosen.
    @http.route(
        [BASE, f"{BASE}/<path:path>"],
        type="fusion_rest",
        auth="none",
        readonly=_is_readonly,
        save_session=False,
        max_content_length=MAX_BODY,
    )
    def operation(self, path=""):
        operation, path_arguments = routes.match(path, request.httprequest.method)
        refusals.note_operation(operation.name)
        key = authenticated_key()
        with admitted(key, costs.of_operation(operation)):
            payload = _join(_decode_payload(operation), operation.payload.from_texts(path_arguments))
            return answer_response(operation, execute(key, operation.name, payload, idempotency_key()))

    @http.route(
        f"{BASE}/openapi.json", type="fusion_rest", auth="none", readonly=True, save_session=False, methods=["GET"]
    )
    def openapi(self):
        return json_response(document(BASE))


def _decode_payload(operation: Operation) -> dict[str, object]:
    """Return the query of a GET, the JSON object of any other request."""
    if request.httprequest.method in ("GET", "HEAD"):
        return operation.payload.from_texts(query())
    payload = json_body()
    if not isinstance(payload, dict):
        raise InvalidPayloadError("The body must be a JSON object.")
    return payload


def _join(payload: dict[str, object], path_arguments: dict[str, object]) -> dict[str, object]:
    for name, value in path_arguments.items():
        if payload.get(name, value) != value:
            raise InvalidPayloadError(f"{name} differs between path and body.", code="path_mismatch", path=name)
    return {**payload, **path_arguments}
