# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from .. import answered, fields

ProofStatus = fields.enumeration(
    "ProofStatus",
    "What has become of counters.",
    INVOICED=("invoiced", "They are on an invoice line."),
    OPEN=("open", "They are in an open rating, or wait for one."),
    INCLUDED=("included", "The usage of their period costs nothing."),
    VOID=("void", "They do not count."),
    UNPRICED=("unpriced", "Nothing prices them; the reason tells why."),
    UNEXPLAINED=("unexplained", "None of these, which should not be."),
)


class ProofLine(graphene.ObjectType):
    """Counters of a plan, metric and billing period that share a status."""

    plan_code = answered.text("plan_code", "The code of their plan.", required=False)
    metric_code = answered.text(
        "metric_code", "The code of their metric; null for minimum commitments.", required=False
    )
    period_start = answered.day("period_start", "The first day of their billing period.", required=False)
    period_end = answered.day("period_end", "The first day after that period.", required=False)
    status = graphene.Field(
        ProofStatus,
        required=True,
        description="What has become of them.",
        resolver=lambda line, _info: line["status"],
    )
    reason = answered.text("reason", "Why, of open, unpriced and unexplained counters.", required=False)
    due_on = answered.day("due_on", "When what is open will be invoiced.", required=False)
    counters = answered.integer("counters", "How many they are.")
    quantity = answered.number("quantity", "Their sum.")
    currency = answered.text("currency", "The currency of the amount, as ISO 4217 code.")
    amount = answered.number("amount", "What is billed, or open, of the whole billing period.")


class ProofFinding(graphene.ObjectType):
    """Something that does not agree: a rating with its counters or price, an invoice line with the ledger."""

    code = answered.text("code", "A stable code to compare.")
    message = answered.text("message", "An explanation for people; it may change.")
    subscription_id = answered.integer("subscription_id", "The subscription's number in Odoo.", required=False)
    subscription_external_id = answered.text(
        "subscription_external_id", "The subscription's id in the source app.", required=False
    )
    rating_id = answered.integer("rating_id", "The rating's number in Odoo.", required=False)
    invoice_line_id = answered.integer("invoice_line_id", "The invoice line's number in Odoo.", required=False)
    metric_code = answered.text("metric_code", "The code of the metric.", required=False)
    period_start = answered.day("period_start", "The first day of the billing period.", required=False)
    counters = answered.integer("counters", "How many counters it is about; 0 if it is about none in particular.")
    expected = answered.text("expected", "What it should be.", required=False)
    found = answered.text("found", "What it is.", required=False)


class BillingProof(graphene.ObjectType):
    """What has become of every counter of a window of time."""

    window_start = answered.instant("from", "The start of the window.")
    window_end = answered.instant("to", "The first instant after the window.")
    balanced = answered.boolean("balanced", "Whether all counters are explained, and ledger and invoices agree.")
    counters = answered.integer("counters", "How many counters there are.")
    unexplained = answered.integer("unexplained", "How many of them are not explained.")
    lines = graphene.List(
        graphene.NonNull(ProofLine),
        required=True,
        description="All counters, by plan, metric, period and status.",
        resolver=lambda proof, _info: proof["lines"],
    )
    findings_total = answered.integer("findings_total", "How much does not agree.")
    findings = graphene.List(
        graphene.NonNull(ProofFinding),
        required=True,
        description="What does not agree, at most 100 of it.",
        resolver=lambda proof, _info: proof["findings"],
    )
