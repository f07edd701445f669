"""What came of the requests. Several threads write to it."""

import json
import statistics
import threading
from collections import Counter
from typing import Any

from main_job.source_app import ApiError
from runtime.progress import Fault

#: A usage event as a JSON object.
Event = dict[str, Any]

#: Codes that ask for the same request once more; with any other code of ours it would be refused again.
_AGAIN = {"try_again", "busy", "locked", "conflict", "internal", "timeout", "deadline_exceeded", "rate_limited"}
_AGAIN |= {"too_many_costly_requests", "daily_limit", "idempotency_key_in_use"}


class Record:
    def __init__(self) -> None:
        self.acknowledged: dict[str, Event] = {}
        self.refused: list[str] = []
        self.repeated: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def note_seconds(self, operation: str, seconds: float) -> None:
        with self._lock:
            self.seconds.setdefault(operation, []).append(seconds)

    def acknowledge(self, events: list[Event]) -> None:
        """Note the counters of a batch as they were acknowledged: the last quantity is the one that counts."""
        with self._lock:
            self.acknowledged.update({event["idempotency_key"]: event for event in events})

    def note_failure(self, operation: str, error: Exception) -> bool:
        """Note a request without success and tell whether it is worth another try."""
        code = _code(error)
        again = code is None or code in _AGAIN
        with self._lock:
            self.repeated[f"{operation}: {code or _without_code(error)}"] += 1
            if not again:
                self.refused.append(f"{operation}: {error}")
        return again

    def latencies(self) -> dict[str, dict[str, float]]:
        """Return count, median and 95th percentile (seconds) of the requests that were answered, by operation."""
        return {operation: _figures(seconds) for operation, seconds in sorted(self.seconds.items())}


def _figures(seconds: list[float]) -> dict[str, float]:
    p95 = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    return {"count": len(seconds), "median": round(statistics.median(seconds), 4), "p95": round(p95, 4)}


def _without_code(error: Exception) -> str:
    return f"HTTP {error.status}" if isinstance(error, ApiError) else type(error).__name__


def _code(error: Exception) -> str | None:
    """Return the code of an error of ours, None for what is none: no answer, HTML, an answer of Odoo itself."""
    if not isinstance(error, ApiError):
        return "user_errors" if isinstance(error, Fault) else None
    if error.status in (409, 429) or error.status >= 500:
        return None
    try:
        body = json.loads(error.body)
    except ValueError:
        return None
    if "status" in body:  # REST
        return str(body.get("code"))
    if "error" in body:  # JSON-RPC
        return str((body["error"].get("data") or {}).get("code"))
    errors = body.get("errors") or [{}]  # GraphQL
    return str((errors[0].get("extensions") or {}).get("code", "")).lower() or None
