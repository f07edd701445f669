# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from odoo.tools import SQL

from .. import fields
from ..filters import DateFilter, Filter, IdFilter, TextFilter
from ..links import one
from ..listings import Node, listed
from ..pages import Relation, children, connection

# Of an order that was renewed, the one that continues it.
_SUBSCRIPTIONS = Relation(
    lambda table: SQL(
        """
        %s IS NULL AND %s IN (
            WITH RECURSIVE life (id) AS (
                SELECT order_id FROM fusion_billing_invoice_subscription_rel WHERE move_id = parent.id
                 UNION
                SELECT later.id FROM life JOIN sale_order AS later ON later.x_fc_predecessor_id = life.id)
            SELECT id FROM life)
        """,
        SQL.identifier(table, "x_fc_successor_id"),
        SQL.identifier(table, "id"),
    )
)

InvoiceType = fields.enumeration(
    "InvoiceType",
    "Which way the money goes.",
    INVOICE=("out_invoice", "The customer owes it."),
    CREDIT_NOTE=("out_refund", "It is owed to the customer."),
)
InvoiceState = fields.enumeration(
    "InvoiceState",
    "Whether an invoice is valid.",
    DRAFT=("draft", "Not valid yet. Services do not see drafts."),
    POSTED=("posted", "Valid."),
    CANCELLED=("cancel", "Not valid any more."),
)
PaymentState = fields.enumeration(
    "PaymentState",
    "Whether an invoice was paid.",
    NOT_PAID=("not_paid", "Nothing was paid."),
    IN_PAYMENT=("in_payment", "A payment is on its way."),
    PAID=("paid", "Paid."),
    PARTIAL=("partial", "A part was paid."),
    REVERSED=("reversed", "Settled by a credit note."),
    BLOCKED=("blocked", "Put on hold."),
    LEGACY=("invoicing_legacy", "Settled before Odoo kept its payments."),
)


@listed(
    "account.move.line",
    domain=[
        ("display_type", "=", "product"),
        ("move_id.move_type", "in", ("out_invoice", "out_refund")),
        ("move_id.x_fc_subscription_ids", "!=", False),
    ],
    columns=(
        *("move_id", "x_fc_subscription_id", "name", "quantity", "price_unit", "discount"),
        *("price_subtotal", "price_total", "currency_id"),
    ),
    filters={"invoice_id": Filter(IdFilter, "move_id", "Its invoice.", target="Invoice")},
)
class InvoiceLine(graphene.ObjectType):
    """A line of an invoice: a fixed fee, or the rated usage of a charge with quantity 1."""

    class Meta:
        interfaces = (Node,)

    invoice_line_id = graphene.Int(required=True, description="Its number in Odoo, by which it is credited.")
    description = fields.text("name", "What is billed, for people.")
    quantity = fields.quantity("quantity", "How many.")
    unit_price = fields.quantity("price_unit", "The price of one, as it was agreed.")
    discount = fields.quantity("discount", "The discount in percent.")
    amount_untaxed = fields.money("price_subtotal", "The amount without tax.")
    amount_total = fields.money("price_total", "The amount with tax.")
    currency = fields.currency()
    invoice = one("Invoice", "move_id", "Its invoice.")
    subscription = one("Subscription", "x_fc_subscription_id", "Whose it is; null if it was added by hand.")
    ratings = connection("Rating", "What usage it bills.", children("invoice_line_id"))

    @staticmethod
    def resolve_invoice_line_id(record, _info):
        return record.id


@listed(
    "account.move",
    domain=[("move_type", "in", ("out_invoice", "out_refund")), ("x_fc_subscription_ids", "!=", False)],
    columns=(
        *("name", "move_type", "state", "payment_state", "invoice_date", "invoice_date_due", "currency_id"),
        *("amount_untaxed", "amount_tax", "amount_total", "amount_residual"),
        *("x_fc_subscription_id", "x_fc_service_id", "x_fc_period_start", "x_fc_period_end"),
        *("x_fc_void_reason", "x_fc_credit_reason", "reversed_entry_id"),
    ),
    orders={
        "INVOICE_DATE": ("invoice_date", "By date."),
        "DUE_DATE": ("invoice_date_due", "By due date."),
    },
    filters={
        "number": Filter(TextFilter, "name", "Its number."),
        "type": Filter(InvoiceType, "move_type", "Invoices or credit notes."),
        "state": Filter(InvoiceState, "state", "Its state."),
        "payment_state": Filter(PaymentState, "payment_state", "Whether it was paid."),
        "subscription_id": Filter(
            IdFilter, "x_fc_subscription_ids", "A subscription that it bills.", target="Subscription"
        ),
        "service_id": Filter(IdFilter, "x_fc_service_id", "Its service.", target="Service"),
        "invoice_date": Filter(DateFilter, "invoice_date", "Its date."),
        "due_date": Filter(DateFilter, "invoice_date_due", "Its due date."),
    },
)
class Invoice(graphene.ObjectType):
    """An invoice or credit note of a subscription, or of several of one customer and service."""

    class Meta:
        interfaces = (Node,)

    invoice_id = graphene.Int(required=True, description="Its number in Odoo, as webhooks give it.")
    number = fields.text("name", "Its number for people.")
    type = fields.choice(InvoiceType, "move_type", "Which way the money goes.")
    state = fields.choice(InvoiceState, "state", "Whether it is valid.")
    payment_state = fields.choice(PaymentState, "payment_state", "Whether it was paid.")
    invoice_date = fields.day("invoice_date", "Its date.")
    due_date = fields.day("invoice_date_due", "When it is to be paid.")
    period_start = fields.day(
        "x_fc_period_start", "The first day of the billed period; null if its subscriptions differ."
    )
    period_end = fields.day("x_fc_period_end", "The first day after the billed period.")
    amount_untaxed = fields.money("amount_untaxed", "The amount without tax.")
    amount_tax = fields.money("amount_tax", "The tax.")
    amount_total = fields.money("amount_total", "The amount with tax.")
    amount_due = fields.money("amount_residual", "What is still to be paid.")
    currency = fields.currency()
    void_reason = fields.text("x_fc_void_reason", "Why it is void; null if it is not.")
    credit_reason = fields.text("x_fc_credit_reason", "Why it credits an invoice; null if it does not.")
    credited_invoice = one("Invoice", "reversed_entry_id", "The invoice that it credits.")
    credit_notes = connection("Invoice", "The credit notes of it.", children("reversed_entry_id"))
    subscription = one("Subscription", "x_fc_subscription_id", "The only subscription that it bills; null if several.")
    subscriptions = connection("Subscription", "The subscriptions that it bills.", _SUBSCRIPTIONS)
    service = one("Service", "x_fc_service_id", "The source app of the subscription.")
    lines = connection("InvoiceLine", "What is billed.", children("move_id"))
    ratings = connection("Rating", "What usage it bills.", children("invoice_id"))
    created_at = fields.created_at()

    @staticmethod
    def resolve_invoice_id(record, _info):
        return record.id
