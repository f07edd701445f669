"""Whatever a valid key sends, a worker stays below 400 MB, answers in JSON, and lives on."""

import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from main_job import job_queue
from main_job.back_office import BackOffice
from main_job.source_app import BASE, GRAPHQL
from runtime.server import Server

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

#: Megabytes that a worker may have had at any time.
LIMIT = 400
MEGABYTE = 1024 * 1024
MAX_BODY = 16 * MEGABYTE
MAX_EVENTS = 5000
JSONRPC = "/api/billing/jsonrpc"
PATHS = (f"{BASE}/usage", f"{BASE}/subscriptions", JSONRPC, GRAPHQL)
#: For an answer that never comes.
SECONDS = 600

_RECORD = """mutation($events: [UsageEventInput!]!) {
    recordUsage(input: {events: $events}) { accepted userErrors { code } } }"""


@dataclass(frozen=True)
class Attacker:
    """Sends bodies with a valid key."""

    server: Server
    key: str

    def send(self, path: str, body: bytes, **headers: str) -> requests.Response:
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **headers}
        answer = requests.post(f"{self.server.url}{path}", data=body, headers=sent, timeout=SECONDS)
        assert answer.status_code < 500, f"{answer.status_code}: {answer.text[:500]}"
        assert "json" in answer.headers["Content-Type"]
        return answer

    def peaks(self) -> dict[int, int]:
        """Return the most memory that each process of the server has had, in megabytes."""
        return {worker: _peak(worker) for worker in self.server.workers()}


@pytest.fixture(scope="module")
def plan(backoffice: BackOffice, new_plan: Callable[[BackOffice], "Plan"]) -> "Plan":
    return new_plan(backoffice)


@pytest.fixture(scope="module")
def client(
    backoffice: BackOffice, plan: "Plan", service_client: Callable[[str], "ServiceClient"]
) -> Iterator["ServiceClient"]:
    client = service_client("greedy")
    plan.open(client.api, "acme")
    with job_queue.held_back(backoffice, job_queue.RATE_USAGE):
        yield client


@pytest.fixture
def attacker(database: str, client: "ServiceClient", new_server: Callable[..., Server]) -> Attacker:
    """One worker gets everything, so that nothing hides in another one."""
    return Attacker(new_server(database, workers=1), client.key)


def _peak(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kilobytes) // 1024


def _filled(start: bytes, part: bytes, end: bytes) -> bytes:
    """Return a body of the greatest size that repeats a part."""
    return start + part * ((MAX_BODY - len(start) - len(end)) // len(part)) + end


def _bodies() -> Iterator[tuple[str, bytes]]:
    """Yield bodies that are small for a client and large for a decoder."""
    parts = {
        "opened arrays": (b"[", b"[", b""),
        "opened objects": (b"", b'{"a":', b""),
        "empty arrays": (b"[", b"[],", b"1]"),
        "empty objects": (b"[", b"{},", b"1]"),
        "objects": (b"[", b'{"a":1},', b"1]"),
        "integers": (b"[", b"1,", b"1]"),
        "long integers": (b"[", b"%d," % 10**90, b"1]"),
        "fractions": (b"[", b"1.1,", b"1]"),
        "one long number": (b"[", b"1", b"]"),
        "one long text": (b'["', b"x", b'"]'),
        "escapes": (b'["', b"\\u20ac", b'"]'),
        "commas in a text": (b'["', b",", b'"]'),
        "quotes": (b'["', b'\\"', b'"]'),
        "nested in a list of events": (b'{"events": [', b"[[[[]]]],", b"1]}"),
        "fields nobody knows": (b'{"events": [', b"{" + _names(999) + b"},", b"{}]}"),
        "variables": (b'{"query": "{ __typename }", "variables": {"a": [', b'{"a":[1.5]},', b"1]}}"),
        "calls": (b"[", b'{"jsonrpc":"2.0","method":"catalog","id":1},', b"1]"),
    }
    for name, (start, part, end) in parts.items():
        yield name, _filled(start, part, end)
    names = itertools.count()
    yield "one object", b"{" + b",".join(b'"%d":1' % next(names) for _number in range(1_200_000)) + b"}"


def _names(count: int) -> bytes:
    return b",".join(b'"n%d":1' % number for number in range(count))


def test_bodies_that_swell(attacker: Attacker) -> None:
    peaks: dict[str, int] = {}
    for name, body in _bodies():
        assert len(body) <= MAX_BODY
        for path in PATHS:
            attacker.send(path, body)
        attacker.send(PATHS[0], gzip.compress(body, 1), **{"Content-Encoding": "gzip"})
        peaks[name] = max(attacker.peaks().values())
    print(peaks)
    assert max(peaks.values()) < LIMIT, peaks


def test_bombs(attacker: Attacker) -> None:
    for level, fill in ((9, b"0"), (9, b"["), (1, b" ")):
        packer = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        bomb = b"".join(packer.compress(fill * MEGABYTE) for _megabyte in range(1024)) + packer.flush()
        for path in PATHS:
            assert attacker.send(path, bomb[:MAX_BODY], **{"Content-Encoding": "gzip"}).status_code == 413
    assert max(attacker.peaks().values()) < LIMIT, attacker.peaks()


def test_full_batches(attacker: Attacker, plan: "Plan", client: "ServiceClient") -> None:
    """The largest batches that are documented: all are recorded."""
    day = client.api.request("GET", "/subscriptions/acme").json()["start_date"]
    event = plan.counter("acme", "1", date.fromisoformat(day))
    names = {f"property {number}": "v" * 64 for number in range(20)}

    def events(start: str) -> list[dict[str, Any]]:
        return [{**event, "idempotency_key": f"{start}-{number}", "properties": names} for number in range(MAX_EVENTS)]

    answer = attacker.send(f"{BASE}/usage", json.dumps({"events": events("rest")}).encode())
    assert answer.json().get("accepted") == MAX_EVENTS, answer.text[:500]
    after_rest = attacker.peaks()
    call = {"jsonrpc": "2.0", "id": 1, "method": "recordUsage", "params": {"events": events("rpc")}}
    answer = attacker.send(JSONRPC, json.dumps([call]).encode())
    assert answer.json()[0]["result"]["accepted"] == MAX_EVENTS, answer.text[:500]
    given = []
    for item in events("graphql"):
        renamed = {_camel(name): value for name, value in item.items()}
        renamed["properties"] = [{"name": name, "value": value} for name, value in names.items()]
        given.append(renamed)
    body = json.dumps({"query": _RECORD, "variables": {"events": given}}).encode()
    answer = attacker.send(GRAPHQL, body)
    assert answer.json()["data"]["recordUsage"]["accepted"] == MAX_EVENTS, answer.text[:500]
    print(after_rest, attacker.peaks())
    assert max(attacker.peaks().values()) < LIMIT, (after_rest, attacker.peaks())


def test_batches_of_long_answers(attacker: Attacker, plan: "Plan", client: "ServiceClient") -> None:
    day = client.api.request("GET", "/subscriptions/acme").json()["start_date"]
    event = plan.counter("acme", "1", date.fromisoformat(day))
    names = {f"property {number}": "v" * 255 for number in range(20)}
    fat = [{**event, "idempotency_key": f"fat-{number}", "properties": names} for number in range(100)]
    assert attacker.send(f"{BASE}/usage", json.dumps({"events": fat}).encode()).status_code == 202
    parameters = {"subscription_external_id": "acme", "limit": 100}
    for method, params in (("listUsage", parameters), ("rpc.discover", {})):
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answers = attacker.send(JSONRPC, json.dumps([call] * 490).encode()).json()
        assert "result" in answers[0] and "error" in answers[-1]
        del answers
    assert max(attacker.peaks().values()) < LIMIT, attacker.peaks()


def test_batches_of_which_everything_is_wrong(attacker: Attacker) -> None:
    bad = {f"unknown {number}": number for number in range(50)}
    for policy in ("reject_everything", "reject_failed_rows"):
        body = json.dumps({"error_policy": policy, "events": [bad] * MAX_EVENTS}).encode()
        attacker.send(f"{BASE}/usage", body)
        call = {"jsonrpc": "2.0", "id": 1, "method": "recordUsage", "params": json.loads(body)}
        attacker.send(JSONRPC, json.dumps([call]).encode())
    assert max(attacker.peaks().values()) < LIMIT, attacker.peaks()


def test_documents_that_are_kept_or_long(attacker: Attacker) -> None:
    peaks: dict[str, int] = {}
    for number in range(300):
        query = f"{{ a{number}: viewer {{ scopes }} " + "__typename " * 98 + "...f } fragment f on Query { "
        query += " ".join("...f" for _spread in range(90)) + " a " * 400 + "}"
        attacker.send(GRAPHQL, json.dumps({"query": query}).encode())
    peaks["kept"] = max(attacker.peaks().values())
    starts = ("{ a(b: [", "#", '{ a(b: "x', "{ a(b: 1", "{ a ", "{ a(b: {a:", "query($a: [", "{ ...a ", "{ a { ")
    for start in starts:
        query = start + start[-1 if len(start) < 8 and start[-1] != " " else -2 :] * MEGABYTE
        attacker.send(GRAPHQL, json.dumps({"query": query[:MEGABYTE]}).encode())
        peaks[start] = max(attacker.peaks().values())
    print(peaks)
    assert max(peaks.values()) < LIMIT, peaks


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
