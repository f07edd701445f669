"""The main job from the first customer to the last webhook, against a running server."""

import time
from datetime import date

from runtime.progress import Fault, say, step

from . import customers, flights, invoices, job_queue, proof, provisioning, pushing
from .back_office import BackOffice
from .outcome import Invoice, Outcome
from .provisioning import Service
from .receiver import Endpoint, Receiver
from .source_app import SourceApp

#: So many customers pay their invoices; the others leave them open.
PAYING_CUSTOMERS = 3
_SECONDS_FOR_WEBHOOKS = 300


def bill_flights(office: BackOffice, receiver: Receiver, outcome: Outcome, months: int) -> None:
    """Do the main job and note in ``outcome`` what happened."""
    with step("back office: catalogue and service", outcome.steps):
        endpoint, service = _prepare(office, receiver)
        app = SourceApp(office.url, service.key)
    with job_queue.held_back(office, job_queue.CREATE_INVOICES):
        with step("source app: customers and subscriptions", outcome.steps):
            airlines = flights.read_airlines()
            customers.open_subscriptions(app, airlines)
            outcome.customers = customers.end_subscriptions(office, service.id, customers.end_of_billing(months))
        with step("source app: usage", outcome.steps):
            accepted = pushing.push(app, flights.read_counters(months))
            outcome.counters_rest, outcome.counters_graphql = accepted["REST"], accepted["GraphQL"]
            outcome.usage_accepted = sum(accepted.values())
    with step("jobs: rating", outcome.steps):
        job_queue.run_now(office, job_queue.RATE_USAGE)
        job_queue.wait_until_idle(office)
    with step("jobs: invoices", outcome.steps):
        _invoice(office, service, outcome, expected=len(airlines) * months)
    with step("back office: payments", outcome.steps):
        _pay(office, service, outcome)
    with step("jobs: webhooks", outcome.steps):
        job_queue.wait_until_idle(office)
        _count_webhooks(office, service, endpoint, outcome)
    with step("jobs: proof", outcome.steps):
        outcome.proof = proof.run(office)
    outcome.jobs_done = job_queue.jobs_by_state(office).get("done", 0)


def _prepare(office: BackOffice, receiver: Receiver) -> tuple[Endpoint, Service]:
    provisioning.allow_loopback_webhooks(office)
    provisioning.allow_starts_since(office, date(flights.YEAR, 1, 1))
    provisioning.create_catalogue(office)
    endpoint = receiver.endpoint(provisioning.SERVICE_CODE)
    service = provisioning.create_service(office, provisioning.SERVICE_NAME, provisioning.SERVICE_CODE, endpoint)
    return endpoint, service


def _invoice(office: BackOffice, service: Service, outcome: Outcome, expected: int) -> None:
    job_queue.run_now(office, job_queue.CREATE_INVOICES)
    job_queue.wait_until_idle(office)
    records = invoices.read(office, service.id)
    outcome.invoices = [Invoice.from_record(record) for record in records]
    posted = sum(invoice.state == "posted" for invoice in outcome.invoices)
    say(f"invoices: {posted} of {expected} posted")
    if len(records) != expected or posted != expected:
        raise Fault(f"{expected} posted invoices were expected, {posted} of {len(records)} are there")


def _pay(office: BackOffice, service: Service, outcome: Outcome) -> None:
    records = invoices.read(office, service.id)
    payers = sorted({record["partner_id"][0] for record in records})[:PAYING_CUSTOMERS]
    invoices.pay(office, [record for record in records if record["partner_id"][0] in payers])
    paid = [*invoices.of_service(service.id), ("payment_state", "=", "paid")]
    outcome.invoices_paid = office.count("account.move", paid)


def _count_webhooks(office: BackOffice, service: Service, endpoint: Endpoint, outcome: Outcome) -> None:
    deliveries = [("service_id", "=", service.id)]
    deadline = time.monotonic() + _SECONDS_FOR_WEBHOOKS
    while office.count("fusion.billing.webhook", [*deliveries, ("state", "=", "pending")]):
        if time.monotonic() > deadline:
            raise Fault(f"some webhooks are still pending after {_SECONDS_FOR_WEBHOOKS} s")
        time.sleep(0.5)
    outcome.webhooks_sent = office.count("fusion.billing.webhook", [*deliveries, ("state", "=", "sent")])
    outcome.webhooks_verified = len(endpoint.verified())
    refused = sum(not delivery.verified for delivery in endpoint.deliveries)
    if refused or outcome.webhooks_verified != outcome.webhooks_sent:
        counts = f"{outcome.webhooks_sent} sent, {outcome.webhooks_verified} verified, {refused} refused"
        raise Fault(f"not every webhook arrived with a right signature: {counts}")
