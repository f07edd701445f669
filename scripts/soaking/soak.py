"""The soak from the first request to the verdict."""

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from runtime.progress import say
from runtime.setup import Runtime

from . import boundaries, site, verdict
from .clients import Client
from .kills import Killer
from .record import Record
from .site import Site
from .verdict import Verdict


@dataclass
class Outcome:
    seed: int
    seconds: float
    kills: Counter[str]
    restarts: int
    record: Record
    verdict: Verdict

    def as_values(self) -> dict[str, object]:
        return {
            "seed": self.seed,
            "seconds": round(self.seconds),
            "kills": dict(sorted(self.kills.items())),
            "restarts": self.restarts,
            "requests_repeated": sum(self.record.repeated.values()),
            "latencies": self.record.latencies(),
            "counts": self.verdict.counts,
            "wrong": self.verdict.wrong,
            "good": self.verdict.is_good,
        }

    def as_table(self) -> str:
        lines = [f"{'request':<24} {'answered':>9} {'median':>9} {'p95':>9}  (seconds)"]
        for operation, found in self.record.latencies().items():
            lines.append(f"{operation:<24} {found['count']:>9,.0f} {found['median']:>9.3f} {found['p95']:>9.3f}")
        killed = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        lines += ["", f"killed: {killed}", f"servers started again: {self.restarts}"]
        lines += [
            f"without success, sent again: {what}: {count:,}" for what, count in sorted(self.record.repeated.items())
        ]
        lines += ["", *(f"{name:<34} {count:>9,}" for name, count in self.verdict.counts.items())]
        lines += [f"{name:<34} {count:>9,}{'  WRONG' if count else ''}" for name, count in self.verdict.wrong.items()]
        lines += [f"  {detail}" for detail in self.verdict.details]
        return "\n".join([*lines, f"seed {self.seed}: {'nothing is wrong' if self.verdict.is_good else 'WRONG'}"])


def run(runtime: Runtime, minutes: float, clients: int, seed: int) -> Outcome:
    """Soak for so many minutes, then let everything finish and judge it."""
    record = Record()
    with site.running(runtime, f"fusion_soak_{os.getpid()}") as running:
        begun = time.monotonic()
        kills = _put_under_fire(running, record, minutes, clients, seed)
        say("no more kills and no more load: waiting for the jobs (those of the dead are found within a minute)")
        found = verdict.judge(running, record)
        return Outcome(seed, time.monotonic() - begun, kills, running.supervisor.restarts, record, found)


def _put_under_fire(running: Site, record: Record, minutes: float, clients: int, seed: int) -> Counter[str]:
    """Let clients, boundaries and the killer work side by side, and return who was killed."""
    clients_stopped, boundaries_stopped = threading.Event(), threading.Event()
    killer = Killer(running, random.Random(f"{seed} kills"))
    working: list[Future[object]] = []
    with ThreadPoolExecutor(clients + 1) as threads:
        try:
            for number in range(clients):
                chance = random.Random(f"{seed} client {number}")
                client = Client(f"client-{number}", running.app, record, chance, clients_stopped)
                working.append(threads.submit(client.run))
            chance = random.Random(f"{seed} boundaries")
            working.append(threads.submit(boundaries.pass_until, boundaries_stopped, running, chance))
            killer.run(until=time.monotonic() + minutes * 60)
        finally:
            clients_stopped.set()
            boundaries_stopped.set()
    for work in working:
        work.result()
    return killer.kills
