"""Pushing counters: in batches, several at once, each counter with its idempotency key."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from runtime.progress import say

from .customers import subscription_of
from .flights import Counter
from .source_app import SourceApp

BATCH = 500
PUSHERS = 4


def push(app: SourceApp, counters: Iterable[Counter]) -> int:
    """Push all counters and return how many the API accepted."""
    events = [_event(counter) for counter in counters]
    batches = [events[start : start + BATCH] for start in range(0, len(events), BATCH)]
    accepted = 0
    with ThreadPoolExecutor(PUSHERS) as pushers:
        for number, count in enumerate(pushers.map(app.record_usage, batches), 1):
            accepted += count
            if number % 10 == 0 or number == len(batches):
                say(f"usage: {accepted} of {len(events)} counters accepted")
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
