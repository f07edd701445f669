"""Running Odoo: a command to its end, or a server with workers and the job runner, if wanted in two processes."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import configuration, layout
from .cluster import Connection, children
from .configuration import Part, ServerOptions
from .odoo_source import OdooSource
from .progress import Fault
from .shell import run

# Not "python -m odoo": with workers, Odoo starts its evented process from the name of the script.
_START = "import odoo.cli\n\nif __name__ == '__main__':\n    odoo.cli.main()\n"


@dataclass(frozen=True)
class Odoo:
    """Odoo's source with the database server it works on."""

    source: OdooSource
    connection: Connection

    def command(self) -> list[str]:
        script = layout.RUNTIME / "odoo-bin"
        if not script.exists():
            script.write_text(_START)
        return [str(layout.VENV_PYTHON), str(script)]

    def environment(self, conf: Path) -> dict[str, str]:
        return {
            "PYTHONPATH": str(self.source.root),
            "ODOO_RC": str(conf),
            "PYTHONWARNINGS": "ignore::DeprecationWarning",
        }

    @contextlib.contextmanager
    def configured(self, options: ServerOptions | None = None) -> Iterator[dict[str, str]]:
        """Yield the environment for Odoo with a configuration file that is removed afterwards."""
        conf = configuration.write(self.source, self.connection, options)
        try:
            yield self.environment(conf)
        finally:
            conf.unlink(missing_ok=True)

    def run(self, arguments: Sequence[str], *, log: Path | None = None, stdin: str | None = None) -> str:
        """Run an Odoo command line to its end; a failure is a Fault with its last lines."""
        with self.configured() as environment:
            return run([*self.command(), *arguments], env=environment, log=log, stdin=stdin)

    def shell(self, database: str, code: str) -> str:
        """Run Python code in ``odoo shell`` on a database and return what it printed."""
        return self.run(["shell", "-d", database, "--no-http", "--log-level=warn"], stdin=code)


class Server:
    """A running Odoo server; ``url`` is its address. ``jobs`` is the server of its jobs, if that is another one."""

    def __init__(
        self,
        odoo: Odoo,
        options: ServerOptions,
        environment: dict[str, str],
        log: Path | None,
        jobs: "Server | None" = None,
    ):
        self.url = options.url
        self.log = log
        self.jobs = jobs
        log_file = open(log, "ab") if log else None  # noqa: SIM115 - the child keeps it
        self.process = subprocess.Popen(
            odoo.command(),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=subprocess.STDOUT if log_file else None,
            start_new_session=True,
        )
        if log_file:
            log_file.close()

    def wait_until_ready(self, timeout: float = 120) -> None:
        """Return when the server answers; a Fault tells where its log lies if it does not."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Fault(f"the server ended with {self.process.returncode}; see {self.log}")
            if self.is_healthy():
                return
            time.sleep(0.1)
        raise Fault(f"the server did not answer within {timeout:.0f} s; see {self.log}")

    def is_healthy(self) -> bool:
        """Tell whether it answers at this moment."""
        try:
            with urllib.request.urlopen(f"{self.url}/web/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def workers(self) -> list[int]:
        """Return the process ids of the server's children (workers, cron, job runner)."""
        return children(self.process.pid)

    def stop(self, patience: float = 20) -> None:
        """Stop it with its children and the server of its jobs; kill what is left after ``patience`` seconds."""
        parts = [self, self.jobs] if self.jobs else [self]
        for part in parts:
            if part.process.poll() is None:
                part.process.send_signal(signal.SIGTERM)
        for part in parts:
            with contextlib.suppress(subprocess.TimeoutExpired):
                part.process.wait(patience)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(part.process.pid, signal.SIGKILL)
            part.process.wait()


@contextlib.contextmanager
def serving(
    odoo: Odoo,
    database: str,
    *,
    port: int | None = None,
    workers: int = 4,
    log: Path | None = None,
    jobs_apart: bool = False,
    proxied: bool = False,
) -> Iterator[Server]:
    """Run a server for ``database`` as long as the block runs; with ``jobs_apart``, two, and ``jobs`` is the other."""
    check_port(port)
    options = ServerOptions(database, port or free_port(), workers, proxied=proxied)
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if jobs_apart:
            options, of_jobs = apart(options)
            jobs = stack.enter_context(_started(odoo, of_jobs, log_of_jobs(log) if log else None))
        else:
            jobs = None
        yield stack.enter_context(_started(odoo, options, log, jobs))


def apart(options: ServerOptions) -> tuple[ServerOptions, ServerOptions]:
    """Return the options of two servers for one that does everything: what answers people, and what runs jobs."""
    http = replace(options, part=Part.HTTP)
    # Its workers are for jobs alone: as many as the channels need, whatever the other one has.
    return http, ServerOptions(options.database, free_port(), part=Part.JOBS)


def log_of_jobs(log: Path) -> Path:
    """Return where the server of the jobs logs, beside ``log``."""
    return log.with_name(f"{log.stem}-jobs{log.suffix}")


def check_port(port: int | None) -> None:
    if port and not _becomes_free(port, port + 1):
        raise Fault(f"port {port} or {port + 1} is in use: stop what listens there or choose another")


@contextlib.contextmanager
def _started(odoo: Odoo, options: ServerOptions, log: Path | None, jobs: Server | None = None) -> Iterator[Server]:
    with odoo.configured(options) as environment:
        server = Server(odoo, options, environment, log, jobs)
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.stop()


def free_port() -> int:
    """Return a port that is free together with its successor (Odoo's evented port)."""
    for _attempt in range(50):
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            if _is_free(port + 1):
                return port
    raise Fault("no two neighbouring free ports found")


def _becomes_free(*ports: int, patience: float = 5) -> bool:
    """Wait a moment for ``ports``: the children of a server that was killed end after it."""
    deadline = time.monotonic() + patience
    while not _is_free(*ports):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _is_free(*ports: int) -> bool:
    """Tell whether all ``ports`` can be listened on; a server that just ended does not count as using them."""
    for port in ports:
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OverflowError as error:
                raise Fault(f"not a port: {port}") from error
            except OSError:
                return False
    return True
