# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The operations of the API. A new one is a row here, a payload, an answer and a handler on the service.

Every transport serves this table; nothing else lists the operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from . import answers, invoice_payloads, list_payloads, payloads

PDF = "application/pdf"

#: Classes of operations, each with a rate limit of its own (limits/). Of costly ones few run at a time.
READ, WRITE, COSTLY = "read", "write", "costly"
_COSTS = {READ: 1, WRITE: 5}


@dataclass(frozen=True)
class Operation:
    """One operation.

    :param name: its name, also of its GraphQL field and JSON-RPC method
    :param handler: method of ``fusion.billing.service`` that takes and returns plain values
    :param scope: what a key must be allowed
    :param payload: what it accepts
    :param answer: what it answers
    :param verb: HTTP method of REST
    :param path: path of REST below the base
    :param status: HTTP status of success
    :param readonly: it writes nothing, so that a replica may serve it
    :param content_type: what REST answers; for anything but JSON, the bytes in the answer's ``content_base64``
    :param tells_secret: its answer has a secret, which is kept nowhere: it takes no idempotency key
    :param high_cost: what it costs in units of a plain read, if that is more than reads and writes do
    """

    name: str
    handler: str
    scope: str
    payload: type[payloads.Payload]
    answer: type[answers.Answer]
    verb: str
    path: str
    summary: str
    status: HTTPStatus = HTTPStatus.OK
    readonly: bool = False
    content_type: str = "application/json"
    high_cost: int = 0
    tells_secret: bool = False

    @property
    def takes_idempotency_key(self) -> bool:
        """Tell whether a key protects it from being done twice: it does something that lasts."""
        return self.scope.endswith(":write") and not self.tells_secret

    @property
    def cost_class(self) -> str:
        """Return READ, WRITE or COSTLY."""
        if self.high_cost:
            return COSTLY
        return WRITE if self.scope.endswith(":write") else READ

    @property
    def cost(self) -> int:
        """Return what it costs, without what its parameters add to it."""
        return self.high_cost or _COSTS[self.cost_class]


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        # === CUSTOMERS === #
        Operation(
            name="upsertCustomer",
            handler="_api_upsert_customer",
            scope="customers:write",
            payload=payloads.UpsertCustomer,
            answer=answers.UpsertedCustomer,
            verb="POST",
            path="/customers",
            summary="Create or change a customer.",
        ),
        Operation(
            name="getCustomer",
            handler="_api_get_customer",
            scope="customers:read",
            payload=list_payloads.GetCustomer,
            answer=answers.CustomerAnswer,
            verb="GET",
            path="/customers/<external_id>",
            summary="Read a customer.",
            readonly=True,
        ),
        Operation(
            name="listCustomers",
            handler="_api_list_customers",
            scope="customers:read",
            payload=list_payloads.ListCustomers,
            answer=answers.CustomerPage,
            verb="GET",
            path="/customers",
            summary="List the customers.",
            readonly=True,
        ),
        Operation(
            name="createCustomerToken",
            handler="_api_create_customer_token",
            scope="tokens:write",
            payload=payloads.CreateCustomerToken,
            answer=answers.CustomerTokenAnswer,
            verb="POST",
            path="/customers/<external_customer_id>/tokens",
            summary="Make a short-lived access token, with which a frontend reads one customer over GraphQL.",
            status=HTTPStatus.CREATED,
            tells_secret=True,
        ),
        # === USAGE === #
        Operation(
            name="recordUsage",
            handler="_api_record_usage",
            scope="usage:write",
            payload=payloads.RecordUsage,
            answer=answers.RecordedUsage,
            verb="POST",
            path="/usage",
            summary="Record a batch of usage counters.",
            status=HTTPStatus.ACCEPTED,
        ),
        Operation(
            name="queryUsage",
            handler="_api_query_usage",
            scope="usage:read",
            payload=list_payloads.QueryUsage,
            answer=answers.UsageTotals,
            verb="GET",
            path="/usage",
            summary="Aggregate the usage of a subscription.",
            high_cost=10,
            readonly=True,
        ),
        Operation(
            name="listUsage",
            handler="_api_list_usage",
            scope="usage:read",
            payload=list_payloads.ListUsage,
            answer=answers.UsagePage,
            verb="GET",
            path="/usage/events",
            summary="List the single usage counters.",
            readonly=True,
        ),
        Operation(
            name="voidUsage",
            handler="_api_void_usage",
            scope="usage:write",
            payload=payloads.VoidUsage,
            answer=answers.UsageAnswer,
            verb="POST",
            path="/usage/void",
            summary="Let a usage counter count no more.",
        ),
        Operation(
            name="amendUsage",
            handler="_api_amend_usage",
            scope="usage:write",
            payload=payloads.AmendUsage,
            answer=answers.UsageAnswer,
            verb="POST",
            path="/usage/amend",
            summary="Correct the quantity of a usage counter.",
        ),
        Operation(
            name="billingProof",
            handler="_api_billing_proof",
            scope="usage:read",
            payload=list_payloads.BillingProof,
            answer=answers.ProofAnswer,
            verb="GET",
            path="/proof",
            summary="Tell what has become of every counter of the service's own subscriptions.",
            high_cost=50,
            # Not readonly: it works on temporary tables, which a replica does not have.
        ),
        # === CATALOGUE === #
        Operation(
            name="catalog",
            handler="_api_catalog",
            scope="catalog:read",
            payload=payloads.Empty,
            answer=answers.Catalog,
            verb="GET",
            path="/plans",
            summary="List the plans and their charges.",
            readonly=True,
        ),
        # === SUBSCRIPTIONS === #
        Operation(
            name="createSubscription",
            handler="_api_create_subscription",
            scope="subscriptions:write",
            payload=payloads.CreateSubscription,
            answer=answers.SubscriptionAnswer,
            verb="POST",
            path="/subscriptions",
            summary="Open a subscription and start it.",
        ),
        Operation(
            name="getSubscription",
            handler="_api_get_subscription",
            scope="subscriptions:read",
            payload=list_payloads.GetSubscription,
            answer=answers.SubscriptionAnswer,
            verb="GET",
            path="/subscriptions/<subscription_external_id>",
            summary="Read a subscription.",
            readonly=True,
        ),
        Operation(
            name="listSubscriptions",
            handler="_api_list_subscriptions",
            scope="subscriptions:read",
            payload=list_payloads.ListSubscriptions,
            answer=answers.SubscriptionPage,
            verb="GET",
            path="/subscriptions",
            summary="List the subscriptions.",
            readonly=True,
        ),
        Operation(
            name="updateSubscription",
            handler="_api_update_subscription",
            scope="subscriptions:write",
            payload=payloads.UpdateSubscription,
            answer=answers.SubscriptionAnswer,
            verb="PATCH",
            path="/subscriptions/<subscription_external_id>",
            summary="Change the id, the planned end or, from a day on, the quantities of a subscription.",
        ),
        Operation(
            name="terminateSubscription",
            handler="_api_terminate_subscription",
            scope="subscriptions:write",
            payload=payloads.TerminateSubscription,
            answer=answers.SubscriptionAnswer,
            verb="POST",
            path="/subscriptions/<subscription_external_id>/terminate",
            summary="End a subscription.",
        ),
        Operation(
            name="previewInvoice",
            handler="_api_preview_invoice",
            scope="invoices:read",
            payload=payloads.PreviewInvoice,
            answer=answers.PreviewAnswer,
            verb="POST",
            path="/subscriptions/<subscription_external_id>/preview",
            summary="Show the invoice that a subscription would get; nothing of it is kept.",
            high_cost=20,
            # Not readonly: the invoice is made, and undone.
        ),
        # === INVOICES === #
        Operation(
            name="listInvoices",
            handler="_api_list_invoices",
            scope="invoices:read",
            payload=list_payloads.ListInvoices,
            answer=answers.InvoicePage,
            verb="GET",
            path="/invoices",
            summary="List the invoices; drafts, which may still change, are left out.",
            readonly=True,
        ),
        Operation(
            name="getInvoice",
            handler="_api_get_invoice",
            scope="invoices:read",
            payload=list_payloads.GetInvoice,
            answer=answers.InvoiceAnswer,
            verb="GET",
            path="/invoices/<invoice_id>",
            summary="Read an invoice with its lines and taxes.",
            readonly=True,
        ),
        Operation(
            name="getInvoicePdf",
            handler="_api_get_invoice_pdf",
            scope="invoices:read",
            payload=list_payloads.GetInvoice,
            answer=answers.PdfAnswer,
            verb="GET",
            path="/invoices/<invoice_id>/pdf",
            summary="Render an invoice as a PDF.",
            high_cost=20,
            content_type=PDF,  # not readonly: rendering may store bundles of style sheets
        ),
        Operation(
            name="voidInvoice",
            handler="_api_void_invoice",
            scope="invoices:write",
            payload=invoice_payloads.VoidInvoice,
            answer=answers.InvoiceAnswer,
            verb="POST",
            path="/invoices/<invoice_id>/void",
            summary="Reverse an invoice that nothing was paid of; its usage is billed anew.",
        ),
        Operation(
            name="retryPayment",
            handler="_api_retry_payment",
            scope="payments:write",
            payload=invoice_payloads.RetryPayment,
            answer=answers.PaymentAnswer,
            verb="POST",
            path="/invoices/<invoice_id>/retry_payment",
            summary="Begin to charge the customer's saved payment method with what is due of an invoice.",
            status=HTTPStatus.ACCEPTED,
        ),
        Operation(
            name="listInvoiceRatings",
            handler="_api_list_invoice_ratings",
            scope="invoices:read",
            payload=list_payloads.ListInvoiceRatings,
            answer=answers.RatingPage,
            verb="GET",
            path="/invoices/<invoice_id>/ratings",
            summary="List the ratings that an invoice bills.",
            readonly=True,
        ),
        Operation(
            name="listRatingUsage",
            handler="_api_list_rating_usage",
            scope="usage:read",
            payload=list_payloads.ListRatingUsage,
            answer=answers.RatedUsagePage,
            verb="GET",
            path="/ratings/<rating_id>/usage",
            summary="List the usage counters behind a rating, as they were when it was rated.",
            readonly=True,
        ),
        # === CREDIT NOTES === #
        Operation(
            name="createCreditNote",
            handler="_api_create_credit_note",
            scope="invoices:write",
            payload=invoice_payloads.CreateCreditNote,
            answer=answers.CreditNoteAnswer,
            verb="POST",
            path="/credit_notes",
            summary="Credit an invoice, or parts of it; its usage is not billed again.",
        ),
        Operation(
            name="listCreditNotes",
            handler="_api_list_credit_notes",
            scope="invoices:read",
            payload=list_payloads.ListCreditNotes,
            answer=answers.CreditNotePage,
            verb="GET",
            path="/credit_notes",
            summary="List the credit notes; drafts, which may still change, are left out.",
            readonly=True,
        ),
        Operation(
            name="getCreditNote",
            handler="_api_get_credit_note",
            scope="invoices:read",
            payload=list_payloads.GetCreditNote,
            answer=answers.CreditNoteAnswer,
            verb="GET",
            path="/credit_notes/<credit_note_id>",
            summary="Read a credit note with its lines and taxes.",
            readonly=True,
        ),
        Operation(
            name="getCreditNotePdf",
            handler="_api_get_credit_note_pdf",
            scope="invoices:read",
            payload=list_payloads.GetCreditNote,
            answer=answers.PdfAnswer,
            verb="GET",
            path="/credit_notes/<credit_note_id>/pdf",
            summary="Render a credit note as a PDF.",
            high_cost=20,
            content_type=PDF,  # as getInvoicePdf
        ),
    )
}

#: What a key must be allowed to query (GraphQL), beside the scopes of the operations.
READ_SCOPES = ("catalog:read", "customers:read", "invoices:read", "subscriptions:read", "usage:read", "webhooks:read")

SCOPES = tuple(sorted({operation.scope for operation in OPERATIONS.values()} | set(READ_SCOPES)))
