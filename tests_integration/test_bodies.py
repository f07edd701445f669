"""Bodies on the wire, on each transport: read whole, or refused; never cut without a word."""

import gzip
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from main_job.source_app import BASE, GRAPHQL
from runtime.server import Server

if TYPE_CHECKING:
    from conftest import ServiceClient

MEGABYTE = 1024 * 1024
MAX_BODY = 16 * MEGABYTE
#: For an answer that never comes.
SECONDS = 300

#: A request of each transport that does something, by path.
REQUESTS: dict[str, Any] = {
    f"{BASE}/customers": {"external_id": "whole", "name": "Whole"},
    "/api/billing/jsonrpc": {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "upsertCustomer",
        "params": {"external_id": "whole", "name": "Whole"},
    },
    "/api/billing/graphql": {
        "query": 'mutation { upsertCustomer(input: {externalId: "whole", name: "Whole"}) { userErrors { code } } }'
    },
}
assert GRAPHQL in REQUESTS


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def code(self) -> str | None:
        """Return the stable code of an error, in the form of any transport."""
        for fault in self.body.get("errors") or ():
            if "extensions" in fault:
                return str(fault["extensions"]["code"])
        code = self.body.get("code") or self.body.get("error", {}).get("data", {}).get("code")
        return str(code) if code else None


@dataclass(frozen=True)
class Wire:
    """Sends bytes to the server as they are."""

    host: str
    port: int
    key: str

    def send(self, path: str, body: bytes, **headers: str) -> Answer:
        lines = [f"POST {path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Authorization: Bearer {self.key}"]
        lines += ["Content-Type: application/json", *(f"{n.replace('_', '-')}: {v}" for n, v in headers.items())]
        with socket.create_connection((self.host, self.port), timeout=SECONDS) as connection:
            with suppress(OSError):  # the server may have answered, and closed, before it read everything
                connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
                connection.shutdown(socket.SHUT_WR)
            received = b""
            with suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    received += part
        head, _, answer = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1."), f"no answer: {received[:200]!r}"
        return Answer(int(head.split()[1]), json.loads(answer))

    def send_chunks(self, path: str, *chunks: bytes, **headers: str) -> Answer:
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        return self.send(path, body, Transfer_Encoding="chunked", **headers)


@pytest.fixture(scope="module")
def client(service_client: Callable[[str], "ServiceClient"]) -> "ServiceClient":
    return service_client("chunks")


@pytest.fixture
def wire(server: Server, client: "ServiceClient") -> Wire:
    address = urlsplit(server.url)
    assert address.hostname and address.port
    return Wire(address.hostname, address.port, client.key)


@pytest.fixture(params=list(REQUESTS))
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def body(path: str) -> bytes:
    return json.dumps(REQUESTS[path]).encode()


def test_a_body_in_chunks_is_read(wire: Wire, path: str, body: bytes) -> None:
    cases = {
        "two chunks": (body[:9], body[9:]),
        "a byte each": tuple(bytes([byte]) for byte in body),
        "just the limit": (body.ljust(MEGABYTE), *[b" " * MEGABYTE] * 15),
        "one chunk of just the limit": (body.ljust(MAX_BODY),),
    }
    answers = {name: wire.send_chunks(path, *chunks) for name, chunks in cases.items()}
    assert {name: (answer.status, answer.code) for name, answer in answers.items()} == dict.fromkeys(cases, (200, None))


def test_a_body_in_chunks_is_not_cut_at_the_limit(wire: Wire, path: str, body: bytes) -> None:
    """Up to the limit it is a good request: cut there, it would be done, and the rest be ignored."""
    for rest in (b" ", b"nonsense" * MEGABYTE):
        answer = wire.send_chunks(path, body.ljust(MAX_BODY), rest)
        assert (answer.status, answer.code) == (413, "payload_too_large")


def test_a_body_that_ends_too_early_is_refused(wire: Wire, path: str, body: bytes) -> None:
    long = body.ljust(3 * MEGABYTE)
    cases = {
        "a length": wire.send(path, body, Content_Length=str(len(body) + 1)),
        "a chunk": wire.send(path, b"%x\r\n%s" % (len(body) + 1, body), Transfer_Encoding="chunked"),
        "a chunk larger than any buffer": wire.send(path, b"ffffff\r\n" + body, Transfer_Encoding="chunked"),
        "a long chunk": wire.send(path, b"ffffff\r\n" + long, Transfer_Encoding="chunked"),
        "the last chunk": wire.send(path, b"%x\r\n%s\r\n" % (len(body), body), Transfer_Encoding="chunked"),
    }
    assert {name: (answer.status, answer.code) for name, answer in cases.items()} == dict.fromkeys(
        cases, (400, "incomplete_body")
    )


def test_broken_chunks_are_refused(wire: Wire, path: str) -> None:
    for chunks in (b"zz\r\n{}\r\n0\r\n\r\n", b"-5\r\n{}\r\n", b"2\r\n{}xx\r\n0\r\n\r\n"):
        answer = wire.send(path, chunks, Transfer_Encoding="chunked")
        assert (answer.status, answer.code) == (400, "incomplete_body")


def test_a_line_between_chunks_is_short(wire: Wire, path: str, body: bytes) -> None:
    """werkzeug would read it whole, whatever the worker's memory; here it would then be a good request."""
    whole = b"%x\r\n%s" % (len(body), body)
    for chunks in (b"0" * MEGABYTE + whole + b"\r\n0\r\n\r\n", whole + b" " * MEGABYTE + b"\r\n0\r\n\r\n"):
        answer = wire.send(path, chunks, Transfer_Encoding="chunked")
        assert (answer.status, answer.code) == (400, "incomplete_body")
    answer = wire.send(path, b"0" * 1000 + whole + b"\r\n0\r\n\r\n", Transfer_Encoding="chunked")
    assert (answer.status, answer.code) == (200, None)


def test_a_compressed_body_comes_in_chunks_too(wire: Wire, path: str, body: bytes) -> None:
    packed = gzip.compress(body)
    answer = wire.send_chunks(path, packed[:5], packed[5:], Content_Encoding="gzip")
    assert (answer.status, answer.code) == (200, None)
    bomb = gzip.compress(b" " * (MAX_BODY + 1))
    answer = wire.send_chunks(path, bomb, Content_Encoding="gzip")
    assert (answer.status, answer.code) == (413, "payload_too_large")
    answer = wire.send_chunks(path, body, Content_Encoding="br")
    assert (answer.status, answer.code) == (415, "unsupported_encoding")
