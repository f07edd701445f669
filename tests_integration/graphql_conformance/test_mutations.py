"""Clients of others do everything that can be changed, and are told what was refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from .clients import Client
from .world import START, TODAY, World

if TYPE_CHECKING:
    from conftest import ServiceClient

_ERRORS = "userErrors { field code message }"
_UPSERT = f"""mutation($input: UpsertCustomerInput!) {{
    upsertCustomer(input: $input) {{ customer {{ externalId name email }} {_ERRORS} }}
}}"""
_RECORD = f"""mutation($input: RecordUsageInput!) {{
    recordUsage(input: $input) {{ accepted results {{ index status errors {{ field code }} }} {_ERRORS} }}
}}"""
_CREATE = f"""mutation($input: CreateSubscriptionInput!) {{
    createSubscription(input: $input) {{
        subscription {{ externalId planCode startDate state customer {{ externalId }} }} {_ERRORS}
    }}
}}"""
_TERMINATE = f"""mutation($input: TerminateSubscriptionInput!) {{
    terminateSubscription(input: $input) {{ subscription {{ externalId endDate }} {_ERRORS} }}
}}"""


@dataclass(frozen=True)
class Case:
    """One mutation, once as it should be and once refused.

    :param given: the good input; takes the world and the name that customer and subscription have
    :param answer: the payload without user errors
    :param question: what shows afterwards that it was done
    :param shown: the answer to it
    :param bad: changes of the good input that make it bad
    :param code: of the refusal
    :param field: to which the refusal points
    :param refused: the payload of the refusal without user errors
    """

    document: str
    given: Callable[[World, str], dict[str, Any]]
    answer: Callable[[World, str], dict[str, Any]]
    question: str
    shown: Callable[[World, str], dict[str, Any]]
    bad: dict[str, Any]
    code: str
    field: list[str]
    refused: dict[str, Any]


def _customer(_world: World, name: str) -> dict[str, Any]:
    return {"externalId": name, "name": "By a client", "email": "billing@client.example"}


def _subscription(world: World, name: str) -> dict[str, Any]:
    plan = world.plan_codes[0]
    return {"externalCustomerId": name, "externalId": name, "planCode": plan, "startDate": START.isoformat()}


def _batch(world: World, name: str) -> dict[str, Any]:
    instants = {"periodStart": f"{TODAY}T00:00:00Z", "periodEnd": f"{TODAY}T00:00:00Z"}
    event = {"subscriptionExternalId": name, "metricCode": world.metrics[0], "quantity": "1.25", **instants}
    return {"events": [{**event, "idempotencyKey": f"{name}-1"}, {**event, "idempotencyKey": f"{name}-2"}]}


#: By name, in the order in which they are done.
MUTATIONS = {
    "upsertCustomer": Case(
        _UPSERT,
        _customer,
        lambda world, name: {"customer": _customer(world, name)},
        "query($name: String!) { customer(externalId: $name) { name } }",
        lambda world, name: {"customer": {"name": "By a client"}},
        bad={"email": "nobody"},
        code="string_pattern_mismatch",
        field=["email"],
        refused={"customer": None},
    ),
    "createSubscription": Case(
        _CREATE,
        _subscription,
        lambda world, name: {
            "subscription": {
                "externalId": name,
                "planCode": world.plan_codes[0],
                "startDate": START.isoformat(),
                "state": "IN_PROGRESS",
                "customer": {"externalId": name},
            }
        },
        "query($name: String!) { subscription(externalId: $name) { state customer { externalId } } }",
        lambda world, name: {"subscription": {"state": "IN_PROGRESS", "customer": {"externalId": name}}},
        bad={"planCode": "no such plan"},
        code="plan_not_found",
        field=["planCode"],
        refused={"subscription": None},
    ),
    "recordUsage": Case(
        _RECORD,
        _batch,
        lambda world, name: {
            "accepted": 2,
            "results": [{"index": number, "status": "ACCEPTED", "errors": []} for number in range(2)],
        },
        "query($name: String!) { subscription(externalId: $name) { usage(first: 10) { nodes { quantity } } } }",
        lambda world, name: {"subscription": {"usage": {"nodes": [{"quantity": "1.25"}] * 2}}},
        bad={"events": []},
        code="too_short",
        field=["events"],
        refused={"accepted": 0, "results": []},
    ),
    "terminateSubscription": Case(
        _TERMINATE,
        lambda world, name: {"subscriptionExternalId": name, "endDate": TODAY.isoformat()},
        lambda world, name: {"subscription": {"externalId": name, "endDate": TODAY.isoformat()}},
        "query($name: String!) { subscription(externalId: $name) { endDate } }",
        lambda world, name: {"subscription": {"endDate": TODAY.isoformat()}},
        bad={"subscriptionExternalId": "no such subscription"},
        code="subscription_not_found",
        field=["subscriptionExternalId"],
        refused={"subscription": None},
    ),
}


@pytest.fixture
def client(
    start_client: Callable[["ServiceClient"], Client], service_client: Callable[[str], "ServiceClient"]
) -> Client:
    return start_client(service_client("changing"))


def test_every_mutation_of_the_schema_is_done_and_refused_here(client: Client) -> None:
    served = client.ask("{ __schema { mutationType { fields { name } } } }")
    assert {field["name"] for field in served["__schema"]["mutationType"]["fields"]} == set(MUTATIONS)


def test_mutations_change_what_they_say_and_tell_why_they_do_not(client: Client, world: World) -> None:
    name = "changed-by-a-client"
    for mutation, case in MUTATIONS.items():
        given = case.given(world, name)
        before = client.ask(case.question, name=name)
        payload = client.ask(case.document, input={**given, **case.bad})[mutation]
        [error] = payload.pop("userErrors")
        assert (error["code"], error["field"]) == (case.code, case.field), mutation
        assert error["message"]
        assert payload == case.refused, mutation
        assert client.ask(case.question, name=name) == before, f"{mutation} was refused, but changed something"
        assert before != case.shown(world, name), f"{mutation} has nothing to change"
        payload = client.ask(case.document, input=given)[mutation]
        assert payload == {**case.answer(world, name), "userErrors": []}, mutation
        assert client.ask(case.question, name=name) == case.shown(world, name), mutation


def test_a_client_raises_what_is_wrong_with_a_mutation_itself(client: Client, world: World) -> None:
    answer = client.answer(_UPSERT, input={"name": "without an id"})
    assert answer.get("data") is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["invalid_variables"]
