"""Who is killed with kill -9, and when. The order is drawn with a seed; the moments are random."""

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable

from runtime import databases
from runtime.progress import Fault, say
from runtime.server import Server

from .site import Site

_SECONDS_BETWEEN = (2.0, 10.0)
_SECONDS_AWAY = (0.5, 5.0)
_RUNNER = re.compile(r"Worker WorkerJobRunner \((\d+)\) alive")


class Killer:
    """``kills`` counts by kind. Each kind comes once in every round."""

    def __init__(self, site: Site, chance: random.Random):
        self.kills: Counter[str] = Counter()
        self._site = site
        self._chance = chance
        self._kinds: dict[str, Callable[[], bool]] = {
            "worker": lambda: self._kill_a_child(site.http),
            "worker of jobs": lambda: self._kill_a_child(site.jobs),
            "job runner": self._kill_the_runner,
            "database backend": self._kill_a_backend,
            "PostgreSQL": self._kill_postgresql,
        }

    def run(self, until: float) -> None:
        """Kill until a moment (of the monotonic clock), but each kind once at least."""
        while True:
            for kind in self._chance.sample(list(self._kinds), len(self._kinds)):
                time.sleep(self._chance.uniform(*_SECONDS_BETWEEN))
                # It may take a while: the victim may just be being replaced.
                self._site.wait_until(self._kinds[kind], f"somebody to kill: {kind}")
                self.kills[kind] += 1
                self._site.wait_until(self._site.answers, f"an answer after a kill: {kind}")
                say(f"killed: {kind}; the API answers")
                if time.monotonic() > until and len(self.kills) == len(self._kinds):
                    return

    def _kill_a_child(self, server: Server) -> bool:
        children = server.workers()
        return bool(children) and _kill(self._chance.choice(children))

    def _kill_the_runner(self) -> bool:
        assert self._site.jobs.log
        started = _RUNNER.findall(self._site.jobs.log.read_text(errors="replace"))
        return bool(started) and int(started[-1]) in self._site.jobs.workers() and _kill(int(started[-1]))

    def _kill_a_backend(self) -> bool:
        """Kill the process of a connection: PostgreSQL then ends all the others and recovers."""
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' ORDER BY state = 'idle', pid"
        )
        try:
            backends = databases.psql(self._site.odoo, self._site.database, query).split()
        except Fault:  # still recovering
            return False
        return bool(backends) and _kill(int(backends[0]))

    def _kill_postgresql(self) -> bool:
        self._site.cluster.kill()
        time.sleep(self._chance.uniform(*_SECONDS_AWAY))
        self._site.cluster.start_again()
        return True


def _kill(process: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
        return True
    return False
