"""Invoices of several subscriptions of one customer, made by jobs that meet each other, on real connections."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from main_job import job_queue
from main_job.back_office import BackOffice
from racing import race_invoicing_jobs

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

TODAY = datetime.now(timezone.utc).date()
#: Long enough ago for one whole month to be due, and not for two.
START = TODAY - timedelta(days=45)
SUBSCRIPTIONS = 5
FEE = 20
QUOTA = 100
PRICE = Decimal("0.5")


@pytest.fixture(scope="module")
def plan(backoffice: BackOffice, new_plan: Callable[[BackOffice], "Plan"]) -> "Plan":
    return new_plan(backoffice)


@pytest.fixture(scope="module")
def client(service_client: Callable[[str], "ServiceClient"]) -> "ServiceClient":
    return service_client("fleet")


@pytest.fixture
def held(backoffice: BackOffice) -> Iterator[None]:
    """Keep the hourly run away: the tests say when invoices are made."""
    with job_queue.held_back(backoffice, job_queue.CREATE_INVOICES):
        yield


def _open(plan: "Plan", client: "ServiceClient", customer: str) -> dict[str, int]:
    """Make a customer with several subscriptions, each with other usage; return {external id: id of the order}."""
    client.api.upsert_customer(customer, customer.capitalize(), f"{customer}@{client.code}.example")
    orders = {}
    for number in range(SUBSCRIPTIONS):
        name = f"{customer}-{number}"
        terms = {"external_customer_id": customer, "plan_code": plan.code, "start_date": START.isoformat()}
        orders[name] = client.api.open_subscription(external_id=name, **terms)["subscription_id"]
        client.api.record_usage([plan.counter(name, QUOTA + 10 * (number + 1), START, name)])
    return orders


def _check_invoice(client: "ServiceClient", customer: str, orders: dict[str, int]) -> None:
    """Check that the customer has one invoice, which the API shows under each of the subscriptions."""
    [invoice] = client.api.request("GET", "/invoices", params={"external_customer_id": customer}).json()["invoices"]
    used = sum(10 * (number + 1) for number in range(SUBSCRIPTIONS))
    assert Decimal(invoice["amount_untaxed"]) == SUBSCRIPTIONS * FEE + used * PRICE
    told = {each["subscription_external_id"]: each["subscription_id"] for each in invoice["subscriptions"]}
    assert told == orders
    assert (invoice["subscription_id"], invoice["external_customer_id"]) == (None, customer)
    for name in orders:
        listed = client.api.request("GET", "/invoices", params={"subscription_external_id": name}).json()["invoices"]
        assert [each["invoice_id"] for each in listed] == [invoice["invoice_id"]]
    lines = client.api.request("GET", f"/invoices/{invoice['invoice_id']}").json()["lines"]
    assert sorted(line["subscription_external_id"] for line in lines) == sorted([*orders, *orders])


def test_racing_jobs_of_one_customers_subscriptions_make_one_invoice(
    plan: "Plan",
    client: "ServiceClient",
    held: None,
    odoo_shell: Callable[[str], str],
    wait_for_jobs: Callable[..., None],
    query: Callable[[str], list[dict[str, Any]]],
) -> None:
    orders = _open(plan, client, "acme")
    wait_for_jobs()
    retried, results = race_invoicing_jobs(odoo_shell, list(orders.values()))
    assert retried, "the jobs did not meet: nothing was proved"
    assert len(results) == SUBSCRIPTIONS
    wait_for_jobs()
    ids = ", ".join(map(str, orders.values()))
    periods = query(
        f"SELECT order_id, count(*) AS n FROM fusion_subscription_period WHERE order_id IN ({ids}) GROUP BY 1"
    )
    assert [period["n"] for period in periods] == [1] * SUBSCRIPTIONS
    _check_invoice(client, "acme", orders)


def test_the_jobs_of_the_hourly_run_make_one_invoice_and_one_webhook(
    backoffice: BackOffice,
    plan: "Plan",
    client: "ServiceClient",
    held: None,
    wait_for_jobs: Callable[..., None],
) -> None:
    orders = _open(plan, client, "globex")
    wait_for_jobs()
    job_queue.run_now(backoffice, job_queue.CREATE_INVOICES)
    wait_for_jobs()
    _check_invoice(client, "globex", orders)
    told = [delivery.payload["invoice"] for delivery in client.endpoint.verified() if "invoice" in delivery.payload]
    mine = [invoice for invoice in told if invoice["external_customer_id"] == "globex"]
    assert [len(invoice["subscriptions"]) for invoice in mine] == [SUBSCRIPTIONS]
