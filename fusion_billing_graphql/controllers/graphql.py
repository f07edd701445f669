# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""GraphQL: read the call, answer it, send the answer."""

from werkzeug.exceptions import InternalServerError, NotFound

from odoo import http
from odoo.addons.fusion_centralize_billing.api import refusals
from odoo.addons.fusion_centralize_billing.api.http_request import MAX_BODY, refuse_idempotency_header
from odoo.http import request

from ..limits.settings import Settings
from ..server import cors, engine, wire
from ..server.caller import identify, settings_env

URL = "/api/billing/graphql"


def _is_readonly(_controller, _rule, _args):
    return wire.is_readonly(request.httprequest)


class GraphqlController(http.Controller):
    # A catch-all: Odoo answers unknown paths and methods in HTML before any dispatcher is chosen.
    @http.route(
        [URL, f"{URL}/<path:path>"],
        type="fusion_graphql",
        auth="none",
        readonly=_is_readonly,
        save_session=False,
        max_content_length=MAX_BODY,
    )
    def graphql(self, path=""):
        if path:
            raise NotFound
        cors.begin(settings_env())
        if cors.is_preflight():
            return cors.answer_preflight()
        wire.check_head(request.httprequest)
        request_id = refusals.request_id(request.httprequest)
        refuse_idempotency_header()
        # Nothing is decoded for a caller who may not ask.
        caller, settings = identify(), Settings.load(settings_env())
        caller.check_at_all(settings)
        call = wire.read(request.httprequest, MAX_BODY if caller.is_known else wire.MAX_BODY_OF_NOBODY)
        answer = engine.answer(call, caller, settings, request_id)
        status = wire.status(request.httprequest, answer.executed, answer.is_our_fault)
        response = wire.response(answer.body, status, request.httprequest)
        if answer.must_roll_back:
            # Odoo commits what returns. What is sent is the response, with its own status.
            raise InternalServerError(response=response)
        return response
