"""What is measured on: a new database with customers, subscriptions and rated usage, and its server."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from main_job import job_queue, price_list, provisioning
from main_job.back_office import LOGIN, BackOffice
from main_job.provisioning import Service
from main_job.source_app import SourceApp
from runtime import databases, layout, postgres, server
from runtime.progress import Fault, say
from runtime.server import Odoo
from runtime.setup import Runtime

WORKERS = 4
#: Days of usage. Less than any month has, so that all of it lies in the running billing period.
DAYS = 20
_AT_ONCE = 3
_BATCH = 1000
_MAKE_KEY = f"""
user = env["res.users"].search([("login", "=", "{LOGIN}")])
print("KEY", env["res.users.apikeys"].with_user(user)._generate("rpc", "benchmark", None))
env.cr.commit()
"""


@dataclass(frozen=True)
class World:
    """A running server.

    :param service: the source app, with its API key
    :param office_key: Odoo's own API key of a back-office user
    """

    url: str
    log: Path
    service: Service
    office_key: str


@contextlib.contextmanager
def serving(runtime: Runtime, database: str, customers: int) -> Iterator[World]:
    """Serve a new database that has ``customers`` as long as the block runs; drop it afterwards."""
    with postgres.running() as connection:
        odoo = Odoo(runtime.source, connection)
        if databases.exists(odoo, database) and databases.is_used(odoo, database):
            raise Fault(f"the database {database} is in use: choose another with -d")
        try:
            say(f"making the database {database}")
            databases.create_with_addons(odoo, runtime.queue_job_version, database)
            office_key = _make_office_key(odoo, database)
            log = layout.LOGS / f"{database}-server.log"
            with server.serving(odoo, database, workers=WORKERS, log=log) as running:
                office = BackOffice(running.url, database)
                yield World(running.url, log, _fill(office, customers), office_key)
        finally:
            databases.drop(odoo, database)


def _make_office_key(odoo: Odoo, database: str) -> str:
    for line in odoo.shell(database, _MAKE_KEY).splitlines():
        if "KEY " in line:
            return line.split("KEY ")[1].strip()
    raise Fault("Odoo made no API key")


def _fill(office: BackOffice, customers: int) -> Service:
    """Do what a back office and a source app do, until every counter is rated."""
    say(f"{customers} customers with {DAYS} days of usage of {len(price_list.CHARGES)} metrics")
    provisioning.create_catalogue(office)
    service = provisioning.create_service(office, "Benchmark", "benchmark")
    app = SourceApp(office.url, service.key)
    for number in range(customers):  # one after the other: pages come in the order in which they were made
        app.upsert_customer(_name(number), f"Customer {number}", f"{_name(number)}@bench.example")
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(lambda number: _open_subscription(app, number), range(customers)))
        events = [event for number in range(customers) for event in _events(number)]
        list(threads.map(app.record_usage, (events[start : start + _BATCH] for start in range(0, len(events), _BATCH))))
    job_queue.run_now(office, job_queue.RATE_USAGE)
    job_queue.wait_until_idle(office)
    return service


def _open_subscription(app: SourceApp, number: int) -> None:
    app.open_subscription(
        external_customer_id=_name(number),
        external_id=_name(number),
        plan_code=price_list.PLAN_CODE,
        start_date=_first_day().isoformat(),
    )


def _events(number: int) -> Iterator[dict[str, Any]]:
    """Yield a counter per metric and day, of quantities that differ from customer to customer."""
    for charge in price_list.CHARGES:
        for day in range(DAYS):
            start = _first_day() + timedelta(days=day)
            yield {
                "subscription_external_id": _name(number),
                "metric_code": charge.metric,
                "quantity": (number * 37 + day * 11) % 500 + 1,
                "period_start": f"{start}T00:00:00Z",
                "period_end": f"{start + timedelta(days=1)}T00:00:00Z",
                "idempotency_key": f"{_name(number)}:{charge.metric}:{start}",
            }


def _first_day() -> date:
    return datetime.now(timezone.utc).date() - timedelta(days=DAYS)


def _name(number: int) -> str:
    return f"bench-{number:05}"
