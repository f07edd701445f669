"""Many subscriptions that end at once: their rating and invoicing jobs meet, and each is invoiced exactly once."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from main_job import job_queue
from main_job.back_office import BackOffice

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

Query = Callable[[str], list[dict[str, Any]]]

TODAY = datetime.now(timezone.utc).date()
FEE = 20
SUBSCRIPTIONS = 100
#: The API, the jobs and the scheduled actions share four workers.
CLIENTS = 3


@dataclass(frozen=True)
class Story:
    """A subscription as it is when it ends; ``amounts`` are those of its invoices, oldest first."""

    name: str
    start: date
    quantity: int
    amounts: tuple[float, ...]


def _stories() -> list[Story]:
    """Return subscriptions in one period without usage and with some, and some with three periods overdue."""
    recently, long_ago = TODAY - timedelta(days=10), TODAY - timedelta(days=100)
    kinds = [
        ("unused", recently, 0, (FEE,)),
        ("used", recently, 130, (FEE + 15,)),
        ("overdue", long_ago, 130, (FEE + 15, FEE, FEE, FEE)),
    ]
    return [
        Story(f"{kind}-{number}", *story) for number in range(SUBSCRIPTIONS) for kind, *story in [kinds[number % 3]]
    ]


@pytest.fixture(scope="module")
def plan(backoffice: BackOffice, new_plan: Callable[[BackOffice], "Plan"]) -> "Plan":
    return new_plan(backoffice)


@pytest.fixture(scope="module")
def client(service_client: Callable[[str], "ServiceClient"]) -> "ServiceClient":
    return service_client("ender")


@pytest.fixture(scope="module")
def undisturbed(backoffice: BackOffice) -> Iterator[None]:
    """Keep the hourly run away: only what the end itself enqueues may invoice."""
    with job_queue.held_back(backoffice, job_queue.CREATE_INVOICES):
        yield


def test_a_hundred_subscriptions_that_end_at_once_are_invoiced_once_each_and_no_job_fails(
    plan: "Plan", client: "ServiceClient", query: Query, undisturbed: None, wait_for_jobs: Callable[..., None]
) -> None:
    stories = _stories()

    def begin(story: Story) -> None:
        plan.open(client.api, story.name, story.start)
        if story.quantity:
            event = plan.counter(story.name, story.quantity, story.start + timedelta(days=1), story.name)
            client.api.record_usage([event])

    def end(story: Story) -> int:
        return client.api.request("POST", f"/subscriptions/{story.name}/terminate", {}).status_code

    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(begin, stories))
        wait_for_jobs()
        statuses = list(threads.map(end, stories))
    assert Counter(statuses) == {200: SUBSCRIPTIONS}
    wait_for_jobs()

    invoices: dict[str, list[Any]] = {story.name: [] for story in stories}
    periods: dict[str, set[Any]] = {story.name: set() for story in stories}
    for move in query(
        "SELECT o.x_fc_external_id AS name, m.state, m.amount_untaxed AS amount, m.x_fc_period_start AS first_day"
        " FROM account_move m JOIN sale_order o ON o.id = m.x_fc_subscription_id"
        f" WHERE o.x_fc_service_id = {client.id} ORDER BY m.x_fc_period_start, m.id"
    ):
        assert move["state"] == "posted", move
        invoices[move["name"]].append(move["amount"])
        periods[move["name"]].add(move["first_day"])
    wrong = {story.name: invoices[story.name] for story in stories if invoices[story.name] != list(story.amounts)}
    assert not wrong
    assert all(len(periods[story.name]) == len(story.amounts) for story in stories)
    assert Counter(
        row["subscription_state"]
        for row in query(f"SELECT subscription_state FROM sale_order WHERE x_fc_service_id = {client.id}")
    ) == {"6_churn": SUBSCRIPTIONS}
