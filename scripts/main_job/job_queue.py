"""Scheduled actions, run now instead of at their time, and waiting for the job queue."""

import contextlib
import time
from collections.abc import Iterator

from runtime.progress import Fault, say

from .back_office import BackOffice

RATE_USAGE = "fusion_centralize_billing.ir_cron_rate_open_periods"
CREATE_INVOICES = "fusion_subscription.ir_cron_create_recurring_invoices"

_WAITING = ("wait_dependencies", "pending", "enqueued", "started")
#: Then the queue is taken for stuck; a job that runs for longer than this would be one.
_SECONDS_WITHOUT_PROGRESS = 300


def run_now(office: BackOffice, xml_id: str) -> None:
    """Run a scheduled action at once, as the button in the back office does."""
    answer = office.call("ir.cron", "method_direct_trigger", [office.record(xml_id)])
    if isinstance(answer, dict):  # a dialog that shows what went wrong; else True
        raise Fault(f"{xml_id} failed: {answer['params']['data']['message']}")


@contextlib.contextmanager
def held_back(office: BackOffice, xml_id: str) -> Iterator[None]:
    """Keep a scheduled action from starting by itself while the block runs."""
    action = [office.record(xml_id)]
    office.call("ir.cron", "write", action, {"active": False})
    try:
        yield
    finally:
        office.call("ir.cron", "write", action, {"active": True})


def wait_until_idle(office: BackOffice, *, despite_failures: bool = False) -> None:
    """Return when no job is waiting or running; a Fault if one failed or nothing moves any more."""
    last: dict[str, int] = {}
    changed = said = time.monotonic()
    while True:
        states = jobs_by_state(office)
        waiting = sum(states.get(state, 0) for state in _WAITING)
        if states.get("failed") and not despite_failures:
            raise Fault(_failure(office))
        if not waiting:
            return
        now = time.monotonic()
        if states != last:
            last, changed = states, now
        if now > changed + _SECONDS_WITHOUT_PROGRESS:
            raise Fault(f"the job queue does not move: {states}")
        if now > said + 3:
            said = now
            say(f"jobs: {states.get('done', 0)} done, {waiting} waiting or running")
        time.sleep(0.5)


def jobs_by_state(office: BackOffice) -> dict[str, int]:
    groups = office.call("queue.job", "formatted_read_group", [], groupby=["state"], aggregates=["__count"])
    return {group["state"]: group["__count"] for group in groups}


def _failure(office: BackOffice) -> str:
    jobs = office.find("queue.job", [("state", "=", "failed")], ["name", "exc_name", "exc_message"])
    first = jobs[0]
    return f"{len(jobs)} jobs failed; the first: {first['name']}: {first['exc_name']}: {first['exc_message']}"
