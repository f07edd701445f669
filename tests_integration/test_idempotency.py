"""Requests with idempotency keys, and requests about one invoice, that arrive at the same time on real connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
import requests
from main_job import job_queue
from main_job.back_office import BackOffice

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

Query = Callable[[str], list[dict[str, Any]]]

START = datetime.now(timezone.utc).date() - timedelta(days=45)
RACERS = 4


@pytest.fixture(scope="module")
def plan(backoffice: BackOffice, new_plan: Callable[[BackOffice], "Plan"]) -> "Plan":
    return new_plan(backoffice)


@pytest.fixture
def client(service_client: Callable[[str], "ServiceClient"]) -> "ServiceClient":
    client = service_client("repeating")
    client.api.upsert_customer("acme", "Acme", f"acme@{client.code}.example")
    return client


def at_once(*tasks: Callable[[], requests.Response]) -> list[requests.Response]:
    """Run the tasks, each in its thread, from one moment on."""
    barrier = Barrier(len(tasks))

    def run(task: Callable[[], requests.Response]) -> requests.Response:
        barrier.wait(300)
        return task()

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(run, tasks))


def _open(client: "ServiceClient", plan: "Plan", key: str, **values: Any) -> requests.Response:
    body = {"external_customer_id": "acme", "plan_code": plan.code, **values}
    return client.api.request("POST", "/subscriptions", body, headers={"Idempotency-Key": key})


def _count_subscriptions(query: Query, client: "ServiceClient") -> int:
    return int(query(f"SELECT count(*) AS n FROM sale_order WHERE x_fc_service_id = {client.id}")[0]["n"])


@pytest.mark.parametrize("number", range(3))
def test_copies_of_one_request_that_race_have_one_effect_and_one_answer(
    number: int, client: "ServiceClient", plan: "Plan", query: Query
) -> None:
    answers = at_once(*[lambda: _open(client, plan, f"race-{number}")] * RACERS)
    assert [answer.status_code for answer in answers] == [200] * RACERS
    assert len({answer.text for answer in answers}) == 1
    replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert sorted(map(str, replayed)) == ["None"] + ["true"] * (RACERS - 1)
    assert _count_subscriptions(query, client) == 1


def test_different_requests_that_race_for_one_key_are_done_once_and_refused_otherwise(
    client: "ServiceClient", plan: "Plan", query: Query
) -> None:
    days = [str(START + timedelta(days=number)) for number in range(RACERS)]
    answers = at_once(*(lambda day=day: _open(client, plan, "one-key", start_date=day) for day in days))  # type: ignore[misc]
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * (RACERS - 1)
    codes = {answer.json()["code"] for answer in answers if not answer.ok}
    assert codes == {"idempotency_key_reused"}
    assert _count_subscriptions(query, client) == 1


def test_a_failure_in_a_race_keeps_nobody_from_trying_again(
    client: "ServiceClient", plan: "Plan", query: Query
) -> None:
    refused = at_once(*[lambda: _open(client, plan, "failing", plan_id=2**31 - 1)] * RACERS)
    assert {answer.json()["code"] for answer in refused} == {"recurrence_not_found"}
    assert _open(client, plan, "failing").status_code == 200
    assert _count_subscriptions(query, client) == 1


def test_credit_notes_that_race_never_credit_more_than_was_billed(
    client: "ServiceClient", plan: "Plan", backoffice: BackOffice, wait_until: Callable[..., Any]
) -> None:
    invoice = _bill(client, plan, backoffice, wait_until)
    # Paid, so that crediting leaves nothing on the invoice by which PostgreSQL could see the conflict.
    context = {"active_model": "account.move", "active_ids": [invoice["invoice_id"]]}
    wizard = backoffice.call("account.payment.register", "create", [{}], context=context)
    backoffice.call("account.payment.register", "action_create_payments", wizard, context=context)
    answers = at_once(*[lambda: _credit(client, invoice)] * RACERS)
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * (RACERS - 1)
    assert {answer.json()["code"] for answer in answers if not answer.ok} == {"credit_exceeds_invoice"}


def test_a_void_and_a_credit_note_that_race_give_the_money_back_once(
    client: "ServiceClient", plan: "Plan", backoffice: BackOffice, wait_until: Callable[..., Any]
) -> None:
    invoice = _bill(client, plan, backoffice, wait_until)
    path = f"/invoices/{invoice['invoice_id']}/void"
    answers = at_once(lambda: client.api.request("POST", path, {"reason": "Race"}), lambda: _credit(client, invoice))
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    listed = client.api.request("GET", "/credit_notes", params={"invoice_id": invoice["invoice_id"]}).json()
    assert [note["amount_total"] for note in listed["credit_notes"]] == [invoice["amount_total"]]


def _credit(client: "ServiceClient", invoice: dict[str, Any]) -> requests.Response:
    body = {"invoice_id": invoice["invoice_id"], "reason": "Race"}
    return client.api.request("POST", "/credit_notes", body)


def _bill(client: "ServiceClient", plan: "Plan", office: BackOffice, wait_until: Callable[..., Any]) -> dict[str, Any]:
    """Return the invoice of a subscription that began 45 days ago."""
    plan.open(client.api, "billed", START)
    job_queue.run_now(office, job_queue.CREATE_INVOICES)
    listing = {"subscription_external_id": "billed"}
    found = wait_until(lambda: client.api.request("GET", "/invoices", params=listing).json()["invoices"])
    return dict(found[0])
