# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Errors as GraphQL shows them: ``{"message", "path", "extensions": {"code", ...}}``."""

from __future__ import annotations

import logging

from graphql import FieldNode, GraphQLError, GraphQLSyntaxError

from odoo.addons.fusion_centralize_billing.api import refusals
from odoo.addons.fusion_centralize_billing.api.errors import BillingError, InternalError, from_exception
from odoo.addons.fusion_centralize_billing.logs.keys import without_keys
from odoo.exceptions import UserError

from .wire import BAD_REQUEST

_logger = logging.getLogger(__name__)


class Abort(BaseException):
    """Carries an exception through graphql-core, which would make an answer of any Exception.

    Odoo has to see a serialization failure, to run the request again.
    """

    def __init__(self, cause: Exception):
        super().__init__()
        self.cause = cause


def formatted(error: GraphQLError, request_id: str) -> dict:
    """Return an error of graphql-core as clients see it; faults of ours are masked, and logged with the id."""
    shown = error.formatted
    original = error.original_error
    if original is None or isinstance(original, GraphQLError):  # the latter is a value that a scalar refused
        code = "syntax_error" if isinstance(error, GraphQLSyntaxError) else "invalid_document"
        extensions = {"code": code, **(error.extensions or {})}
        shown["message"] = without_keys(shown["message"])  # it can quote the document and the variables
        status = BAD_REQUEST
    else:
        seen = visible_error(original, request_id)
        shown["message"] = seen.message
        extensions = _extensions(seen, request_id)
        status = seen.http_status
    refusals.note(extensions["code"], status, _field_of(error))
    shown["extensions"] = extensions
    return shown


def formatted_exception(exc: Exception, request_id: str) -> tuple[BillingError, dict]:
    """Return what a client may see of an exception that ended the request, as an error and formatted."""
    seen = visible_error(exc, request_id)
    refusals.note(seen.code, seen.http_status)
    return seen, {"message": seen.message, "extensions": _extensions(seen, request_id)}


def visible_error(exc: Exception, request_id: str) -> BillingError:
    seen = from_exception(exc)
    if isinstance(seen, InternalError):
        _logger.error("GraphQL request %s failed: %s", request_id, exc, exc_info=not isinstance(exc, UserError))
    return seen


def _field_of(error: GraphQLError) -> str | None:
    """Return the field in which an error arose: by its name in the schema, not the alias that a client made up."""
    asked = error.nodes[0] if error.path and error.nodes else None
    return asked.name.value if isinstance(asked, FieldNode) else None


def _extensions(error: BillingError, request_id: str) -> dict:
    extensions = {"code": error.code}
    if error.errors:
        extensions["errors"] = [fault.as_dict() for fault in error.errors]
    if isinstance(error, InternalError):
        extensions["requestId"] = request_id
    return extensions
