# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What mutations answer."""

import graphene

from . import answered, fields
from .listings import LISTINGS

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


class UsageWarning(graphene.ObjectType):
    """Why a counter that is recorded may never be billed."""

    code = graphene.String(required=True, description="A stable code to compare: unpriced_metric or far_future.")
    message = graphene.String(required=True, description="An explanation for people; it may change.")


class UsageResult(graphene.ObjectType):
    """What became of one counter of a batch."""

    index = graphene.Int(required=True, description="Its place in the batch, from 0.")
    status = graphene.Field(UsageStatus, required=True, description="What became of it.")
    errors = graphene.List(
        graphene.NonNull(UserError), required=True, description="Why it was rejected; empty otherwise."
    )
    warnings = graphene.List(
        graphene.NonNull(UsageWarning), required=True, description="Why it may never be billed, if it is recorded."
    )


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


class CustomerToken(graphene.ObjectType):
    """An access token of a customer: `Authorization: Bearer TOKEN`."""

    token = answered.text("token", "Its text, told this once.")
    expires_at = answered.instant("expires_at", "From then on it opens nothing.")
    external_customer_id = answered.text("external_customer_id", "The external id of the customer that it shows.")


class CreateCustomerTokenPayload(graphene.ObjectType):
    """The access token that was made."""

    customer_token = graphene.Field(CustomerToken, description="The token.")
    user_errors = _user_errors()


class SubscriptionPayload(graphene.ObjectType):
    """What became of a subscription."""

    subscription = graphene.Field(
        lambda: LISTINGS["Subscription"].object_type, description="The subscription as it is now."
    )
    user_errors = _user_errors()


class UsageRecordPayload(graphene.ObjectType):
    """What became of a counter."""

    usage_record = graphene.Field(lambda: LISTINGS["UsageRecord"].object_type, description="The counter as it is now.")
    user_errors = _user_errors()


class InvoicePayload(graphene.ObjectType):
    """What became of an invoice."""

    invoice = graphene.Field(lambda: LISTINGS["Invoice"].object_type, description="The invoice as it is now.")
    user_errors = _user_errors()


class SavedPayment(graphene.ObjectType):
    """How far the payment with the customer's saved payment method is."""

    state = answered.text("payment_state", "How far it is, such as scheduled or waiting_retry.")
    attempts = answered.integer("attempts", "How often the provider was called.")
    next_retry_at = answered.instant("next_retry_at", "When it is tried again.", required=False)
    last_error = answered.text("last_error", "Why the last attempt failed.", required=False)


class Payment(graphene.ObjectType):
    """A payment that was begun: a job takes the money, and webhooks tell how it ended."""

    reference = answered.text("reference", "Its reference at the payment provider.")
    state = answered.text("state", "Its state; draft until the job runs.")
    amount = answered.number("amount", "What is charged.")
    currency = answered.text("currency", "The currency of the amount, as ISO 4217 code.")
    saved_payment = graphene.Field(SavedPayment, required=True, description="How far the payment is.")

    @staticmethod
    def resolve_saved_payment(payment, _info):
        return payment["saved_payment"]


class RetryPaymentPayload(graphene.ObjectType):
    """What became of the wish to be paid."""

    invoice = graphene.Field(lambda: LISTINGS["Invoice"].object_type, description="The invoice.")
    payment = graphene.Field(Payment, description="The payment that was begun.")
    user_errors = _user_errors()


class CreditNotePayload(graphene.ObjectType):
    """What became of the wish to credit an invoice."""

    credit_note = graphene.Field(lambda: LISTINGS["Invoice"].object_type, description="The credit note, valid.")
    user_errors = _user_errors()


class InvoicePreviewLine(graphene.ObjectType):
    """A line of an invoice to come."""

    description = answered.text("description", "What is billed, for people.")
    kind = answered.text("kind", "usage, commitment or product.")
    product_id = answered.integer("product_id", "The product's number in Odoo.", required=False)
    charge_name = answered.text("charge", "The name of the charge, of usage.", required=False)
    metric_code = answered.text("metric", "The code of the metric, of usage.", required=False)
    is_adjustment = answered.boolean("is_adjustment", "Whether it bills the difference to an earlier invoice.")
    quantity = answered.number("quantity", "How many.")
    unit_price = answered.number("price_unit", "The price of one.")
    amount_untaxed = answered.number("amount_untaxed", "The amount without tax.")
    amount_total = answered.number("amount_total", "The amount with tax.")


class InvoicePreview(graphene.ObjectType):
    """The invoice that a subscription would get. Without lines there is nothing to bill."""

    is_credit_note = graphene.Boolean(
        required=True,
        description="Whether it would give money back.",
        resolver=lambda preview, _info: preview["type"] == "credit_note",
    )
    invoice_date = answered.day("invoice_date", "Its date.")
    period_start = answered.day("period_start", "The first day of its billing period.", required=False)
    period_end = answered.day("period_end", "The first day after that period.", required=False)
    currency = answered.text("currency", "The currency of the amounts, as ISO 4217 code.")
    lines = graphene.List(graphene.NonNull(InvoicePreviewLine), required=True, description="What would be billed.")
    amount_untaxed = answered.number("amount_untaxed", "The amount without tax.")
    amount_tax = answered.number("amount_tax", "The tax.")
    amount_total = answered.number("amount_total", "The amount with tax.")

    @staticmethod
    def resolve_lines(preview, _info):
        return preview["lines"]


class PreviewPayload(graphene.ObjectType):
    """The invoice that would be made; nothing of it is kept."""

    preview = graphene.Field(InvoicePreview, description="The invoice to come.")
    user_errors = _user_errors()
