"""Servers under fire with a PostgreSQL cluster that nobody else uses, kept running by the supervisor."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import requests
from main_job import price_list, provisioning
from main_job.back_office import BackOffice
from main_job.receiver import Endpoint, Receiver
from main_job.source_app import SourceApp
from runtime import databases, layout, postgres, server
from runtime.cluster import Cluster
from runtime.configuration import ServerOptions
from runtime.progress import Fault, say
from runtime.server import Odoo, Server
from runtime.setup import Runtime
from runtime.supervision import Supervisor

#: Seconds, for what never comes.
GIVE_UP_AFTER = 300
PLAN = price_list.PLAN_CODE
METRICS = [charge.metric for charge in price_list.CHARGES]


@dataclass
class Site:
    odoo: Odoo
    database: str
    url: str
    cluster: Cluster
    supervisor: Supervisor
    app: SourceApp
    endpoint: Endpoint
    supervision: "Future[None]"

    @property
    def jobs(self) -> Server:
        return self.supervisor.servers[0].server

    @property
    def http(self) -> Server:
        return self.supervisor.servers[1].server

    def office(self) -> BackOffice:
        return BackOffice(self.url, self.database)

    def value(self, sql: str) -> int:
        """Return the number that a query comes to."""
        return int(databases.psql(self.odoo, self.database, sql))

    def answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return self.app.request("GET", "/plans").status_code in (200, 429)
        return False

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Return when a condition holds; a Fault if it never does, or if the servers were given up."""
        deadline = time.monotonic() + GIVE_UP_AFTER
        while not condition():
            if self.supervision.done():
                self.supervision.result()  # its Fault
            if time.monotonic() > deadline:
                raise Fault(f"{what}: not within {GIVE_UP_AFTER} s")
            time.sleep(0.2)


@contextlib.contextmanager
def running(runtime: Runtime, database: str) -> Iterator[Site]:
    """Yield a site with a catalogue and a service on it; nothing of it is left afterwards but the logs."""
    cluster = Cluster.throw_away("soak")
    with contextlib.ExitStack() as stack:
        stack.callback(cluster.remove)
        shared = Odoo(runtime.source, stack.enter_context(postgres.running()))
        odoo = Odoo(runtime.source, stack.enter_context(cluster.running()))
        databases.create_with_addons(shared, runtime.queue_job_version, database)
        stack.callback(databases.drop, shared, database)
        databases.copy(shared, odoo, database)
        log = layout.LOGS / f"{database}-server.log"
        options = ServerOptions(database, server.free_port())
        supervisor = Supervisor.apart(odoo, options, log)
        stack.callback(supervisor.stop)
        supervisor.start()
        say(f"the servers answer (logs: {log}, {server.log_of_jobs(log).name})")
        receiver = stack.enter_context(Receiver())
        supervision = stack.enter_context(_supervised(supervisor))
        app, endpoint = _provision(BackOffice(options.url, database), receiver)
        yield Site(odoo, database, options.url, cluster, supervisor, app, endpoint, supervision)


@contextlib.contextmanager
def _supervised(supervisor: Supervisor) -> Iterator["Future[None]"]:
    stopped = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        try:
            yield threads.submit(supervisor.run, stopped.is_set)
        finally:
            stopped.set()


def _provision(office: BackOffice, receiver: Receiver) -> tuple[SourceApp, Endpoint]:
    provisioning.allow_loopback_webhooks(office)
    provisioning.create_catalogue(office)
    endpoint = receiver.endpoint("soak")
    key = provisioning.create_service(office, "Soak", "soak", endpoint).key
    return SourceApp(office.url, key), endpoint
