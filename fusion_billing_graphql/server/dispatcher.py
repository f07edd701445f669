# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The wire format, as Odoo's HTTP layer wants it."""

from werkzeug.exceptions import HTTPException

from odoo.addons.fusion_centralize_billing.api.dispatchers import RestDispatcher
from odoo.addons.fusion_centralize_billing.api.errors import MethodNotAllowedError, UnauthenticatedError
from odoo.addons.fusion_centralize_billing.api.request_body import release
from odoo.http import Response

from . import wire
from .errors import formatted_exception


class GraphqlDispatcher(RestDispatcher):
    """``type="fusion_graphql"``: whatever ends a request is answered as GraphQL errors, with its HTTP status."""

    routing_type = "fusion_graphql"

    def handle_error(self, exc: Exception) -> Response:
        if isinstance(exc, HTTPException) and exc.response is not None:
            return exc.response
        request = self.request.httprequest
        request_id = wire.request_id(request)
        error, shown = formatted_exception(exc, request_id)
        headers = {"X-Request-Id": request_id}
        if isinstance(error, UnauthenticatedError):
            headers["WWW-Authenticate"] = 'Bearer realm="fusion-billing"'
        if isinstance(error, MethodNotAllowedError):
            headers["Allow"] = ", ".join(error.allowed)
        release(request, exc)
        return wire.response({"errors": [shown]}, error.http_status, request, headers)
