"""A receiver of webhooks on this machine: a real HTTP server that checks each signature."""

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Delivery:
    """One POST as it came in. A delivery that is tried again has the same ``delivery_id``."""

    delivery_id: str
    event: str
    payload: Any
    verified: bool
    received_at: float
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass
class Endpoint:
    """One service's address. Set ``status`` to make it answer with an error."""

    url: str
    secret: str
    status: int = 200
    deliveries: list[Delivery] = field(default_factory=list)

    def accept(self, headers: Message, body: bytes) -> int:
        """Note a POST and return the status to answer with; a wrong signature is refused."""
        expected = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        verified = hmac.compare_digest(expected, headers.get("X-Fusion-Signature", ""))
        delivery_id = headers.get("X-Fusion-Delivery", "")
        event = headers.get("X-Fusion-Event", "")
        sent = (tuple(headers.items()), body)
        self.deliveries.append(Delivery(delivery_id, event, _decoded(body), verified, time.monotonic(), *sent))
        return self.status if verified else 401

    def verified(self, event: str | None = None) -> list[Delivery]:
        """Return the verified deliveries (of one event), each once however often it came."""
        found: dict[str, Delivery] = {}
        for delivery in list(self.deliveries):
            if delivery.verified and event in (None, delivery.event):
                found.setdefault(delivery.delivery_id, delivery)
        return list(found.values())

    def wait_for(self, condition: Callable[[list[Delivery]], bool], timeout: float = 300) -> list[Delivery]:
        """Return the deliveries as soon as ``condition`` holds for them."""
        deadline = time.monotonic() + timeout
        while not condition(list(self.deliveries)):
            if time.monotonic() > deadline:
                events = [delivery.event for delivery in self.deliveries]
                raise TimeoutError(f"not within {timeout:.0f} s; {len(events)} deliveries came: {events[-10:]}")
            time.sleep(0.05)
        return list(self.deliveries)


class Receiver:
    """Serves its endpoints as long as its ``with`` block runs."""

    def __init__(self) -> None:
        self._endpoints: dict[str, Endpoint] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._endpoints))
        self._server.daemon_threads = True

    def endpoint(self, name: str) -> Endpoint:
        """Open the address ``/name`` for a sender that signs with the endpoint's secret."""
        address = f"http://127.0.0.1:{self._server.server_port}/{name}"
        self._endpoints[f"/{name}"] = Endpoint(address, secrets.token_urlsafe(32))
        return self._endpoints[f"/{name}"]

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(endpoints: dict[str, Endpoint]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            endpoint = endpoints.get(self.path)
            self.send_response(endpoint.accept(self.headers, body) if endpoint else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet: the deliveries are the record."""

    return Handler


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
