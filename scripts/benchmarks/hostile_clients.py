"""Clients that ask for all that one read-only key can get, at once and without end."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from main_job.source_app import GRAPHQL, SourceApp

JSONRPC = "/api/billing/jsonrpc"
#: The scopes of a key that changes nothing.
READ_ONLY = "catalog:read customers:read invoices:read subscriptions:read usage:read webhooks:read"
#: Clients give up on an answer after so many seconds; the server's workers live for 600.
PATIENCE = 300
_DOCUMENT = "{ customers(first: 100) { nodes { subscriptions(first: 9) { nodes { id currentUsage { quantity } } } } } }"


@contextlib.contextmanager
def attacking(app: SourceApp, subscription: str, metric: str, clients: int) -> Iterator[Counter[int]]:
    """Let so many clients attack as long as the block runs, and yield how often each HTTP status was answered.

    A request that was not answered at all counts as status 0.
    """
    statuses: Counter[int] = Counter()
    stop = threading.Event()
    requests_ = _requests(app, subscription, metric)

    def attack(number: int) -> None:
        while not stop.is_set():
            number += 1
            try:
                statuses[requests_[number % len(requests_)]()] += 1
            except requests.RequestException:
                statuses[0] += 1

    with ThreadPoolExecutor(clients) as threads:
        for number in range(clients):
            threads.submit(attack, number)
        try:
            yield statuses
        finally:
            stop.set()


def _requests(app: SourceApp, subscription: str, metric: str) -> list[Callable[[], int]]:
    preview = {"jsonrpc": "2.0", "method": "previewInvoice", "params": [subscription, "period_end"]}
    path = f"/subscriptions/{subscription}/preview"
    usage = {"subscription_external_id": subscription, "metric_code": metric}

    def post(path: str, body: Any) -> int:
        headers = {"Authorization": f"Bearer {app.key}"}
        return requests.post(app.url + path, json=body, headers=headers, timeout=PATIENCE).status_code

    return [
        lambda: post(JSONRPC, [{**preview, "id": call} for call in range(100)]),
        lambda: post(JSONRPC, [{**preview, "id": call} for call in range(25)]),
        lambda: app.request("POST", path, {"at": "period_end"}, timeout=PATIENCE).status_code,
        lambda: app.request("GET", "/usage", params=usage, timeout=PATIENCE).status_code,
        lambda: post(GRAPHQL, {"query": _DOCUMENT}),
    ]
