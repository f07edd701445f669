"""What the integration tests share: a running server with a database of its own, and those who talk to it.

server          Odoo with workers and the job runner, on ``database``
backoffice      a logged-in person (call_kw); concurrent people: ``BackOffice(server.url, database)``
service_client  ``service_client("crm")``: a service with a key, its REST client and its webhook address
odoo_shell      runs code inside Odoo, beside the server
browser         Chromium, running headless; ``log_in(page, url)`` opens the back office in a page of it
wait_until      polls a condition; gives up when something must be stuck
wait_for_jobs   waits until the job queue is empty
query           runs SQL on the server's database and returns the rows: what the API does not show
new_plan        ``new_plan(office)``: a plan with one metric of its own; opens subscriptions, builds counters
new_database, new_server   for tests that kill what they use, or need several servers

The fixtures of the first group live as long as the session and are shared: a test makes its own
services and customers. ``Server.workers`` helps crash tests.
"""

import itertools
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from main_job import job_queue, provisioning
from main_job.back_office import LOGIN, PASSWORD, BackOffice
from main_job.receiver import Endpoint, Receiver
from main_job.source_app import SourceApp
from playwright.sync_api import Browser, Page, expect, sync_playwright
from runtime import databases, debian, layout, postgres, setup
from runtime import server as runtime_server
from runtime.server import Odoo, Server
from runtime.setup import Runtime

#: Seconds, for what never comes: no verdict depends on the speed of the machine.
GIVE_UP_AFTER = 300

_numbers = itertools.count(1)
# As root the sandbox does not start; the rest keeps the browser from calling its maker's servers.
_BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class ServiceClient:
    """A service as its source app sees it, and where its webhooks arrive."""

    id: int
    code: str
    key: str
    api: SourceApp
    endpoint: Endpoint


@dataclass(frozen=True)
class Plan:
    """A monthly plan: a fee of 20.00, and 0.50 per unit of its metric above 100 per period."""

    code: str
    metric: str

    def open(self, app: SourceApp, name: str, start: date | None = None) -> dict[str, Any]:
        """Make the customer and the subscription ``name`` and return the API's answer."""
        app.upsert_customer(name, name.capitalize(), f"{name}@{self.code}.example")
        day = {"start_date": start.isoformat()} if start else {}
        return app.open_subscription(external_customer_id=name, external_id=name, plan_code=self.code, **day)

    def counter(self, subscription: str, quantity: object, day: date, key: str | None = None) -> dict[str, Any]:
        """Return a usage event of one day of a subscription."""
        event = {"subscription_external_id": subscription, "metric_code": self.metric, "quantity": quantity}
        event |= {"period_start": f"{day}T00:00:00Z", "period_end": f"{day + timedelta(days=1)}T00:00:00Z"}
        return event | ({"idempotency_key": key} if key else {})


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    return setup.ensure()


@pytest.fixture(scope="session")
def odoo(runtime: Runtime) -> Iterator[Odoo]:
    with postgres.running() as connection:
        yield Odoo(runtime.source, connection)


@pytest.fixture(scope="session")
def new_database(runtime: Runtime, odoo: Odoo) -> Iterator[Callable[[], str]]:
    """Return a function that makes a database with the addons; all are dropped at the end."""
    made: list[str] = []

    def make() -> str:
        name = f"fusion_test_{os.getpid()}_{next(_numbers)}"
        made.append(name)
        databases.create_with_addons(odoo, runtime.queue_job_version, name)
        return name

    yield make
    for name in made:
        databases.drop(odoo, name)


@pytest.fixture
def new_server(odoo: Odoo) -> Iterator[Callable[..., Server]]:
    """Return a function that starts a server on a database; all are stopped after the test."""
    with ExitStack() as started:

        def start(database: str, **options: Any) -> Server:
            return started.enter_context(_serving(odoo, database, **options))

        yield start


@pytest.fixture(scope="session")
def database(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture(scope="session")
def server(odoo: Odoo, database: str) -> Iterator[Server]:
    if not shutil.which("wkhtmltopdf"):  # before the start: Odoo looks for it once
        debian.install(["wkhtmltopdf"], "the tests of printed invoices render them")
    with _serving(odoo, database) as running:
        yield running


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="session")
def backoffice(server: Server, database: str) -> BackOffice:
    office = BackOffice(server.url, database)
    provisioning.allow_loopback_webhooks(office)
    provisioning.lift_limits(office)
    return office


@pytest.fixture(scope="session")
def service_client(backoffice: BackOffice, receiver: Receiver) -> Callable[[str], ServiceClient]:
    """Return a function that makes a service; each call makes another one, whatever its name."""

    def make(name: str) -> ServiceClient:
        code = f"{name}-{next(_numbers)}"
        endpoint = receiver.endpoint(code)
        service = provisioning.create_service(backoffice, name, code, endpoint)
        return ServiceClient(service.id, code, service.key, SourceApp(backoffice.url, service.key), endpoint)

    return make


@pytest.fixture(scope="session")
def new_plan() -> Callable[[BackOffice], Plan]:
    """Return a function that makes another Plan in an office's database."""

    def make(office: BackOffice) -> Plan:
        plan = Plan(code=f"plan-{next(_numbers)}", metric=f"metric_{next(_numbers)}")
        product = {"type": "service", "list_price": 0, "taxes_id": [(5,)]}
        fee = office.create("product.product", {**product, "name": f"{plan.code} fee", "recurring_invoice": True})
        usage = office.create("product.product", {**product, "name": f"{plan.code} usage"})
        recurrence = {"name": plan.code, "billing_period_value": 1, "billing_period_unit": "month"}
        month = office.create("sale.subscription.plan", recurrence)
        summed = {"name": plan.metric, "code": plan.metric, "aggregation": "sum"}
        metric = office.create("fusion.billing.metric", summed)
        values = {"name": plan.code, "code": plan.code, "plan_id": month, "product_id": fee, "price": 20}
        office.create("fusion.billing.plan", values)
        terms = {"charge_model": "standard", "included_quota": 100, "price_per_unit": 0.5}
        charge = {"name": "Usage", "plan_code": plan.code, "metric_id": metric, "product_id": usage}
        office.create("fusion.billing.charge", {**charge, **terms})
        return plan

    return make


@pytest.fixture(scope="session")
def odoo_shell(odoo: Odoo, database: str) -> Callable[[str], str]:
    """Return a function that runs code in Odoo's shell; ``env.cr.commit()`` is the code's own affair."""

    def run(code: str) -> str:
        return odoo.shell(database, code)

    return run


@pytest.fixture(scope="session")
def query(odoo: Odoo, database: str) -> Callable[[str], list[dict[str, Any]]]:
    """Return a function that runs a SELECT and returns its rows; numbers are exact."""

    def run(sql: str) -> list[dict[str, Any]]:
        rows = databases.psql(odoo, database, f"SELECT COALESCE(json_agg(r), '[]') FROM ({sql}) r")
        return list(json.loads(rows, parse_float=Decimal))

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not shutil.which("chromium"):
        debian.install(["chromium"], "the tests of the screens need a browser")
    expect.set_options(timeout=GIVE_UP_AFTER * 1000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_BROWSER_ARGUMENTS)
        yield running
        running.close()


def log_in(page: Page, url: str) -> None:
    """Log in as the person that ``backoffice`` is, through the form."""
    page.goto(f"{url}/web/login")
    page.fill("input[name=login]", LOGIN)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector(".o_main_navbar")


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., Any]:
    """Return a function that polls a condition until it holds and returns what it returned."""

    def wait(condition: Callable[[], Any], what: str = "the condition") -> Any:
        deadline = time.monotonic() + GIVE_UP_AFTER
        while not (value := condition()):
            if time.monotonic() > deadline:
                pytest.fail(f"{what} did not come true within {GIVE_UP_AFTER} s")
            time.sleep(0.1)
        return value

    return wait


@pytest.fixture(scope="session")
def wait_for_jobs(backoffice: BackOffice) -> Callable[..., None]:
    """Return a function that waits until no job is left; a failed job fails the test."""

    def wait() -> None:
        job_queue.wait_until_idle(backoffice)

    return wait


def _serving(odoo: Odoo, database: str, **options: Any) -> AbstractContextManager[Server]:
    options.setdefault("log", layout.LOGS / f"{database}-server.log")
    return runtime_server.serving(odoo, database, **options)
