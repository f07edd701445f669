# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Errors of the API: few classes (one per HTTP status), many stable ``code`` strings.

Raise them, never return them: Odoo commits a transaction whose controller returned, whatever the
status of its response, and rolls back one that raised.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from psycopg2 import IntegrityError
from psycopg2.errors import QueryCanceled
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge, UnsupportedMediaType

from odoo.exceptions import (
    AccessDenied,
    AccessError,
    ConcurrencyError,
    LockError,
    MissingError,
    UserError,
    ValidationError,
)
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..logs.keys import without_keys

_logger = logging.getLogger(__name__)
#: Characters of an error's message that are logged.
_LOGGED = 500


@dataclass(frozen=True)
class FieldError:
    """One fault of one field; ``path`` leads to it from the payload's root, such as ``events.3.quantity``."""

    path: str
    code: str
    message: str

    def as_dict(self) -> dict[str, str]:
        # Clients that confuse fields get no key back: answers are logged on their side.
        return {"path": without_keys(self.path), "code": self.code, "message": without_keys(self.message)}


class BillingError(UserError):
    """Base of the errors that a client of the API sees with their own code and message.

    :param code: stable string that programs compare; the message may change
    :param path: the field at fault, if there is one
    :param errors: all faults of a payload, if there are several
    :param retry_after: seconds until the same request may do
    """

    code = "business_rule"
    http_status = 422
    retry_after: int | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        path: str = "",
        errors: list[FieldError] | None = None,
        retry_after: int | None = None,
    ):
        message = without_keys(message)
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        if errors is None:
            errors = [FieldError(path, self.code, message)] if path else []
        self.errors = errors
        self.retry_after = retry_after or self.retry_after
        # What the web client shows, and Odoo's own APIs tell, of an error whose class they do not know
        # (web/static/src/core/errors/error_handlers.js; odoo/http.py: serialize_exception).
        self.context = {
            "exception_class": "odoo.exceptions.UserError",
            "code": self.code,
            "errors": [error.as_dict() for error in errors],
        }


class InvalidPayloadError(BillingError):
    """The request itself is wrong, whatever the data behind it."""

    code = "invalid_payload"
    http_status = 400


class UnauthenticatedError(BillingError):
    """No key, or a key that does not (any more) open anything."""

    code = "unauthenticated"
    http_status = 401


class ForbiddenError(BillingError):
    """The key is good, but not for this operation."""

    code = "forbidden"
    http_status = 403


class NotFoundError(BillingError):
    """The record does not exist for this service; another service's record looks the same."""

    code = "not_found"
    http_status = 404


class MethodNotAllowedError(BillingError):
    """The path exists, the HTTP method does not; ``allowed`` lists those that do."""

    code = "method_not_allowed"
    http_status = 405

    def __init__(self, message: str, allowed: list[str]):
        super().__init__(message)
        self.allowed = allowed


class ConflictError(BillingError):
    """The request contradicts what is stored."""

    code = "conflict"
    http_status = 409


class PayloadTooLargeError(BillingError):
    """The body is larger than any request of this API needs to be."""

    code = "payload_too_large"
    http_status = 413


class UnsupportedMediaTypeError(BillingError):
    """The body is not declared as JSON."""

    code = "unsupported_media_type"
    http_status = 415


class BusinessRuleError(BillingError):
    """The request is well formed, but a rule of billing refuses it."""

    code = "business_rule"
    http_status = 422


class TooManyRequestsError(BillingError):
    """The client asks for more than its share. The same request will do later."""

    code = "rate_limited"
    http_status = 429


class UnavailableError(BillingError):
    """Too many requests changed the same record at once. The same request will do later."""

    code = "try_again"
    http_status = 503
    retry_after = 1


class DeadlineExceededError(UnavailableError):
    """The request would have kept a worker from others for too long; nothing of what was stopped is kept."""

    code = "deadline_exceeded"


class InternalError(BillingError):
    """A fault of ours. The client learns nothing but that."""

    code = "internal"
    http_status = 500


def from_exception(exc: Exception) -> BillingError:
    """Return the error that a client may see for any exception.

    Odoo's own messages can name records of others ("Record: res.partner(42,)"), so they are
    replaced, and logged here for the people who run the server.
    """
    if isinstance(exc, BillingError):
        return exc
    if isinstance(exc, HTTPException):
        return _from_http_exception(exc)
    if isinstance(exc, AccessDenied):
        return UnauthenticatedError("A valid API key is needed.")
    if isinstance(exc, (AccessError, MissingError)):
        _logger.warning("Access refused to an API request: %s", _loggable(exc))
        return NotFoundError("The record does not exist.")
    if isinstance(exc, LockError):
        return ConflictError("The record is being changed by somebody else; try again.", code="locked")
    # Outside of a savepoint, Odoo makes a ValidationError of what a constraint of the database refused.
    if isinstance(exc, (ValidationError, IntegrityError)):
        _logger.warning("Validation refused an API request: %s", _loggable(exc))
        return BusinessRuleError("The values contradict each other or what is stored.", code="validation_failed")
    if isinstance(exc, UserError):
        _logger.warning("A business rule refused an API request: %s", _loggable(exc))
        return BusinessRuleError("A rule of the back office refuses this request.")
    if isinstance(exc, (ConcurrencyError, *PG_CONCURRENCY_EXCEPTIONS_TO_RETRY)):
        return try_again()
    if isinstance(exc, QueryCanceled):  # statement_timeout: see limits/deadline.py
        return deadline_exceeded()
    _logger.error("Unexpected error in an API request", exc_info=exc)
    return InternalError("Internal error.")


def _loggable(exc: Exception) -> str:
    """Return what the people who run the server may read of an error: PostgreSQL tells the values that it refuses."""
    if isinstance(exc, IntegrityError):
        return f"{type(exc).__name__} of {exc.diag.constraint_name or exc.diag.column_name} (SQLSTATE {exc.pgcode})"
    return without_keys(str(exc))[:_LOGGED]


def try_again() -> UnavailableError:
    return UnavailableError("The record is being changed by others; send the request again.")


def deadline_exceeded() -> DeadlineExceededError:
    return DeadlineExceededError("The request took too long and was given up; ask for less at a time.")


def _from_http_exception(exc: HTTPException) -> BillingError:
    if isinstance(exc, RequestEntityTooLarge):
        return PayloadTooLargeError("The request body is too large.")
    if isinstance(exc, UnsupportedMediaType):
        return UnsupportedMediaTypeError("The request body must be application/json.")
    if isinstance(exc, MethodNotAllowed):
        return MethodNotAllowedError("This path does not know this method.", list(exc.valid_methods or []))
    if exc.code == 404:
        return NotFoundError("There is nothing at this path.", code="unknown_path")
    if exc.code and 400 <= exc.code < 500:
        return InvalidPayloadError("The request could not be understood.")
    return InternalError("Internal error.")
