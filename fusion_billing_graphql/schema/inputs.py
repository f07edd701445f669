# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What mutations are given: the payloads of the API's operations."""

import graphene

from . import fields, scalars

ErrorPolicy = fields.enumeration(
    "ErrorPolicy",
    "What one bad counter of a batch does.",
    REJECT_EVERYTHING=("reject_everything", "Nothing is recorded."),
    REJECT_FAILED_ROWS=("reject_failed_rows", "The others are recorded."),
)
EndingTime = fields.enumeration(
    "EndingTime",
    "When a subscription ends, or is invoiced.",
    NOW=("now", "Today."),
    PERIOD_END=("period_end", "With the billing period that runs."),
)
CloseReason = fields.enumeration(
    "CloseReason",
    "Why a subscription ends.",
    CUSTOMER_REQUEST=("customer_request", "The customer has asked for it."),
    NOT_PAID=("not_paid", "Its invoices are not paid."),
    REPLACED=("replaced", "Another subscription takes its place."),
    MISUSE=("misuse", "It was misused."),
    OTHER=("other", "Another reason."),
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
    at = graphene.InputField(EndingTime, description="Names the day instead of endDate.")
    reason = graphene.InputField(CloseReason, description="Why; kept with the end.")


class LineChangeInput(graphene.InputObjectType):
    """The new quantity of a recurring line."""

    line_id = graphene.Int(required=True, description="The line, by its lineId.")
    quantity = scalars.Decimal(required=True, description="How many.")


class UpdateSubscriptionInput(graphene.InputObjectType):
    """What is to change of a subscription; what is left out stays."""

    subscription_external_id = graphene.String(
        required=True, description="The subscription's external id, or its number in Odoo as text."
    )
    external_id = graphene.String(description="Its new id in the source app.")
    end_date = scalars.Date(description="Its planned end, after today; null takes it back.")
    lines = graphene.List(graphene.NonNull(LineChangeInput), description="New quantities of recurring lines.")
    plan_code = graphene.String(description="The plan that it has; another one is refused.")
    effective_at = graphene.String(
        description="From when the lines hold: now, period_end, or a day that is not invoiced yet, such as 2026-05-01; "
        "by the rule of the plan if left out."
    )


class PreviewInvoiceInput(graphene.InputObjectType):
    """Which invoice is to be shown before it is made."""

    subscription_external_id = graphene.String(
        required=True, description="The subscription's external id, or its number in Odoo as text."
    )
    at = graphene.InputField(EndingTime, default_value=EndingTime["NOW"], description="When; NOW if left out.")


class VoidUsageInput(graphene.InputObjectType):
    """A counter that is to count no more."""

    idempotency_key = graphene.String(required=True, description="The key that the counter was recorded with.")
    reason = graphene.String(required=True, description="Why, for the history.")


class AmendUsageInput(graphene.InputObjectType):
    """A counter with a wrong quantity."""

    idempotency_key = graphene.String(required=True, description="The key that the counter was recorded with.")
    quantity = scalars.Decimal(required=True, description="The right quantity.")
    reason = graphene.String(required=True, description="Why, for the history.")


class VoidInvoiceInput(graphene.InputObjectType):
    """An invoice that nothing was paid of."""

    invoice_id = graphene.Int(required=True, description="Its invoiceId.")
    reason = graphene.String(required=True, description="Why, for the customer and the books.")


class RetryPaymentInput(graphene.InputObjectType):
    """An invoice that is to be paid with the customer's saved payment method."""

    invoice_id = graphene.Int(required=True, description="Its invoiceId.")


class CreditLineInput(graphene.InputObjectType):
    """What of an invoice line is credited."""

    invoice_line_id = graphene.Int(required=True, description="The line, by its invoiceLineId.")
    amount = scalars.Decimal(required=True, description="How much, without tax; the tax follows.")


class CreateCreditNoteInput(graphene.InputObjectType):
    """What of an invoice is credited."""

    invoice_id = graphene.Int(required=True, description="Its invoiceId.")
    reason = graphene.String(required=True, description="Why, for the customer and the books.")
    lines = graphene.List(
        graphene.NonNull(CreditLineInput), description="Parts of it; all that is not credited yet if left out."
    )
