# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The protocol JSON-RPC 2.0, on the methods that the specification uses in its examples."""

import json
from decimal import Decimal

import pytest
from fusion_jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    MESSAGES,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    Call,
    RpcError,
    answer,
    bind,
    error_response,
    parse_call,
)

MAX_BATCH = 10


class Server:
    """A server with the methods of section 7; it notes what it was asked to do."""

    def __init__(self):
        self.done = []
        self.methods = {
            "subtract": (self.subtract, ["minuend", "subtrahend"]),
            "sum": (lambda **values: sum(values.values()), []),
            "get_data": (lambda: ["hello", 5], []),
            "update": (lambda **values: None, []),
            "notify_sum": (lambda **values: None, []),
            "notify_hello": (lambda **values: None, []),
            "broken": (self.broken, []),
        }

    @staticmethod
    def subtract(minuend, subtrahend):
        return minuend - subtrahend

    @staticmethod
    def broken():
        raise LookupError("not for the protocol")

    def perform(self, call):
        if call.method not in self.methods:
            raise RpcError(METHOD_NOT_FOUND, "unknown_operation", "There is no such method.")
        function, names = self.methods[call.method]
        self.done.append(call.method)
        try:
            return function(**bind(call.params, names))
        except TypeError as exc:
            raise RpcError(INVALID_PARAMS, "invalid_payload", str(exc)) from exc

    def handle(self, body):
        """Answer a body as a transport does: what is no request at all is an error with the id null."""
        try:
            message = json.loads(body, parse_float=Decimal)
        except ValueError as exc:
            return error_response(RpcError(PARSE_ERROR, "invalid_json", str(exc)))
        try:
            return answer(message, self.perform, MAX_BATCH)
        except RpcError as exc:
            return error_response(exc)


@pytest.fixture
def server():
    return Server()


def plain(response):
    """Return a response as the specification prints it: an error without the data that it leaves to servers."""
    if isinstance(response, list):
        return [plain(member) for member in response]
    if response and "error" in response:
        error = response["error"]
        return {**response, "error": {name: error[name] for name in ("code", "message")}}
    return response


def invalid(number=INVALID_REQUEST, call_id=None):
    return {"jsonrpc": "2.0", "error": {"code": number, "message": MESSAGES[number]}, "id": call_id}


# === SECTION 7: EXAMPLES === #

EXAMPLES = {
    "positional parameters": (
        '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
        {"jsonrpc": "2.0", "result": 19, "id": 1},
    ),
    "positional parameters, the other way round": (
        '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
        {"jsonrpc": "2.0", "result": -19, "id": 2},
    ),
    "named parameters": (
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
        {"jsonrpc": "2.0", "result": 19, "id": 3},
    ),
    "named parameters, the other way round": (
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
        {"jsonrpc": "2.0", "result": 19, "id": 4},
    ),
    "a notification": ('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    "a notification of an unknown method": ('{"jsonrpc": "2.0", "method": "foobar"}', None),
    "an unknown method": (
        '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
        {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"},
    ),
    "invalid JSON": (
        '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
        {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": None},
    ),
    "an invalid request": (
        '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": None},
    ),
    "a batch of invalid JSON": (
        '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method"]',
        {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": None},
    ),
    "an empty batch": (
        "[]",
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": None},
    ),
    "an invalid batch that is not empty": (
        "[1]",
        [{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": None}],
    ),
    "an invalid batch": (
        "[1,2,3]",
        [{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": None}] * 3,
    ),
    "a batch": (
        """[
            {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
            {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
        ]""",
        [
            {"jsonrpc": "2.0", "result": 7, "id": "1"},
            {"jsonrpc": "2.0", "result": 19, "id": "2"},
            {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": None},
            {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
            {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"},
        ],
    ),
    "a batch of notifications": (
        """[
            {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
            {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
        ]""",
        None,
    ),
}


@pytest.mark.parametrize(("body", "expected"), EXAMPLES.values(), ids=list(EXAMPLES))
def test_the_examples_of_the_specification_are_answered_as_it_says(server, body, expected):
    assert plain(server.handle(body)) == expected


# === SECTION 4: REQUESTS === #


@pytest.mark.parametrize(
    "change",
    [
        {"jsonrpc": "1.0"},
        {"jsonrpc": 2.0},
        {"jsonrpc": None},
        {"method": None},
        {"method": ["get_data"]},
        {"params": None},
        {"params": "text"},
        {"params": 0},
        {"params": True},
        {"id": True},
        {"id": []},
        {"id": {}},
        {"id": "\ud800"},
        {"id": Decimal("1e400")},
        {"id": Decimal("0.12345678901234567890123")},
    ],
    ids=repr,
)
def test_a_member_of_the_wrong_type_makes_no_request(server, change):
    request = {"jsonrpc": "2.0", "method": "get_data", "params": {}, "id": 1, **change}
    with pytest.raises(RpcError) as caught:
        answer(request, server.perform, MAX_BATCH)
    assert (caught.value.number, caught.value.code) == (INVALID_REQUEST, "invalid_request")
    assert plain(answer([request], server.perform, MAX_BATCH)) == [invalid()]
    assert server.done == []


@pytest.mark.parametrize("name", ["jsonrpc", "method"])
def test_the_version_and_the_method_are_needed(server, name):
    request = {"jsonrpc": "2.0", "method": "get_data", "id": 1}
    del request[name]
    with pytest.raises(RpcError):
        answer(request, server.perform, MAX_BATCH)


@pytest.mark.parametrize("message", [None, True, 1, "text", Decimal("1.5")], ids=repr)
def test_what_is_no_object_is_no_request(server, message):
    with pytest.raises(RpcError) as caught:
        answer(message, server.perform, MAX_BATCH)
    assert caught.value.number == INVALID_REQUEST


def test_members_that_the_specification_does_not_know_are_left_alone(server):
    request = {"jsonrpc": "2.0", "method": "get_data", "id": 1, "trace": "x"}
    assert answer(request, server.perform, MAX_BATCH)["result"] == ["hello", 5]


@pytest.mark.parametrize("body_id", ["1", "0", "-7", "1.5", "0.1", '""', '"a"', '"\U0001f511"', "9" * 40, "null"])
def test_an_id_comes_back_as_it_was_sent(server, body_id):
    response = server.handle('{"jsonrpc": "2.0", "method": "get_data", "id": %s}' % body_id)
    assert json.dumps(response["id"], ensure_ascii=False) == body_id
    assert response["result"] == ["hello", 5]


def test_a_null_id_is_no_notification(server):
    request = {"jsonrpc": "2.0", "method": "foobar", "id": None}
    assert plain(answer(request, server.perform, MAX_BATCH)) == invalid(METHOD_NOT_FOUND)


def test_a_call_knows_its_parts():
    call = parse_call({"jsonrpc": "2.0", "method": "sum", "params": [1], "id": "a"})
    assert call == Call("sum", [1], "a", is_notification=False)
    assert parse_call({"jsonrpc": "2.0", "method": "sum"}) == Call("sum", {}, None, is_notification=True)


def test_a_notification_is_carried_out(server):
    answer({"jsonrpc": "2.0", "method": "update", "params": [1]}, server.perform, MAX_BATCH)
    assert server.done == ["update"]


# === PARAMETERS === #


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"b": 1}, {"b": 1}),
        ({}, {}),
        ([], {}),
        ([1], {"a": 1}),
        ([1, None], {"a": 1, "b": None}),
        ([1, 2, 3, 4], {"a": 1, "b": 2, "2": 3, "3": 4}),
    ],
)
def test_positional_parameters_get_their_names(params, expected):
    assert bind(params, ["a", "b"]) == expected


def test_wrong_parameters_are_an_error_of_the_call(server):
    for params in ([1], [1, 2, 3], {"minuend": 1}, {"minuend": 1, "subtrahend": 1, "more": 1}):
        request = {"jsonrpc": "2.0", "method": "subtract", "params": params, "id": 7}
        assert plain(answer(request, server.perform, MAX_BATCH)) == invalid(INVALID_PARAMS, 7)


# === SECTION 5.1: ERRORS === #


def test_an_error_carries_our_code_and_faults():
    faults = [{"path": "a", "code": "missing", "message": "Field required"}]
    assert RpcError(INVALID_PARAMS, "invalid_payload", "a: Field required", faults).as_dict() == {
        "code": -32602,
        "message": "Invalid params",
        "data": {"code": "invalid_payload", "message": "a: Field required", "errors": faults},
    }


def test_an_error_of_our_own_range_has_our_message():
    assert RpcError(-32009, "conflict", "It differs.").as_dict()["message"] == "It differs."


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (PARSE_ERROR, "Parse error"),
        (INVALID_REQUEST, "Invalid Request"),
        (METHOD_NOT_FOUND, "Method not found"),
        (INVALID_PARAMS, "Invalid params"),
        (INTERNAL_ERROR, "Internal error"),
    ],
)
def test_the_messages_of_the_specification_are_used(number, message):
    assert RpcError(number, "code", "detail").as_dict()["message"] == message


def test_what_the_protocol_does_not_know_passes_through(server):
    broken = {"jsonrpc": "2.0", "method": "broken", "id": 1}
    for message in (broken, [broken], {"jsonrpc": "2.0", "method": "broken"}):
        with pytest.raises(LookupError):
            answer(message, server.perform, MAX_BATCH)


# === SECTION 6: BATCHES === #


def call(number, method="get_data"):
    return {"jsonrpc": "2.0", "method": method, "id": number}


def test_a_batch_is_done_and_answered_in_its_order(server):
    batch = [call(3), call(1, "foobar"), {"jsonrpc": "2.0", "method": "update"}, call(2, "sum")]
    assert [response["id"] for response in answer(batch, server.perform, MAX_BATCH)] == [3, 1, 2]
    assert server.done == ["get_data", "update", "sum"]


def test_the_largest_batch_is_answered(server):
    assert len(answer([call(number) for number in range(MAX_BATCH)], server.perform, MAX_BATCH)) == MAX_BATCH


def test_a_larger_batch_is_refused_with_none_of_it_done(server):
    with pytest.raises(RpcError) as caught:
        answer([call(number) for number in range(MAX_BATCH + 1)], server.perform, MAX_BATCH)
    assert (caught.value.number, caught.value.code) == (INVALID_REQUEST, "too_many_calls")
    assert str(MAX_BATCH) in caught.value.detail
    assert server.done == []


def test_a_batch_in_a_batch_is_no_request(server):
    assert plain(answer([[call(1)]], server.perform, MAX_BATCH)) == [invalid()]
    assert server.done == []
