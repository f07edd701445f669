"""The main job with all that it needs around it: a new database, a server, a receiver."""

import contextlib

import requests
from runtime import databases, layout, postgres, progress, server
from runtime.progress import Fault, step
from runtime.server import Odoo
from runtime.setup import Runtime

from . import story
from .back_office import BackOffice
from .outcome import Outcome
from .receiver import Receiver


def run(runtime: Runtime, database: str, months: int) -> Outcome:
    """Fill ``database`` anew with the main job and return what happened."""
    steps: dict[str, float] = {"runtime": round(progress.elapsed(), 2)}
    with postgres.running() as connection:
        odoo = Odoo(runtime.source, connection)
        with step("database", steps):
            _make_database(odoo, runtime, database)
        outcome = _run_served(odoo, runtime, database, months, steps)
    outcome.seconds = round(progress.elapsed(), 2)
    return outcome


def _make_database(odoo: Odoo, runtime: Runtime, database: str) -> None:
    if databases.exists(odoo, database) and databases.is_used(odoo, database):
        raise Fault(f"the database {database} is in use (by scripts/serve?): stop that or choose another with -d")
    databases.create_with_addons(odoo, runtime.queue_job_version, database)


def _run_served(odoo: Odoo, runtime: Runtime, database: str, months: int, steps: dict[str, float]) -> Outcome:
    log = layout.LOGS / f"{database}-server.log"
    with Receiver() as receiver, contextlib.ExitStack() as started:
        with step("server", steps):
            running = started.enter_context(server.serving(odoo, database, log=log, jobs_apart=True))
            office = BackOffice(running.url, database)
        outcome = Outcome(office.odoo_version, runtime.queue_job_version, steps=steps)
        try:
            story.bill_flights(office, receiver, outcome, months)
        except requests.RequestException as error:
            raise Fault(f"the server did not answer: {error}; see {log}") from error
        with step("stop", steps):
            # Nothing is going on any more. A second is enough to close; then the workers only free their memory.
            running.stop(patience=1)
            started.close()
    return outcome
