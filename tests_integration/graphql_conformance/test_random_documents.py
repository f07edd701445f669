"""Random documents over the whole schema: whatever is asked, the server answers, and with no fault of its own."""

from collections.abc import Callable

from graphql import build_schema
from workshop import Workshop

from .conftest import SCHEMA_FILE
from .world import World

SEED = 19
#: Documents for each field of the roots, whatever the speed of the machine.
EXAMPLES = 20
#: For a server that hangs; no verdict depends on it.
GIVE_UP_AFTER = 30 * 60
#: Refused for their input: random text names no subscription of the service, and no window of at most 400 days.
ALWAYS_REFUSED = {"Query.usageTotals", "Query.usageTotalPage", "Query.billingProof"}


def test_random_documents_are_answered_without_a_fault_of_the_server(
    workshop: Workshop, endpoint: str, new_world: Callable[[], World]
) -> None:
    task = {"url": endpoint, "key": new_world().service.key, "seed": SEED, "examples": EXAMPLES}
    told = workshop.run("random_documents_driver.py", stdin=task, timeout=GIVE_UP_AFTER)
    sent, executed, faults = told["sent"], told["executed"], told["faults"]
    print(f"{sum(sent.values())} documents sent, {sum(executed.values())} executed")
    print(f"executed: {executed}, refused: {told['refused']}")
    assert not faults, f"{len(faults)} answers; the shortest document: {faults[0]}"
    schema = build_schema(SCHEMA_FILE.read_text())
    assert schema.query_type and schema.mutation_type
    fields = {f"Query.{name}" for name in schema.query_type.fields}
    fields |= {f"Mutation.{name}" for name in schema.mutation_type.fields}
    assert {name: sent.get(name) for name in fields if sent.get(name) != EXAMPLES} == {}, "not asked as often"
    assert {name for name in fields - ALWAYS_REFUSED if not executed.get(name)} == set(), "refused whenever asked"
    assert sum(executed.values()) >= sum(sent.values()) / 3
