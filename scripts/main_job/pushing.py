"""Pushing counters: in batches, several at once, each counter with its idempotency key.

Batches go over REST and GraphQL in turn, so that the invoices are made of what came over both.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

from runtime.progress import say

from .customers import subscription_of
from .flights import Counter
from .source_app import SourceApp

BATCH = 500
PUSHERS = 4


def push(app: SourceApp, counters: Iterable[Counter]) -> dict[str, int]:
    """Push all counters and return how many the API accepted over REST and over GraphQL."""
    events = [_event(counter) for counter in counters]
    batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
    transports = {"REST": app.record_usage, "GraphQL": app.record_usage_by_graphql}
    accepted = dict.fromkeys(transports, 0)

    def push_batch(transport: str, batch: list[dict[str, Any]]) -> tuple[str, int]:
        return transport, transports[transport](batch)

    with ThreadPoolExecutor(PUSHERS) as pushers:
        for number, (transport, count) in enumerate(pushers.map(push_batch, cycle(transports), batches), 1):
            accepted[transport] += count
            if number % 10 == 0 or number == len(batches):
                by_transport = ", ".join(f"{count:,} over {name}" for name, count in accepted.items())
                say(f"usage: {sum(accepted.values())} of {len(events)} counters accepted ({by_transport})")
    return accepted


def _event(counter: Counter) -> dict[str, Any]:
    return {
        "subscription_external_id": subscription_of(counter.airline),
        "metric_code": counter.metric,
        "quantity": counter.quantity,
        "period_start": f"{counter.day.isoformat()}T00:00:00Z",
        "period_end": f"{counter.next_day.isoformat()}T00:00:00Z",
        "idempotency_key": f"{counter.airline}:{counter.metric}:{counter.day.isoformat()}",
    }
