# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Mutations: the operations of the API's table, with errors of the request in the payload."""

import graphene
from graphene.utils.str_converters import to_camel_case

from odoo.addons.fusion_centralize_billing.api import errors, refusals
from odoo.addons.fusion_centralize_billing.api.execution import execute_apart

from . import inputs, payloads
from .links import find, shown_id

_IDEMPOTENCY_KEY = """Names this mutation for at least a day: sent again with the same key and input, it is not done
again, but answered as the first time. At most 255 printable ASCII characters."""


#: What ends the whole request, whichever mutation raises it.
_WHOLE_REQUEST = (
    errors.UnauthenticatedError,
    errors.ForbiddenError,
    errors.InternalError,
    errors.DeadlineExceededError,
)


def _operation(payload, input_type, description, takes_key=True):
    key = {"idempotency_key": graphene.Argument(graphene.String, description=_IDEMPOTENCY_KEY)} if takes_key else {}
    return graphene.Field(
        payload,
        input=graphene.Argument(input_type, required=True, description="What is asked for."),
        description=description,
        **key,
    )


class Mutation(graphene.ObjectType):
    """What can be changed: the operations of the REST API, with an API key. Each is done wholly or not at all."""

    upsert_customer = _operation(
        payloads.UpsertCustomerPayload, inputs.UpsertCustomerInput, "Create or change a customer."
    )
    record_usage = _operation(payloads.RecordUsagePayload, inputs.RecordUsageInput, "Record a batch of usage counters.")
    void_usage = _operation(payloads.UsageRecordPayload, inputs.VoidUsageInput, "Let a usage counter count no more.")
    amend_usage = _operation(
        payloads.UsageRecordPayload, inputs.AmendUsageInput, "Correct the quantity of a usage counter."
    )
    create_subscription = _operation(
        payloads.SubscriptionPayload, inputs.CreateSubscriptionInput, "Open a subscription and start it."
    )
    update_subscription = _operation(
        payloads.SubscriptionPayload,
        inputs.UpdateSubscriptionInput,
        "Change the id, the planned end or the quantities of a subscription.",
    )
    terminate_subscription = _operation(
        payloads.SubscriptionPayload, inputs.TerminateSubscriptionInput, "End a subscription."
    )
    preview_invoice = _operation(
        payloads.PreviewPayload,
        inputs.PreviewInvoiceInput,
        "Show the invoice that a subscription would get; nothing of it is kept.",
        takes_key=False,
    )
    void_invoice = _operation(
        payloads.InvoicePayload,
        inputs.VoidInvoiceInput,
        "Reverse an invoice that nothing was paid of; its usage is billed anew.",
    )
    retry_payment = _operation(
        payloads.RetryPaymentPayload,
        inputs.RetryPaymentInput,
        "Begin to charge the customer's saved payment method with what is due of an invoice.",
    )
    create_credit_note = _operation(
        payloads.CreditNotePayload,
        inputs.CreateCreditNoteInput,
        "Credit an invoice, or parts of it; its usage is not billed again.",
    )

    @staticmethod
    def resolve_upsert_customer(_root, info, input, idempotency_key=None):
        answer, user_errors = _perform(info, "upsertCustomer", input, idempotency_key)
        domain = answer and [("external_id", "=", answer["external_id"])]
        return {"customer": _found(info, "Customer", domain), "user_errors": user_errors}

    @staticmethod
    def resolve_record_usage(_root, info, input, idempotency_key=None):
        answer, user_errors = _perform(info, "recordUsage", input, idempotency_key, prepare=_with_properties)
        answer = answer or {"accepted": 0, "results": []}
        results = [
            {"warnings": [], **result, "errors": _shown(result.get("errors", ()))} for result in answer["results"]
        ]
        return {"accepted": answer["accepted"], "results": results, "user_errors": user_errors}

    @staticmethod
    def resolve_void_usage(_root, info, input, idempotency_key=None):
        return _change(info, "voidUsage", input, idempotency_key, "usage_record", "UsageRecord", "usage_id")

    @staticmethod
    def resolve_amend_usage(_root, info, input, idempotency_key=None):
        return _change(info, "amendUsage", input, idempotency_key, "usage_record", "UsageRecord", "usage_id")

    @staticmethod
    def resolve_create_subscription(_root, info, input, idempotency_key=None):
        return _change_subscription(info, "createSubscription", input, idempotency_key)

    @staticmethod
    def resolve_update_subscription(_root, info, input, idempotency_key=None):
        # Null means something here, or is refused.
        nulls = {name: value for name, value in input.items() if value is None}
        return _change_subscription(info, "updateSubscription", input, idempotency_key, lambda plain: plain | nulls)

    @staticmethod
    def resolve_terminate_subscription(_root, info, input, idempotency_key=None):
        return _change_subscription(info, "terminateSubscription", input, idempotency_key)

    @staticmethod
    def resolve_preview_invoice(_root, info, input):
        preview, user_errors = _perform(info, "previewInvoice", input)
        return {"preview": preview, "user_errors": user_errors}

    @staticmethod
    def resolve_void_invoice(_root, info, input, idempotency_key=None):
        return _change(info, "voidInvoice", input, idempotency_key, "invoice", "Invoice", "invoice_id")

    @staticmethod
    def resolve_retry_payment(_root, info, input, idempotency_key=None):
        payment, user_errors = _perform(info, "retryPayment", input, idempotency_key)
        invoice = _found(info, "Invoice", payment and [("id", "=", payment["invoice_id"])])
        return {"invoice": invoice, "payment": payment, "user_errors": user_errors}

    @staticmethod
    def resolve_create_credit_note(_root, info, input, idempotency_key=None):
        return _change(info, "createCreditNote", input, idempotency_key, "credit_note", "Invoice", "credit_note_id")


def _change_subscription(info, operation, input_, idempotency_key, prepare=lambda payload: payload):
    names = ("subscription", "Subscription", "subscription_id")
    return _change(info, operation, input_, idempotency_key, *names, prepare=prepare)


def _change(info, operation, input_, idempotency_key, field, type_name, id_name, **options):
    """Run an operation that changes one record, and return it as the field of a payload.

    :param id_name: where the answer has the record's id
    """
    answer, user_errors = _perform(info, operation, input_, idempotency_key, **options)
    found = _found(info, type_name, answer and [("id", "=", shown_id(info.context.env, type_name, answer[id_name]))])
    return {field: found, "user_errors": user_errors}


def _perform(info, operation, input_, idempotency_key=None, prepare=lambda payload: payload):
    """Run an operation and return ``(answer, user errors)``, one of which is empty.

    :param prepare: turns the input into the operation's payload, where they differ in more than names
    """
    info.context.forget()
    try:
        return execute_apart(info.context.key, operation, prepare(_plain(input_)), idempotency_key), []
    except errors.BillingError as error:
        # What the caller may not do at all concerns the request; what it may not do with a record, the input.
        if isinstance(error, _WHOLE_REQUEST) and not error.errors:
            raise
        refusals.note(error.code, error.http_status, operation)
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
