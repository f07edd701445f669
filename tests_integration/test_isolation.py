"""Two services on one server: neither sees, uses or changes anything of the other, by any operation."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from main_job import job_queue
from main_job.back_office import BackOffice

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

Query = Callable[[str], list[dict[str, Any]]]

TODAY = datetime.now(timezone.utc).date()
_YEAR = {"from": f"{TODAY.year}-01-01T00:00:00Z", "to": f"{TODAY.year + 1}-01-01T00:00:00Z"}
START = TODAY - timedelta(days=45)


@dataclass(frozen=True)
class World:
    """An intruder, an owner, and what the owner has. Both use the same names for their own things."""

    intruder: "ServiceClient"
    owner: "ServiceClient"
    shared_plan: "Plan"
    owners_plan: "Plan"
    owners_order: int
    unowned_order: int
    owners_invoice: int
    owners_credit_note: int
    owners_rating: int


@pytest.fixture(scope="module")
def world(
    backoffice: BackOffice,
    service_client: Callable[[str], "ServiceClient"],
    new_plan: Callable[[BackOffice], "Plan"],
    wait_until: Callable[..., Any],
) -> Iterator[World]:
    with job_queue.held_back(backoffice, job_queue.RATE_USAGE):  # nothing but the tests changes what they compare
        yield _make_world(backoffice, service_client, new_plan, wait_until)


def _make_world(
    backoffice: BackOffice,
    service_client: Callable[[str], "ServiceClient"],
    new_plan: Callable[[BackOffice], "Plan"],
    wait_until: Callable[..., Any],
) -> World:
    intruder, owner = service_client("intruder"), service_client("owner")
    shared_plan, owners_plan = new_plan(backoffice), new_plan(backoffice)
    plan_ids = backoffice.call("fusion.billing.plan", "search", [("code", "=", owners_plan.code)])
    backoffice.call("fusion.billing.plan", "write", plan_ids, {"service_id": owner.id})
    order = owners_plan.open(owner.api, "acme")["subscription_id"]
    owner.api.record_usage([owners_plan.counter("acme", 500, TODAY, "acme-1")])
    owner.api.upsert_customer("only-theirs", "Only Theirs", f"only@{owner.code}.example")
    unowned = _confirm_unowned_subscription(backoffice, shared_plan, owner, "only-theirs")
    shared_plan.open(intruder.api, "mine")
    invoice, credit_note, rating = _bill(backoffice, owner, owners_plan, wait_until)
    return World(intruder, owner, shared_plan, owners_plan, order, unowned, invoice, credit_note, rating)


def _bill(
    office: BackOffice, owner: "ServiceClient", plan: "Plan", wait_until: Callable[..., Any]
) -> tuple[int, int, int]:
    """Return an invoice of the owner, a credit note of a part of it, and the rating that it bills."""
    plan.open(owner.api, "billed", START)
    owner.api.record_usage([plan.counter("billed", 300, START, "billed-1")])
    job_queue.run_now(office, job_queue.CREATE_INVOICES)
    listing = {"subscription_external_id": "billed"}
    found = wait_until(lambda: owner.api.request("GET", "/invoices", params=listing).json()["invoices"])
    invoice = owner.api.request("GET", f"/invoices/{found[-1]['invoice_id']}").json()
    line = next(line for line in invoice["lines"] if line["rating_ids"])
    credit = {"invoice_id": invoice["invoice_id"], "reason": "Goodwill"}
    credit |= {"lines": [{"invoice_line_id": line["invoice_line_id"], "amount": "1.00"}]}
    note = owner.api.request("POST", "/credit_notes", credit).json()
    return invoice["invoice_id"], note["credit_note_id"], line["rating_ids"][0]


def _owners_cursor(world: World) -> dict[str, Any]:
    """Return the cursor of the owner's second page of customers."""
    answer = world.owner.api.request("GET", "/customers", params={"limit": 1}).json()
    return {"cursor": answer["next_cursor"]}


# === THE MATRIX === #

_NO_COUNTER = (404, "usage_not_found")
_NO_INVOICE = (404, "invoice_not_found")

#: operation, name of the attempt, request, status and code of the answer
ATTEMPTS: list[tuple[str, str, Callable[[World], Any], int, str]] = [
    # First of all: a later attempt makes a customer of the intruder with the owner's e-mail.
    ("listCustomers", "all that there are", lambda w: {}, 200, ""),
    ("billingProof", "all that there are", lambda w: _YEAR, 200, ""),
    ("billingProof", "another service's", lambda w: {**_YEAR, "service_id": str(w.owner.id)}, 400, "invalid_payload"),
    (
        "recordUsage",
        "a foreign subscription by its external id",
        lambda w: {"events": [w.owners_plan.counter("acme", 1, TODAY)]},
        404,
        "subscription_not_found",
    ),
    (
        "recordUsage",
        "a foreign subscription by its order's id",
        lambda w: {"events": [w.owners_plan.counter(str(w.owners_order), 1, TODAY)]},
        404,
        "subscription_not_found",
    ),
    (
        "recordUsage",
        "a foreign subscription with the idempotency key of its counter",
        lambda w: {"events": [w.owners_plan.counter(str(w.owners_order), 1, TODAY, "acme-1")]},
        404,
        "subscription_not_found",
    ),
    (
        "recordUsage",
        "a foreign subscription behind one of its own",
        lambda w: {"events": [w.shared_plan.counter("mine", 1, TODAY), w.owners_plan.counter("acme", 1, TODAY)]},
        404,
        "subscription_not_found",
    ),
    (
        "recordUsage",
        "a subscription without a service, of a customer that only the other service has",
        lambda w: {"events": [w.shared_plan.counter(str(w.unowned_order), 1, TODAY)]},
        404,
        "subscription_not_found",
    ),
    (
        "createSubscription",
        "a foreign customer",
        lambda w: {"external_customer_id": "only-theirs", "plan_code": w.shared_plan.code},
        404,
        "customer_not_found",
    ),
    (
        "createSubscription",
        "a foreign plan",
        lambda w: {"external_customer_id": "mine", "plan_code": w.owners_plan.code},
        404,
        "plan_not_found",
    ),
    (
        "createSubscription",
        "a foreign plan's code beside a recurrence",
        lambda w: {"external_customer_id": "mine", "plan_code": w.owners_plan.code, "plan_id": 1},
        404,
        "plan_not_found",
    ),
    (
        "upsertCustomer",
        "a foreign customer's external id and e-mail, with another name",
        lambda w: {"external_id": "acme", "name": "Hijacked", "email": f"acme@{w.owners_plan.code}.example"},
        200,
        "",
    ),
    (
        "terminateSubscription",
        "a foreign subscription by its external id",
        lambda w: {"subscription_external_id": "acme"},
        404,
        "subscription_not_found",
    ),
    (
        "terminateSubscription",
        "a foreign subscription by its order's id",
        lambda w: {"subscription_external_id": str(w.owners_order)},
        404,
        "subscription_not_found",
    ),
    (
        "createCustomerToken",
        "a foreign customer",
        lambda w: {"external_customer_id": "only-theirs"},
        404,
        "customer_not_found",
    ),
    ("getCustomer", "a foreign customer", lambda w: {"external_id": "only-theirs"}, 404, "customer_not_found"),
    ("listCustomers", "a foreign cursor", _owners_cursor, 400, "invalid_cursor"),
    *(
        (operation, f"a foreign subscription by {name}", request_of, 404, "subscription_not_found")
        for operation, more in (
            ("getSubscription", {}),
            ("updateSubscription", {"external_id": "taken-over"}),
            ("queryUsage", {}),
            ("listUsage", {}),
            ("listInvoices", {}),
            ("listCreditNotes", {}),
            ("previewInvoice", {}),
        )
        for name, request_of in (
            ("its external id", lambda w, more=more: {"subscription_external_id": "acme", **more}),
            ("its order's id", lambda w, more=more: {"subscription_external_id": str(w.owners_order), **more}),
            ("the id of nobody's", lambda w, more=more: {"subscription_external_id": str(w.unowned_order), **more}),
        )
    ),
    *(
        (operation, "a foreign customer", lambda w: {"external_customer_id": "only-theirs"}, 404, "customer_not_found")
        for operation in ("listSubscriptions", "listInvoices", "listCreditNotes")
    ),
    *(
        (operation, "all that there are", lambda w: {}, 200, "")
        for operation in ("listSubscriptions", "listUsage", "listInvoices", "listCreditNotes")
    ),
    *(
        (operation, "a foreign counter's key", lambda w, more=more: {"idempotency_key": "acme-1", **more}, *_NO_COUNTER)
        for operation, more in (("voidUsage", {"reason": "x"}), ("amendUsage", {"reason": "x", "quantity": 0}))
    ),
    *(
        (operation, "a foreign invoice", lambda w, more=more: {"invoice_id": w.owners_invoice, **more}, *_NO_INVOICE)
        for operation, more in (
            ("getInvoice", {}),
            ("getInvoicePdf", {}),
            ("listInvoiceRatings", {}),
            ("listCreditNotes", {}),
            ("voidInvoice", {"reason": "x"}),
            ("retryPayment", {}),
            ("createCreditNote", {"reason": "x"}),
        )
    ),
    *(
        (
            operation,
            "a foreign credit note",
            lambda w: {"credit_note_id": w.owners_credit_note},
            404,
            "credit_note_not_found",
        )
        for operation in ("getCreditNote", "getCreditNotePdf")
    ),
    ("listRatingUsage", "a foreign rating", lambda w: {"rating_id": w.owners_rating}, 404, "rating_not_found"),
    ("catalog", "a filter that is not offered", lambda w: {"service_id": str(w.owner.id)}, 400, "invalid_payload"),
]


@pytest.mark.parametrize(
    ("operation", "request_of", "status", "code"),
    [pytest.param(operation, *rest, id=f"{operation}: {name}") for operation, name, *rest in ATTEMPTS],
)
def test_a_service_cannot_reach_what_is_of_another(
    operation: str, request_of: Callable[[World], Any], status: int, code: str, world: World, query: Query
) -> None:
    before = _belongings(query, world)
    answer = _call(world.intruder, operation, request_of(world))
    assert answer.status_code == status, answer.text
    assert answer.json().get("code", "") == code
    assert _belongings(query, world) == before
    for secret in ("Acme", world.owner.code, f"acme@{world.owners_plan.code}"):
        assert secret not in answer.text


def test_what_is_refused_to_a_stranger_is_open_to_its_owner(world: World) -> None:
    """The refusals of the matrix are about the service, not about the requests."""
    counters = [world.owners_plan.counter(str(world.owners_order), 2, TODAY, "acme-2")]
    counters.append(world.shared_plan.counter(str(world.unowned_order), 3, TODAY, "unowned-1"))
    assert world.owner.api.record_usage(counters) == 2
    request = {"external_customer_id": "only-theirs", "external_id": "second", "plan_code": world.owners_plan.code}
    assert world.owner.api.open_subscription(**request)["subscription_state"] == "3_progress"


def test_every_operation_of_the_api_is_in_the_matrix(world: World) -> None:
    assert set(_operations(world.intruder)) == {operation for operation, *_rest in ATTEMPTS}


# === THE SAME NAMES === #


def test_the_same_ids_in_two_services_name_different_things(
    world: World, service_client: Callable[[str], "ServiceClient"], query: Query
) -> None:
    one, two = service_client("same"), service_client("same")
    orders = []
    for client, quantity in ((one, 11), (two, 22)):
        client.api.upsert_customer("customer-1", f"Customer of {client.code}", f"one@{client.code}.example")
        request = {"external_customer_id": "customer-1", "external_id": "subscription-1"}
        orders.append(client.api.open_subscription(**request, plan_code=world.shared_plan.code)["subscription_id"])
        client.api.record_usage([world.shared_plan.counter("subscription-1", quantity, TODAY, "key-1")])
    assert orders[0] != orders[1]
    for client, order, quantity in ((one, orders[0], 11), (two, orders[1], 22)):
        rows = query(f"SELECT service_id, quantity FROM fusion_billing_usage WHERE subscription_id = {order}")
        assert rows == [{"service_id": client.id, "quantity": quantity}]
    partners = f"SELECT partner_id FROM sale_order WHERE id IN ({orders[0]}, {orders[1]})"
    names = query(f"SELECT name FROM res_partner WHERE id IN ({partners})")
    assert {name["name"] for name in names} == {f"Customer of {one.code}", f"Customer of {two.code}"}


def test_services_that_share_a_customer_share_no_subscription(
    world: World, service_client: Callable[[str], "ServiceClient"], query: Query
) -> None:
    one, two = service_client("sharing"), service_client("sharing")
    email = f"boss@{one.code}.example"
    answers = [client.api.upsert_customer("boss", name, email) for client, name in ((one, "One"), (two, "Two"))]
    partners = {answer["partner_id"] for answer in answers}
    assert len(partners) == 1
    order = one.api.open_subscription(external_customer_id="boss", plan_code=world.shared_plan.code)["subscription_id"]
    answer = two.api.request("POST", "/usage", {"events": [world.shared_plan.counter(str(order), 1, TODAY)]})
    assert (answer.status_code, answer.json()["code"]) == (404, "subscription_not_found")
    two.api.upsert_customer("boss", "Renamed by the second", f"new@{two.code}.example")
    [partner] = query(f"SELECT name, email FROM res_partner WHERE id = {partners.pop()}")
    assert partner == {"name": "One", "email": email}


# === CATALOGUE, KEYS, EVENTS === #


def test_the_catalogue_shows_common_plans_and_those_of_the_service_only(world: World) -> None:
    seen = {}
    for client in (world.intruder, world.owner):
        answer = client.api.request("GET", "/plans").json()
        plans, charges = answer["plans"], answer["charges"]
        seen[client.code] = ({plan["code"] for plan in plans}, {charge["plan_code"] for charge in charges})
    for plans in seen[world.intruder.code]:
        assert world.shared_plan.code in plans
        assert world.owners_plan.code not in plans
    for plans in seen[world.owner.code]:
        assert {world.shared_plan.code, world.owners_plan.code} <= plans


def test_a_replaced_key_and_the_key_of_an_inactive_service_open_no_operation(
    backoffice: BackOffice, service_client: Callable[[str], "ServiceClient"]
) -> None:
    replaced, inactive = service_client("replaced"), service_client("inactive")
    backoffice.call("fusion.billing.service", "action_generate_api_key", [replaced.id])
    backoffice.call("fusion.billing.service", "write", [inactive.id], {"active": False})
    for client in (replaced, inactive):
        for operation in _operations(client):
            assert _call(client, operation, {}).status_code == 401


def test_a_key_with_one_scope_opens_the_operations_of_that_scope_only(
    backoffice: BackOffice, service_client: Callable[[str], "ServiceClient"]
) -> None:
    client = service_client("scoped")
    keys = backoffice.call("fusion.billing.api.key", "search", [("service_id", "=", client.id)])
    backoffice.call("fusion.billing.api.key", "write", keys, {"scopes": "catalog:read"})
    statuses = {operation: _call(client, operation, {}).status_code for operation in _operations(client)}
    assert statuses.pop("catalog") == 200
    assert set(statuses.values()) == {403}


def test_events_reach_the_endpoint_of_their_own_service_only(world: World, wait_until: Callable[..., Any]) -> None:
    for client in (world.intruder, world.owner):
        customer = "mine" if client is world.intruder else "acme"
        request = {"external_customer_id": customer, "external_id": "announced"}
        client.api.open_subscription(**request, plan_code=world.shared_plan.code)
    for client in (world.intruder, world.owner):
        client.endpoint.wait_for(lambda deliveries: any(_names(delivery, "announced") for delivery in deliveries))
    for client in (world.intruder, world.owner):
        deliveries = list(client.endpoint.deliveries)
        assert all(delivery.verified for delivery in deliveries)
        assert {delivery.payload["service"] for delivery in deliveries} == {client.code}
    assert not any(_names(delivery, "acme") for delivery in world.intruder.endpoint.deliveries)


# === HELPERS === #


def _operations(client: "ServiceClient") -> dict[str, tuple[str, str]]:
    """Return verb and path of every operation, from the API's own description."""
    paths = client.api.request("GET", "/openapi.json").json()["paths"]
    return {item["operationId"]: (verb.upper(), path) for path, verbs in paths.items() for verb, item in verbs.items()}


def _call(client: "ServiceClient", operation: str, payload: Any) -> Any:
    verb, template = _operations(client)[operation]
    in_path = {name: value for name, value in payload.items() if f"{{{name}}}" in template}
    rest = {name: value for name, value in payload.items() if name not in in_path}
    path = template.format_map(defaultdict(lambda: "nothing", in_path))
    if verb == "GET":
        return client.api.request(verb, path, params=rest)
    return client.api.request(verb, path, rest)


def _names(delivery: Any, subscription: str) -> bool:
    return bool(delivery.payload.get("subscription", {}).get("external_id") == subscription)


def _belongings(query: Query, world: World) -> dict[str, list[dict[str, Any]]]:
    """Return everything that is the owner's, as it stands in the database."""
    orders = f"SELECT id FROM sale_order WHERE x_fc_service_id = {world.owner.id} OR id = {world.unowned_order}"
    links = f"SELECT * FROM fusion_billing_account_link WHERE service_id = {world.owner.id}"
    tables = {
        "orders": f"SELECT * FROM sale_order WHERE id IN ({orders})",
        "usage": f"SELECT * FROM fusion_billing_usage WHERE subscription_id IN ({orders})",
        "history": f"SELECT * FROM fusion_billing_usage_history WHERE subscription_id IN ({orders})",
        "ratings": f"SELECT * FROM fusion_billing_rating WHERE subscription_id IN ({orders})",
        "invoices": f"SELECT * FROM account_move WHERE x_fc_service_id = {world.owner.id}",
        "changes": f"SELECT * FROM fusion_billing_usage_change WHERE subscription_id IN ({orders})",
        "links": links,
        "partners": f"SELECT id, name, email FROM res_partner WHERE id IN (SELECT partner_id FROM ({links}) l)",
    }
    return {name: query(f"{sql} ORDER BY id") for name, sql in tables.items()}


def _confirm_unowned_subscription(office: BackOffice, plan: "Plan", owner: "ServiceClient", customer: str) -> int:
    """Make a subscription in the back office, of a customer of ``owner`` but of no service."""
    named = [("service_id", "=", owner.id), ("external_id", "=", customer)]
    [link] = office.find("fusion.billing.account.link", named, ["partner_id"])
    [catalogue] = office.find("fusion.billing.plan", [("code", "=", plan.code)], ["plan_id", "product_id"])
    values = {"partner_id": link["partner_id"][0], "is_subscription": True, "plan_id": catalogue["plan_id"][0]}
    values |= {"x_fc_plan_code": plan.code, "order_line": [(0, 0, {"product_id": catalogue["product_id"][0]})]}
    order = office.create("sale.order", values)
    office.call("sale.order", "action_confirm", [order])
    return order
