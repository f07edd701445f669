"""Random documents over the whole schema: whatever is asked, the server answers, soon, and keeps its own faults out."""

from typing import TYPE_CHECKING

from .clients import Client, Workshop
from .world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import ServiceClient

SEED = 19
#: Documents for each field of the roots.
EXAMPLES = 30
SECONDS = 90
#: One answer. Nothing that is allowed should take long with so little in the database.
LONGEST_ANSWER = 10


def test_random_documents_are_answered_soon_and_without_a_fault_of_the_server(
    workshop: Workshop, endpoint: str, client: Client, world: World
) -> None:
    ids = _ids(client)
    fields = client.ask("{ __schema { queryType { fields { name } } mutationType { fields { name } } } }")["__schema"]
    task = {"url": endpoint, "key": world.service.key, "seed": SEED, "examples": EXAMPLES, "ids": ids}
    told = workshop.run("random_documents_driver.py", stdin={**task, "seconds": SECONDS}, timeout=SECONDS + 60)
    print(told)
