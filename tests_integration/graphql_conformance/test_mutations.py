"""Clients of others do everything that can be changed, and are told what was refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from main_job import job_queue

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


_COUNTER = f"usageRecord {{ quantity voidReason }} {_ERRORS}"
_AMEND = f"mutation($input: AmendUsageInput!) {{ amendUsage(input: $input) {{ {_COUNTER} }} }}"
_VOID = f"mutation($input: VoidUsageInput!) {{ voidUsage(input: $input) {{ {_COUNTER} }} }}"
_UPDATE = f"""mutation($input: UpdateSubscriptionInput!) {{
    updateSubscription(input: $input) {{ subscription {{ externalId endDate }} {_ERRORS} }}
}}"""
_VOID_INVOICE = f"""mutation($input: VoidInvoiceInput!) {{
    voidInvoice(input: $input) {{ invoice {{ paymentState voidReason }} {_ERRORS} }}
}}"""
_CREDIT = f"""mutation($input: CreateCreditNoteInput!) {{
    createCreditNote(input: $input) {{ creditNote {{ type creditReason }} {_ERRORS} }}
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


def _invoice(world: World, name: str, number: int) -> dict[str, Any]:
    """Return what names one of the customer's invoices, oldest first; make them if there are none."""
    # The newest subscription of that name: each client has its own.
    order = world.office.find("sale.order", [("x_fc_external_id", "=", name)], ["id"])[-1]["id"]
    domain = [("x_fc_subscription_id", "=", order), ("move_type", "=", "out_invoice")]
    while len(found := world.office.find("account.move", domain, ["id"])) < 2:
        job_queue.run_now(world.office, job_queue.CREATE_INVOICES)
        job_queue.wait_until_idle(world.office)
    return {"invoiceId": found[number]["id"]}


_INVOICES = "query($name: String!) { subscription(externalId: $name) { invoices(first: 9, orderBy: {field: ID})"

#: What cannot be told apart by what it leaves behind, and where it is asked instead.
ELSEWHERE = {
    "createCustomerToken": "Only what it opens tells it apart: GraphQL's test_customer_tokens.py, test_frontends.py.",
    "previewInvoice": "It leaves nothing: the parity tests compare its answer with that of REST.",
    "retryPayment": "A job takes the money: test_payments.py.",
}

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
    "amendUsage": Case(
        _AMEND,
        lambda world, name: {"idempotencyKey": f"{name}-1", "quantity": "2.5", "reason": "Counted twice"},
        lambda world, name: {"usageRecord": {"quantity": "2.5", "voidReason": None}},
        "query($name: String!) { subscription(externalId: $name) { usage(first: 10) { nodes { quantity } } } }",
        lambda world, name: {"subscription": {"usage": {"nodes": [{"quantity": "2.5"}, {"quantity": "1.25"}]}}},
        bad={"quantity": "-1"},
        code="negative_quantity",
        field=["quantity"],
        refused={"usageRecord": None},
    ),
    "voidUsage": Case(
        _VOID,
        lambda world, name: {"idempotencyKey": f"{name}-2", "reason": "A test"},
        lambda world, name: {"usageRecord": {"quantity": "1.25", "voidReason": "A test"}},
        "query($name: String!) { subscription(externalId: $name) { usage(first: 10) { nodes { voidReason } } } }",
        lambda world, name: {"subscription": {"usage": {"nodes": [{"voidReason": None}, {"voidReason": "A test"}]}}},
        bad={"idempotencyKey": "no such counter"},
        code="usage_not_found",
        field=["idempotencyKey"],
        refused={"usageRecord": None},
    ),
    "updateSubscription": Case(
        _UPDATE,
        lambda world, name: {"subscriptionExternalId": name, "endDate": "2090-01-01"},
        lambda world, name: {"subscription": {"externalId": name, "endDate": "2090-01-01"}},
        "query($name: String!) { subscription(externalId: $name) { endDate } }",
        lambda world, name: {"subscription": {"endDate": "2090-01-01"}},
        bad={"planCode": "another plan"},
        code="plan_change_refused",
        field=["planCode"],
        refused={"subscription": None},
    ),
    "voidInvoice": Case(
        _VOID_INVOICE,
        lambda world, name: {**_invoice(world, name, 0), "reason": "Wrong customer"},
        lambda world, name: {"invoice": {"paymentState": "REVERSED", "voidReason": "Wrong customer"}},
        f"{_INVOICES} {{ nodes {{ voidReason }} }} }} }}",
        lambda world, name: {
            "subscription": {"invoices": {"nodes": [{"voidReason": text} for text in ("Wrong customer", None, None)]}}
        },
        bad={"reason": ""},
        code="string_too_short",
        field=["reason"],
        refused={"invoice": None},
    ),
    "createCreditNote": Case(
        _CREDIT,
        lambda world, name: {**_invoice(world, name, 1), "reason": "Goodwill"},
        lambda world, name: {"creditNote": {"type": "CREDIT_NOTE", "creditReason": "Goodwill"}},
        f"{_INVOICES} {{ nodes {{ creditReason }} }} }} }}",
        lambda world, name: {
            "subscription": {
                "invoices": {"nodes": [{"creditReason": text} for text in (None, None, "Wrong customer", "Goodwill")]}
            }
        },
        bad={"lines": []},
        code="too_short",
        field=["lines"],
        refused={"creditNote": None},
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
    assert {field["name"] for field in served["__schema"]["mutationType"]["fields"]} == {*MUTATIONS, *ELSEWHERE}


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
