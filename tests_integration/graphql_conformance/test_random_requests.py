"""Random requests to every operation of REST: whatever is sent, the answer is one that the OpenAPI document tells."""

from collections.abc import Callable

import requests
from main_job.source_app import BASE
from runtime.server import Server
from workshop import Workshop

from .world import COUNTERS, CUSTOMERS, SUBSCRIPTIONS, World

SEED = 23
#: Requests for each operation, whatever the speed of the machine.
EXAMPLES = 30
#: For a server that hangs; no verdict depends on it.
GIVE_UP_AFTER = 30 * 60


def test_random_requests_are_answered_as_the_document_says(
    workshop: Workshop, server: Server, new_world: Callable[[], World]
) -> None:
    url = f"{server.url}{BASE}/openapi.json"
    world = new_world()
    known = {
        "external_id": [f"c{number}" for number in range(CUSTOMERS)],
        "external_customer_id": [f"c{number}" for number in range(CUSTOMERS)],
        "subscription_external_id": [f"s{number}" for number in range(SUBSCRIPTIONS)],
        "metric_code": world.metrics,
        "plan_code": world.plan_codes,
        "idempotency_key": [f"usage-{number}" for number in range(COUNTERS)],
    }
    task = {"url": url, "key": world.service.key, "seed": SEED, "examples": EXAMPLES, "known": known}
    told = workshop.run("random_rest_driver.py", stdin=task, timeout=GIVE_UP_AFTER)
    print(f"{sum(told['sent'].values())} requests sent: {told['statuses']}")
    assert not told["faults"], f"{len(told['faults'])} answers; the shortest request: {told['faults'][0]}"
    paths = requests.get(url, timeout=GIVE_UP_AFTER).json()["paths"].values()
    operations = {item["operationId"] for verbs in paths for item in verbs.values()}
    assert set(told["sent"]) == operations, "not every operation was asked"
    done = {name for status in told["statuses"] for name, code in [status.split()] if code.startswith("2")}
    print(f"never done: {sorted(operations - done)}")
    assert len(done) >= len(operations) / 2
