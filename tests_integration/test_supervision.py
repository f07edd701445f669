"""What scripts/serve started comes back by itself; what can never come to answer is given up."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests
from main_job.back_office import BackOffice
from main_job.source_app import SourceApp
from runtime import databases, layout
from runtime import server as runtime_server
from runtime.cluster import Cluster
from runtime.configuration import Part, ServerOptions
from runtime.progress import Fault
from runtime.server import Odoo
from runtime.supervision import Supervised, Supervisor

if TYPE_CHECKING:
    from conftest import Plan

WaitUntil = Callable[..., Any]

#: Answers the first time it is started, and ends at once ever after.
ANSWERS_ONCE = """
import http.server, os, pathlib, sys
mark = pathlib.Path(sys.argv[1])
with open(mark, "a") as file:
    file.write("started\\n")
if mark.read_text().count("started") > 1:
    sys.exit(3)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        os._exit(0) if self.path == "/end" else None

http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """PostgreSQL that nobody else uses, since it is stopped here."""
    made = Cluster.throw_away("supervision")
    with made.running():
        yield made
    made.remove()


class Serve:
    """scripts/serve as a person runs it, on the cluster; ``told`` is what it printed."""

    def __init__(self, cluster: Cluster, database: str, output: Path):
        self.port = runtime_server.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._output = output
        environment = {**os.environ, **cluster.connection.environment()}
        command = [sys.executable, layout.SCRIPTS / "serve", "-d", database, "--port", str(self.port)]
        with open(output, "w") as file:
            self.process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)

    @property
    def told(self) -> str:
        return self._output.read_text()

    def key(self) -> str:
        [line] = [line for line in self.told.splitlines() if line.startswith("API key")]
        return line.split()[2]

    def servers(self) -> list[psutil.Process]:
        """Return the main processes of Odoo that it has started."""
        return [
            child for child in psutil.Process(self.process.pid).children() if "odoo-bin" in " ".join(child.cmdline())
        ]


@pytest.fixture
def serve(
    odoo: Odoo, cluster: Cluster, new_database: Callable[[], str], tmp_path: Path, wait_until: WaitUntil
) -> Iterator[tuple[Serve, str]]:
    database = new_database()
    databases.copy(odoo, Odoo(odoo.source, cluster.connection), database)
    running = Serve(cluster, database, tmp_path / "told")
    try:
        wait_until(lambda: "Ctrl-C ends it." in running.told or running.process.poll() is not None, what="the server")
        yield running, database
    finally:
        running.process.send_signal(signal.SIGTERM)
        running.process.wait()


def test_the_server_answers_by_itself_after_postgresql_was_away(
    serve: tuple[Serve, str], cluster: Cluster, new_plan: Callable[[BackOffice], "Plan"], wait_until: WaitUntil
) -> None:
    """It is under load, and loses workers meanwhile: then Odoo's main processes end, and somebody has to notice."""
    running, database = serve
    app = SourceApp(running.url, running.key())
    plan = new_plan(BackOffice(running.url, database))
    plan.open(app, "returning")
    stopped = threading.Event()
    load = threading.Thread(target=_ask_until, args=(app, stopped))
    load.start()
    try:
        first = running.servers()
        assert len(first) == 2, "one for people, one for jobs"
        cluster.stop()
        for main in first:
            _kill_children_until_it_ends(main, wait_until)
        wait_until(lambda: "PostgreSQL does not answer" in running.told, what="a word about PostgreSQL")
        cluster.start_again()
        wait_until(lambda: running.told.count("answers again") >= 2, what="both servers")
    finally:
        stopped.set()
        load.join()
    assert app.record_usage([plan.counter("returning", 5, datetime.now(timezone.utc).date(), "after")]) == 1
    assert running.told.count(" is started again in ") >= 2
    assert not {main.pid for main in first} & {main.pid for main in running.servers()}


def test_sigterm_ends_it_with_all_that_it_has_started(serve: tuple[Serve, str], wait_until: WaitUntil) -> None:
    running, _database = serve
    started = psutil.Process(running.process.pid).children(recursive=True)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait() == 128 + signal.SIGTERM
    wait_until(lambda: not any(process.is_running() for process in started), what="the end of all processes")


def test_a_server_that_never_comes_to_answer_is_given_up_at_once(odoo: Odoo, tmp_path: Path) -> None:
    supervisor = Supervisor([_supervised(odoo, tmp_path, starts_before=1)])
    try:
        with pytest.raises(Fault, match="ended with 3"):
            supervisor.start()
    finally:
        supervisor.stop()


def test_a_server_that_answers_no_more_after_its_restart_is_given_up(odoo: Odoo, tmp_path: Path) -> None:
    supervised = _supervised(odoo, tmp_path, starts_before=0)
    supervisor = Supervisor([supervised])
    try:
        supervisor.start()
        with suppress(requests.RequestException):
            requests.get(f"{supervised.server.url}/end", timeout=60)
        with pytest.raises(Fault, match="without an answer"):
            supervisor.run()
    finally:
        supervisor.stop()
    assert (tmp_path / "mark").read_text().count("started") == supervised.restarts + 1 < 20


# === HELPERS === #


def _supervised(odoo: Odoo, folder: Path, starts_before: int) -> Supervised:
    """Return a supervised program that stands in for Odoo and answers once, unless it was started before."""
    mark, port = folder / "mark", runtime_server.free_port()
    mark.write_text("started\n" * starts_before)

    class StandIn(Odoo):
        def command(self) -> list[str]:
            return [sys.executable, "-c", ANSWERS_ONCE, str(mark), str(port)]

    options = ServerOptions("none", port, part=Part.HTTP)
    return Supervised(StandIn(odoo.source, odoo.connection), options, folder / "log", shortest_pause=0.01)


def _ask_until(app: SourceApp, stopped: threading.Event) -> None:
    while not stopped.is_set():
        with suppress(requests.RequestException):
            app.request("GET", "/plans")
        stopped.wait(0.1)


def _kill_children_until_it_ends(main: psutil.Process, wait_until: WaitUntil) -> None:
    def has_ended() -> bool:
        with suppress(psutil.Error):
            for child in main.children():
                child.kill()
        return not main.is_running() or main.status() == psutil.STATUS_ZOMBIE

    wait_until(has_ended, what="the end of Odoo's main process")
