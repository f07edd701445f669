# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""One HTTP request and the limits that it meets.

What is known of a request is kept on Odoo's request object, which stays the same when Odoo runs the request again
after a conflict of transactions: its tries share one deadline, are charged once, and keep their slot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from odoo.api import Environment
from odoo.exceptions import ConcurrencyError
from odoo.http import request
from odoo.models import BaseModel
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..api.errors import TooManyRequestsError, try_again
from ..api.operations import COSTLY, READ, WRITE
from . import buckets, failures, slots
from .clients import Client
from .costs import Work
from .deadline import Deadline
from .settings import Settings

_ATTRIBUTE = "fusion_billing_admission"
#: After these Odoo runs a request again.
CONFLICTS = (ConcurrencyError, *PG_CONCURRENCY_EXCEPTIONS_TO_RETRY)
#: A full bucket holds so many seconds' worth.
_BURSTS = {READ: 2, WRITE: 2, COSTLY: 5}


#: A request that was refused before it was known what it would do.
REFUSED = Work.of(READ)


@dataclass
class Admission:
    """:param tries: how often the request met a conflict
    :param states: of the buckets it was charged to
    """

    settings: Settings
    deadline: Deadline
    tries: int = 0
    states: list[buckets.State] = field(default_factory=list)
    slot: slots.Slot | None = None

    def charge(self, key: BaseModel, work: Work) -> None:
        """Charge a request to its key, once, or raise TooManyRequestsError."""
        if self.states:
            return
        client = key._as_client()
        for cost_class, count in sorted(work.calls.items()):
            limit = self._limit(client, cost_class)
            if limit:
                self.states.append(buckets.spend(key.env.cr.dbname, f"{client.name} {cost_class}", limit, count))
        refused = max((state.retry_after for state in self.states if not state.allowed), default=0)
        if refused:
            whose = "for this customer" if client.is_customer else "with this API key"
            raise TooManyRequestsError(f"Too many requests {whose}.", retry_after=refused)

    def take_slot(self, key: BaseModel) -> None:
        """Take a slot and keep it, or raise TooManyRequestsError."""
        if self.slot is None:
            client = key._as_client()
            self.slot = slots.take(key.env.cr.dbname, client.pool or client.name, self.settings)
        if self.slot is None:
            message = "Too many costly requests run at this time; send it again when one of them is done."
            raise TooManyRequestsError(message, code="too_many_costly_requests", retry_after=1)

    def release(self) -> None:
        if self.slot is not None:
            self.slot.release()
            self.slot = None

    def headers(self) -> dict[str, str]:
        """Return how much is left of the limit that is nearest."""
        if not self.states:
            return {}
        state = min(self.states, key=lambda state: state.remaining / state.limit.burst)
        values = {"Limit": state.limit.burst, "Remaining": state.remaining, "Reset": state.reset}
        return {f"RateLimit-{name}": str(value) for name, value in values.items()}

    def _limit(self, client: Client, cost_class: str) -> buckets.Limit | None:
        rate = client.rates(self.settings)[cost_class]
        return buckets.Limit(rate, rate * _BURSTS[cost_class]) if rate else None


def current() -> Admission | None:
    """Return what is known of the request that runs, if it is one of the API."""
    return getattr(request, _ATTRIBUTE, None) if request else None


def begin(env: Environment) -> None:
    """Start the clock of the request that runs; a no-op in its further tries, and outside of requests."""
    if request and current() is None:
        settings = Settings.load(env)
        setattr(request, _ATTRIBUTE, Admission(settings, Deadline(settings.request_seconds)))


@contextmanager
def within_deadline(env: Environment) -> Iterator[None]:
    """Bind the transaction to the deadline of the request that runs, while the block runs.

    :raises DeadlineExceededError: if it has passed, or passes
    """
    admission = current()
    if admission is None:
        yield
        return
    with admission.deadline.running(env.cr):
        yield


def note_failure(env: Environment) -> None:
    """Count a failed authentication, or raise TooManyRequestsError."""
    admission = current()
    if admission:
        failures.note(env.cr.dbname, request.httprequest.remote_addr, admission.settings)


@contextmanager
def admitted(key: BaseModel | None, work: Work | None = None) -> Iterator[None]:
    """Charge the request that runs to its key, and hold its slot as long as the block runs.

    :param key: an API key or a customer's access token; None for a session of the back office, which has no limits
        but the deadline
    :param work: None if it is known later only, see :func:`admit`
    :raises TooManyRequestsError: before anything is done
    """
    admission = current()
    if admission is None:
        yield
        return
    if key and work:
        admit(key, work)
    try:
        yield
    except CONFLICTS as exc:
        # Odoo runs the request again, and its slot is kept; close() gives it back if that was the last try.
        admission.tries += 1
        give_up_if_late(admission.tries, exc)
        raise
    except Exception:
        admission.release()
        if key:
            admission.charge(key, REFUSED)  # unless it was charged: what cannot be read costs work, too
        raise
    admission.release()


def admit(key: BaseModel, work: Work) -> None:
    """Charge the request that runs and take its slot, within the block of :func:`admitted`."""
    admission = current()
    if admission:
        admission.charge(key, work)
        if work.takes_slot:
            admission.take_slot(key)


def give_up_if_late(tries: int, conflict: Exception) -> None:
    """Raise UnavailableError if Odoo's pause before the next try (odoo/service/model.py) could outlast the deadline."""
    admission = current()
    if admission and not admission.deadline.outlasts(2**tries):
        raise try_again() from conflict


def headers() -> dict[str, str]:
    """Return the headers that tell the client of the request that runs what is left of its limits."""
    admission = current()
    return admission.headers() if admission else {}


def close() -> dict[str, str]:
    """Give back what a request holds that failed for good, and return the headers of its answer."""
    admission = current()
    if admission:
        admission.release()
    return headers()
