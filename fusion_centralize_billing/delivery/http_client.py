# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The one place that talks to the servers of source apps."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import requests
import urllib3
from requests_hardened import Config, HTTPSession
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

#: Seconds to wait for the receiver, as fixed by the contract with the source apps.
TIMEOUT = 10
_EXCERPT = 500


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt; ``status`` is 0 when there was no HTTP answer."""

    status: int
    error: str = ""

    @property
    def delivered(self) -> bool:
        return 200 <= self.status < 300


_TIMED_OUT = Outcome(0, f"Timeout: no answer within {TIMEOUT} seconds")


def post(url: str, body: bytes, headers: dict[str, str], *, allow_loopback: bool) -> Outcome:
    """POST once. Private and local addresses are refused, redirects are not followed.

    The whole exchange has TIMEOUT seconds: requests' own time-out begins anew with every byte.
    The host is resolved once and that address is connected to, so that a name which changes its
    address between check and use (DNS rebinding) gains nothing.
    """
    config = Config(
        ip_filter_enable=True,
        ip_filter_allow_loopback_ips=allow_loopback,
        never_redirect=True,
        default_timeout=(TIMEOUT, TIMEOUT),
    )
    expired = threading.Event()
    try:
        with HTTPSession(config) as session, _deadline(session, expired):
            session.trust_env = False  # a proxy of the environment would resolve names past the filter
            with session.post(url, data=body, headers=headers, stream=True) as answer:
                if expired.is_set():
                    return _TIMED_OUT  # what was cut off in the middle can look like a complete answer
                if 200 <= answer.status_code < 300:
                    return Outcome(answer.status_code)
                excerpt = (
                    answer.raw.read(_EXCERPT, decode_content=True)
                    .decode(errors="replace")
                    .replace("\0", "\N{REPLACEMENT CHARACTER}")
                )
                return Outcome(answer.status_code, f"HTTP {answer.status_code}: {excerpt}".rstrip(": "))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
        if expired.is_set():
            return _TIMED_OUT
        return Outcome(0, f"{type(exc).__name__}: {exc}"[:_EXCERPT])


@contextlib.contextmanager
def _deadline(session: requests.Session, expired: threading.Event) -> Iterator[None]:
    """Cut the session's connections off when the time is over, whatever the other side is sending."""
    sockets: list[socket.socket] = []

    def cut_off() -> None:
        expired.set()
        for connected in sockets:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    for adapter in session.adapters.values():
        # urllib3's PoolManager makes its pools from these classes.
        adapter.poolmanager.pool_classes_by_scheme = {
            "http": _noting_pool(HTTPConnectionPool, HTTPConnection, sockets),
            "https": _noting_pool(HTTPSConnectionPool, HTTPSConnection, sockets),
        }
    timer = threading.Timer(TIMEOUT, cut_off)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _noting_pool(pool: type, connection: type, sockets: list[socket.socket]) -> type:
    """Return a pool class whose connections note their socket once they are connected."""

    def connect(self: HTTPConnection) -> None:
        connection.connect(self)
        sockets.append(self.sock)

    noting = type(connection.__name__, (connection,), {"connect": connect})
    return type(pool.__name__, (pool,), {"ConnectionCls": noting})
