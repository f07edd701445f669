"""deploy/nginx/fusion-billing.conf in front of Odoo, or of a server that never answers.

Only addresses, paths and (where it says so) limits are changed; what Odoo notices is what it notices in earnest.
"""

import contextlib
import gzip
import http.client
import json
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from main_job import provisioning
from main_job.back_office import LOGIN, PASSWORD, BackOffice
from reverse_proxy import Answer, ReverseProxy
from runtime import layout
from runtime import server as runtime_server
from runtime.server import Odoo, Server

WORKERS = 2
SLOW_CLIENTS = 40
#: An address that nobody on this machine has.
FORGED = "203.0.113.7"
API = "/api/billing/v1"
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def behind(odoo: Odoo, new_database: Callable[[], str]) -> Iterator[tuple[Server, str]]:
    """A server that is reached through the proxy only, and its database."""
    database = new_database()
    log = layout.LOGS / f"{database}-server.log"
    with runtime_server.serving(odoo, database, workers=WORKERS, log=log, jobs_apart=True, proxied=True) as running:
        yield running, database


@pytest.fixture(scope="module")
def proxy(behind: tuple[Server, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReverseProxy]:
    port = int(behind[0].url.rpartition(":")[2])
    _wait_for_evented_process(port + 1)
    upstreams = {"server 127.0.0.1:8069;": f"server 127.0.0.1:{port};"}
    upstreams["server 127.0.0.1:8072;"] = f"server 127.0.0.1:{port + 1};"
    with ReverseProxy(tmp_path_factory.mktemp("nginx"), upstreams).running() as running:
        yield running


@pytest.fixture(scope="module")
def authorized(behind: tuple[Server, str]) -> dict[str, str]:
    office = BackOffice(behind[0].url, behind[1])
    key = provisioning.create_service(office, "Behind", "behind").key
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[ReverseProxy]:
    """The proxy of a server that takes connections and never answers; two requests at a time, patience of a second."""
    with socket.socket() as upstream:
        upstream.bind(("127.0.0.1", 0))
        upstream.listen(50)
        changes = {"server 127.0.0.1:8069;": f"server 127.0.0.1:{upstream.getsockname()[1]};"}
        changes["proxy_read_timeout 120s;"] = "proxy_read_timeout 1s;"
        changes["limit_conn fusion_addresses 200;"] = "limit_conn fusion_addresses 2;"
        with ReverseProxy(tmp_path, changes).running() as running:
            yield running


# === TLS AND CLOSED DOORS === #


def test_the_configuration_is_accepted_without_a_warning(tmp_path: Path) -> None:
    said = ReverseProxy(tmp_path, {}).check()
    assert "test is successful" in said
    assert not re.search(r"\[(warn|error|crit|alert|emerg)\]", said), said


def test_the_api_answers_over_tls(proxy: ReverseProxy, authorized: dict[str, str]) -> None:
    answer = proxy.ask("GET", f"{API}/plans", headers=authorized)
    assert (answer.status, answer.json["status"]) == (200, "ok")
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_a_key_in_clear_text_is_refused_and_people_are_sent_to_tls(proxy: ReverseProxy) -> None:
    refused = _ask_in_clear_text(proxy, f"{API}/plans")
    assert refused.status == 403
    assert refused.json["code"] == "https_required"
    sent = _ask_in_clear_text(proxy, "/odoo")
    assert (sent.status, sent.headers["Location"]) == (301, "https://localhost/odoo")


@pytest.mark.parametrize(
    "path",
    [
        "/queue_job/runjob?job_uuid=1",
        "/queue_job/",
        "/queue_job",
        "//queue_job/runjob?job_uuid=1",
        "/%71ueue_job/runjob?job_uuid=1",
        "/x/../queue_job/runjob?job_uuid=1",
        "/en/queue_job/runjob?job_uuid=1",
        "/web/database/manager",
    ],
)
def test_nobody_reaches_the_job_runner_or_the_databases_from_outside(proxy: ReverseProxy, path: str) -> None:
    answer = proxy.ask("GET", path)
    assert answer.status == 404
    assert b"nginx" in answer.body, "Odoo was asked"


def test_websockets_reach_the_evented_process(proxy: ReverseProxy) -> None:
    handshake = (
        "GET /websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Origin: https://localhost\r\n\r\n"
    )
    with proxy.connect() as connection:
        connection.sendall(handshake.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 101 ")


# === ADDRESSES === #


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X_Forwarded_For", "Forwarded", "X-Real-IP"])
def test_a_forged_address_does_not_reach_odoo(proxy: ReverseProxy, behind: tuple[Server, str], header: str) -> None:
    server, database = behind
    forged = f"for={FORGED}" if header == "Forwarded" else FORGED
    person = {"params": {"db": database, "login": LOGIN, "password": PASSWORD}}
    before = server.log.read_text()
    answer = proxy.ask(
        "POST",
        "/web/session/authenticate",
        json.dumps(person).encode(),
        {header: forged, "X-Forwarded-Host": "evil.example"},
        source="127.0.0.2",
    )
    assert answer.json["result"]["username"] == LOGIN
    written = server.log.read_text().removeprefix(before)
    assert re.findall(r"Login successful .* from (\S+)", written) == ["127.0.0.2"]
    assert "evil.example" not in answer.body.decode()


# === SLOW AND LARGE === #


def test_slow_clients_do_not_occupy_a_worker(
    proxy: ReverseProxy, behind: tuple[Server, str], authorized: dict[str, str]
) -> None:
    """Many times as many as there are workers, half in the middle of a header, half in the middle of a body."""
    body = json.dumps({"external_id": "slow", "name": "Slow"}).encode()
    header = _header("POST", f"{API}/customers", {**authorized, "Content-Length": str(len(body))})
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(proxy.connect()) for _number in range(SLOW_CLIENTS)]
        for number, connection in enumerate(slow):
            connection.sendall(header[:-20] if number % 2 else header + body[:10])
        for _number in range(2 * WORKERS):
            assert proxy.ask("GET", f"{API}/plans", headers=authorized).status == 200
            slow[0].sendall(body[10 + _number : 11 + _number])
        assert not _requests_in(behind[0]), "a slow client has reached Odoo"
        slow[0].sendall(body[10 + 2 * WORKERS :])
        assert _read_answer(slow[0]).json["external_id"] == "slow"


def test_a_body_without_a_length_arrives_whole(proxy: ReverseProxy, authorized: dict[str, str]) -> None:
    body = json.dumps({"external_id": "chunked", "name": "C" * 200}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:100], body[100:], b""))
    with proxy.connect() as connection:
        connection.sendall(_header("POST", f"{API}/customers", {**authorized, "Transfer-Encoding": "chunked"}) + chunks)
        answer = _read_answer(connection)
    assert (answer.status, answer.json["external_id"]) == (200, "chunked")


def test_a_body_of_17_megabytes_is_refused_in_json(proxy: ReverseProxy, authorized: dict[str, str]) -> None:
    answer = proxy.ask("POST", f"{API}/usage", b" " * (17 * MEGABYTE), authorized)
    assert answer.status == 413
    _check_error(answer, "payload_too_large")


def test_a_body_below_the_limit_reaches_the_api(proxy: ReverseProxy, authorized: dict[str, str]) -> None:
    answer = proxy.ask("POST", f"{API}/usage", b'{"events": []' + b" " * (15 * MEGABYTE) + b"}", authorized)
    assert answer.status in (202, 400)
    assert b"nginx" not in answer.body


def test_headers_that_are_too_large_are_refused_in_json(proxy: ReverseProxy) -> None:
    answer = proxy.ask("GET", f"{API}/plans", headers={"X-Large": "x" * 20_000})
    assert answer.status == 431
    _check_error(answer, "headers_too_large")


def test_answers_of_the_api_are_compressed(proxy: ReverseProxy) -> None:
    answer = proxy.ask("GET", f"{API}/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.body))["openapi"]


# === WITHOUT ODOO === #


def test_a_server_that_is_away_is_told_in_json(tmp_path: Path) -> None:
    port = runtime_server.free_port()
    changes = {"server 127.0.0.1:8069;": f"server 127.0.0.1:{port};"}
    with ReverseProxy(tmp_path, changes).running() as proxy:
        answer = proxy.ask("GET", f"{API}/plans")
    assert answer.status == 502
    _check_error(answer, "try_again")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_server_that_takes_too_long_is_told_in_json(silent: ReverseProxy) -> None:
    answer = silent.ask("GET", f"{API}/plans")
    assert answer.status == 504
    _check_error(answer, "timeout")


def test_one_address_has_so_many_requests_at_a_time(silent: ReverseProxy) -> None:
    with contextlib.ExitStack() as stack:
        for _number in range(2):  # a report: its patience is long
            connection = stack.enter_context(silent.connect())
            connection.sendall(_header("GET", "/report/pdf/1", {}))
        answers = [silent.ask("GET", f"{API}/plans") for _number in range(2)]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused, [answer.status for answer in answers]
    _check_error(refused[-1], "too_many_connections")


# === LOGS === #


def test_a_key_in_the_query_is_in_no_log_of_nginx(proxy: ReverseProxy, silent: ReverseProxy) -> None:
    """Whatever comes of it: refused by nginx or Odoo, without an answer, at a wrong address, in clear text."""
    key = secrets.token_urlsafe(24)
    query = f"?api_key={key}"
    assert proxy.ask("GET", f"{API}/plans{query}").status == 401
    assert proxy.ask("POST", f"{API}/usage{query}", b" " * (17 * MEGABYTE)).status == 413
    assert proxy.ask("GET", f"{API}/plans{query}", headers={"Referer": f"https://localhost/{query}"}).status == 401
    assert proxy.ask("GET", f"/queue_job/runjob{query}").status == 404
    assert proxy.ask("GET", f"{API}/plans{query}", headers={"X-Large": "x" * 20_000}).status == 431
    assert _ask_in_clear_text(proxy, f"{API}/plans{query}").status == 403
    assert silent.ask("GET", f"{API}/plans{query}").status == 504
    logged = proxy.logs + silent.logs
    assert logged.count(f"{API}/plans HTTP/1.1") >= 4, "the requests themselves are logged"
    assert key not in logged


# === HELPERS === #


def _check_error(answer: Answer, code: str) -> None:
    assert answer.headers["Content-Type"] == "application/json"
    error = answer.json
    assert (error["status"], error["code"], error["errors"]) == ("error", code, [])
    assert error["message"].endswith(".")


def _header(method: str, path: str, fields: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in fields.items()), "", ""]).encode()


def _read_answer(connection: socket.socket) -> Answer:
    response = http.client.HTTPResponse(connection)
    response.begin()
    return Answer(response.status, response.headers, response.read())


def _ask_in_clear_text(proxy: ReverseProxy, path: str) -> Answer:
    connection = http.client.HTTPConnection("localhost", proxy.plain_port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


def _wait_for_evented_process(port: int) -> None:
    """Odoo starts it beside the workers, and answers requests before it listens."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.1)
    pytest.fail("the evented process does not listen")


def _requests_in(server: Server) -> list[int]:
    """Return the workers that have a connection of a client at this moment."""
    port = int(server.url.rpartition(":")[2])
    busy = []
    for worker in server.workers():
        with contextlib.suppress(psutil.Error):
            connections = psutil.Process(worker).connections("tcp")
            if any(c.laddr.port == port and c.status == "ESTABLISHED" for c in connections):
                busy.append(worker)
    return busy
