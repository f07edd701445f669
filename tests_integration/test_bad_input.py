"""Bad input over real sockets: whatever comes, the answer is JSON, nothing is kept, and the server stays up."""

import json
import random
import socket
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from main_job import job_queue
from main_job.back_office import BackOffice
from main_job.source_app import BASE
from runtime.server import Server

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

Query = Callable[[str], list[dict[str, Any]]]
#: An event as a JSON object.
Event = dict[str, Any]

TODAY = datetime.now(timezone.utc).date()
MEGABYTE = 1024 * 1024
MAX_BODY = 16 * MEGABYTE
#: For an answer that never comes; a worker gives up a silent client after 2 s.
SECONDS = 300


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Wire:
    """Sends bytes to the server as they are."""

    host: str
    port: int
    key: str
    headers: dict[str, str] = field(default_factory=dict)

    def request(self, method: str, path: str, body: bytes = b"", version: str = "1.1", **headers: str | None) -> bytes:
        """Return a request's bytes; a header given as None is left out."""
        values: dict[str, str | None] = {"Host": f"{self.host}:{self.port}", "Authorization": f"Bearer {self.key}"}
        if body:
            values |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        values |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {BASE}{path} HTTP/{version}", *(f"{k}: {v}" for k, v in values.items() if v is not None)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def send(self, data: bytes, *, half_close: bool = False) -> Answer:
        """Send, and return what comes back until the server closes the connection."""
        with socket.create_connection((self.host, self.port), timeout=SECONDS) as connection:
            with suppress(OSError):  # the server may have answered, and closed, before it read everything
                connection.sendall(data)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            return self.receive(connection)

    def receive(self, connection: socket.socket) -> Answer:
        received = b""
        with suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                received += chunk
        return _parse(received)


@pytest.fixture(scope="module")
def plan(backoffice: BackOffice, new_plan: Callable[[BackOffice], "Plan"]) -> "Plan":
    return new_plan(backoffice)


@pytest.fixture(scope="module")
def client(
    backoffice: BackOffice, plan: "Plan", service_client: Callable[[str], "ServiceClient"]
) -> Iterator["ServiceClient"]:
    client = service_client("careless")
    plan.open(client.api, "acme")
    client.endpoint.wait_for(bool)  # its only event: from here on nothing but the tests writes
    with job_queue.held_back(backoffice, job_queue.RATE_USAGE):
        yield client


@pytest.fixture
def wire(server: Server, client: "ServiceClient") -> Wire:
    address = urlsplit(server.url)
    assert address.hostname and address.port
    return Wire(address.hostname, address.port, client.key)


@pytest.fixture
def good(plan: "Plan") -> Callable[..., Event]:
    """Return a function that makes a good event; its arguments replace fields."""
    return lambda **changes: {**plan.counter("acme", 1, TODAY), **changes}


@pytest.fixture
def counts(query: Query, client: "ServiceClient") -> Callable[[], dict[str, Any]]:
    """Return a function that counts whatever a request of the service could leave behind."""
    tables = {
        "usage": "fusion_billing_usage",
        "changes": "fusion_billing_usage_change",
        "links": "fusion_billing_account_link",
        "webhooks": "fusion_billing_webhook",
        "orders": "sale_order",
        "partners": "res_partner",
    }
    columns = ", ".join(f"(SELECT count(*) FROM {table}) AS {name}" for name, table in tables.items())
    return lambda: query(f"SELECT {columns}")[0]


@pytest.fixture(autouse=True)
def nothing_is_kept_and_the_server_stays_up(
    server: Server, client: "ServiceClient", counts: Callable[[], dict[str, Any]], good: Callable[..., Event]
) -> Iterator[None]:
    before, workers = counts(), set(server.workers())
    yield
    assert counts() == before
    assert client.api.request("GET", "/plans").status_code == 200
    assert set(server.workers()) == workers, "a worker died"


# === BODIES === #


def _events(*events: Any) -> bytes:
    return json.dumps({"events": list(events)}).encode()


_LONG = b"7" * 10_000
_OUT_OF_RANGE = "number_out_of_range"
_DEEP = b'{"events": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"

BODIES: list[tuple[str, Callable[[Callable[..., Event]], bytes], int, str]] = [
    ("no JSON", lambda good: b"events=1", 400, "invalid_json"),
    ("half a JSON", lambda good: _events(good())[:-3], 400, "invalid_json"),
    ("invalid UTF-8", lambda good: b'{"events": "\xff\xfe\xfa"}', 400, "invalid_json"),
    ("a lone surrogate", lambda good: _events(good(metric_code="\ud800")), 400, "invalid_payload"),
    ("a NUL", lambda good: _events(good(idempotency_key="a\0b")), 400, "invalid_payload"),
    ("200,000 open brackets", lambda good: _DEEP, 400, "invalid_json"),
    ("NaN", lambda good: _events(good(quantity=float("nan"))), 400, "invalid_json"),
    (
        "a number of 10,000 digits",
        lambda good: _events(good(quantity=777)).replace(b"777", _LONG),
        400,
        "number_out_of_range",
    ),
    ("a number with a huge exponent", lambda good: _events(good(quantity="1E+999999999")), 400, _OUT_OF_RANGE),
    ("a number with a tiny exponent", lambda good: _events(good(quantity="1E-999999999")), 400, _OUT_OF_RANGE),
    ("a name twice", lambda good: b'{"events": [], "events": []}', 400, "invalid_json"),
    ("an array", lambda good: json.dumps([good()]).encode(), 400, "invalid_payload"),
    ("null", lambda good: b"null", 400, "invalid_payload"),
    ("an unknown field", lambda good: _events(good(subscription_id=1)), 400, "invalid_payload"),
    ("no events", lambda good: _events(), 400, "invalid_payload"),
    ("a negative quantity", lambda good: _events(good(), good(quantity=-1)), 400, "invalid_payload"),
    ("a key of 1 MB", lambda good: _events(good(idempotency_key="k" * MEGABYTE)), 400, "invalid_payload"),
    ("an id of 1 MB", lambda good: _events(good(subscription_external_id="9" * MEGABYTE)), 400, "invalid_payload"),
    ("100,000 events", lambda good: b'{"events": [' + b"{}," * 99_999 + b"{}]}", 400, "batch_too_large"),
    ("50,000 good events", lambda good: _events(*[good()] * 50_000), 400, "batch_too_large"),
    ("5,000 bad events", lambda good: _events(*[good(quantity="x")] * 5000), 400, "invalid_payload"),
    ("a good event behind a bad one", lambda good: _events(good(metric_code="none"), good()), 404, "metric_not_found"),
]


@pytest.mark.parametrize(("body_of", "status", "code"), [pytest.param(*case, id=name) for name, *case in BODIES])
def test_a_bad_body_is_refused_in_short_json(
    body_of: Callable[[Callable[..., Event]], bytes], status: int, code: str, wire: Wire, good: Callable[..., Event]
) -> None:
    answer = wire.send(wire.request("POST", "/usage", body_of(good)))
    assert (answer.status, answer.content_type) == (status, "application/json; charset=utf-8")
    assert answer.json["status"] == "error"
    assert answer.json["code"] == code
    assert len(answer.body) < 64 * 1024  # what was sent is not sent back
    assert b"Traceback" not in answer.body


def test_a_body_over_the_limit_is_refused_before_it_is_sent(wire: Wire) -> None:
    answer = wire.send(
        wire.request("POST", "/usage", Content_Length=str(MAX_BODY + 1), Content_Type="application/json")
    )
    # Had it waited for the body, which never comes, it would be another answer: see the client that stops sending.
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")


def test_a_client_that_sends_a_body_over_the_limit_gets_its_413(wire: Wire) -> None:
    answer = wire.send(wire.request("POST", "/usage", b" " * (MAX_BODY + 1)))
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")


def test_a_body_of_just_the_limit_is_read(wire: Wire, good: Callable[..., Event]) -> None:
    body = _events(good(metric_code="none")).ljust(MAX_BODY)
    answer = wire.send(wire.request("POST", "/usage", body))
    assert (answer.status, answer.json["code"]) == (404, "metric_not_found")


# === GOOD REQUESTS IN UNUSUAL DRESS === #


def test_unusual_but_right_requests_are_accepted(wire: Wire, plan: "Plan") -> None:
    """HTTP/1.0, chunks, a charset, a lower-case scheme; each tells of the customer what is known already."""
    body = json.dumps({"external_id": "acme", "name": "Acme", "email": f"acme@{plan.code}.example"}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    dressed = {
        "HTTP/1.0": wire.request("POST", "/customers", body, version="1.0"),
        "chunks": wire.request("POST", "/customers", Transfer_Encoding="chunked", Content_Type="application/json")
        + chunks,
        "charset": wire.request("POST", "/customers", body, Content_Type="Application/JSON; charset=UTF-8"),
        "scheme": wire.request("POST", "/customers", body, Authorization=f"bearer  {wire.key}"),
    }
    assert {name: wire.send(data).status for name, data in dressed.items()} == dict.fromkeys(dressed, 200)


# === THE WIRE === #


def test_a_request_without_content_type_is_refused(wire: Wire, good: Callable[..., Event]) -> None:
    answer = wire.send(wire.request("POST", "/usage", _events(good()), Content_Type=None))
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "x" * 5000]
)
def test_a_body_that_is_not_declared_as_json_is_refused(
    media_type: str, wire: Wire, good: Callable[..., Event]
) -> None:
    answer = wire.send(wire.request("POST", "/usage", _events(good()), Content_Type=media_type))
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("length", ["abc", "-5", "0", "1e3", "", "99999999999999999999999"])
def test_a_content_length_that_is_none_is_refused(length: str, wire: Wire, good: Callable[..., Event]) -> None:
    answer = wire.send(wire.request("POST", "/usage", _events(good()), Content_Length=length))
    assert answer.status in (400, 413)
    assert answer.content_type.startswith("application/json")


def test_a_body_shorter_than_declared_is_refused(wire: Wire, good: Callable[..., Event]) -> None:
    body = _events(good())
    answer = wire.send(wire.request("POST", "/usage", body, Content_Length=str(len(body) + 10)), half_close=True)
    assert answer.status == 400
    assert answer.content_type.startswith("application/json")


def test_a_client_that_stops_sending_is_given_up(wire: Wire, good: Callable[..., Event]) -> None:
    body = _events(good())
    answer = wire.send(wire.request("POST", "/usage", body, Content_Length=str(len(body) + 10)))
    assert answer.status == 400
    assert answer.content_type.startswith("application/json")


def test_a_body_in_chunks_over_the_limit_is_refused(wire: Wire) -> None:
    chunk = b"%x\r\n%s\r\n" % (MEGABYTE, b" " * MEGABYTE)
    head = wire.request("POST", "/usage", Transfer_Encoding="chunked", Content_Type="application/json")
    answer = wire.send(head + chunk * 17 + b"0\r\n\r\n")
    assert answer.status in (400, 413)
    assert answer.content_type.startswith("application/json")


def test_broken_chunks_are_refused(wire: Wire, good: Callable[..., Event]) -> None:
    head = wire.request("POST", "/usage", Transfer_Encoding="chunked", Content_Type="application/json")
    for chunks in (b"zz\r\n{}\r\n0\r\n\r\n", b"-5\r\n{}\r\n", b"ffffffffff\r\n{}"):
        answer = wire.send(head + chunks, half_close=True)
        assert answer.status == 400
        assert answer.content_type.startswith("application/json")


@pytest.mark.parametrize("kind", ["one header of 1 MB", "1,000 headers", "a path of 1 MB"])
def test_a_huge_head_is_refused_before_it_reaches_anything(kind: str, wire: Wire) -> None:
    long = "x" * MEGABYTE
    heads = {
        "one header of 1 MB": lambda: wire.request("GET", "/plans", X_Long=long),
        "1,000 headers": lambda: wire.request("GET", "/plans", **{f"X_{number}": "x" for number in range(1000)}),
        "a path of 1 MB": lambda: wire.request("GET", f"/{long}"),
    }
    assert wire.send(heads[kind]()).status in (400, 414, 431)


def test_a_client_that_hangs_up_in_the_middle_does_no_harm(wire: Wire, good: Callable[..., Event]) -> None:
    data = wire.request("POST", "/usage", _events(*[good(metric_code="none")] * 1000))
    for length in (1, 30, 200, len(data) // 2, len(data)):
        with socket.create_connection((wire.host, wire.port), timeout=SECONDS) as connection:
            connection.sendall(data[:length])
            # A reset instead of an orderly end, so that the server's next read or write fails.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_bytes_that_are_not_http_do_no_harm(wire: Wire) -> None:
    noise = random.Random(1)
    for size in (1, 100, 10_000):
        with suppress(AssertionError):  # there need not be an answer
            wire.send(noise.randbytes(size) + b"\r\n\r\n", half_close=True)


# === KEYS, PATHS, METHODS === #


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer \xff\xfe", "Bearer " + "k" * 60_000, "bearer none"],
)
def test_whatever_is_no_key_is_unauthenticated(
    authorization: str | None, wire: Wire, good: Callable[..., Event]
) -> None:
    answer = wire.send(wire.request("POST", "/usage", _events(good()), Authorization=authorization))
    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "", 404),
        ("GET", "/", 404),
        ("GET", "/none", 404),
        ("GET", "/../../../etc/passwd", 404),
        ("GET", "/%00", 404),
        ("GET", "/%ff%fe", 404),
        ("GET", "/plans/" + "x/" * 1000, 404),
        ("DELETE", "/usage", 405),
        ("DELETE", "/plans", 405),
        ("PATCH", "/usage", 405),
        ("GET", "/plans?x=1", 400),
        ("GET", "/plans?%ff=%fe", 400),
    ],
)
def test_a_wrong_path_or_method_is_answered_in_json(method: str, path: str, status: int, wire: Wire) -> None:
    answer = wire.send(wire.request(method, path))
    assert answer.status == status
    assert answer.content_type.startswith("application/json")
    assert answer.json["status"] == "error"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/customers?limit=1&limit=2", "repeated_parameter"),
        ("/customers?limit=" + "9" * 5000, "number_out_of_range"),
        ("/customers?limit=%D9%A3", "invalid_payload"),  # an Arabic digit
        ("/customers?cursor=" + "A" * 10_000, "invalid_payload"),
        ("/customers?cursor=%00", "invalid_cursor"),
        ("/customers?cursor=%ff%fe", "invalid_cursor"),
        ("/customers/a%00b", "invalid_payload"),
        ("/invoices/99999999999999999999", "invalid_payload"),
        ("/invoices/1%20or%201=1", "invalid_payload"),
        ("/invoices?from=2026-02-30", "invalid_payload"),
        ("/invoices?state=posted%27--", "invalid_payload"),
        ("/usage?subscription_external_id=acme&group_by=properties.", "invalid_payload"),
        ("/usage?subscription_external_id=acme&group_by=properties.%00", "invalid_payload"),
        ("/usage?subscription_external_id=acme&from=0001-01-01&to=9999-12-31", "invalid_payload"),
        ("/usage?subscription_external_id=acme&from=2000-01-01&to=2099-12-31&group_by=month", "too_many_windows"),
        ("/usage?subscription_external_id=acme&group_by=properties.%27)%20OR%20(%271", None),
    ],
)
def test_a_query_is_taken_for_what_it_says(path: str, code: str | None, wire: Wire) -> None:
    answer = wire.send(wire.request("GET", path))
    assert answer.content_type == "application/json; charset=utf-8"
    assert (answer.status, answer.json.get("code")) == ((400, code) if code else (200, None))


@pytest.mark.parametrize("key", ["", "\xff\xfe", "k" * 256, "k" * 60_000, "a\tb"])
def test_what_is_no_idempotency_key_is_refused(key: str, wire: Wire, good: Callable[..., Event]) -> None:
    answer = wire.send(wire.request("POST", "/usage", _events(good()), Idempotency_Key=key))
    assert (answer.status, answer.json["code"]) == (400, "invalid_idempotency_key")


# === ALL AT ONCE === #


def test_many_bad_requests_at_once_are_each_answered_rightly(
    wire: Wire, good: Callable[..., Event], server: Server
) -> None:
    small = [(body_of(good), status) for _name, body_of, status, _code in BODIES if len(body_of(good)) < MEGABYTE]
    kinds = [(wire.request("POST", "/usage", body), status) for body, status in small]
    kinds.append((wire.request("POST", "/usage", _events(good()), Content_Type=None), 415))
    kinds.append((wire.request("GET", "/plans", Authorization="Bearer no"), 401))
    kinds.append((wire.request("GET", "/none"), 404))
    many = kinds * 5
    random.Random(8).shuffle(many)
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda one: wire.send(one[0]), many))
    assert [answer.status for answer in answers] == [status for _data, status in many]
    assert all(answer.json["status"] == "error" for answer in answers)
    assert requests.get(f"{server.url}/web/health", timeout=SECONDS).status_code == 200


# === HELPERS === #


def _parse(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    assert status_line.startswith("HTTP/1."), f"no answer: {received[:200]!r}"
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(status_line.split()[1]), headers.get("content-type", ""), body)
