"""Requests and jobs that do the same thing at the same time, on real connections."""

import functools
import json
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from main_job import job_queue
from main_job.back_office import BackOffice
from racing import race_invoicing_jobs
from runtime.server import Server

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

Result = TypeVar("Result")
Query = Callable[[str], list[dict[str, Any]]]

TODAY = datetime.now(timezone.utc).date()
ROUNDS = 4


@pytest.fixture(scope="module")
def plan(backoffice: BackOffice, new_plan: Callable[[BackOffice], "Plan"]) -> "Plan":
    return new_plan(backoffice)


@pytest.fixture(scope="module")
def client(service_client: Callable[[str], "ServiceClient"]) -> "ServiceClient":
    return service_client("racer")


@pytest.fixture
def server_log(server: Server) -> Callable[[], str]:
    """Return a function that returns what the server logged since the test began."""
    assert server.log
    log, begin = server.log, server.log.stat().st_size
    return lambda: log.read_bytes()[begin:].decode(errors="replace")


def at_once(*tasks: Callable[[], Result]) -> list[Result]:
    """Run the tasks, each in its thread, from one moment on, and return what they returned."""
    barrier = threading.Barrier(len(tasks))

    def run(task: Callable[[], Result]) -> Result:
        barrier.wait(300)
        return task()

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(run, tasks))


# === ONE IDEMPOTENCY KEY === #


@pytest.mark.parametrize("writers", [2, 8])
def test_writers_racing_on_one_key_leave_one_row_with_the_value_of_one_of_them(
    writers: int, plan: "Plan", client: "ServiceClient", query: Query
) -> None:
    name = f"one-key-{writers}"
    order = plan.open(client.api, name)["subscription_id"]
    for number in range(ROUNDS):

        def push(quantity: int, key: str = f"{name}-{number}") -> int:
            body = {"events": [plan.counter(name, quantity, TODAY, key)]}
            return client.api.request("POST", "/usage", body).status_code

        quantities = [10 * number + writer + 1 for writer in range(writers)]
        statuses = at_once(*(lambda quantity=quantity: push(quantity) for quantity in quantities))
        rows = query(
            "SELECT quantity FROM fusion_billing_usage"
            f" WHERE subscription_id = {order} AND idempotency_key = '{name}-{number}'"
        )
        assert statuses == [202] * writers
        assert [row["quantity"] in quantities for row in rows] == [True]


def test_batches_with_the_same_keys_in_opposite_orders_do_not_deadlock(
    plan: "Plan", client: "ServiceClient", query: Query, server_log: Callable[[], str]
) -> None:
    order = plan.open(client.api, "opposite")["subscription_id"]
    keys = [f"opposite-{number:04}" for number in range(1500)]

    def push(quantity: int, keys: list[str]) -> int:
        events = [plan.counter("opposite", quantity, TODAY, key) for key in keys]
        return client.api.request("POST", "/usage", {"events": events}).status_code

    for number in range(1, 5):
        up, down = 2 * number, 2 * number + 1
        statuses = at_once(functools.partial(push, up, keys), functools.partial(push, down, keys[::-1]))
        [row] = query(
            "SELECT count(*) AS rows, count(DISTINCT quantity) AS values, min(quantity) AS value"
            f" FROM fusion_billing_usage WHERE subscription_id = {order}"
        )
        assert statuses == [202, 202]
        assert (row["rows"], row["values"]) == (len(keys), 1)  # a batch wins as a whole
        assert row["value"] in (up, down)
    assert "deadlock detected" not in server_log()


def test_racing_batches_leave_lines_in_the_log_and_nothing_of_what_they_hold(
    plan: "Plan", client: "ServiceClient", server_log: Callable[[], str]
) -> None:
    plan.open(client.api, "logged")
    batch = 5000

    def push(quantity: str) -> int:
        events = [plan.counter("logged", quantity, TODAY, f"unlogged-key-{number:04}") for number in range(batch)]
        return client.api.request("POST", "/usage", {"events": events}).status_code

    quantities = [f"{racer}271828.182845" for racer in range(1, 5)]
    for _round in range(ROUNDS):
        statuses = at_once(*(functools.partial(push, quantity) for quantity in quantities))
        assert set(statuses) <= {202, 503}  # 503: it met the others five times
        if "40001" in server_log() or "bad query" in server_log():
            break
    else:
        pytest.fail("the batches never met: nothing is shown")
    logged = server_log()
    assert "A statement on fusion_billing_usage was refused: SerializationFailure (SQLSTATE 40001)" in logged
    assert "unlogged-key" not in logged
    assert "271828" not in logged
    assert "bad query" not in logged
    assert len(logged) < 50_000  # one statement has more than 300,000 characters


# === ONE CUSTOMER, ONE SUBSCRIPTION === #


def test_two_services_that_upsert_one_email_at_once_share_one_partner(
    client: "ServiceClient", service_client: Callable[[str], "ServiceClient"], query: Query
) -> None:
    other = service_client("rival")
    for number in range(ROUNDS):
        email = f"shared-{number}@{client.code}.example"
        answers = at_once(
            lambda email=email, number=number: client.api.upsert_customer(f"mine-{number}", "Mine", email),
            lambda email=email, number=number: other.api.upsert_customer(f"theirs-{number}", "Theirs", email.upper()),
        )
        partners = {answer["partner_id"] for answer in answers}
        assert len(partners) == 1
        assert query(f"SELECT id FROM res_partner WHERE lower(email) = '{email}'") == [{"id": partners.pop()}]


def test_one_customer_upserted_several_times_at_once_has_one_link(client: "ServiceClient", query: Query) -> None:
    for number in range(ROUNDS):
        name = f"twin-{number}"
        email = f"{name}@{client.code}.example"
        answers = at_once(*[functools.partial(client.api.upsert_customer, name, name, email)] * 4)
        assert len({answer["partner_id"] for answer in answers}) == 1
        links = query(
            f"SELECT id FROM fusion_billing_account_link WHERE service_id = {client.id} AND external_id = '{name}'"
        )
        assert len(links) == 1


def test_one_subscription_opened_several_times_at_once_is_one(
    plan: "Plan", client: "ServiceClient", query: Query
) -> None:
    client.api.upsert_customer("opener", "Opener", f"opener@{client.code}.example")
    for number in range(4):
        request = {"external_customer_id": "opener", "external_id": f"opened-{number}", "plan_code": plan.code}
        answers = at_once(*[lambda request=request: client.api.open_subscription(**request)] * 4)
        orders = query(
            f"SELECT id FROM sale_order WHERE x_fc_service_id = {client.id} AND x_fc_external_id = 'opened-{number}'"
        )
        assert {answer["subscription_id"] for answer in answers} == {order["id"] for order in orders}
        assert len(orders) == 1
        assert {answer["subscription_state"] for answer in answers} == {"3_progress"}
        started = query(
            f"SELECT id FROM fusion_billing_webhook WHERE event_type = 'subscription.started'"
            f" AND payload -> 'subscription' ->> 'external_id' = 'opened-{number}' AND service_id = {client.id}"
        )
        assert len(started) == 1


# === INGESTION BESIDE RATING AND INVOICING === #


def test_no_counter_is_lost_when_it_comes_while_its_subscription_is_rated_and_invoiced(
    plan: "Plan", client: "ServiceClient", backoffice: BackOffice, query: Query, wait_until: Callable[..., Any]
) -> None:
    start = TODAY - timedelta(days=70)
    order = plan.open(client.api, "busy", start)["subscription_id"]
    random_days = random.Random(70)
    stop = threading.Event()

    def push(pusher: int) -> int:
        """Push counters all over the time of the subscription until invoicing is over; return their sum."""
        total = number = 0
        while not (stop.is_set() and number >= 20):
            quantity, day = 1 + number % 9, start + timedelta(days=random_days.randrange(70))
            event = plan.counter("busy", quantity, day, f"busy-{pusher}-{number}")
            total += quantity * client.api.record_usage([event])
            number += 1
        return total

    with ThreadPoolExecutor(2) as pushers:
        pushing = [pushers.submit(push, pusher) for pusher in range(2)]
        try:
            wait_until(lambda: _count_usage(query, order) >= 10, what="some usage")
            job_queue.run_now(backoffice, job_queue.RATE_USAGE)
            job_queue.run_now(backoffice, job_queue.CREATE_INVOICES)
            wait_until(lambda: len(_invoices(query, order)) == 2, what="two invoices")
        finally:
            stop.set()
        pushed = sum(task.result() for task in pushing)

    job_queue.run_now(backoffice, job_queue.RATE_USAGE)
    wait_until(lambda: not _unrated(query, order) and not _open_jobs(query, order), what="the last rating")
    periods = _ledger(query, order)
    assert sum(period["used"] for period in periods) == pushed
    assert [period["rated"] for period in periods] == [max(period["used"] - 100, 0) / 2 for period in periods]
    assert sum(_invoices(query, order)) == 2 * 20 + sum(period["billed"] for period in periods)


# === TWO INVOICING JOBS === #


def test_racing_invoicing_jobs_of_one_subscription_invoice_each_period_once(
    plan: "Plan",
    client: "ServiceClient",
    query: Query,
    odoo_shell: Callable[[str], str],
    wait_until: Callable[..., Any],
) -> None:
    start = TODAY - timedelta(days=130)
    order = plan.open(client.api, "raced", start)["subscription_id"]
    client.api.record_usage([plan.counter("raced", 300, start, "raced-1")])
    retried, results = race_invoicing_jobs(odoo_shell, [order] * 3)
    assert retried, "the jobs did not meet: nothing was proved"
    assert len(results) == 3
    # The jobs have left the rest to the queue of the running server.
    wait_until(lambda: len(_invoices(query, order)) == 4, what="four invoices")
    wait_until(lambda: not _open_jobs(query, order), what="the end of the invoicing jobs")
    periods = query(f"SELECT x_fc_period_start FROM account_move WHERE x_fc_subscription_id = {order} ORDER BY 1")
    assert len({period["x_fc_period_start"] for period in periods}) == len(periods) == 4
    assert _invoices(query, order) == [20 + 100, 20, 20, 20]


# === THE LOCK OF A SUBSCRIPTION === #

_LOCK = """
import json
from psycopg2.errors import SerializationFailure

lines = []
for lock in ("_fc_lock", "_lock_subscriptions"):
    with env.registry.cursor() as first, env.registry.cursor() as late, env.registry.cursor() as ingestion:
        order, late_order, used = (env(cr=cr)["sale.order"].browse({order}) for cr in (first, late, ingestion))
        [late_order.name, used.name]  # their snapshots are taken here
        for cr in (first, late, ingestion):
            cr.execute("SET LOCAL lock_timeout = '2s'")
        getattr(order, lock)()
        record = env(cr=ingestion)["fusion.billing.usage"]._record_usage
        record(used, "{metric}", 1, "{day} 01:00:00", "{day} 01:00:00", lock + "-while-it-is-held")
        first.commit()
        record(used, "{metric}", 1, "{day} 02:00:00", "{day} 02:00:00", lock + "-after-it-was-released")
        ingestion.commit()
        try:
            getattr(late_order, lock)()
            lines.append("not refused")
        except SerializationFailure:
            lines.append("run again")
            late.rollback()
print("RESULT", json.dumps(lines))
"""


def test_who_comes_late_to_a_subscription_is_run_again_and_usage_is_recorded_meanwhile(
    plan: "Plan", client: "ServiceClient", query: Query, odoo_shell: Callable[[str], str]
) -> None:
    order = plan.open(client.api, "locked")["subscription_id"]
    printed = odoo_shell(_LOCK.format(order=order, metric=plan.metric, day=TODAY))
    assert json.loads(printed.split("RESULT", 1)[1].splitlines()[0]) == ["run again", "run again"]
    [row] = query(f"SELECT count(*) FROM fusion_billing_usage WHERE subscription_id = {order}")
    assert row["count"] == 4


# === HELPERS === #


def _count_usage(query: Query, order: int) -> int:
    [row] = query(f"SELECT count(*) FROM fusion_billing_usage WHERE subscription_id = {order}")
    return int(row["count"])


def _ledger(query: Query, order: int) -> list[dict[str, Decimal]]:
    """Return used quantity, rated and billed amount of each period."""
    used = (
        "SELECT COALESCE(sum(quantity), 0) FROM fusion_billing_usage u WHERE u.subscription_id = r.subscription_id"
        " AND u.attributed_at >= r.period_start AND u.attributed_at < r.period_end"
    )
    return list(
        query(
            f"SELECT ({used}) AS used, sum(amount) AS rated,"
            " COALESCE(sum(amount) FILTER (WHERE state = 'billed'), 0) AS billed"
            f" FROM fusion_billing_rating r WHERE subscription_id = {order} AND state <> 'cancelled'"
            " GROUP BY subscription_id, period_start, period_end ORDER BY period_start"
        )
    )


def _unrated(query: Query, order: int) -> list[Any]:
    return list(query(f"SELECT id FROM fusion_billing_usage_change WHERE subscription_id = {order}"))


def _invoices(query: Query, order: int) -> list[Any]:
    """Return the untaxed amounts of the posted invoices, oldest first."""
    moves = query(
        f"SELECT amount_untaxed FROM account_move WHERE x_fc_subscription_id = {order} AND state = 'posted' ORDER BY id"
    )
    return [move["amount_untaxed"] for move in moves]


def _open_jobs(query: Query, order: int) -> list[Any]:
    waiting = "('wait_dependencies', 'pending', 'enqueued', 'started')"
    return list(query(f"SELECT id FROM queue_job WHERE state IN {waiting} AND identity_key LIKE '%.{order}'"))
