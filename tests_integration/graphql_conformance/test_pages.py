"""Clients of others page through every list, forward and backward, and find each row once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import (
    GraphQLSchema,
    build_client_schema,
    build_schema,
    get_introspection_query,
    get_named_type,
    is_object_type,
    lexicographic_sort_schema,
    print_schema,
)

from .clients import Client
from .conftest import SCHEMA_FILE
from .world import COUNTERS, CREDIT_NOTES, CUSTOMERS, SUBSCRIPTIONS, World


@dataclass(frozen=True)
class List:
    """How a list is asked for and what is in it.

    :param count: how many rows were made
    :param parent: selection that leads to the object whose list it is; None for a list of the root
    :param is_long: whether it has several pages
    :param key: what tells its objects apart
    """

    count: Callable[[World], int]
    parent: str | None = None
    filter: Callable[[World], Any] = lambda world: None
    is_long: bool = True
    key: str = "id"


def _own(model: str, column: str = "service_id") -> Callable[[World], int]:
    return lambda world: world.count(model, (column, "=", world.service.id))


def _of_first(model: str, column: str) -> Callable[[World], int]:
    """Count the records of a model that belong to the first subscription."""
    name, service = f"{column}.x_fc_external_id", f"{column}.x_fc_service_id"
    return lambda world: world.count(model, (name, "=", "s0"), (service, "=", world.service.id))


_CUSTOMER = 'parent: customer(externalId: "c0")'
_SUBSCRIPTION = 'parent: subscription(externalId: "s0")'
_CHARGES = 5  # three of the first plan, one of each other plan
_LINES = 4  # the fee and three charges

#: Every list of the schema, by type and field.
LISTS = {
    "Query.customers": List(lambda world: CUSTOMERS),
    "Query.subscriptions": List(lambda world: SUBSCRIPTIONS),
    "Query.usageRecords": List(lambda world: COUNTERS),
    "Query.ratings": List(_own("fusion.billing.rating", "subscription_id.x_fc_service_id")),
    "Query.invoices": List(_own("account.move", "x_fc_service_id")),
    "Query.webhookDeliveries": List(_own("fusion.billing.webhook")),
    "Query.plans": List(lambda world: 3, filter=lambda world: {"code": {"in": world.plan_codes}}),
    "Query.charges": List(lambda world: _CHARGES, filter=lambda world: {"planCode": {"in": world.plan_codes}}),
    "Query.metrics": List(lambda world: 3, filter=lambda world: {"code": {"in": world.metrics}}),
    "Query.services": List(lambda world: 1, is_long=False),
    "Customer.subscriptions": List(lambda world: SUBSCRIPTIONS, _CUSTOMER),
    "Customer.invoices": List(_own("account.move", "x_fc_service_id"), _CUSTOMER),
    "Subscription.usage": List(lambda world: COUNTERS, _SUBSCRIPTION),
    "Subscription.ratings": List(_of_first("fusion.billing.rating", "subscription_id"), _SUBSCRIPTION),
    "Subscription.invoices": List(_of_first("account.move", "x_fc_subscription_id"), _SUBSCRIPTION),
    "Invoice.subscriptions": List(lambda world: 1, "parent: node(id: $parent)", is_long=False),
    "Invoice.lines": List(lambda world: _LINES, "parent: node(id: $parent)"),
    "Invoice.ratings": List(lambda world: 3, "parent: node(id: $parent)"),
    "Invoice.creditNotes": List(lambda world: CREDIT_NOTES, "parent: node(id: $parent)"),
    "Rating.usage": List(lambda world: 3, "parent: node(id: $parent)"),  # of the first metric, whose charge it is
    "Rating.counters": List(lambda world: 3, "parent: node(id: $parent)", key="number"),
    "InvoiceLine.ratings": List(lambda world: 1, "parent: node(id: $parent)", is_long=False),
    "Plan.charges": List(lambda world: 3, "parent: node(id: $parent)"),
}


def test_the_served_schema_is_the_printed_one(client: Client) -> None:
    question = get_introspection_query(schema_description=True, input_value_deprecation=True)
    served = build_client_schema(client.ask(question))  # type: ignore[arg-type]
    assert _sorted(served) == _sorted(build_schema(SCHEMA_FILE.read_text()))


def test_every_list_of_the_schema_is_paged_through() -> None:
    schema = build_schema(SCHEMA_FILE.read_text())
    found = {
        f"{type_.name}.{name}"
        for type_ in schema.type_map.values()
        if is_object_type(type_)
        for name, field in type_.fields.items()  # type: ignore[attr-defined]
        if get_named_type(field.type).name.endswith("Connection")
    }
    assert found == set(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_every_page_of_a_list_is_found_forward_and_backward(name: str, client: Client, world: World) -> None:
    listed = LISTS[name]
    expected = listed.count(world)
    size = 2 if expected > 2 else 1
    walk = _Walk(client, world, name)
    forward, backward = walk.forward(size), walk.backward(size)
    assert sum(map(len, forward)) == expected
    assert len(forward) == len(backward) == -(-expected // size)
    assert (len(forward) > 1) == listed.is_long
    [everything] = walk.forward(100)
    assert len(set(everything)) == expected
    assert [node for page in forward for node in page] == everything
    assert [node for page in reversed(backward) for node in page] == everything
    assert all(len(page) == size for page in (*forward[:-1], *backward[:-1]))


class _Walk:
    """A way through a list."""

    def __init__(self, client: Client, world: World, name: str):
        self.client = client
        self.listed = LISTS[name]
        self.key = self.listed.key
        self.total = self.listed.count(world)
        owner, field = name.split(".")
        self.filter = self.listed.filter(world)
        self.parent = _find_parent(client, world, owner)
        filter_type = _find_filter_type(owner, field)
        arguments = "first: $first, after: $after, last: $last, before: $before"
        arguments += ", filter: $filter" if filter_type else ""
        page = f"totalCount pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} nodes {{ {self.key} }}"
        selection = f"list: {field}({arguments}) {{ {page} edges {{ cursor node {{ {self.key} }} }} }}"
        if self.listed.parent:
            narrowed = f"... on {owner} {{ {selection} }}"
            selection = f"{self.listed.parent} {{ {narrowed} }}"
        declared = "$first: Int, $after: String, $last: Int, $before: String"
        declared += f", $filter: {filter_type}" if filter_type else ""
        if self.parent:
            declared += ", $parent: ID!"
        self.document = f"query({declared}) {{ {selection} }}"

    def forward(self, size: int) -> list[list[str]]:
        return self._pages("first", "after", "endCursor", "hasNextPage", "hasPreviousPage", size)

    def backward(self, size: int) -> list[list[str]]:
        return self._pages("last", "before", "startCursor", "hasPreviousPage", "hasNextPage", size)

    def _pages(self, limit: str, beyond: str, cursor: str, goes_on: str, came_from: str, size: int) -> list[list[str]]:
        pages: list[list[str]] = []
        at = None
        while len(pages) <= self.total:
            page = self._page(**{limit: size}, **({beyond: at} if at else {}))
            info = page["pageInfo"]
            pages.append([node[self.key] for node in page["nodes"]])
            assert [edge["node"][self.key] for edge in page["edges"]] == pages[-1]
            assert [info["startCursor"], info["endCursor"]] == [page["edges"][n]["cursor"] for n in (0, -1)]
            assert page["totalCount"] == self.total
            assert info[came_from] == (at is not None)
            at = info[cursor]
            if not info[goes_on]:
                return pages
        pytest.fail(f"the list does not end: {pages}")

    def _page(self, **window: Any) -> dict[str, Any]:
        filtered = {} if self.filter is None else {"filter": self.filter}
        variables = {**window, **filtered, **({"parent": self.parent} if self.parent else {})}
        data = self.client.ask(self.document, **variables)
        return dict((data["parent"] if self.listed.parent else data)["list"])


def _find_filter_type(owner: str, field: str) -> str | None:
    type_ = build_schema(SCHEMA_FILE.read_text()).type_map[owner]
    argument = type_.fields[field].args.get("filter")  # type: ignore[attr-defined]
    return argument and str(argument.type)


def _find_parent(client: Client, world: World, owner: str) -> str | None:
    """Return the id of the object whose lists are paged through, if it has none that people know."""
    if owner == "Plan":
        return str(
            client.ask("query($code: String) { plan(code: $code) { id } }", code=world.plans[0].code)["plan"]["id"]
        )
    if owner not in ("Invoice", "InvoiceLine", "Rating"):
        return None
    lines = "lines(first: 100) { nodes { id ratings(first: 1) { nodes { id usage(first: 1) { totalCount } } } } }"
    document = f'{{ subscription(externalId: "s0") {{ invoices(first: 1) {{ nodes {{ id {lines} }} }} }} }}'
    [invoice] = client.ask(document)["subscription"]["invoices"]["nodes"]
    if owner == "Invoice":
        return str(invoice["id"])
    rated = [line for line in invoice["lines"]["nodes"] if line["ratings"]["nodes"]]
    if owner == "InvoiceLine":
        return str(rated[0]["id"])
    ratings = [line["ratings"]["nodes"][0] for line in rated]
    return str(max(ratings, key=lambda rating: rating["usage"]["totalCount"])["id"])


def _sorted(schema: GraphQLSchema) -> str:
    return print_schema(lexicographic_sort_schema(schema))
