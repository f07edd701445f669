# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What JSON-RPC calls reach: the table of operations, and the description of it."""

from __future__ import annotations

from typing import Any

from odoo.models import BaseModel

from . import idempotency, json_text, openrpc, refusals
from .errors import BillingError, NotFoundError, PayloadTooLargeError
from .execution import execute_alone
from .jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    Call,
    RpcError,
    bind,
)
from .operations import OPERATIONS
from .payloads import Empty

PATH = "/api/billing/jsonrpc"
#: The name is OpenRPC's; the specification keeps the prefix "rpc." for such methods (section 8).
DISCOVER = "rpc.discover"

#: Characters of the results of one message; some hundred pages of the fattest records would take a worker's memory.
MAX_RESULTS = 16 * 1024 * 1024
_NUMBERS = {"invalid_json": PARSE_ERROR, "unknown_operation": METHOD_NOT_FOUND}


class Performer:
    """Does the calls of one message, as long as there is room for their results."""

    def __init__(self, key: BaseModel):
        self._key = key
        self._room = MAX_RESULTS

    def __call__(self, call: Call) -> dict[str, Any]:
        """Do a call and return its result, or raise RpcError with nothing of it left."""
        if self._room <= 0:
            message = "The calls before this one have filled the answer; it was not made. Send it in another message."
            error = PayloadTooLargeError(message, code="answer_too_large")
            refusals.note(error.code, error.http_status, _known_method(call))
            raise rpc_error(error)
        result = perform(self._key, call)
        if not call.is_notification:
            self._room -= len(json_text.dumps(result))
        return result


def perform(key: BaseModel, call: Call) -> dict[str, Any]:
    """Do a call and return its result, or raise RpcError with nothing of it left.

    Each is a transaction of its own. Odoo must not run again what was committed: nothing but RpcError leaves here.
    """
    try:
        if call.method == DISCOVER:
            Empty.parse(bind(call.params, ()))
            if call.idempotency_key is not None:
                raise idempotency.not_supported()
            return openrpc.document(PATH)
        operation = OPERATIONS.get(call.method)
        if operation is None:
            raise NotFoundError("There is no such method.", code="unknown_operation")
        payload = bind(call.params, openrpc.parameter_names(operation))
        return execute_alone(key, operation.name, payload, call.idempotency_key)
    except BillingError as exc:
        refusals.note(exc.code, exc.http_status, _known_method(call))
        raise rpc_error(exc) from exc


def _known_method(call: Call) -> str | None:
    return call.method if call.method == DISCOVER or call.method in OPERATIONS else None


def note_invalid_calls(answer: Any) -> None:
    """Note the refusal of what stood in a batch and was no call: it reached no operation."""
    errors = [response.get("error") for response in answer] if isinstance(answer, list) else []
    for error in errors:
        if error and error["code"] == INVALID_REQUEST:
            refusals.note(error["data"]["code"], 400)


def rpc_error(error: BillingError) -> RpcError:
    """Return an error of ours in the form of JSON-RPC."""
    return RpcError(rpc_number(error), error.code, error.message, [fault.as_dict() for fault in error.errors])


def rpc_number(error: BillingError) -> int:
    """Return the protocol's number of an error: its own, or -32000 less the last digits of the HTTP status."""
    if error.code in _NUMBERS:
        return _NUMBERS[error.code]
    if error.http_status == 400:
        return INVALID_PARAMS
    if error.http_status >= 500:
        return INTERNAL_ERROR
    return -32000 - error.http_status % 100
