"""Two servers for one database: requests and jobs do not take each other's workers.

Tables are locked to keep workers busy for as long as the test wants: every request reads its key, every rating
writes the ledger.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from main_job import job_queue, provisioning
from main_job.back_office import BackOffice
from main_job.source_app import SourceApp
from runtime import databases
from runtime.server import Odoo, Server

if TYPE_CHECKING:
    from conftest import Plan

WORKERS = 2
#: How long a request may take.
_REQUEST_SECONDS = "fusion_centralize_billing.request_seconds"
TODAY = datetime.now(timezone.utc).date()


@dataclass(frozen=True)
class Site:
    odoo: Odoo
    database: str
    server: Server
    office: BackOffice
    app: SourceApp

    def value(self, sql: str) -> str:
        return databases.psql(self.odoo, self.database, sql)

    def is_rated(self, name: str, quantity: int) -> bool:
        order = f"SELECT id FROM sale_order WHERE x_fc_external_id = '{name}'"
        rated = f"SELECT count(*) FROM fusion_billing_rating WHERE subscription_id = ({order})"
        return self.value(f"{rated} AND total_quantity = {quantity}") == "1"

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Let everybody wait who wants to read or write a table."""
        target = self.odoo.connection
        connection = psycopg2.connect(host=target.host, port=target.port, user=target.user, dbname=self.database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
        finally:
            connection.close()

    def waiting_for(self, table: str) -> int:
        return int(
            self.value(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
                f" AND relation = '{table}'::regclass"
            )
        )


@pytest.fixture
def site(odoo: Odoo, new_database: Callable[[], str], new_server: Callable[..., Server]) -> Site:
    database = new_database()
    server = new_server(database, workers=WORKERS, jobs_apart=True)
    office = BackOffice(server.url, database)
    office.call("ir.config_parameter", "set_param", _REQUEST_SECONDS, "3600")  # they are held up for longer than usual
    app = SourceApp(server.url, provisioning.create_service(office, "Apart", "apart").key)
    return Site(odoo, database, server, office, app)


def test_requests_and_jobs_do_not_take_each_others_workers(
    site: Site, new_plan: Callable[[BackOffice], "Plan"], wait_until: Callable[..., Any]
) -> None:
    plan = new_plan(site.office)
    for name in ("early", "late"):
        plan.open(site.app, name)
    site.app.record_usage([plan.counter("early", 150, TODAY, "early")])
    with ThreadPoolExecutor(2 * WORKERS) as clients, site.locked("fusion_billing_api_key"):
        asking = [clients.submit(_read_plans, site.app) for _number in range(2 * WORKERS)]
        wait_until(lambda: site.waiting_for("fusion_billing_api_key") == WORKERS, what="requests in all workers")
        _let_actions_run(site)
        wait_until(lambda: site.is_rated("early", 150), what="rating while no worker answers requests")
        assert not any(asked.done() for asked in asking)
    assert [asked.result() for asked in asking] == [200] * len(asking)

    with job_queue.held_back(site.office, job_queue.RATE_USAGE):
        site.app.record_usage([plan.counter("late", 170, TODAY, "late")])
        with site.locked("fusion_billing_rating"):
            job_queue.run_now(site.office, job_queue.RATE_USAGE)
            wait_until(lambda: site.waiting_for("fusion_billing_rating"), what="a job that waits")
            assert {_read_plans(site.app) for _number in range(2 * WORKERS)} == {200}
            assert not site.waiting_for("fusion_billing_api_key")
    wait_until(lambda: site.is_rated("late", 170), what="the rating")


def test_only_the_server_of_the_jobs_runs_jobs_and_scheduled_actions(
    site: Site, new_plan: Callable[[BackOffice], "Plan"], wait_until: Callable[..., Any]
) -> None:
    plan = new_plan(site.office)
    plan.open(site.app, "one")
    site.app.record_usage([plan.counter("one", 150, TODAY, "one")])
    _let_actions_run(site)
    wait_until(lambda: site.is_rated("one", 150), what="the rating")
    job_queue.wait_until_idle(site.office)
    assert site.server.jobs
    of_requests, of_jobs = site.server.log.read_text(), site.server.jobs.log.read_text()
    assert "/queue_job/runjob" in of_jobs
    assert "/queue_job/runjob" not in of_requests
    assert "POST /api/billing/v1/usage" in of_requests
    assert "POST /api/billing/v1/usage" not in of_jobs
    # The workers and the evented process: neither a job runner nor one for scheduled actions.
    assert len(site.server.workers()) == WORKERS + 1


def _read_plans(app: SourceApp) -> int:
    return app.request("GET", "/plans", timeout=300).status_code


def _let_actions_run(site: Site) -> None:
    """Make the scheduled rating due, and wake whoever runs scheduled actions."""
    name = job_queue.RATE_USAGE.rpartition(".")[2]
    data = f"SELECT res_id FROM ir_model_data WHERE model = 'ir.cron' AND name = '{name}'"
    site.value(f"UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'utc' WHERE id = ({data})")
    databases.psql(site.odoo, "postgres", f"NOTIFY cron_trigger, '{site.database}'")
