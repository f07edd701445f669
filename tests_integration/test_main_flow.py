"""One customer's way from the first counter to the last credit note, as those outside see it.

The source app pushes usage and hears of invoices; people close the subscription and take payments in
the back office. Nothing is read from the database.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from main_job import invoices, job_queue
from main_job.back_office import BackOffice
from main_job.receiver import Delivery

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

TODAY = datetime.now(timezone.utc).date()
START = TODAY - timedelta(days=45)
#: Amounts of the plan: see conftest.Plan.
FEE = 20
NAME = "globex"


class Story:
    """The customer's subscription, with what its source app and the back office can see of it."""

    def __init__(self, client: "ServiceClient", plan: "Plan", office: BackOffice, wait_until: Callable[..., Any]):
        self.client = client
        self.plan = plan
        self.office = office
        self.wait_until = wait_until
        self.order = plan.open(client.api, NAME, START)["subscription_id"]

    def push(self, quantity: float, day: date, key: str) -> None:
        assert self.client.api.record_usage([self.plan.counter(NAME, quantity, day, key)]) == 1

    def rate(self) -> None:
        job_queue.run_now(self.office, job_queue.RATE_USAGE)

    def invoice(self) -> None:
        job_queue.run_now(self.office, job_queue.CREATE_INVOICES)

    def ratings(self) -> list[dict[str, Any]]:
        fields = ["total_quantity", "amount", "state", "is_adjustment", "invoice_id", "period_start"]
        return self.office.find("fusion.billing.rating", [("subscription_id", "=", self.order)], fields, order="id")

    def wait_for_open_amount(self, amount: float) -> None:
        """Return once the ledger has exactly this amount that is not on an invoice yet."""

        def open_amounts() -> list[float]:
            return [rating["amount"] for rating in self.ratings() if rating["state"] == "open" and rating["amount"]]

        self.wait_until(lambda: open_amounts() == [amount], what=f"a rating of {amount}")

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return what the source app was told in verified webhooks, oldest first."""
        deliveries: list[Delivery] = self.client.endpoint.verified(event)
        about = "invoice" if event.startswith("invoice.") else "subscription"
        return sorted((delivery.payload[about] for delivery in deliveries), key=lambda told: told.get("invoice_id", 0))

    def wait_for(self, event: str, count: int) -> list[dict[str, Any]]:
        """Return what the source app was told once it was told so often."""
        self.wait_until(lambda: len(self.told(event)) >= count, what=f"{count} times {event}")
        told = self.told(event)
        assert len(told) == count
        return told


@pytest.fixture(scope="module")
def story(
    service_client: Callable[[str], "ServiceClient"],
    new_plan: Callable[[BackOffice], "Plan"],
    backoffice: BackOffice,
    wait_until: Callable[..., Any],
) -> Iterator[Story]:
    # Invoices are made when the story says so, not when a scheduled action happens to run.
    with job_queue.held_back(backoffice, job_queue.CREATE_INVOICES):
        yield Story(service_client("flow"), new_plan(backoffice), backoffice, wait_until)


def test_a_customer_is_billed_to_the_cent_from_the_first_counter_to_the_last_credit_note(story: Story) -> None:
    """Periods: [START, boundary) is due, [boundary, today) is cut short when the subscription is closed."""
    [started] = story.wait_for("subscription.started", 1)
    boundary = date.fromisoformat(started["next_invoice_date"])
    assert started["external_id"] == started["external_customer_id"] == NAME
    assert START < boundary <= TODAY - timedelta(days=10)

    _usage_becomes_an_invoice(story, boundary)
    _a_payment_is_told(story)
    _usage_after_the_invoice_is_on_the_next_one(story, boundary)
    _usage_after_the_end_is_on_a_closing_invoice(story)
    _usage_taken_back_after_the_end_is_on_a_credit_note(story)
    _nothing_is_billed_twice(story)


def _usage_becomes_an_invoice(story: Story, boundary: date) -> None:
    story.push(300, START, "first")
    story.push(50, START, "corrected")
    story.push(60, START, "corrected")  # replaces the 50
    story.push(110, boundary, "second period")
    story.rate()
    story.wait_for_open_amount((360 - 100) * 0.5)
    story.invoice()
    [invoice] = story.wait_for("invoice.finalized", 1)
    assert (invoice["type"], invoice["state"], invoice["payment_state"]) == ("invoice", "posted", "not_paid")
    assert (invoice["period_start"], invoice["period_end"]) == (START.isoformat(), boundary.isoformat())
    assert (invoice["amount_untaxed"], invoice["currency"]) == ("150.00", "CAD")
    assert invoice["subscription_external_id"] == invoice["external_customer_id"] == NAME
    assert _lines(story, invoice) == [FEE, 130]


def _a_payment_is_told(story: Story) -> None:
    [invoice] = invoices.read(story.office, story.client.id)
    invoices.pay(story.office, [invoice])
    [paid] = story.wait_for("invoice.paid", 1)
    assert (paid["number"], paid["payment_state"], paid["amount_residual"]) == (invoice["name"], "paid", "0.00")


def _usage_after_the_invoice_is_on_the_next_one(story: Story, boundary: date) -> None:
    story.push(40, boundary - timedelta(days=1), "late")
    story.rate()
    story.wait_until(lambda: any(rating["is_adjustment"] for rating in story.ratings()), what="the adjustment")
    story.office.call("sale.order", "action_close", [story.order])
    [ended] = story.wait_for("subscription.terminated", 1)
    assert (ended["subscription_state"], ended["ended_on"]) == ("6_churn", TODAY.isoformat())
    _first, invoice = story.wait_for("invoice.finalized", 2)
    assert (invoice["period_start"], invoice["period_end"]) == (boundary.isoformat(), TODAY.isoformat())
    assert invoice["amount_untaxed"] == "45.00"
    assert sorted(_lines(story, invoice)) == [(110 - 100) * 0.5, FEE, 40 * 0.5]
    refused = story.client.api.request("POST", "/usage", {"events": [story.plan.counter(NAME, 1, TODAY)]})
    assert (refused.status_code, refused.json()["code"]) == (422, "usage_after_end")


def _usage_after_the_end_is_on_a_closing_invoice(story: Story) -> None:
    story.push(8, TODAY - timedelta(days=1), "last day")
    story.rate()
    invoice = story.wait_for("invoice.finalized", 3)[-1]
    assert (invoice["type"], invoice["amount_untaxed"]) == ("invoice", "4.00")
    assert _lines(story, invoice) == [8 * 0.5]


def _usage_taken_back_after_the_end_is_on_a_credit_note(story: Story) -> None:
    story.push(280, START, "first")  # was 300
    story.rate()
    credit_note = story.wait_for("invoice.finalized", 4)[-1]
    assert (credit_note["type"], credit_note["state"]) == ("credit_note", "posted")
    assert credit_note["amount_untaxed"] == "10.00"


def _nothing_is_billed_twice(story: Story) -> None:
    """Whatever runs again finds nothing to do; the documents are worth what was used, period by period."""
    before = story.ratings()
    story.push(280, START, "first")
    story.rate()
    story.invoice()
    job_queue.wait_until_idle(story.office)
    assert story.ratings() == before
    assert all(rating["state"] == "billed" and rating["invoice_id"] for rating in before if rating["amount"])
    documents = story.wait_for("invoice.finalized", 4)
    total = sum(float(d["amount_untaxed"]) * (-1 if d["type"] == "credit_note" else 1) for d in documents)
    assert total == 2 * FEE + (280 + 60 + 40 - 100) * 0.5 + (110 + 8 - 100) * 0.5
    assert len({document["number"] for document in documents}) == 4
    assert all(delivery.verified for delivery in story.client.endpoint.deliveries)


def _lines(story: Story, invoice: dict[str, Any]) -> list[float]:
    """Return the amounts of an invoice's lines, as the back office shows them."""
    domain = [("move_id", "=", invoice["invoice_id"]), ("display_type", "=", "product")]
    return [line["price_subtotal"] for line in story.office.find("account.move.line", domain, ["price_subtotal"])]
