"""What is acknowledged is kept, and what is billed is billed once, whichever process dies at whichever moment.

PostgreSQL is killed here too, so these tests have a cluster, a database and a server of their own.
"""

import itertools
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import psutil
import psycopg2
import pytest
import requests
from main_job import job_queue, provisioning
from main_job.back_office import BackOffice
from main_job.source_app import SourceApp
from runtime import databases, layout
from runtime import server as runtime_server
from runtime.cluster import Cluster
from runtime.server import Odoo, Server

if TYPE_CHECKING:
    from conftest import Plan

#: A usage event as a JSON object.
Event = dict[str, Any]
WaitUntil = Callable[..., Any]

TODAY = datetime.now(timezone.utc).date()
PUSHERS = 4
BATCH = 10
#: The job runner takes a job for dead when nobody holds its lock for so long.
SECONDS_TO_DEATH = 10


class Site:
    """The server under fire, and one service on it. Its address stays the same when it is started anew."""

    def __init__(self, odoo: Odoo, database: str, wait_until: WaitUntil):
        self._odoo = odoo
        self._database = database
        self._port = runtime_server.free_port()
        self.wait_until = wait_until
        self.server: Server
        self._running: ExitStack
        self.start()
        self.office = BackOffice(self.server.url, database)
        self.app = SourceApp(self.server.url, provisioning.create_service(self.office, "Crash", "crash").key)

    def start(self) -> None:
        log = layout.LOGS / f"{self._database}-crash-server.log"
        self._running = ExitStack()
        serving = runtime_server.serving(self._odoo, self._database, port=self._port, log=log)
        self.server = self._running.enter_context(serving)

    def supervise(self) -> None:
        """Start the server again if it has ended, as a service manager does.

        Odoo's main process ends when it replaces a worker while there is no database.
        """
        if self.server.process.poll() is not None:
            self.stop()
            self.start()

    def kill(self) -> None:
        """Kill the server and all its children at once."""
        os.killpg(self.server.process.pid, signal.SIGKILL)
        self.server.process.wait()
        self._running.close()

    def stop(self) -> None:
        self._running.close()

    def query(self, sql: str) -> list[Any]:
        with self.connected() as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def value(self, sql: str) -> Any:
        return self.query(sql)[0][0]

    @contextmanager
    def connected(self) -> Iterator[Any]:
        target = self._odoo.connection
        connection = psycopg2.connect(host=target.host, port=target.port, user=target.user, dbname=self._database)
        try:
            yield connection
        finally:
            connection.close()

    def kill_a_writer(self, table: str) -> None:
        """Kill a worker that is in the middle of a transaction, about to insert into a table.

        A lock holds the writers up, until each worker that serves a request is seen to wait for it.
        """
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            f" AND query ~* '^\\s*INSERT INTO \"?{table}\"?\\M'"
        )
        with self.connected() as connection, connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")

            def find_victims() -> list[int]:
                busy = self.busy_workers()
                return busy if 0 < len(busy) <= self.value(waiting) else []

            victim = self.wait_until(find_victims, what=f"nobody but writers to {table}")[0]
            os.kill(victim, signal.SIGKILL)
            self.wait_until(lambda: victim not in self.server.workers(), what="its end")

    def busy_workers(self) -> list[int]:
        """Return the processes that are serving an HTTP request at this moment."""
        busy = []
        for worker in self.server.workers():
            with suppress(psutil.Error):
                connections = psutil.Process(worker).connections("tcp")
                # The job runner hangs up soon after it has asked for a job; its worker goes on.
                if any(c.laddr.port == self._port and c.status in ("ESTABLISHED", "CLOSE_WAIT") for c in connections):
                    busy.append(worker)
        return busy


@dataclass
class Pushing:
    """Pushers of one subscription's counters, as a source app has them: they go on whatever the answer is."""

    site: Site
    plan: "Plan"
    name: str
    acknowledged: list[Event] = field(default_factory=list)
    unanswered: list[Event] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, pusher: int) -> None:
        for number in itertools.count():
            if self.stopped.is_set():
                return
            batch = [self.counter(f"{pusher}-{number}-{place}", 1 + (number + place) % 7) for place in range(BATCH)]
            try:
                answered = self.site.app.request("POST", "/usage", {"events": batch}).status_code == 202
            except requests.RequestException:
                answered = False
            (self.acknowledged if answered else self.unanswered).extend(batch)
            if not answered:
                self.stopped.wait(0.05)  # nobody hammers a server that is down

    def counter(self, key: str, quantity: int) -> Event:
        return self.plan.counter(self.name, quantity, TODAY, f"{self.name}-{key}")

    def wait_for_more(self, count: int = 200) -> None:
        """Return when so many more counters are acknowledged than now."""
        wanted = len(self.acknowledged) + count

        def enough() -> bool:
            self.site.supervise()
            return len(self.acknowledged) >= wanted

        self.site.wait_until(enough, what="more acknowledged counters")

    @property
    def events(self) -> list[Event]:
        return self.acknowledged + self.unanswered


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster.throw_away("crash")
    with made.running():
        yield made
    made.remove()


@pytest.fixture(scope="module")
def site(odoo: Odoo, cluster: Cluster, new_database: Callable[[], str], wait_until: WaitUntil) -> Iterator[Site]:
    name = new_database()
    own = Odoo(odoo.source, cluster.connection)
    databases.copy(odoo, own, name)
    made = Site(own, name, wait_until)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def plan(site: Site, new_plan: Callable[[BackOffice], "Plan"]) -> "Plan":
    return new_plan(site.office)


@pytest.fixture
def pushing(site: Site, plan: "Plan", request: pytest.FixtureRequest) -> Iterator[Callable[[], Any]]:
    """Return a function whose result pushes counters to a new subscription as long as its ``with`` block runs."""

    @contextmanager
    def start() -> Iterator[Pushing]:
        name = f"sub-{request.node.name.removeprefix('test_')[:40]}"
        plan.open(site.app, name)
        pushing = Pushing(site, plan, name)
        with ThreadPoolExecutor(PUSHERS) as threads:
            running: list[Future[None]] = [threads.submit(pushing.run, number) for number in range(PUSHERS)]
            try:
                pushing.wait_for_more()
                yield pushing
                pushing.wait_for_more()
            finally:
                pushing.stopped.set()
        for pusher in running:
            pusher.result()

    yield start


# === INGESTION === #


def test_counters_survive_the_death_of_workers_in_the_middle_of_their_requests(
    site: Site, pushing: Callable[[], Any]
) -> None:
    with pushing() as pushed:
        for _round in range(4):
            site.kill_a_writer("fusion_billing_usage")
            pushed.wait_for_more(50)
    assert pushed.unanswered, "nobody was hit: nothing was proved"
    check_nothing_is_lost_or_doubled(site, pushed)


def test_counters_survive_the_death_of_all_workers_at_once(site: Site, pushing: Callable[[], Any]) -> None:
    with pushing() as pushed:
        for _round in range(3):
            for worker in site.server.workers():
                os.kill(worker, signal.SIGKILL)
            pushed.wait_for_more()
    assert pushed.unanswered, "nobody was hit: nothing was proved"
    check_nothing_is_lost_or_doubled(site, pushed)


def test_counters_survive_the_death_of_postgresql(site: Site, cluster: Cluster, pushing: Callable[[], Any]) -> None:
    with pushing() as pushed:
        missed = len(pushed.unanswered)
        cluster.kill()
        site.wait_until(lambda: len(pushed.unanswered) > missed, what="a failed push")
        cluster.start_again()
        pushed.wait_for_more()
    check_nothing_is_lost_or_doubled(site, pushed)


def check_nothing_is_lost_or_doubled(site: Site, pushed: Pushing) -> None:
    """Compare the table with what was acknowledged, then push everything again, as a source app does."""
    rows = Counter(dict(_recorded(site, pushed)))
    acknowledged = {event["idempotency_key"]: event["quantity"] for event in pushed.acknowledged}
    everything = {event["idempotency_key"]: event["quantity"] for event in pushed.events}
    assert len(_recorded(site, pushed)) == len(rows), "a counter is there twice"
    assert {key: rows.get(key) for key in acknowledged} == acknowledged
    assert {key: everything.get(key) for key in rows} == rows

    # First without the help of the second push: the change feed must have survived as the counters did.
    assert _rated_quantity(site, pushed) == sum(rows.values())
    for start in range(0, len(pushed.events), 1000):
        batch = pushed.events[start : start + 1000]
        assert site.app.record_usage(batch) == len(batch)
    assert dict(_recorded(site, pushed)) == everything
    assert _rated_quantity(site, pushed) == sum(everything.values())


def _recorded(site: Site, pushed: Pushing) -> list[Any]:
    order = _order(pushed.name)
    return site.query(f"SELECT idempotency_key, quantity FROM fusion_billing_usage WHERE subscription_id = ({order})")


def _rated_quantity(site: Site, pushed: Pushing) -> Any:
    """Rate what the change feed tells of, and return the quantity in the ledger."""
    order = _order(pushed.name)
    job_queue.run_now(site.office, job_queue.RATE_USAGE)
    unrated = f"SELECT count(*) FROM fusion_billing_usage_change WHERE subscription_id = ({order})"
    # A rating that was running when its process died waits for the runner's next look, up to a minute.
    site.wait_until(lambda: site.value(unrated) == 0, what="the rating")
    ledger = f"SELECT total_quantity, amount FROM fusion_billing_rating WHERE subscription_id = ({order})"
    [[quantity, amount]] = site.query(ledger)
    assert amount == max(quantity - 100, 0) / 2
    return quantity


def _order(external_id: str) -> str:
    return f"SELECT id FROM sale_order WHERE x_fc_external_id = '{external_id}'"


# === JOBS === #


def test_each_period_is_invoiced_once_though_workers_and_the_server_die_in_the_middle(site: Site, plan: "Plan") -> None:
    names = [f"invoiced-{number}" for number in range(3)]
    start = TODAY - timedelta(days=70)
    with job_queue.held_back(site.office, job_queue.CREATE_INVOICES):
        for name in names:
            plan.open(site.app, name, start)
            # 1st period: 200 above the quota; 2nd: 50; the current one: below it.
            days = ((300, start), (150, start + timedelta(days=40)), (90, start + timedelta(days=66)))
            site.app.record_usage([plan.counter(name, quantity, day, f"{name}-{day}") for quantity, day in days])
        job_queue.run_now(site.office, job_queue.RATE_USAGE)
        site.kill_a_writer("fusion_billing_rating")
        job_queue.run_now(site.office, job_queue.CREATE_INVOICES)
        site.kill_a_writer("fusion_subscription_period")  # its invoice is there, but not committed
    site.kill()

    running = "SELECT count(*) FROM queue_job WHERE state IN ('enqueued', 'started')"
    dying = f"{running} AND date_enqueued > now() AT TIME ZONE 'utc' - interval '{SECONDS_TO_DEATH + 1} s'"
    assert site.value(running), "no job was hit: nothing was proved"
    site.wait_until(lambda: site.value(dying) == 0, what="jobs old enough to be found dead")
    site.start()
    job_queue.wait_until_idle(site.office)

    for name in names:
        moves = site.query(
            "SELECT x_fc_period_start, amount_untaxed, state FROM account_move"
            f" WHERE x_fc_subscription_id = ({_order(name)}) ORDER BY x_fc_period_start"
        )
        amounts = [(float(amount), state) for _start, amount, state in moves]
        assert amounts == [(20 + 100, "posted"), (20 + 25, "posted")]
        assert len({period for period, _amount, _state in moves}) == 2
        billed = site.value(
            "SELECT sum(amount) FROM fusion_billing_rating"
            f" WHERE subscription_id = ({_order(name)}) AND state = 'billed'"
        )
        assert billed == 100 + 25
    numbers = site.query("SELECT name FROM account_move WHERE state = 'posted'")
    assert len(set(numbers)) == len(numbers)
