# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The wire format, as Odoo's HTTP layer wants it."""

from odoo.addons.fusion_centralize_billing.api import refusals
from odoo.addons.fusion_centralize_billing.api.dispatchers import RestDispatcher, error_headers
from odoo.http import Response

from . import cors, wire
from .errors import formatted_exception


class GraphqlDispatcher(RestDispatcher):
    """``type="fusion_graphql"``: whatever ends a request is answered as GraphQL errors, with its HTTP status."""

    routing_type = "fusion_graphql"

    def error_response(self, exc: Exception) -> Response:
        request = self.request.httprequest
        error, shown = formatted_exception(exc, refusals.request_id(request))
        return wire.response({"errors": [shown]}, error.http_status, request, error_headers(error))

    def _finish(self, response: Response) -> None:
        super()._finish(response)
        cors.add_headers(response)
