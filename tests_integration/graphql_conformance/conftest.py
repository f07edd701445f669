"""What the conformance tests share.

workshop    starts the drivers of clients of others
endpoint    the address of the GraphQL API
world       some of everything that can be listed, of one service; tests only read it
new_world   makes another one, to be changed
client      a client of others with the key of ``world``'s service; each test runs with each kind of client
start_client   starts one for another service
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from main_job import job_queue
from main_job.back_office import BackOffice
from runtime import layout, setup
from runtime.server import Server
from workshop import Workshop

from . import world as world_module
from .clients import DRIVERS, Client
from .world import World

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

SCHEMA_FILE = layout.CHECKOUT / "fusion_billing_graphql" / "schema" / "schema.graphql"


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder: Path = tmp_path_factory.mktemp("drivers")
    return Workshop(setup.ensure_graphql_clients(), DRIVERS, folder)


@pytest.fixture(scope="session")
def endpoint(server: Server) -> str:
    return f"{server.url}/api/billing/graphql"


@pytest.fixture(scope="package")
def new_world(
    backoffice: BackOffice,
    service_client: Callable[[str], "ServiceClient"],
    new_plan: Callable[[BackOffice], "Plan"],
) -> Iterator[Callable[[], World]]:
    """Return a function that makes a world; nothing happens in it by itself."""

    def make() -> World:
        plans = [new_plan(backoffice) for _number in range(3)]
        return world_module.make(service_client("graphql"), plans, backoffice)

    with ExitStack() as held:
        for action in (job_queue.RATE_USAGE, job_queue.CREATE_INVOICES):
            held.enter_context(job_queue.held_back(backoffice, action))
        yield make


@pytest.fixture(scope="package")
def world(new_world: Callable[[], World]) -> World:
    return new_world()


@pytest.fixture(scope="package", params=["gql", "graphql-request"])
def start_client(
    request: pytest.FixtureRequest, workshop: Workshop, endpoint: str
) -> Iterator[Callable[["ServiceClient"], Client]]:
    """Return a function that starts a client with a service's key; each test runs with each kind of client."""
    with ExitStack() as started:

        def start(service: "ServiceClient") -> Client:
            if request.param == "gql":
                command = workshop.command("gql_driver.py", endpoint, service.key)
            else:
                command = workshop.command("graphql_request_driver.mjs", endpoint, service.key, SCHEMA_FILE)
            return started.enter_context(Client(request.param, command))

        yield start


@pytest.fixture(scope="package")
def client(start_client: Callable[["ServiceClient"], Client], world: World) -> Client:
    return start_client(world.service)
