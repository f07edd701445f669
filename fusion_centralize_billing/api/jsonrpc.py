# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""JSON-RPC 2.0: a decoded message in, its response out. Section numbers are those of the specification
(https://www.jsonrpc.org/specification).

Knows neither Odoo nor the operations: ``perform`` does the work of a call, and what it raises beside
RpcError passes through, so that Odoo can run the whole request again where that helps.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

# Section 5.1. The range -32000 to -32099 is for errors that a server defines.
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
MESSAGES = {
    PARSE_ERROR: "Parse error",
    INVALID_REQUEST: "Invalid Request",
    METHOD_NOT_FOUND: "Method not found",
    INVALID_PARAMS: "Invalid params",
    INTERNAL_ERROR: "Internal error",
}

Response = dict[str, Any]


class RpcError(Exception):
    """An error object (section 5.1).

    :param number: the protocol's ``code``
    :param code: our stable string, the same on every transport, as ``data.code``
    :param detail: what happened, as ``data.message``; also ``message`` where the specification has none
    :param errors: the faults of the parameters, as ``data.errors``
    """

    #: Odoo reads it (odoo/http.py): a client's mistake needs no traceback in the log.
    loglevel = logging.WARNING

    def __init__(self, number: int, code: str, detail: str, errors: Sequence[dict[str, str]] = ()):
        super().__init__(detail)
        self.number = number
        self.code = code
        self.detail = detail
        self.errors = list(errors)

    def as_dict(self) -> dict[str, Any]:
        return {
            "code": self.number,
            "message": MESSAGES.get(self.number, self.detail),
            "data": {"code": self.code, "message": self.detail, "errors": self.errors},
        }


@dataclass(frozen=True)
class Call:
    """A valid request object (section 4); a notification is one without the member ``id`` (section 4.1).

    ``idempotency_key`` is a member of ours, which the specification neither knows nor forbids: the HTTP header
    of that name could not tell the calls of a batch apart.
    """

    method: str
    params: dict[str, Any] | list[Any]
    id: str | int | float | None
    is_notification: bool
    idempotency_key: Any = None


def answer(
    message: Any,
    perform: Callable[[Call], Any],
    max_cost: int,
    cost: Callable[[Call], int] = lambda call: 1,
    admit: Callable[[Sequence[Call]], None] = lambda calls: None,
) -> Response | list[Response] | None:
    """Return the response to a message, a list of them for a batch, or None where nothing may be answered.

    The calls of a batch run one after the other, and the responses keep their order; section 6 leaves both open.

    :param perform: does a call and returns its result, or raises RpcError
    :param max_cost: of the calls of a batch together
    :param cost: tells what a call costs, at least 1; members that are no call cost 1
    :param admit: is told the calls before the first one is done, and raises what refuses them all
    :raises RpcError: the message as a whole is no request; its ``id`` is null
    """
    if not isinstance(message, list):
        call = parse_call(message)
        admit([call])
        return _respond(call, perform)
    if not message:
        raise _invalid_request("A batch needs at least one call.")
    if len(message) > max_cost:  # before anything is read of it
        detail = f"A batch may have {max_cost} calls; this one has {len(message)}."
        raise RpcError(INVALID_REQUEST, "too_many_calls", detail)
    members = [_parse_member(member) for member in message]
    calls = [member for member in members if isinstance(member, Call)]
    total = sum(map(cost, calls)) + len(members) - len(calls)
    if total > max_cost:
        detail = f"The calls of a batch may cost {max_cost} together; these cost {total}. Send fewer at a time."
        raise RpcError(INVALID_REQUEST, "batch_too_costly", detail)
    admit(calls)
    responses = [
        _respond(member, perform) if isinstance(member, Call) else error_response(member) for member in members
    ]
    # Section 6: a batch of notifications is answered by nothing at all, not by an empty array.
    return [response for response in responses if response is not None] or None


def parse_call(message: Any) -> Call:
    """Return the call that a request object asks for, or raise RpcError (section 4)."""
    if not isinstance(message, dict):
        raise _invalid_request("A request must be an object.")
    if message.get("jsonrpc") != "2.0":
        raise _invalid_request('jsonrpc must be "2.0".')
    if not isinstance(message.get("method"), str):
        raise _invalid_request("method must be a text.")
    params = message.get("params", {})
    if not isinstance(params, (dict, list)):
        raise _invalid_request("params must be an array or an object.")
    id_, is_notification = _parse_id(message.get("id")), "id" not in message
    return Call(message["method"], params, id_, is_notification, message.get("idempotency_key"))


def bind(params: dict[str, Any] | list[Any], names: Sequence[str]) -> dict[str, Any]:
    """Return parameters by name (section 4.2).

    A value beyond the last name keeps its position as its name, for the payload to refuse as unknown.
    """
    if isinstance(params, dict):
        return params
    numbered = [*names, *(str(position) for position in range(len(names), len(params)))]
    return dict(zip(numbered, params, strict=False))


def error_response(error: RpcError, call_id: str | int | float | None = None) -> Response:
    """Return the response object of an error (section 5)."""
    return {"jsonrpc": "2.0", "error": error.as_dict(), "id": call_id}


def _parse_member(message: Any) -> Call | RpcError:
    """Return a call, or what is answered with a null id to what is none (section 5)."""
    try:
        return parse_call(message)
    except RpcError as exc:
        return exc


def _respond(call: Call, perform: Callable[[Call], Any]) -> Response | None:
    try:
        response = {"jsonrpc": "2.0", "result": perform(call), "id": call.id}
    except RpcError as exc:
        response = error_response(exc, call.id)
    return None if call.is_notification else response


def _parse_id(value: Any) -> str | int | float | None:
    """Return an id that can be sent back as it came: text, a number or null (section 4)."""
    if isinstance(value, str):
        if value.isascii() or value.encode(errors="ignore").decode() == value:
            return value
    elif isinstance(value, Decimal):
        number = float(value)
        if Decimal(repr(number)) == value:
            return number
    elif value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    # A decoder leaves an object with a code where a number was that it refuses.
    code = getattr(value, "code", "invalid_request")
    detail = "id must be a text, a number or null."
    raise RpcError(INVALID_REQUEST, code, detail, [{"path": "id", "code": code, "message": detail}])


def _invalid_request(detail: str) -> RpcError:
    return RpcError(INVALID_REQUEST, "invalid_request", detail)
