"""Ways to a page of customers with their subscriptions and the usage of the running billing period.

All return ``{customer: {"name", "subscriptions": {external id: {..., "usage": {metric: {...}}}}}}``.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from main_job.source_app import GRAPHQL
from runtime.progress import Fault

from .counting import CountingClient

_DOCUMENT = """query($page: Int!) { customers(first: $page) { nodes {
    externalId name
    subscriptions(first: 5) { nodes {
        externalId number state startDate nextInvoiceDate currency USAGE
    } }
} } }"""
_LIVE = "currentUsage { metric { code } chargeName quantity included billable amount }"
_LEDGER = """ratings(first: 10, filter: {state: {eq: OPEN}}) { nodes {
    metric { code } charge { name } quantity included billable amount } }"""
#: Odoo's values of the states that subscriptions have here.
_STATES = {"3_progress": "IN_PROGRESS"}
_LINK_FIELDS = ["external_id", "external_name", "partner_id"]
_ORDER_FIELDS = ["partner_id", "x_fc_external_id", "name", "subscription_state", "start_date", "next_invoice_date"]
_ORDER_FIELDS += ["currency_id"]
_RATING_FIELDS = ["subscription_id", "charge_id", "metric_id", "total_quantity", "included_quantity"]
_RATING_FIELDS += ["billable_quantity", "amount"]

Customers = dict[str, dict[str, Any]]


def graphql(page: int) -> Callable[[CountingClient], Customers]:
    """Return the way of one GraphQL query, with usage summed and priced now."""
    return _graphql(page, _LIVE, lambda found: [(item["chargeName"], item) for item in found["currentUsage"]])


def graphql_ledger(page: int) -> Callable[[CountingClient], Customers]:
    """Return the way of one GraphQL query, with usage as it was rated last."""
    return _graphql(page, _LEDGER, lambda found: [(item["charge"]["name"], item) for item in found["ratings"]["nodes"]])


def _graphql(page: int, usage: str, items_of: Callable[[dict[str, Any]], Any]) -> Callable[[CountingClient], Customers]:
    document = _DOCUMENT.replace("USAGE", usage)

    def read(client: CountingClient) -> Customers:
        answer = client.post(GRAPHQL, {"query": document, "variables": {"page": page}})
        if "errors" in answer:
            raise Fault(f"GraphQL: {answer['errors']}")
        return {node["externalId"]: customer_of(node) for node in answer["data"]["customers"]["nodes"]}

    def customer_of(node: dict[str, Any]) -> dict[str, Any]:
        subscriptions = {found["externalId"]: subscription_of(found) for found in node["subscriptions"]["nodes"]}
        return {"name": node["name"], "subscriptions": subscriptions}

    def subscription_of(found: dict[str, Any]) -> dict[str, Any]:
        plain = {name: found[name] for name in ("number", "state", "startDate", "nextInvoiceDate", "currency")}
        names = ("quantity", "included", "billable", "amount")
        rated = {item["metric"]["code"]: _usage(charge, *map(item.get, names)) for charge, item in items_of(found)}
        return {**plain, "usage": rated}

    return read


def json2(service: int, page: int) -> Callable[[CountingClient], Customers]:
    """Return the way of Odoo's JSON-2 API with as few calls as it takes: one for each model."""

    def read(client: CountingClient) -> Customers:
        links = _links(client, service, page)
        orders = _orders(client, service, [link["partner_id"][0] for link in links])
        ratings = _ratings(client, [order["id"] for order in orders])
        return _assembled(links, orders, ratings, _metric_codes(client))

    return read


def json2_each(service: int, page: int) -> Callable[[CountingClient], Customers]:
    """Return the way of a program that asks again for each customer."""

    def read(client: CountingClient) -> Customers:
        links = _links(client, service, page)
        codes = _metric_codes(client)
        orders: list[dict[str, Any]] = []
        ratings: list[dict[str, Any]] = []
        for link in links:
            of_customer = _orders(client, service, [link["partner_id"][0]])
            orders += of_customer
            ratings += _ratings(client, [order["id"] for order in of_customer])
        return _assembled(links, orders, ratings, codes)

    return read


def _links(client: CountingClient, service: int, page: int) -> list[dict[str, Any]]:
    domain = [["service_id", "=", service]]
    return _search_read(client, "fusion.billing.account.link", domain, _LINK_FIELDS, limit=page)


def _orders(client: CountingClient, service: int, partners: list[int]) -> list[dict[str, Any]]:
    domain = [["is_subscription", "=", True], ["x_fc_service_id", "=", service], ["partner_id", "in", partners]]
    return _search_read(client, "sale.order", domain, _ORDER_FIELDS)


def _ratings(client: CountingClient, orders: list[int]) -> list[dict[str, Any]]:
    domain = [["subscription_id", "in", orders], ["state", "=", "open"]]
    return _search_read(client, "fusion.billing.rating", domain, _RATING_FIELDS)


def _metric_codes(client: CountingClient) -> dict[int, str]:
    return {metric["id"]: metric["code"] for metric in _search_read(client, "fusion.billing.metric", [], ["code"])}


def _search_read(
    client: CountingClient, model: str, domain: list[Any], fields: list[str], **options: Any
) -> list[dict[str, Any]]:
    body = {"domain": domain, "fields": fields, "order": "id", **options}
    return list(client.post(f"/json/2/{model}/search_read", body))


def _assembled(
    links: Iterable[dict[str, Any]],
    orders: Iterable[dict[str, Any]],
    ratings: Iterable[dict[str, Any]],
    codes: dict[int, str],
) -> Customers:
    """Put together what JSON-2 gives model by model."""
    usage: dict[int, dict[str, Any]] = {}
    for rating in ratings:
        quantities = (rating[name] for name in ("total_quantity", "included_quantity", "billable_quantity", "amount"))
        item = _usage(rating["charge_id"][1], *quantities)
        usage.setdefault(rating["subscription_id"][0], {})[codes[rating["metric_id"][0]]] = item
    subscriptions: dict[int, dict[str, Any]] = {}
    for order in orders:
        subscriptions.setdefault(order["partner_id"][0], {})[order["x_fc_external_id"]] = {
            "number": order["name"],
            "state": _STATES[order["subscription_state"]],
            "startDate": order["start_date"],
            "nextInvoiceDate": order["next_invoice_date"],
            "currency": order["currency_id"][1],
            "usage": usage.get(order["id"], {}),
        }
    return {
        link["external_id"]: {
            "name": link["external_name"],
            "subscriptions": subscriptions.get(link["partner_id"][0], {}),
        }
        for link in links
    }


def _usage(charge: str, quantity: object, included: object, billable: object, amount: object) -> dict[str, Any]:
    numbers = {"quantity": quantity, "included": included, "billable": billable, "amount": amount}
    return {"charge": charge, **{name: Decimal(str(number)) for name, number in numbers.items()}}
