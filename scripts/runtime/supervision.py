"""Keeping servers running, as a service manager does.

Odoo's main process ends when it replaces a worker while the database is away. A server that ends is started
again, after a pause that grows while it keeps ending, and only when PostgreSQL answers. One that ends before it
ever answered, though PostgreSQL does, has a fault that no repetition mends: then it is given up.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import postgres, server
from .configuration import Part, ServerOptions
from .progress import Fault, say
from .server import Odoo, Server

#: Seconds between two looks.
_BEAT = 0.25
_LONGEST_PAUSE = 30.0
#: Who ran for so long starts with the shortest pause again.
_SECONDS_OF_HEALTH = 60
#: So many starts in a row that came to nothing are a fault of the program or its configuration.
_VAIN_STARTS = 5
_NAMES = {Part.WHOLE: "the server", Part.HTTP: "the server", Part.JOBS: "the server of the jobs"}


class Supervised:
    """One server that is started again when it ends."""

    def __init__(self, odoo: Odoo, options: ServerOptions, log: Path, shortest_pause: float = 1):
        self.restarts = 0
        self.server: Server
        self._odoo = odoo
        self._options = options
        self._log = log
        self._name = _NAMES[options.part]
        self._shortest_pause = self._pause = shortest_pause
        self._running = False
        self._answered = False
        self._waits_for_database = False
        self._vain_starts = 0
        self._since = self._due = 0.0
        self._stack = contextlib.ExitStack()
        self._environment = self._stack.enter_context(odoo.configured(options))

    def start(self) -> None:
        """Start it for the first time; a Fault if it does not come to answer."""
        self._launch()
        self.server.wait_until_ready()
        self._answered = True

    def tend(self) -> None:
        """Look after it once; a Fault if it is given up. Takes seconds at most."""
        if self._running and self.server.process.poll() is not None:
            self._note_its_end(self.server.process.returncode)
        elif self._running and not self._answered and self.server.is_healthy():
            self._answered = True
            say(f"{self._name} answers again")
        elif not self._running and time.monotonic() >= self._due:
            self._start_again()

    def stop(self) -> None:
        if self._running:
            self.server.stop()
        self._stack.close()

    def _launch(self) -> None:
        self.server = Server(self._odoo, self._options, self._environment, self._log)
        self._running, self._answered, self._since = True, False, time.monotonic()

    def _note_its_end(self, code: int) -> None:
        self._running = False
        self.server.stop()  # what is left of its children keeps the port
        self._vain_starts = 0 if self._answered or not self._has_database() else self._vain_starts + 1
        if self._vain_starts >= _VAIN_STARTS:
            raise Fault(f"{self._name} ended {_VAIN_STARTS} times without an answer, at last with {code}: {self._log}")
        if self._answered and time.monotonic() - self._since > _SECONDS_OF_HEALTH:
            self._pause = self._shortest_pause
        say(f"{self._name} ended with {code}: it is started again in {self._pause:.0f} s (log: {self._log})")
        self._wait()

    def _start_again(self) -> None:
        if not self._has_database():
            if not self._waits_for_database:
                say(f"PostgreSQL does not answer: {self._name} is started when it does")
            self._waits_for_database = True
            self._wait()
            return
        self._waits_for_database = False
        self.restarts += 1
        self._launch()

    def _wait(self) -> None:
        if self._waits_for_database:  # a look is cheap, and people wait for the end of it
            self._due = time.monotonic() + self._shortest_pause
            return
        self._due = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _has_database(self) -> bool:
        return postgres.answers(self._odoo.connection)


class Supervisor:
    """Keeps the servers of one database running."""

    def __init__(self, servers: Sequence[Supervised]):
        self.servers = servers

    @classmethod
    def apart(cls, odoo: Odoo, options: ServerOptions, log: Path) -> "Supervisor":
        """Return one for two servers: the one that answers people comes last in ``servers``."""
        http, jobs = server.apart(options)
        log.parent.mkdir(parents=True, exist_ok=True)
        return cls([Supervised(odoo, jobs, server.log_of_jobs(log)), Supervised(odoo, http, log)])

    @property
    def restarts(self) -> int:
        return sum(supervised.restarts for supervised in self.servers)

    def start(self) -> None:
        for supervised in self.servers:
            supervised.start()

    def run(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Look after the servers until ``stopped`` says so."""
        while not stopped():
            for supervised in self.servers:
                supervised.tend()
            time.sleep(_BEAT)

    def stop(self) -> None:
        for supervised in reversed(self.servers):
            supervised.stop()
