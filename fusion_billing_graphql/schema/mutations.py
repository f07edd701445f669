# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Mutations: the operations of the API's table, with errors of the request in the payload."""

import graphene
from graphene.utils.str_converters import to_camel_case

from odoo.addons.fusion_centralize_billing.api import errors
from odoo.addons.fusion_centralize_billing.api.execution import execute_apart

from . import fields, scalars
from .links import find
from .listings import LISTINGS

ErrorPolicy = fields.enumeration(
    "ErrorPolicy",
    "What one bad counter of a batch does.",
    REJECT_EVERYTHING=("reject_everything", "Nothing is recorded."),
    REJECT_FAILED_ROWS=("reject_failed_rows", "The others are recorded."),
)
UsageStatus = fields.enumeration(
    "UsageStatus",
    "What became of a counter.",
    ACCEPTED=("accepted", "It is new, and recorded."),
    UPDATED=("updated", "Its idempotency key was known; the counter has its values now."),
    DUPLICATE=("duplicate", "Its idempotency key was known, with the same values; nothing was written."),
    REJECTED=("rejected", "It was not recorded; see its errors."),
)


class UserError(graphene.ObjectType):
    """Why a request, or a part of it, was refused. Nothing of what was refused is kept."""

    field = graphene.List(
        graphene.NonNull(graphene.String),
        description="The way from the mutation's input to the value at fault; null if it is none in particular.",
    )
    code = graphene.String(required=True, description="A stable code to compare; those of the REST API.")
    message = graphene.String(required=True, description="An explanation for people; it may change.")


class UsageResult(graphene.ObjectType):
    """What became of one counter of a batch."""

    index = graphene.Int(required=True, description="Its place in the batch, from 0.")
    status = graphene.Field(UsageStatus, required=True, description="What became of it.")
    errors = graphene.List(
        graphene.NonNull(UserError), required=True, description="Why it was rejected; empty otherwise."
    )


class PropertyInput(graphene.InputObjectType):
    """A dimension of a counter."""

    name = graphene.String(required=True, description="Its name.")
    value = graphene.String(required=True, description="Its value.")


class UsageEventInput(graphene.InputObjectType):
    """A counter: what was used of a metric in a time. It belongs to the billing period of its last instant."""

    subscription_external_id = graphene.String(
        required=True, description="The subscription's external id, or its number in Odoo as text."
    )
    metric_code = graphene.String(required=True, description="The code of the metric.")
    quantity = scalars.Decimal(required=True, description="How much was used; from zero up.")
    period_start = scalars.DateTime(required=True, description="From when on it counts.")
    period_end = scalars.DateTime(required=True, description="Until when it counts (exclusive); may equal the start.")
    idempotency_key = graphene.String(
        description="Names the counter for ever: sent again, it replaces the values instead of counting twice."
    )
    properties = graphene.List(
        graphene.NonNull(PropertyInput), description="Dimensions, by which charges filter and group; at most 20."
    )


class RecordUsageInput(graphene.InputObjectType):
    """A batch of counters."""

    events = graphene.List(
        graphene.NonNull(UsageEventInput), required=True, description="The counters, from 1 to 5000."
    )
    error_policy = graphene.InputField(
        ErrorPolicy,
        default_value=ErrorPolicy["REJECT_EVERYTHING"],
        description="What one bad counter does; REJECT_EVERYTHING if left out.",
    )


class UpsertCustomerInput(graphene.InputObjectType):
    """A customer as the source app knows it."""

    external_id = graphene.String(required=True, description="Its id in the source app.")
    name = graphene.String(description="Its name.")
    email = graphene.String(description="Its e-mail, by which it is unified with customers of other services.")


class SubscriptionLineInput(graphene.InputObjectType):
    """A product that is billed with the subscription, beside what its plan brings."""

    product_id = graphene.Int(required=True, description="The product's number in Odoo.")
    quantity = scalars.Decimal(description="How many; 1 if left out.")


class CreateSubscriptionInput(graphene.InputObjectType):
    """A subscription of a customer: to a plan of the catalogue, or with a recurrence and lines of its own."""

    external_customer_id = graphene.String(required=True, description="The customer's external id.")
    external_id = graphene.String(description="The subscription's id in the source app; makes the request repeatable.")
    plan_code = graphene.String(description="The code of a plan of the catalogue.")
    plan_id = graphene.Int(description="The number of a recurrence in Odoo; not needed with a plan of the catalogue.")
    start_date = scalars.Date(description="Its first day; today if left out.")
    lines = graphene.List(graphene.NonNull(SubscriptionLineInput), description="Further products.")


class TerminateSubscriptionInput(graphene.InputObjectType):
    """The end of a subscription."""

    subscription_external_id = graphene.String(
        required=True, description="The subscription's external id, or its number in Odoo as text."
    )
    end_date = scalars.Date(description="The first day that it does not cover; today if left out.")


def _user_errors():
    return graphene.List(
        graphene.NonNull(UserError), required=True, description="Why it was refused; empty if it was done."
    )


class RecordUsagePayload(graphene.ObjectType):
    """What became of a batch of counters."""

    accepted = graphene.Int(required=True, description="How many are recorded now.")
    results = graphene.List(
        graphene.NonNull(UsageResult),
        required=True,
        description="What became of each counter, in their order; empty if the batch was refused.",
    )
    user_errors = _user_errors()


class UpsertCustomerPayload(graphene.ObjectType):
    """What became of a customer."""

    customer = graphene.Field(lambda: LISTINGS["Customer"].object_type, description="The customer as it is now.")
    user_errors = _user_errors()


class SubscriptionPayload(graphene.ObjectType):
    """What became of a subscription."""

    subscription = graphene.Field(
        lambda: LISTINGS["Subscription"].object_type, description="The subscription as it is now."
    )
    user_errors = _user_errors()


def _operation(payload, input_type, description):
    return graphene.Field(
        payload,
        input=graphene.Argument(input_type, required=True, description="What is asked for."),
        description=description,
    )


class Mutation(graphene.ObjectType):
    """What can be changed: the operations of the REST API, with an API key. Each is done wholly or not at all."""

    upsert_customer = _operation(UpsertCustomerPayload, UpsertCustomerInput, "Create or change a customer.")
    record_usage = _operation(RecordUsagePayload, RecordUsageInput, "Record a batch of usage counters.")
    create_subscription = _operation(SubscriptionPayload, CreateSubscriptionInput, "Open a subscription and start it.")
    terminate_subscription = _operation(SubscriptionPayload, TerminateSubscriptionInput, "End a subscription.")

    @staticmethod
    def resolve_upsert_customer(_root, info, input):
        answer, user_errors = _perform(info, "upsertCustomer", input)
        domain = answer and [("external_id", "=", answer["external_id"])]
        return {"customer": _found(info, "Customer", domain), "user_errors": user_errors}

    @staticmethod
    def resolve_record_usage(_root, info, input):
        answer, user_errors = _perform(info, "recordUsage", input, prepare=_with_properties)
        answer = answer or {"accepted": 0, "results": []}
        results = [{**result, "errors": _shown(result.get("errors", ()))} for result in answer["results"]]
        return {"accepted": answer["accepted"], "results": results, "user_errors": user_errors}

    @staticmethod
    def resolve_create_subscription(_root, info, input):
        return _change_subscription(info, "createSubscription", input)

    @staticmethod
    def resolve_terminate_subscription(_root, info, input):
        return _change_subscription(info, "terminateSubscription", input)


def _change_subscription(info, operation, input_):
    answer, user_errors = _perform(info, operation, input_)
    domain = answer and [("id", "=", answer["subscription_id"])]
    return {"subscription": _found(info, "Subscription", domain), "user_errors": user_errors}


def _perform(info, operation, input_, prepare=lambda payload: payload):
    """Run an operation and return ``(answer, user errors)``, one of which is empty.

    :param prepare: turns the input into the operation's payload, where they differ in more than names
    """
    info.context.forget()
    try:
        return execute_apart(info.context.key, operation, prepare(_plain(input_))), []
    except errors.BillingError as error:
        if isinstance(error, (errors.UnauthenticatedError, errors.ForbiddenError, errors.InternalError)):
            raise
        faults = [fault.as_dict() for fault in error.errors] or [
            {"path": "", "code": error.code, "message": error.message}
        ]
        return None, _shown(faults)


def _with_properties(payload):
    """Turn the properties of counters, a list of pairs here, into the object that they are in the API."""
    for index, event in enumerate(payload["events"]):
        pairs = event.get("properties")
        if pairs is None:
            continue
        event["properties"] = {pair["name"]: pair["value"] for pair in pairs}
        if len(event["properties"]) != len(pairs):
            raise errors.InvalidPayloadError(
                "A property is named twice.", code="duplicate_name", path=f"events.{index}.properties"
            )
    return payload


def _found(info, name, domain):
    return (domain and find(info.context.env, name, domain, limit=1)) or None


def _plain(value):
    """Return an input as the payloads take it: values of enumerations instead of their members, no nulls."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return getattr(value, "value", value)


def _shown(faults):
    """Return faults of the API with the names of this schema."""
    return [{**fault, "field": _names(fault["path"])} for fault in faults]


def _names(path):
    return [part if part.isdigit() else to_camel_case(part) for part in path.split(".")] if path else None
