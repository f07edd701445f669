# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What JSON-RPC calls reach: the table of operations, and the description of it."""

from __future__ import annotations

from typing import Any

from odoo.models import BaseModel

from . import idempotency, openrpc, refusals
from .errors import BillingError, NotFoundError
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

_NUMBERS = {"invalid_json": PARSE_ERROR, "unknown_operation": METHOD_NOT_FOUND}


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
        is_known = call.method == DISCOVER or call.method in OPERATIONS
        refusals.note(exc.code, exc.http_status, call.method if is_known else None)
        raise rpc_error(exc) from exc


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
