"""What another service and its jobs notice of hostile clients: with them and without.

Clients with one read-only key send previews, batches of them, aggregations and GraphQL at full cost without end.
Another service records usage meanwhile, one counter at a time, and has it rated. Beside it, how many counters a second
one key records with parallel clients: its rate limit has to lie well above.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.setup import Runtime


@dataclass
class Phase:
    """Seconds that requests and ratings of the other service took."""

    requests: list[float] = field(default_factory=list)
    jobs: list[float] = field(default_factory=list)

    def as_values(self) -> dict[str, float]:
        return {
            "requests": len(self.requests),
            "request_median": statistics.median(self.requests),
            "request_p95": statistics.quantiles(self.requests, n=20)[-1],
            "request_max": max(self.requests),
            "jobs_median": statistics.median(self.jobs),
            "jobs_max": max(self.jobs),
        }


@dataclass
class HostileReport:
    setting: dict[str, Any]
    calm: Phase
    attacked: Phase
    statuses: dict[int, int]
    parallel_per_second: float

    def as_values(self) -> dict[str, Any]:
        calm, attacked = self.calm.as_values(), self.attacked.as_values()
        return {
            "setting": self.setting,
            "calm": calm,
            "attacked": attacked,
            "ratio": {name: attacked[name] / calm[name] for name in calm if calm[name] and name != "requests"},
            "hostile_statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "parallel_counters_per_second": self.parallel_per_second,
        }

    def as_table(self) -> str:
        values = self.as_values()
        lines = [f"benchmark hostile: {self.setting}", "", f"{'seconds':<16}{'calm':>10}{'attacked':>10}{'ratio':>8}"]
        for name, ratio in values["ratio"].items():
            lines.append(f"{name:<16}{values['calm'][name]:>10.3f}{values['attacked'][name]:>10.3f}{ratio:>8.1f}")
        lines += ["", f"answers to the hostile clients, by status: {values['hostile_statuses']}"]
        lines.append(f"counters a second of one key with 10 clients, one each request: {self.parallel_per_second:.0f}")
        return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    number = {"type": int, "metavar": "N", "help": "%(default)s unless told otherwise"}
    parser.add_argument("--clients", default=8, **number)
    parser.add_argument("--seconds", default=20, **number)
    parser.add_argument("--customers", default=20, **number)
    parser.add_argument("-d", "--database", default="fusion_bench_hostile", metavar="DB", help="made anew and dropped")


def run(runtime: "Runtime", options: argparse.Namespace) -> HostileReport:
    from main_job import price_list, provisioning
    from main_job.back_office import BackOffice
    from main_job.source_app import SourceApp

    from . import world
    from .hostile_clients import READ_ONLY, attacking

    with world.serving(runtime, options.database, options.customers) as live:
        office = BackOffice(live.url, options.database)
        other = provisioning.create_service(office, "Other", "other")
        app = SourceApp(live.url, other.key)
        app.upsert_customer("calm", "Calm", "calm@bench.example")
        app.open_subscription(external_customer_id="calm", external_id="calm", plan_code=price_list.PLAN_CODE)
        keys = office.call("fusion.billing.api.key", "search", [("service_id", "=", live.service.id)])
        metric = price_list.CHARGES[0].metric
        counters = _counters(metric)
        parallel = _parallel(app, counters)
        office.call("fusion.billing.api.key", "write", keys, {"scopes": READ_ONLY})
        hostile = SourceApp(live.url, live.service.key)
        calm = _measured(office, app, counters, options.seconds)
        with attacking(hostile, "bench-00000", metric, options.clients) as statuses:
            attacked = _measured(office, app, counters, options.seconds)
        setting = {"clients": options.clients, "seconds": options.seconds, "workers": world.WORKERS}
        return HostileReport(setting, calm, attacked, dict(statuses), parallel)


def _measured(office: Any, app: Any, counters: Iterator[dict[str, Any]], seconds: float) -> Phase:
    from main_job import job_queue

    def rate() -> None:
        job_queue.run_now(office, job_queue.RATE_USAGE)
        job_queue.wait_until_idle(office)

    phase = Phase()
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(phase.jobs) < 2:
        for _number in range(10):
            phase.requests.append(_timed(lambda: app.record_usage([next(counters)])))
        phase.jobs.append(_timed(rate))
    return phase


def _parallel(app: Any, counters: Iterator[dict[str, Any]], clients: int = 10, each: int = 40) -> float:
    """Return how many counters a second parallel clients record, one each request."""
    events = [[next(counters) for _number in range(each)] for _client in range(clients)]

    def push(mine: list[dict[str, Any]]) -> None:
        for event in mine:
            app.record_usage([event])

    with ThreadPoolExecutor(clients) as threads:
        return clients * each / _timed(lambda: list(threads.map(push, events)))


def _counters(metric: str) -> Iterator[dict[str, Any]]:
    from datetime import datetime, timedelta, timezone

    day = datetime.now(timezone.utc).date()
    number = 0
    while True:
        number += 1
        yield {
            "subscription_external_id": "calm",
            "metric_code": metric,
            "quantity": 1,
            "period_start": f"{day}T00:00:00Z",
            "period_end": f"{day + timedelta(days=1)}T00:00:00Z",
            "idempotency_key": f"calm-{number}",
        }


def _timed(do: Callable[[], Any]) -> float:
    begin = time.monotonic()
    do()
    return time.monotonic() - begin
