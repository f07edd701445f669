# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What the operations accept that read: one record by its name, or a page of a list."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from .payloads import Day, Moment, Payload, RecordId, Text

Limit = Annotated[int, Field(strict=True, ge=1, le=100)]
#: The most groups in one answer: what groups have in common is made by clients, who can make millions.
MAX_GROUPS = 1000
GroupLimit = Annotated[int, Field(strict=True, ge=1, le=MAX_GROUPS)]
Cursor = Annotated[str, Field(min_length=1, max_length=200)]

#: What stands before the name of a property by which queryUsage groups.
PROPERTY = "properties."
Grouping = Annotated[Text, Field(pattern=r"^(day|month|properties\..+)$", max_length=64 + len(PROPERTY))]


def _in_utc(value: datetime.date) -> datetime.datetime:
    """Return a time, or the midnight of a day in UTC where no subscription says whose midnight it is."""
    if isinstance(value, datetime.datetime):
        return value
    return datetime.datetime.combine(value, datetime.time(), datetime.timezone.utc)


UtcMoment = Annotated[Moment, AfterValidator(_in_utc)]

#: The longest window that billingProof looks at.
_LONGEST_PROOF = datetime.timedelta(days=400)

PAYMENT_STATES = ("not_paid", "in_payment", "paid", "partial", "reversed", "blocked", "invoicing_legacy")
SUBSCRIPTION_STATES = ("1_draft", "2_renewal", "3_progress", "4_paused", "5_renewed", "6_churn", "7_upsell")


class Page(Payload):
    """A page of a list, newest first. ``cursor`` is ``next_cursor`` of the page before it, for the same filters."""

    limit: Limit = 50
    cursor: Cursor | None = None


class GetCustomer(Payload):
    """A customer by its id in the source app."""

    external_id: Text


class ListCustomers(Page):
    """The customers of the service."""


class GetSubscription(Payload):
    """A subscription by its external id, or its number in Odoo as text."""

    subscription_external_id: Text


class ListSubscriptions(Page):
    """Subscriptions that the service can reach."""

    external_customer_id: Text | None = None
    plan_code: Text | None = None
    subscription_state: Literal[SUBSCRIPTION_STATES] | None = None


class QueryUsage(Payload):
    """Usage of a subscription, aggregated as its metrics say, between ``from`` and ``to`` (exclusive).

    Without them it is the billing period that is not invoiced yet. A day without a time begins at midnight in the
    subscription's time zone, in which ``group_by`` cuts it into days (``day``) or months (``month``); or by a
    property of the counters (``properties.region``). A counter belongs to its last instant. What has no usage is
    left out. Groups come in pages: ``cursor`` is ``next_cursor`` of the page before it, for the same question.
    """

    subscription_external_id: Text
    metric_code: Text | None = None
    from_: Moment | None = Field(default=None, alias="from")
    to: Moment | None = None
    group_by: Grouping | None = None
    limit: GroupLimit = MAX_GROUPS
    cursor: Cursor | None = None

    @model_validator(mode="after")
    def _check_window(self) -> QueryUsage:
        if (self.from_ is None) != (self.to is None):
            missing = "from" if self.from_ is None else "to"
            raise PydanticCustomError("missing", "Give both from and to, or neither.", {"field": missing})
        if self.from_ is not None and type(self.from_) is type(self.to) and self.to <= self.from_:
            raise PydanticCustomError("end_before_start", "to must lie after from.", {"field": "to"})
        return self


class ListUsage(Page):
    """The single counters that the service has recorded; ``from`` and ``to`` (exclusive) bound their last instant.

    A day without a time begins at midnight in the time zone of the subscription that is named, else of UTC.
    """

    subscription_external_id: Text | None = None
    metric_code: Text | None = None
    from_: Moment | None = Field(default=None, alias="from")
    to: Moment | None = None


class BillingProof(Payload):
    """The counters whose last instant lies between ``from`` and ``to`` (exclusive), at most 400 days.

    A day without a time begins at midnight in UTC: the subscriptions may have several time zones.
    """

    from_: UtcMoment = Field(alias="from")
    to: UtcMoment

    @model_validator(mode="after")
    def _check_window(self) -> BillingProof:
        if self.to <= self.from_:
            raise PydanticCustomError("end_before_start", "to must lie after from.", {"field": "to"})
        if self.to - self.from_ > _LONGEST_PROOF:
            raise PydanticCustomError("window_too_long", "A proof is of at most 400 days.", {"field": "to"})
        return self


class GetInvoice(Payload):
    """An invoice by the number that lists and webhooks give it as ``invoice_id``."""

    invoice_id: RecordId


class ListInvoices(Page):
    """Invoices of the service; ``from`` and ``to`` (exclusive) bound their date."""

    external_customer_id: Text | None = None
    subscription_external_id: Text | None = None
    state: Literal["posted", "cancel"] | None = None
    payment_state: Literal[PAYMENT_STATES] | None = None
    from_: Day | None = Field(default=None, alias="from")
    to: Day | None = None


class ListInvoiceRatings(Page):
    """The ratings that an invoice bills."""

    invoice_id: RecordId


class ListRatingUsage(Page):
    """The counters behind a rating, as they were when it was rated: they add up to what it bills."""

    rating_id: RecordId


class GetCreditNote(Payload):
    """A credit note by the number that lists give it as ``credit_note_id``."""

    credit_note_id: RecordId


class ListCreditNotes(Page):
    """Credit notes of the service; ``from`` and ``to`` (exclusive) bound their date."""

    external_customer_id: Text | None = None
    subscription_external_id: Text | None = None
    invoice_id: RecordId | None = None
    from_: Day | None = Field(default=None, alias="from")
    to: Day | None = None
