"""Source apps: each has a customer, opens subscriptions for it, pushes usage and reads, whatever the answer is.

As README asks of source apps, what was not acknowledged is sent again as it was, with the same keys.
"""

import itertools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

import requests
from main_job.source_app import SourceApp
from runtime.progress import Fault

from .record import Event, Record
from .site import GIVE_UP_AFTER, METRICS, PLAN

BATCH = 10
#: Of the counters of a batch, one in so many corrects an earlier one.
_CORRECTED = 4
#: Subscriptions begin so many days ago, so that there are boundaries to be invoiced all the time.
_DAYS_AGO = (40, 120)
_SUBSCRIPTION = """query($id: String!) { subscription(externalId: $id) {
    currentUsage { quantity amount } customer { externalId } } }"""
TODAY = datetime.now(timezone.utc).date()


@dataclass(frozen=True)
class Subscription:
    external_id: str
    start: date


@dataclass
class Client:
    """One thread's source app; all have the same key, as the processes of one service do."""

    name: str
    app: SourceApp
    record: Record
    chance: random.Random
    stopped: threading.Event
    subscriptions: list[Subscription] = field(default_factory=list)
    counters: dict[str, Event] = field(default_factory=dict)

    def run(self) -> None:
        """Work until ``stopped``; then finish what was begun."""
        self._upsert_customer()
        self._open_subscription()
        work = [self._push, self._read, self._preview, self._upsert_customer, self._open_subscription]
        while not self.stopped.is_set():
            self.chance.choices(work, weights=(50, 25, 10, 7, 8))[0]()

    # === WHAT LASTS === #

    def _push(self) -> None:
        pushes = {
            "usage, REST": self.app.record_usage,
            "usage, JSON-RPC": self.app.record_usage_by_jsonrpc,
            "usage, GraphQL": self.app.record_usage_by_graphql,
        }
        transport, push = self.chance.choice(list(pushes.items()))
        batch = self._new_batch()
        if self._insist(transport, lambda: push(batch)):
            self.record.acknowledge(batch)
            self.counters.update({event["idempotency_key"]: event for event in batch})

    def _new_batch(self) -> list[Event]:
        batch: dict[str, Event] = {}
        for _place in range(BATCH):
            if self.counters and not self.chance.randrange(_CORRECTED):
                event = self.counters[self.chance.choice(list(self.counters))]
            else:
                event = self._new_counter()
            batch[event["idempotency_key"]] = {**event, "quantity": self.chance.randint(1, 5000)}
        return list(batch.values())

    def _new_counter(self) -> Event:
        subscription = self.chance.choice(self.subscriptions)
        day = subscription.start + timedelta(days=self.chance.randrange((TODAY - subscription.start).days))
        return {
            "subscription_external_id": subscription.external_id,
            "metric_code": self.chance.choice(METRICS),
            "period_start": f"{day}T00:00:00Z",
            "period_end": f"{day + timedelta(days=1)}T00:00:00Z",
            "idempotency_key": f"{self.name}-{next(_numbers)}",
        }

    def _upsert_customer(self) -> None:
        email = f"{self.name}@soak.example"
        self._insist("upsert customer", lambda: self.app.upsert_customer(self.name, f"Customer {self.name}", email))

    def _open_subscription(self) -> None:
        subscription = Subscription(
            f"{self.name}-s{next(_numbers)}", TODAY - timedelta(days=self.chance.randint(*_DAYS_AGO))
        )
        values = {"external_customer_id": self.name, "external_id": subscription.external_id, "plan_code": PLAN}
        values |= {"start_date": subscription.start.isoformat()}
        key = {"Idempotency-Key": subscription.external_id}
        if self._insist("open subscription", lambda: self.app.ask("POST", "/subscriptions", values, headers=key)):
            self.subscriptions.append(subscription)

    # === WHAT LEAVES NOTHING === #

    def _read(self) -> None:
        name = self.chance.choice(self.subscriptions).external_id
        reads: dict[str, Callable[[], Any]] = {
            "read subscription": lambda: self.app.ask("GET", f"/subscriptions/{name}"),
            "read usage": lambda: self.app.ask("GET", f"/usage?subscription_external_id={name}"),
            "read invoices": lambda: self.app.ask("GET", f"/invoices?subscription_external_id={name}&limit=5"),
            "read plans": self.app.plans,
            "read by GraphQL": lambda: self.app.ask_graphql(_SUBSCRIPTION, {"id": name}),
        }
        operation, read = self.chance.choice(list(reads.items()))
        self._try(operation, read)

    def _preview(self) -> None:
        name = self.chance.choice(self.subscriptions).external_id
        at = self.chance.choice(("now", "period_end"))
        self._try("preview", lambda: self.app.ask("POST", f"/subscriptions/{name}/preview", {"at": at}))

    # === SENDING === #

    def _insist(self, operation: str, send: Callable[[], Any]) -> bool:
        """Send until it is acknowledged, also after ``stopped``; tell whether it was."""
        deadline = None
        while (again := self._try(operation, send)) is not None:
            if not again:
                return False
            if self.stopped.is_set():
                deadline = deadline or time.monotonic() + GIVE_UP_AFTER
                if time.monotonic() > deadline:
                    raise Fault(f"{operation} was not acknowledged within {GIVE_UP_AFTER} s after the last kill")
            time.sleep(self.chance.uniform(0.1, 0.5))  # nobody hammers a server that is down
        return True

    def _try(self, operation: str, send: Callable[[], Any]) -> bool | None:
        """Send once. None: it was answered as it should be. Else whether another try is worth while."""
        begun = time.monotonic()
        try:
            send()
        except (requests.RequestException, ValueError, Fault) as error:
            return self.record.note_failure(operation, error)
        self.record.note_seconds(operation, time.monotonic() - begun)
        return None


_numbers = itertools.count(1)
