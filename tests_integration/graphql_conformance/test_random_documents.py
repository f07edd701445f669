"""Random documents over the whole schema: whatever is asked, the server answers soon and with no fault of its own."""

from collections.abc import Callable

from graphql import build_schema

from .clients import Workshop
from .conftest import SCHEMA_FILE
from .world import World

SEED = 19
#: Documents for each field of the roots.
EXAMPLES = 32
#: On a slow or busy machine fewer documents are sent, instead of taking longer than this.
SECONDS = 120
LEAST_DOCUMENTS = 3
#: Refused for its input: random text names no subscription of the service.
ALWAYS_REFUSED = {"Query.usageTotals"}
#: For one answer. Next to nothing is in the database.
LONGEST_ANSWER = 10


def test_random_documents_are_answered_soon_and_without_a_fault_of_the_server(
    workshop: Workshop, endpoint: str, new_world: Callable[[], World]
) -> None:
    task = {"url": endpoint, "key": new_world().service.key, "seed": SEED, "examples": EXAMPLES, "seconds": SECONDS}
    told = workshop.run("random_documents_driver.py", stdin=task, timeout=SECONDS + 60)
    sent, executed, faults = told["sent"], told["executed"], told["faults"]
    print(f"{sum(sent.values())} documents sent, {sum(executed.values())} executed, slowest {told['slowest']} s")
    print(f"executed: {executed}, refused: {told['refused']}")
    assert not faults, f"{len(faults)} answers; the shortest document: {faults[0]}"
    assert told["slowest"] < LONGEST_ANSWER
    schema = build_schema(SCHEMA_FILE.read_text())
    assert schema.query_type and schema.mutation_type
    fields = {f"Query.{name}" for name in schema.query_type.fields}
    fields |= {f"Mutation.{name}" for name in schema.mutation_type.fields}
    assert {name for name in fields if sent.get(name, 0) < LEAST_DOCUMENTS} == set(), "hardly asked"
    asked = {name for name in fields - ALWAYS_REFUSED if sent[name] >= EXAMPLES // 2}
    assert {name for name in asked if not executed.get(name)} == set(), "refused whenever it was asked"
    assert sum(executed.values()) >= sum(sent.values()) / 3
