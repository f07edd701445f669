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
    :param shown: the part of REST's answer that GraphQL shows
    """

    selection: str
    read: Callable[[dict], dict]
    shown: Callable[[dict], dict] = lambda answer: answer

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
    told = {"errors": [rest_fault(error) for error in result["errors"]], "warnings": result["warnings"]}
    return read | {name: items for name, items in told.items() if items}


def _read_subscription(payload):
    subscription = rest_names(payload["subscription"])
    subscription["subscription_state"] = value_of("SubscriptionState", subscription.pop("state"))
    if subscription["close_reason"]:
        subscription["close_reason"] = value_of("CloseReason", subscription["close_reason"])
    subscription["external_customer_id"] = subscription.pop("customer")["external_id"]
    return {"status": "ok", **subscription}


def _without(*names):
    return lambda answer: {name: value for name, value in answer.items() if name not in names}


def _read_token(payload):
    return {"status": "ok", **rest_names(payload["customerToken"])}


# The number of the recurrence in Odoo is none of GraphQL's.
_SUBSCRIPTION = Mutation(
    "subscription { subscriptionId state externalId startDate nextInvoiceDate endDate closeReason planCode billedUntil"
    " timeZone currency customer { externalId }"
    " lines { lineId productId name quantity unitPrice recurring effectiveFrom }"
    " attention { code message since } createdAt }",
    _read_subscription,
    _without("plan_id"),
)


def _read_counter(payload):
    record = rest_names(payload["usageRecord"])
    subscription = record.pop("subscription")
    record |= {
        "subscription_id": subscription["subscription_id"],
        "subscription_external_id": subscription["external_id"],
        "metric_code": record.pop("metric")["code"],
        "properties": {item["name"]: item["value"] for item in record["properties"]},
    }
    return {"status": "ok", **record}


# GraphQL's own ids take the place of the counter's number.
_COUNTER = Mutation(
    "usageRecord { subscription { subscriptionId externalId } metric { code } quantity periodStart periodEnd"
    " attributedAt properties { name value } idempotencyKey source voidedAt voidReason createdAt updatedAt }",
    _read_counter,
    _without("usage_id"),
)

_MOVE = (
    "{ invoiceId number state paymentState invoiceDate dueDate periodStart periodEnd currency amountUntaxed amountTax"
    " amountTotal amountDue voidReason creditReason creditedInvoice { invoiceId }"
    " subscription { subscriptionId externalId customer { externalId } }"
    " subscriptions(first: 10) { nodes { subscriptionId externalId } } createdAt }"
)


def _read_move(move):
    move = rest_names(move)
    subscription = move.pop("subscription")
    return {
        **move,
        "subscriptions": [
            {"subscription_id": each["subscription_id"], "subscription_external_id": each["external_id"]}
            for each in move["subscriptions"]["nodes"]
        ],
        "state": value_of("InvoiceState", move["state"]),
        "payment_state": value_of("PaymentState", move["payment_state"]),
        "amount_residual": move.pop("amount_due"),
        "subscription_id": subscription["subscription_id"],
        "subscription_external_id": subscription["external_id"],
        "external_customer_id": subscription["customer"]["external_id"],
    }


def _read_invoice(payload):
    move = _read_move(payload["invoice"])
    read = {"status": "ok", **move, "reason": move["void_reason"]}
    return _without("amount_due", "void_reason", "credit_reason", "credited_invoice")(read)


def _read_credit_note(payload):
    move = _read_move(payload["creditNote"])
    read = {
        "status": "ok",
        **move,
        "credit_note_id": move["invoice_id"],
        "invoice_id": move["credited_invoice"]["invoice_id"],
        "reason": move["credit_reason"],
    }
    return _without("amount_due", "void_reason", "credit_reason", "credited_invoice")(read)


def _read_preview(payload):
    preview = rest_names(payload["preview"])
    preview["type"] = "credit_note" if preview.pop("is_credit_note") else "invoice"
    for line in preview["lines"]:
        line["charge"], line["metric"] = line.pop("charge_name"), line.pop("metric_code")
        line["price_unit"] = line.pop("unit_price")
    return {"status": "ok", **preview}


def _read_payment(payload):
    payment = rest_names(payload["payment"])
    payment["saved_payment"]["payment_state"] = payment["saved_payment"].pop("state")
    return {"status": "ok", "invoice_id": payload["invoice"]["invoiceId"], **payment}


_PAYMENT = Mutation(
    "invoice { invoiceId } payment { reference state amount currency"
    " savedPayment { state attempts nextRetryAt lastError } }",
    _read_payment,
)

_PREVIEW = Mutation(
    "preview { isCreditNote invoiceDate periodStart periodEnd currency amountUntaxed amountTax amountTotal"
    " lines { description kind productId chargeName metricCode isAdjustment quantity unitPrice amountUntaxed"
    " amountTotal } }",
    _read_preview,
    _without("subscription_id", "subscription_external_id"),
)

_TOTALS = """query($subscriptionExternalId: String!, $metricCode: String, $from: DateTime, $to: DateTime,
    $groupBy: String, $limit: Int, $cursor: String) {
        usageTotalPage(subscriptionExternalId: $subscriptionExternalId, metricCode: $metricCode, from: $from, to: $to,
            groupBy: $groupBy, limit: $limit, cursor: $cursor) {
                nodes { windowStart windowEnd metricCode dimensions { name value } quantity rows } nextCursor } }"""


def _read_totals(data):
    page = data["usageTotalPage"]
    totals = rest_names(page["nodes"])
    for total in totals:
        total["from"], total["to"] = total.pop("window_start"), total.pop("window_end")
        total["properties"] = {item["name"]: item["value"] for item in total.pop("dimensions")}
    return {"status": "ok", "usage": totals, "next_cursor": page["nextCursor"]}


_PROOF = """query($from: DateTime!, $to: DateTime!) { billingProof(from: $from, to: $to) {
    windowStart windowEnd balanced counters unexplained findingsTotal
    lines { planCode metricCode periodStart periodEnd status reason dueOn counters quantity currency amount }
    findings { code message subscriptionId subscriptionExternalId ratingId invoiceLineId metricCode periodStart counters
        expected found } } }"""


def _read_proof(data):
    proof = rest_names(data["billingProof"])
    proof["from"], proof["to"] = proof.pop("window_start"), proof.pop("window_end")
    for line in proof["lines"]:
        line["status"] = value_of("ProofStatus", line["status"])
    return {"status": "ok", **proof}


_PRICES = """chargeModel includedQuota pricePerUnit unitBatch freeUnits rate fixedFee freeRows freeAmount rowMinimum
    rowMaximum tiers { upTo pricePerUnit flatFee rate } filters { name values } groupBy amountRounding"""
_CATALOG = f"""{{
    charges(first: 100) {{ nodes {{
        planCode name metric {{ code }} currency {_PRICES} effectiveFrom effectiveUntil
        upcoming {{ effectiveFrom {_PRICES} }} }} }}
    plans(first: 100) {{ nodes {{
        code name billingPeriodValue billingPeriodUnit price currency feeTiming proration trialDays graceDays
        minimumCommitment changeTiming }} }} }}"""


def _read_catalog(data):
    charges = [_numbers(rest_names(charge)) for charge in data["charges"]["nodes"]]
    for charge in charges:
        charge["metric"] = charge["metric"]["code"]
        charge["upcoming"] = [_numbers(prices) for prices in charge["upcoming"]]
        for prices in (charge, *charge["upcoming"]):
            prices["charge_model"] = value_of("ChargeModel", prices["charge_model"])
            prices["amount_rounding"] = value_of("AmountRounding", prices["amount_rounding"])
            prices["tiers"] = [_numbers(tier) for tier in prices["tiers"]]
            prices["filters"] = [{"property": item["name"], "values": item["values"]} for item in prices["filters"]]
    plans = [_numbers(rest_names(plan)) for plan in data["plans"]["nodes"]]
    for plan in plans:
        plan["billing_period_unit"] = value_of("PeriodUnit", plan["billing_period_unit"])
        plan["fee_timing"] = value_of("FeeTiming", plan["fee_timing"])
        plan["change_timing"] = value_of("ChangeTiming", plan["change_timing"])
        plan["proration"] = value_of("Proration", plan["proration"])
    return _in_order({"status": "ok", "charges": charges, "plans": plans})


def _shown_catalog(answer):
    """Leave out the number of the plan's recurrence in Odoo, which GraphQL does not show."""
    plans = [_without("plan_id")(plan) for plan in answer["plans"]]
    return _in_order({**answer, "plans": plans})


def _in_order(catalog):
    lists = {name: sorted(catalog[name], key=lambda item: sorted(map(str, item.items()))) for name in _LISTS}
    return {**catalog, **lists}


_LISTS = ("charges", "plans")
_NUMBERS = {
    *("included_quota", "price_per_unit", "unit_batch", "free_units", "rate", "fixed_fee", "free_amount"),
    *("row_minimum", "row_maximum", "up_to", "flat_fee", "price", "minimum_commitment"),
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
    "createCustomerToken": Mutation("customerToken { token expiresAt externalCustomerId }", _read_token),
    "recordUsage": Mutation(
        "accepted results { index status errors { field code message } warnings { code message } }", _read_results
    ),
    "createSubscription": _SUBSCRIPTION,
    "updateSubscription": _SUBSCRIPTION,
    "terminateSubscription": _SUBSCRIPTION,
    "voidUsage": _COUNTER,
    "amendUsage": _COUNTER,
    "queryUsage": Query(_TOTALS, _read_totals),
    "billingProof": Query(_PROOF, _read_proof),
    "previewInvoice": _PREVIEW,
    "retryPayment": _PAYMENT,
    # Their lines and taxes are read as types of their own.
    "voidInvoice": Mutation(f"invoice {_MOVE}", _read_invoice, _without("lines", "taxes")),
    "createCreditNote": Mutation(f"creditNote {_MOVE}", _read_credit_note, _without("lines", "taxes")),
    "catalog": Query(_CATALOG, _read_catalog, _shown_catalog),
}

#: Why an operation has no GraphQL side, by its name.
WITHOUT_GRAPHQL: dict[str, str] = {
    **dict.fromkeys(
        ("getCustomer", "getSubscription", "getInvoice", "getCreditNote"),
        "An object by its id or name: what is not there is null, as GraphQL clients expect.",
    ),
    **dict.fromkeys(
        ("listCustomers", "listSubscriptions", "listUsage", "listInvoices", "listCreditNotes"),
        "A connection, with Relay's pages and typed filters.",
    ),
    **dict.fromkeys(("listInvoiceRatings", "listRatingUsage"), "A connection of Invoice, and of Rating."),
    **dict.fromkeys(("getInvoicePdf", "getCreditNotePdf"), "The query invoicePdf, by the id of GraphQL."),
}

_TYPED = "The schema's types are checked before anything is executed, so no path leads to the value at fault."
#: Where a GraphQL client learns something else, and why: by operation, path and code of the first fault that REST
#: tells. Every row must be met by a case.
DIFFERENCES: dict[tuple[str, str, str], tuple[str, str]] = {
    ("upsertCustomer", "external_id", "missing"): ("invalid_variables", _TYPED),
    ("upsertCustomer", "external_id", "string_type"): ("invalid_variables", _TYPED),
    ("createCustomerToken", "expires_in", "int_parsing"): ("invalid_variables", _TYPED),
    ("createCustomerToken", "scopes", "unknown_field"): ("invalid_variables", _TYPED),
    ("recordUsage", "events", "missing"): ("invalid_variables", _TYPED),
    ("recordUsage", "events.1.subscription_external_id", "missing"): (
        "invalid_variables",
        "A counter that is malformed, not merely wrong, refuses its batch, whatever the error policy: the same types.",
    ),
    ("terminateSubscription", "end_date", "date_from_datetime_parsing"): ("invalid_variables", _TYPED),
    ("terminateSubscription", "reason", "literal_error"): ("invalid_variables", _TYPED),
    ("terminateSubscription", "cause", "unknown_field"): ("invalid_variables", _TYPED),
    ("terminateSubscription", "at", "literal_error"): ("invalid_variables", _TYPED),
    ("voidUsage", "metric_code", "unknown_field"): ("invalid_variables", _TYPED),
    ("amendUsage", "metric_code", "unknown_field"): ("invalid_variables", _TYPED),
    ("previewInvoice", "at", "literal_error"): ("invalid_variables", _TYPED),
    ("voidInvoice", "reason", "missing"): ("invalid_variables", _TYPED),
    ("retryPayment", "amount", "unknown_field"): ("invalid_variables", _TYPED),
    ("queryUsage", "subscription_external_id", "missing"): ("invalid_variables", _TYPED),
    ("billingProof", "to", "missing"): ("invalid_variables", _TYPED),
    ("billingProof", "plan_code", "unknown_field"): (
        "ignored",
        "GraphQL ignores variables that a document does not declare.",
    ),
    ("catalog", "page", "unknown_field"): ("ignored", "GraphQL ignores variables that a document does not declare."),
}
