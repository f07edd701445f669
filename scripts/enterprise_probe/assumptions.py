# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What billing assumes of Enterprise's subscriptions: public facts, each with what it means for us. Data only.

Whatever enterprise/fusion_subscription calls or extends of Enterprise has an entry here: a unit test compares them.
"""

from typing import NamedTuple

STATES = ("1_draft", "2_renewal", "3_progress", "4_paused", "5_renewed", "6_churn", "7_upsell")
#: What the manifests of our addons name in external_dependencies.
PACKAGES = (
    *("cryptography", "pydantic>=2.7,<3", "requests", "requests-hardened>=1.2,<2", "tzdata"),
    *("graphene>=3.4,<4", "graphql-core>=3.2,<3.3"),
)


class FieldFact(NamedTuple):
    """A field that we assume: ``facts`` are parts of what describe_field() returns."""

    model: str
    name: str
    type: str
    meaning: str
    facts: dict = {}


class MethodFact(NamedTuple):
    """A method that we assume, and the arguments that it is given; by their names if ``by_name`` is set."""

    model: str
    name: str
    call: tuple
    meaning: str
    by_name: bool = False


class NameFact(NamedTuple):
    """A name that is not documented: where it is looked for, by which pattern, and what we expect."""

    where: str
    pattern: str
    expected: str
    meaning: str


_BOUNDARY = "Each move of it is the end of a period. Computed: hooks must not rest on write() alone."
_ENDS = "The first day that is not covered follows from it; the parameter fusion_subscription.end_date_is_last_day."
FIELDS = (
    FieldFact("sale.order", "is_subscription", "boolean", "Tells subscriptions from other orders.", {"stored": True}),
    FieldFact(
        "sale.order", "plan_id", "many2one", "Length of periods.", {"stored": True, "of": "sale.subscription.plan"}
    ),
    FieldFact(
        "sale.order",
        "subscription_state",
        "selection",
        "3_progress and 4_paused run; 5_renewed and 6_churn are ended; 7_upsell is never rated.",
        {"stored": True, "values": STATES},
    ),
    FieldFact("sale.order", "start_date", "date", "First day of the first period.", {"stored": True}),
    FieldFact("sale.order", "next_invoice_date", "date", _BOUNDARY, {"stored": True, "readonly": False}),
    FieldFact("sale.order", "last_invoice_date", "date", "Not read by us."),
    FieldFact("sale.order", "end_date", "date", _ENDS, {"stored": True}),
    FieldFact(
        "sale.order",
        "subscription_id",
        "many2one",
        "A renewal takes over service, external id and boundary from the order that it names.",
        {"stored": True, "of": "sale.order"},
    ),
    FieldFact("sale.order", "origin_order_id", "many2one", "Not read by us.", {"of": "sale.order"}),
    FieldFact("sale.order", "close_reason_id", "many2one", "The reason of an end, given to set_close()."),
    FieldFact(
        "sale.order",
        "payment_token_id",
        "many2one",
        "Enterprise charges it itself: our automatic_payment is refused, so that nobody is charged twice.",
        {"of": "payment.token"},
    ),
    FieldFact("sale.order", "recurring_monthly", "monetary", "Must not contain usage: its lines do not recur."),
    FieldFact("sale.order.line", "recurring_invoice", "boolean", "Lines that are billed in every period."),
    FieldFact("sale.order.line", "parent_line_id", "many2one", "Not read by us."),
    FieldFact(
        "product.template",
        "recurring_invoice",
        "boolean",
        "The fee's product must have it, those of charges and commitments must not.",
        {"stored": True, "readonly": False},
    ),
    FieldFact("sale.subscription.plan", "name", "char", "Shown in the catalogue."),
    FieldFact("sale.subscription.plan", "billing_period_value", "integer", "Length of periods.", {"stored": True}),
    FieldFact(
        "sale.subscription.plan",
        "billing_period_unit",
        "selection",
        "Other units than these are not known to the arithmetic of periods.",
        {"stored": True, "values": ("week", "month", "year")},
    ),
    FieldFact("sale.subscription.plan", "billing_first_day", "boolean", "Shorter first periods: quotas are prorated."),
    FieldFact("sale.subscription.plan", "auto_close_limit", "integer", "Unpaid ones are closed: usage ends there."),
    FieldFact("sale.subscription.plan", "user_closable", "boolean", "Customers may end subscriptions themselves."),
    FieldFact("sale.subscription.plan", "invoice_mail_template_id", "many2one", "Mails of the run; not read by us."),
    FieldFact("sale.order.close.reason", "name", "char", "Reasons are found by name, or made.", {"stored": True}),
    FieldFact("account.move.line", "deferred_start_date", "date", "Taken from lines of usage: they are in arrears."),
    FieldFact("account.move.line", "deferred_end_date", "date", "Taken from lines of usage: they are in arrears."),
)
METHODS = (
    MethodFact("sale.order", "_create_recurring_invoice", (), "The recurring run: extended with any arguments."),
    MethodFact(
        "sale.order",
        "_get_invoiceable_lines",
        ("final",),
        "Asked by the run before it invoices: there the period that ends is rated.",
    ),
    MethodFact(
        "sale.order",
        "_invoice_is_considered_free",
        ("invoiceable_lines",),
        "A renewal without an invoice: rated usage must keep it from being free.",
    ),
    MethodFact(
        "sale.order",
        "_prepare_upsell_renew_order_values",
        ("subscription_state",),
        "What a renewal takes over; lines of usage are taken out.",
    ),
    MethodFact(
        "sale.order",
        "set_close",
        ("close_reason_id", "renew"),
        "Called to end a subscription over the API, so that reasons and MRR history are right.",
        by_name=True,
    ),
    MethodFact("sale.order", "_process_auto_invoice", ("invoice",), "Posts invoices of the run; not called by us."),
    MethodFact("sale.order", "_create_invoices", (), "Odoo's own: makes invoices, of the run as well."),
    MethodFact("sale.order.line", "_prepare_invoice_line", (), "Odoo's own: deferred dates are taken out of usage."),
    MethodFact("sale.order", "write", ("vals",), "A move of next_invoice_date is seen here, if it is written."),
)
NAMES = (
    NameFact("methods", r"renew", "prepare_renewal_order", "The button that makes the order of a renewal."),
    NameFact("methods", r"upsell", "prepare_upsell_order", "The button that makes an upsell."),
    NameFact("methods", r"reopen", "reopen_order", "Takes an end back: usage after it belongs to a period again."),
    NameFact("methods", r"pause", "pause_subscription", "We write the state 4_paused if nothing else is done there."),
    NameFact("methods", r"resume", "resume_subscription", "We write the state 3_progress."),
    NameFact("methods", r"close", "set_close", "Other ways to an end than set_close()."),
    NameFact("models", r"close.*reason", "sale.order.close.reason", "Model of the reasons."),
    NameFact("models", r"(sale|subscription).*\blog\b", "sale.order.log", "MRR log: usage must not be in it."),
    NameFact("models", r"subscription", "sale.subscription.plan", "There is no model sale.subscription."),
    NameFact("tokens", r"", "payment_token_id", "Other fields of sale.order that hold a saved card."),
    NameFact("settings", r"consolidat", "sale_subscription.invoice_consolidation", "One invoice of several orders."),
)
#: What is used by which functions of sale_subscription: the binding rests on these being asked.
USES = (
    ("_get_invoiceable_lines", "The run has to ask it: the period is rated there."),
    ("_invoice_is_considered_free", "The run has to ask it before it passes a boundary without an invoice."),
    ("next_invoice_date", "All functions that may move a boundary; those that write it are seen by write()."),
    ("set_close", "All that ends subscriptions."),
)
BY_HAND_STEPS = (
    (
        "Is end_date the last day, or the first day after?",
        "Set an end date of today on a running subscription, run the cron that closes expired ones, look at the state;"
        " the same with yesterday.",
        "If it is the last day, set the parameter fusion_subscription.end_date_is_last_day to True.",
    ),
    (
        "Does a renewal with nothing to invoice move next_invoice_date, and without an invoice?",
        "Confirm a subscription whose only line does not recur, run the recurring cron, look at next_invoice_date and"
        " for drafts.",
        "If it does not move, periods do not end and usage is not billed.",
    ),
    (
        "When does next_invoice_date move: when the invoice is made, or posted?",
        "Make the invoice of a due subscription by its button, look at the date, post it, look again.",
        "A period is closed when it moves.",
    ),
    (
        "Does a reopened subscription go on with its old next_invoice_date?",
        "Close one with a reason, reopen it, look at next_invoice_date and end_date.",
        "Usage from the end to the reopening belongs to the period that is open then.",
    ),
    (
        "Does a renewal begin on the next_invoice_date of the order before it?",
        "Renew, confirm the renewal, compare start_date and next_invoice_date of both orders.",
        "Else a gap or an overlap of periods.",
    ),
    (
        "Is the first period cut short where the plan aligns to the period start?",
        "Switch the setting on in a plan, confirm a subscription in the middle of a month, look at the first invoice.",
        "Quotas and commitments of that period are prorated as the plan says.",
    ),
    (
        "Is one invoice made of several subscriptions of a customer?",
        "Switch consolidated billing on, let two subscriptions of a customer be due on a day, run the recurring cron.",
        "The ledger's lines are found by order lines, not by the invoice.",
    ),
)
