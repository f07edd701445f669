"""What the tests page through: some of everything, made over REST and in the back office."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from main_job import job_queue
from main_job.back_office import BackOffice

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

TODAY = datetime.now(timezone.utc).date()
#: Long enough ago for two whole months to be invoiced.
START = TODAY - timedelta(days=70)
CUSTOMERS = 5
SUBSCRIPTIONS = 3
COUNTERS = 5
#: Of the first invoice of the first subscription.
CREDIT_NOTES = 3


@dataclass(frozen=True)
class World:
    """The first customer has all subscriptions, the first subscription all counters.

    :param plans: the first one is subscribed to, and charges for each of ``metrics``
    """

    service: "ServiceClient"
    plans: list["Plan"]
    metrics: list[str]
    office: BackOffice

    @property
    def plan_codes(self) -> list[str]:
        return [plan.code for plan in self.plans]

    def count(self, model: str, *domain: Any) -> int:
        return self.office.count(model, list(domain))


def make(service: "ServiceClient", plans: list["Plan"], office: BackOffice) -> World:
    """Make the world. Usage must not be rated and nothing invoiced by itself meanwhile."""
    # Invoices, lines and ratings are counted by subscription.
    office.call("fusion.billing.service", "write", [service.id], {"invoice_grouping": "subscription"})
    plan = plans[0]
    metrics = [plan.metric, *(_add_charge(office, plan, number) for number in (2, 3))]
    world = World(service, plans, metrics, office)
    for number in range(CUSTOMERS):
        service.api.upsert_customer(f"c{number}", f"Customer {number}", f"c{number}@{service.code}.example")
    for number in range(SUBSCRIPTIONS):
        service.api.open_subscription(
            external_customer_id="c0", external_id=f"s{number}", plan_code=plan.code, start_date=START.isoformat()
        )
    counters = [plan.counter("s0", 200, START, f"usage-{number}") for number in range(COUNTERS)]
    for counter, metric in zip(counters, metrics, strict=False):
        counter["metric_code"] = metric
    assert service.api.record_usage(counters) == COUNTERS
    for _period in range(2):
        job_queue.run_now(office, job_queue.CREATE_INVOICES)
        job_queue.wait_until_idle(office)
    _credit_first_invoice(service)
    return world


def _credit_first_invoice(service: "ServiceClient") -> None:
    invoices = service.api.request("GET", "/invoices", params={"subscription_external_id": "s0"}).json()["invoices"]
    invoice_id = invoices[-1]["invoice_id"]
    [fee, *_usage] = service.api.request("GET", f"/invoices/{invoice_id}").json()["lines"]
    for number in range(CREDIT_NOTES):
        line = {"invoice_line_id": fee["invoice_line_id"], "amount": "0.01"}
        note = {"invoice_id": invoice_id, "reason": f"Number {number}", "lines": [line]}
        assert service.api.request("POST", "/credit_notes", note).ok


def _add_charge(office: BackOffice, plan: "Plan", number: int) -> str:
    code = f"{plan.metric}_{number}"
    metric = office.create("fusion.billing.metric", {"name": code, "code": code, "aggregation": "sum"})
    product = office.create("product.product", {"name": code, "type": "service", "list_price": 0, "taxes_id": [(5,)]})
    values = {"name": code, "plan_code": plan.code, "metric_id": metric, "product_id": product}
    office.create("fusion.billing.charge", {**values, "charge_model": "standard", "price_per_unit": 0.1})
    return code
