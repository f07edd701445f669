# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The GraphQL side of each operation of the API, as the parity tests ask for it.

A new operation needs a row in SIDES, or one in WITHOUT_GRAPHQL that tells why it has no field.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..schema import SCHEMA


@dataclass(frozen=True)
class Mutation:
    """An operation that is the mutation of the same name, with its payload as ``input``.

    :param selection: what to ask of the mutation's payload, beside its user errors
    :param read: makes the answer of REST of the payload
    """

    selection: str
    read: Callable[[dict], dict]

    def document(self, name):
        input_type = SCHEMA.mutation_type.fields[name].args["input"].type
        return (
            f"mutation($input: {input_type}) {{ {name}(input: $input) {{"
            f" {self.selection} userErrors {{ field code message }} }} }}"
        )


@dataclass(frozen=True)
class Query:
    """An operation whose answer is read with queries.

    :param text: the document; the operation's payload is its variables, with the names of GraphQL
    :param read: makes the answer of REST of the data, or returns None if what was asked for is not there
    :param shown: the part of REST's answer that GraphQL shows
    """

    text: str
    read: Callable[[dict], dict | None]
    shown: Callable[[dict], dict] = lambda answer: answer

    def document(self, _name):
        return self.text


def value_of(type_name, member):
    """Return the value in Odoo of an enumeration's member."""
    found = SCHEMA.get_type(type_name).values[member].value
    return getattr(found, "value", found)


def _read_customer(payload):
    customer = payload["customer"]
    return {"status": "ok", "partner_id": customer["partnerId"], "external_id": customer["externalId"]}


def _read_results(payload):
    results = [_read_result(result) for result in payload["results"]]
    return {"status": "ok", "accepted": payload["accepted"], "results": results}


def _read_result(result):
    read = {"index": result["index"], "status": value_of("UsageStatus", result["status"])}
    return read | ({"errors": [rest_fault(error) for error in result["errors"]]} if result["errors"] else {})


def _read_subscription(payload):
    subscription = payload["subscription"]
    return {
        "status": "ok",
        "subscription_id": subscription["subscriptionId"],
        "subscription_state": value_of("SubscriptionState", subscription["state"]),
        "external_id": subscription["externalId"],
        "start_date": subscription["startDate"],
        "next_invoice_date": subscription["nextInvoiceDate"],
        "end_date": subscription["endDate"],
    }


_SUBSCRIPTION = Mutation(
    "subscription { subscriptionId state externalId startDate nextInvoiceDate endDate }", _read_subscription
)

_CATALOG = """{
    charges(first: 100) { nodes {
        planCode name metric { code } chargeModel currency includedQuota pricePerUnit unitBatch freeUnits rate fixedFee
        freeRows freeAmount rowMinimum rowMaximum tiers { upTo pricePerUnit flatFee rate } } }
    plans(first: 100) { nodes { code name billingPeriodValue billingPeriodUnit price currency } } }"""


def _read_catalog(data):
    charges = [_numbers(rest_names(charge)) for charge in data["charges"]["nodes"]]
    for charge in charges:
        charge["metric"] = charge["metric"]["code"]
        charge["charge_model"] = value_of("ChargeModel", charge["charge_model"])
        charge["tiers"] = [_numbers(tier) for tier in charge["tiers"]]
    plans = [_numbers(rest_names(plan)) for plan in data["plans"]["nodes"]]
    for plan in plans:
        plan["billing_period_unit"] = value_of("PeriodUnit", plan["billing_period_unit"])
    return _in_order({"status": "ok", "charges": charges, "plans": plans})


def _shown_catalog(answer):
    """Leave out the number of the plan's recurrence in Odoo, of which GraphQL shows the length only."""
    plans = [{name: value for name, value in plan.items() if name != "plan_id"} for plan in answer["plans"]]
    return _in_order({**answer, "plans": plans})


def _in_order(catalog):
    lists = {name: sorted(catalog[name], key=lambda item: sorted(map(str, item.items()))) for name in _LISTS}
    return {**catalog, **lists}


_LISTS = ("charges", "plans")
_NUMBERS = {
    *("included_quota", "price_per_unit", "unit_batch", "free_units", "rate", "fixed_fee", "free_amount"),
    *("row_minimum", "row_maximum", "up_to", "flat_fee", "price"),
}


def _numbers(values):
    """Return values with exact numbers, which are text in GraphQL, as REST has them in the catalogue."""
    return {name: float(value) if name in _NUMBERS and value is not None else value for name, value in values.items()}


def rest_name(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def rest_names(value):
    """Return a value with the names of REST in all of its objects."""
    if isinstance(value, dict):
        return {rest_name(name): rest_names(item) for name, item in value.items()}
    if isinstance(value, list):
        return [rest_names(item) for item in value]
    return value


def rest_fault(error):
    """Return a user error as REST shows a fault."""
    path = ".".join(map(rest_name, error["field"] or ()))
    return {"path": path, "code": error["code"], "message": error["message"]}


SIDES = {
    "upsertCustomer": Mutation("customer { partnerId externalId }", _read_customer),
    "recordUsage": Mutation("accepted results { index status errors { field code message } }", _read_results),
    "createSubscription": _SUBSCRIPTION,
    "terminateSubscription": _SUBSCRIPTION,
    "catalog": Query(_CATALOG, _read_catalog, _shown_catalog),
}

#: Why an operation has no GraphQL side, by its name.
WITHOUT_GRAPHQL: dict[str, str] = {}

_TYPED = "The schema's types are checked before anything is executed, so no path leads to the value at fault."
#: Where a GraphQL client learns something else, and why: by operation, path and code of the first fault that REST
#: tells. Every row must be met by a case.
DIFFERENCES: dict[tuple[str, str, str], tuple[str, str]] = {
    ("upsertCustomer", "external_id", "missing"): ("invalid_variables", _TYPED),
    ("upsertCustomer", "external_id", "string_type"): ("invalid_variables", _TYPED),
    ("recordUsage", "events", "missing"): ("invalid_variables", _TYPED),
    ("recordUsage", "events.1.subscription_external_id", "missing"): (
        "invalid_variables",
        "A counter that is malformed, not merely wrong, refuses its batch, whatever the error policy: the same types.",
    ),
    ("terminateSubscription", "end_date", "date_from_datetime_parsing"): ("invalid_variables", _TYPED),
    ("terminateSubscription", "reason", "unknown_field"): ("invalid_variables", _TYPED),
    ("catalog", "page", "unknown_field"): ("ignored", "GraphQL ignores variables that a document does not declare."),
}
