# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""JSON-RPC 2.0: decode, execute, encode."""

from functools import partial

from werkzeug.exceptions import MethodNotAllowed, NotFound

from odoo import http
from odoo.http import request

from ..api import jsonrpc
from ..api.dispatchers import JsonrpcDispatcher, empty_response, json_response
from ..api.http_request import MAX_BODY, authenticated_key, json_body, refuse_idempotency_header
from ..api.jsonrpc_methods import PATH, Performer, note_invalid_calls
from ..limits import costs
from ..limits.admission import admit, admitted, current


class JsonrpcController(http.Controller):
    # All paths and methods, since Odoo itself would answer the wrong ones in HTML. Not readonly: the method,
    # which would tell, stands in the body.
    @http.route(
        [PATH, f"{PATH}/<path:path>"],
        type="fusion_jsonrpc",
        auth="none",
        readonly=False,
        save_session=False,
        max_content_length=MAX_BODY,
    )
    def call(self, path=None):
        if path is not None:
            raise NotFound
        if request.httprequest.method != "POST":
            raise MethodNotAllowed(valid_methods=["POST"])
        key = authenticated_key()
        refuse_idempotency_header()
        max_cost = current().settings.batch_cost  # of the request that authentication has begun
        with admitted(key):
            message = json_body(JsonrpcDispatcher.mimetypes)
            answer = jsonrpc.answer(message, Performer(key), max_cost, _cost, partial(_admit, key))
        note_invalid_calls(answer)
        return empty_response() if answer is None else json_response(answer)


def _cost(call):
    return costs.cost(call.method, call.params)


def _admit(key, calls):
    admit(key, costs.of_calls(call.method for call in calls))
