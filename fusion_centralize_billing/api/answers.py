# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What each operation answers. The descriptions of the API are made of this; a test holds every answer against it.

Money and quantities are decimal text, days and instants ISO 8601 text in UTC; only the catalogue has numbers.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DecimalText = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$", examples=["1200.50"])]
DayText = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", examples=["2026-05-01"])]
InstantText = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", examples=["2026-05-01T00:00:00Z"])
]


class Part(BaseModel):
    """Base of what stands in answers."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(Part):
    """Base of all answers."""

    status: Literal["ok"]


class PageAnswer(Answer):
    """A page of a list; ``next_cursor`` is null on the last one."""

    next_cursor: str | None


class Fault(Part):
    """Why something was refused."""

    path: str
    code: str
    message: str


# === CUSTOMERS === #


class UpsertedCustomer(Answer):
    partner_id: int
    external_id: str


class CustomerPart(Part):
    """A customer, as this service named it last."""

    external_id: str
    name: str | None
    email: str | None
    partner_id: int
    created_at: InstantText


class CustomerAnswer(Answer, CustomerPart):
    pass


class CustomerPage(PageAnswer):
    customers: list[CustomerPart]


# === CATALOGUE === #


class TierPart(Part):
    up_to: float | None
    price_per_unit: float
    flat_fee: float
    rate: float


class FilterPart(Part):
    """A property that counters need, and the values of it that will do."""

    property: str
    values: list[str]


class TermsPart(Part):
    charge_model: str
    included_quota: float
    price_per_unit: float
    unit_batch: float
    free_units: float
    rate: float
    fixed_fee: float
    free_rows: int
    free_amount: float
    row_minimum: float | None
    row_maximum: float | None
    tiers: list[TierPart]
    filters: list[FilterPart]
    group_by: list[str]
    amount_rounding: Literal["line", "charge"]


class UpcomingTermsPart(TermsPart):
    """Prices of the billing periods that begin on a day to come, or later."""

    effective_from: DayText


class ChargePart(TermsPart):
    """A charge with the prices of the billing periods that begin today.

    If it does not price those, ``effective_from`` is the first day of the ones that get these prices; else null.
    """

    plan_code: str
    name: str
    metric: str
    currency: str
    effective_from: DayText | None
    effective_until: DayText | None
    upcoming: list[UpcomingTermsPart]


class PlanPart(Part):
    code: str
    name: str
    plan_id: int
    billing_period_value: int
    billing_period_unit: str
    price: float
    currency: str
    fee_timing: str
    proration: str
    trial_days: int
    grace_days: int
    change_timing: str
    minimum_commitment: float


class Catalog(Answer):
    charges: list[ChargePart]
    plans: list[PlanPart]


# === SUBSCRIPTIONS === #


class SubscriptionLinePart(Part):
    """A line of a subscription that is no usage; ``recurring`` ones are billed in each period.

    Quantity and price are those that were agreed last, for ``effective_from`` and later; null if always, or unknown.
    """

    line_id: int
    product_id: int
    name: str
    quantity: DecimalText
    unit_price: DecimalText
    recurring: bool
    effective_from: str | None


class AttentionPart(Part):
    """What keeps a subscription from being rated or invoiced, ``since`` when; it goes away when it is mended."""

    code: str
    message: str
    since: InstantText


class SubscriptionPart(Part):
    subscription_id: int
    external_id: str | None
    external_customer_id: str | None
    plan_code: str | None
    plan_id: int | None
    subscription_state: str
    start_date: DayText | None
    next_invoice_date: DayText | None
    end_date: DayText | None
    close_reason: str | None
    billed_until: DayText | None
    time_zone: str
    currency: str
    lines: list[SubscriptionLinePart]
    attention: list[AttentionPart]
    created_at: InstantText


class SubscriptionAnswer(Answer, SubscriptionPart):
    pass


class SubscriptionPage(PageAnswer):
    subscriptions: list[SubscriptionPart]


# === USAGE === #


class UsageWarning(Part):
    """Why a counter that is recorded may never be billed: ``unpriced_metric`` or ``far_future``."""

    code: str
    message: str


class UsageResult(Part):
    """What became of one counter of a batch; ``errors`` and ``warnings`` are left out where there are none."""

    index: int
    status: Literal["accepted", "updated", "duplicate", "rejected"]
    errors: list[Fault] = Field(default_factory=list)
    warnings: list[UsageWarning] = Field(default_factory=list)


class RecordedUsage(Answer):
    accepted: int
    results: list[UsageResult]


class UsageTotal(Part):
    """Usage of a metric in a window, added up as the metric says; ``rows`` is how many counters it is made of.

    ``properties`` are what the counters have in common, if they were grouped by a property.
    """

    from_: InstantText = Field(alias="from")
    to: InstantText
    metric_code: str
    properties: dict[str, str | None]
    quantity: DecimalText
    rows: int


class UsageTotals(Answer):
    usage: list[UsageTotal]
    next_cursor: str | None


class UsagePart(Part):
    """A counter; ``attributed_at`` decides its billing period. One with ``voided_at`` counts no more since then."""

    usage_id: int
    subscription_id: int
    subscription_external_id: str | None
    metric_code: str
    quantity: DecimalText
    period_start: InstantText
    period_end: InstantText
    attributed_at: InstantText
    properties: dict[str, str]
    idempotency_key: str | None
    source: str
    voided_at: InstantText | None
    void_reason: str | None
    created_at: InstantText
    updated_at: InstantText


class UsageAnswer(Answer, UsagePart):
    pass


class UsagePage(PageAnswer):
    usage: list[UsagePart]


class RatedUsagePart(UsagePart):
    """A counter as it was when it was rated, and what has become of it.

    ``quantity``, times and ``properties`` are those that were rated; ``current_quantity`` is what stands there now,
    null if the counter was deleted. ``correction`` and ``corrected_at`` tell of its last correction since, null if it
    is as it was. ``voided_at``, ``void_reason`` and ``updated_at`` tell of the present.
    """

    current_quantity: DecimalText | None
    correction: Literal["amended", "voided", "deleted"] | None
    corrected_at: InstantText | None


class RatedUsagePage(PageAnswer):
    usage: list[RatedUsagePart]


# === PROOF === #


class ProofLinePart(Part):
    """Counters of a plan, metric and billing period that share a status; ``quantity`` is their sum.

    ``invoiced``: on an invoice line. ``open``: in an open rating, or waiting for one; ``due_on`` tells when it will be
    invoiced. ``included``: the usage of the period costs nothing. ``void``. ``unpriced``: ``reason`` tells why.
    ``unexplained``: none of these, which should not be. ``amount`` is what is billed, or open, of the whole period,
    also where the window holds a part of it only. Minimum commitments have no metric and no counters.
    """

    plan_code: str | None
    metric_code: str | None
    period_start: DayText | None
    period_end: DayText | None
    status: Literal["invoiced", "open", "included", "void", "unpriced", "unexplained"]
    reason: str | None
    due_on: DayText | None
    counters: int
    quantity: DecimalText
    currency: str
    amount: DecimalText


class ProofFindingPart(Part):
    """Something that does not agree: a rating with its counters or price, an invoice line with the ledger."""

    code: str
    message: str
    subscription_id: int | None
    subscription_external_id: str | None
    rating_id: int | None
    invoice_line_id: int | None
    metric_code: str | None
    period_start: DayText | None
    counters: int
    expected: str | None
    found: str | None


class ProofAnswer(Answer):
    """What has become of every counter of a window. ``balanced``: all are explained, ledger and invoices agree.

    At most 100 findings are listed; ``findings_total`` counts them all.
    """

    from_: InstantText = Field(alias="from")
    to: InstantText
    balanced: bool
    counters: int
    unexplained: int
    lines: list[ProofLinePart]
    findings_total: int
    findings: list[ProofFindingPart]


# === INVOICES === #


class TaxPart(Part):
    """A tax of an invoice, summed over its lines."""

    name: str
    base: DecimalText
    amount: DecimalText


class InvoiceLinePart(Part):
    """A line of an invoice; usage names its charge and metric, and the ratings that made the amount."""

    invoice_line_id: int
    product_id: int | None
    description: str
    quantity: DecimalText
    unit_price: DecimalText
    discount: DecimalText
    subtotal: DecimalText
    total: DecimalText
    taxes: list[str]
    period_start: DayText | None
    period_end: DayText | None
    charge: str | None
    metric_code: str | None
    rating_ids: list[int]


class MovePart(Part):
    """What invoices and credit notes have in common."""

    number: str | None
    state: str
    payment_state: str
    invoice_date: DayText | None
    due_date: DayText | None
    period_start: DayText | None
    period_end: DayText | None
    currency: str
    amount_untaxed: DecimalText
    amount_tax: DecimalText
    amount_total: DecimalText
    amount_residual: DecimalText
    subscription_id: int
    subscription_external_id: str | None
    external_customer_id: str | None
    reason: str | None
    created_at: InstantText


class InvoicePart(MovePart):
    """An invoice; ``reason`` tells why it is void, null if it is not."""

    invoice_id: int


class Lines(Part):
    lines: list[InvoiceLinePart]
    taxes: list[TaxPart]


class PreviewLinePart(Part):
    """A line of an invoice to come; ``kind`` is ``usage``, ``commitment`` or ``product``."""

    description: str
    kind: str
    product_id: int | None
    charge: str | None
    metric: str | None
    is_adjustment: bool
    quantity: DecimalText
    price_unit: DecimalText
    amount_untaxed: DecimalText
    amount_total: DecimalText


class PreviewAnswer(Answer):
    """The invoice that would be made; nothing of it is kept. Without lines there is nothing to bill."""

    subscription_id: int
    subscription_external_id: str | None
    type: Literal["invoice", "credit_note"]
    invoice_date: DayText
    period_start: DayText | None
    period_end: DayText | None
    currency: str
    lines: list[PreviewLinePart]
    amount_untaxed: DecimalText
    amount_tax: DecimalText
    amount_total: DecimalText


class InvoiceAnswer(Answer, InvoicePart, Lines):
    pass


class InvoicePage(PageAnswer):
    invoices: list[InvoicePart]


class SavedPaymentPart(Part):
    """How far the payment with the customer's saved payment method is."""

    payment_state: str
    attempts: int
    next_retry_at: InstantText | None
    last_error: str | None


class PaymentAnswer(Answer):
    """A payment that was begun: a job takes the money, and webhooks tell how it ended."""

    invoice_id: int
    reference: str
    state: str
    amount: DecimalText
    currency: str
    saved_payment: SavedPaymentPart


class PdfAnswer(Answer):
    """A document; REST answers its bytes instead."""

    filename: str
    content_type: Literal["application/pdf"]
    content_base64: str


class CreditNotePart(MovePart):
    """A credit note; ``invoice_id`` is null if it credits no invoice in particular, such as late corrections."""

    credit_note_id: int
    invoice_id: int | None


class CreditNoteAnswer(Answer, CreditNotePart, Lines):
    pass


class CreditNotePage(PageAnswer):
    credit_notes: list[CreditNotePart]


# === RATINGS === #


class RatingPart(Part):
    """What a charge costs in a period, and what this row of the ledger bills of it.

    The period is the days from ``first_day`` to ``last_day`` in the subscription's time zone.

    A charge can price groups of counters apart: ``properties`` tell which. A row of ``kind`` ``commitment`` has no
    charge: it tops the period up to what was agreed as its minimum.
    """

    rating_id: int
    invoice_line_id: int | None
    kind: Literal["usage", "commitment"]
    charge: str | None
    metric_code: str | None
    properties: dict[str, str | None]
    period_start: InstantText
    period_end: InstantText
    first_day: DayText
    last_day: DayText
    sequence: int
    state: str
    is_adjustment: bool
    total_quantity: DecimalText
    included_quantity: DecimalText
    billable_quantity: DecimalText
    currency: str
    period_amount: DecimalText
    amount: DecimalText
    terms: dict[str, Any] | None
    breakdown: dict[str, Any] | None
    job_uuid: str | None
    rated_at: InstantText | None


class RatingPage(PageAnswer):
    ratings: list[RatingPart]
