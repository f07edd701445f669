"""Webhooks on their way to real receivers: those that take them, refuse, hang, trickle, or point elsewhere."""

import contextlib
import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from main_job import job_queue, provisioning
from main_job.back_office import BackOffice
from main_job.receiver import Endpoint
from main_job.source_app import SourceApp
from runtime import databases
from runtime.server import Odoo

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

DISPATCH = "fusion_centralize_billing.ir_cron_dispatch_webhooks"
LOOPBACK = "fusion_centralize_billing.webhook_allow_loopback"
PORTS = "fusion_centralize_billing.webhook_ports"
SECRET = "a-secret-of-the-tests-0123456789-ABCXYZ"
#: How many attempts the contract gives a receiver.
ATTEMPTS = 8

_FIELDS = [
    *("state", "attempts", "last_error", "last_status", "next_retry_at", "delivery_uuid", "event_type", "sent_at"),
    "write_date",
]


class Outbox:
    """The deliveries of the back office, and the jobs behind them."""

    def __init__(self, office: BackOffice, wait_until: Callable[..., Any]):
        self._office = office
        self._wait_until = wait_until

    def of(self, service: int) -> list[dict[str, Any]]:
        return self._office.find("fusion.billing.webhook", [("service_id", "=", service)], _FIELDS)

    def wait(self, service: int, state: str, attempts: int) -> dict[str, Any]:
        """Return the service's only delivery once it has this state after so many attempts."""

        def reached() -> list[dict[str, Any]]:
            return [w for w in self.of(service) if (w["state"], w["attempts"]) == (state, attempts)]

        [delivery] = self._wait_until(reached, f"{state} after {attempts} attempts")
        return dict(delivery)

    def jobs(self, delivery: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the jobs of a delivery that have not run yet."""
        key = f"fusion_centralize_billing.webhook.{delivery['id']}."
        domain = [("identity_key", "=like", f"{key}%"), ("state", "in", ["pending", "enqueued", "started"])]
        return self._office.find("queue.job", domain, ["state", "eta"])

    def make_due(self, delivery: dict[str, Any]) -> None:
        """Let the waiting attempt begin now."""
        [job] = self._wait_until(lambda: self.jobs(delivery), what="the job of the next attempt")
        self._office.call("queue.job", "write", [job["id"]], {"eta": "2020-01-01 00:00:00"})


@dataclass
class Peer:
    """A bare HTTP server of a misbehaving source app, and what it was sent."""

    url: str
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def outbox(backoffice: BackOffice, wait_until: Callable[..., Any]) -> Iterator[Outbox]:
    """Yield the outbox; afterwards no attempt is left that other tests would wait for."""
    yield Outbox(backoffice, wait_until)

    def nothing_is_left() -> bool:
        left = [("method_name", "=", "_job_deliver"), ("state", "in", ["pending", "enqueued", "started"])]
        jobs = backoffice.find("queue.job", left, ["state"])
        pending = [job["id"] for job in jobs if job["state"] == "pending"]
        backoffice.call("queue.job", "button_cancelled", pending)
        return not jobs

    wait_until(nothing_is_left, what="the end of the running deliveries")


@pytest.fixture(scope="module")
def plan(backoffice: BackOffice, new_plan: Callable[[BackOffice], "Plan"]) -> "Plan":
    return new_plan(backoffice)


@pytest.fixture
def announce(plan: "Plan") -> Callable[..., None]:
    """Return a function that makes one event for a service (or several): a subscription starts."""

    def start(app: SourceApp, count: int = 1) -> None:
        for _event in range(count):
            plan.open(app, f"customer-{uuid.uuid4().hex[:8]}")

    return start


@pytest.fixture
def peer() -> Iterator[Callable[[Callable[[BaseHTTPRequestHandler], None]], Peer]]:
    """Return a function that starts a server which answers each POST with the given function."""
    with contextlib.ExitStack() as started:
        yield lambda answer: started.enter_context(_serving(answer))


@pytest.fixture
def service_at(backoffice: BackOffice) -> Callable[[str], tuple[int, SourceApp]]:
    """Return a function that makes a service with the given webhook address."""

    def make(url: str) -> tuple[int, SourceApp]:
        code = f"peer-{uuid.uuid4().hex[:8]}"
        service = provisioning.create_service(backoffice, code, code, Endpoint(url, SECRET))
        return service.id, SourceApp(backoffice.url, service.key)

    return make


# === WHAT IS SENT === #


def test_the_signature_is_the_hmac_of_the_very_bytes_of_canonical_json(
    peer: Callable[..., Peer], service_at: Callable[..., Any], announce: Callable[..., None], outbox: Outbox
) -> None:
    taker = peer(lambda handler: _answer(handler, 204))
    service, app = service_at(taker.url)
    announce(app)
    delivery = outbox.wait(service, "sent", attempts=1)
    [(headers, body)] = taker.requests
    assert headers["X-Fusion-Signature"] == hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Fusion-Event"] == delivery["event_type"] == "subscription.started"
    assert headers["X-Fusion-Delivery"] == delivery["delivery_uuid"]
    assert headers["Content-Type"] == "application/json"
    payload = json.loads(body)
    assert json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == body
    assert payload["event_type"] == "subscription.started"
    assert uuid.UUID(payload["event_id"])


def test_the_secret_is_nowhere_in_what_is_sent_or_kept_of_a_delivery(
    peer: Callable[..., Peer],
    service_at: Callable[..., Any],
    announce: Callable[..., None],
    outbox: Outbox,
    odoo: Odoo,
    database: str,
) -> None:
    taker = peer(lambda handler: _answer(handler, 200))
    service, app = service_at(taker.url)
    announce(app)
    outbox.wait(service, "sent", attempts=1)
    assert SECRET not in str(taker.requests)
    for table in ("fusion_billing_service", "fusion_billing_webhook", "queue_job"):
        assert SECRET not in databases.psql(odoo, database, f"SELECT row_to_json(t)::text FROM {table} t")


# === RETRIES === #


def test_a_receiver_that_answers_500_is_tried_again_with_the_same_delivery(
    service_client: Callable[[str], "ServiceClient"], announce: Callable[..., None], outbox: Outbox
) -> None:
    client = service_client("moody")
    client.endpoint.status = 500
    announce(client.api)
    failed = outbox.wait(client.id, "failed", attempts=1)
    assert failed["last_status"] == 500
    began, due = (datetime.fromisoformat(failed[name]) for name in ("write_date", "next_retry_at"))
    # 2 to the power of 1 minutes after the attempt failed, which was some time after its transaction began.
    assert timedelta(minutes=2) <= due - began < timedelta(minutes=4)
    [job] = outbox.jobs(failed)
    assert job["eta"] == failed["next_retry_at"]
    assert len(client.endpoint.deliveries) == 1

    client.endpoint.status = 200
    outbox.make_due(failed)
    sent = outbox.wait(client.id, "sent", attempts=2)
    first, second = client.endpoint.deliveries
    assert first.verified and second.verified
    assert (first.delivery_id, first.payload) == (second.delivery_id, second.payload)
    assert (sent["last_error"], sent["next_retry_at"]) == (False, False)
    assert not outbox.jobs(sent)


def test_a_delivery_is_dead_after_eight_attempts_seen_by_its_owner_and_can_be_revived(
    service_client: Callable[[str], "ServiceClient"],
    announce: Callable[..., None],
    outbox: Outbox,
    backoffice: BackOffice,
) -> None:
    client = service_client("broken")
    client.endpoint.status = 503
    announce(client.api)
    for attempt in range(1, ATTEMPTS):
        outbox.make_due(outbox.wait(client.id, "failed", attempt))
    dead = outbox.wait(client.id, "dead", ATTEMPTS)
    assert "503" in dead["last_error"]
    assert not outbox.jobs(dead)
    assert len(client.endpoint.deliveries) == ATTEMPTS
    activity = [("res_model", "=", "fusion.billing.service"), ("res_id", "=", client.id)]
    assert backoffice.count("mail.activity", activity) == 1
    assert not backoffice.count("queue.job", [("state", "=", "failed")])

    client.endpoint.status = 200
    backoffice.call("fusion.billing.webhook", "action_retry", [dead["id"]])
    assert outbox.wait(client.id, "sent", attempts=1)["delivery_uuid"] == dead["delivery_uuid"]


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_a_delivery_that_lost_its_job_gets_another_one_from_the_sweeper(
    state: str,
    service_client: Callable[[str], "ServiceClient"],
    announce: Callable[..., None],
    outbox: Outbox,
    backoffice: BackOffice,
    odoo: Odoo,
    database: str,
) -> None:
    client = service_client("orphan")
    client.endpoint.status = 500
    announce(client.api)
    failed = outbox.wait(client.id, "failed", attempts=1)
    [job] = outbox.jobs(failed)
    databases.psql(odoo, database, f"DELETE FROM queue_job WHERE id = {job['id']}")
    attempts = int(state == "failed")
    # In SQL, since only code writes a delivery.
    row = f"state = '{state}', attempts = {attempts}, next_retry_at = '2020-01-01'"
    databases.psql(odoo, database, f"UPDATE fusion_billing_webhook SET {row} WHERE id = {failed['id']}")
    client.endpoint.status = 200
    job_queue.run_now(backoffice, DISPATCH)
    sent = outbox.wait(client.id, "sent", attempts=attempts + 1)
    assert sent["delivery_uuid"] == failed["delivery_uuid"]
    assert [delivery.delivery_id for delivery in client.endpoint.deliveries] == [failed["delivery_uuid"]] * 2


def test_the_sweeper_sends_nothing_twice(
    service_client: Callable[[str], "ServiceClient"],
    announce: Callable[..., None],
    outbox: Outbox,
    backoffice: BackOffice,
) -> None:
    client = service_client("calm")
    client.endpoint.status = 500
    announce(client.api)
    failed = outbox.wait(client.id, "failed", attempts=1)
    for _run in range(3):
        job_queue.run_now(backoffice, DISPATCH)
    assert len(outbox.jobs(failed)) == 1
    client.endpoint.status = 200
    outbox.make_due(failed)
    outbox.wait(client.id, "sent", attempts=2)
    job_queue.run_now(backoffice, DISPATCH)
    assert not outbox.jobs(failed)
    assert len(client.endpoint.deliveries) == 2


# === SLOW RECEIVERS === #


def test_a_receiver_that_hangs_is_given_up_after_its_time_and_delays_nobody_else(
    peer: Callable[..., Peer],
    service_at: Callable[..., Any],
    service_client: Callable[[str], "ServiceClient"],
    announce: Callable[..., None],
    outbox: Outbox,
    wait_until: Callable[..., Any],
) -> None:
    released = threading.Event()
    hanging = peer(lambda handler: released.wait(60))

    def overtakes() -> bool:
        """Tell whether another service's delivery arrives while one hangs, which does for 10 s only."""
        service, app = service_at(hanging.url)
        other, asked = service_client("other"), len(hanging.requests)
        announce(app)
        wait_until(lambda: len(hanging.requests) > asked, what="the first request")
        announce(other.api)
        outbox.wait(other.id, "sent", attempts=1)
        [hung] = outbox.of(service)
        failed = outbox.wait(service, "failed", attempts=1)
        assert "Timeout" in failed["last_error"]
        assert failed["last_status"] == 0
        return bool(hung["state"] == "pending")

    # If they waited for each other it would never be so; on a slow machine it may take several times.
    assert any(overtakes() for _time in range(5))
    released.set()


def test_many_deliveries_to_a_receiver_that_hangs_let_another_service_through_between_them(
    peer: Callable[..., Peer],
    service_at: Callable[..., Any],
    service_client: Callable[[str], "ServiceClient"],
    announce: Callable[..., None],
    outbox: Outbox,
    wait_until: Callable[..., Any],
) -> None:
    released = threading.Event()
    hanging = peer(lambda handler: released.wait(60))
    service, app = service_at(hanging.url)
    other = service_client("patient")
    try:
        announce(app, count=6)
        wait_until(lambda: hanging.requests, what="the first request")
        announce(other.api)
        outbox.wait(other.id, "sent", attempts=1)
        assert "pending" in {delivery["state"] for delivery in outbox.of(service)}
    finally:
        released.set()


def test_a_receiver_that_trickles_its_answer_is_given_up_after_its_time(
    peer: Callable[..., Peer], service_at: Callable[..., Any], announce: Callable[..., None], outbox: Outbox
) -> None:
    stop = threading.Event()
    trickling = peer(lambda handler: _trickle(handler, stop))
    service, app = service_at(trickling.url)
    try:
        announce(app)
        outbox.wait(service, "failed", attempts=1)
    finally:
        stop.set()


def test_an_endless_answer_is_not_read(
    peer: Callable[..., Peer], service_at: Callable[..., Any], announce: Callable[..., None], outbox: Outbox
) -> None:
    endless = peer(lambda handler: _answer_endlessly(handler, 500))
    service, app = service_at(endless.url)
    announce(app)
    failed = outbox.wait(service, "failed", attempts=1)
    assert failed["last_status"] == 500
    assert len(failed["last_error"]) < 1000


# === ADDRESSES === #


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(
    status: int,
    peer: Callable[..., Peer],
    service_at: Callable[..., Any],
    announce: Callable[..., None],
    outbox: Outbox,
) -> None:
    target = peer(lambda handler: _answer(handler, 200))
    pointing = peer(lambda handler: _answer(handler, status, Location=target.url))
    service, app = service_at(pointing.url)
    announce(app)
    failed = outbox.wait(service, "failed", attempts=1)
    assert failed["last_status"] == status
    assert len(pointing.requests) == 1
    assert target.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "[fe80::1]",
        "100.64.0.1",
    ],
)
def test_a_private_address_is_refused_without_a_connection(
    address: str, service_at: Callable[..., Any], announce: Callable[..., None], outbox: Outbox
) -> None:
    service, app = service_at(f"http://{address}:9/hook")
    announce(app)
    failed = outbox.wait(service, "failed", attempts=1)
    assert failed["last_status"] == 0
    assert "InvalidIPAddress" in failed["last_error"]


def test_loopback_is_refused_unless_it_is_allowed(
    peer: Callable[..., Peer],
    service_at: Callable[..., Any],
    announce: Callable[..., None],
    outbox: Outbox,
    backoffice: BackOffice,
) -> None:
    inside = peer(lambda handler: _answer(handler, 200))
    port = inside.url.rsplit(":", 1)[1]
    backoffice.call("ir.config_parameter", "set_param", LOOPBACK, "False")
    backoffice.call("ir.config_parameter", "set_param", PORTS, port)  # the port is not what it is refused for
    try:
        for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "0.0.0.0", "[::ffff:127.0.0.1]"):
            service, app = service_at(f"http://{host}:{port}")
            announce(app)
            failed = outbox.wait(service, "failed", attempts=1)
            assert failed["last_status"] == 0
            assert "Webhook URL" not in failed["last_error"]
    finally:
        backoffice.call("ir.config_parameter", "set_param", PORTS, False)
        backoffice.call("ir.config_parameter", "set_param", LOOPBACK, "True")
    assert inside.requests == []


# === HELPERS === #


@contextlib.contextmanager
def _serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Peer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            peer.requests.append((dict(self.headers.items()), body))
            with contextlib.suppress(OSError):  # the sender may have gone
                answer(self)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet: the requests are the record."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    peer = Peer(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, status: int, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": "0", **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()


def _trickle(handler: BaseHTTPRequestHandler, stop: threading.Event) -> None:
    """Send an answer's header byte by byte, each well within the time that a receiver has."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    while not stop.wait(0.5):
        handler.wfile.write(b"x")


def _answer_endlessly(handler: BaseHTTPRequestHandler, status: int) -> None:
    handler.send_response(status)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)
