"""What happened: a table for people, one JSON object for programs."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from .proof import Proof


@dataclass(frozen=True)
class Invoice:
    number: str
    customer: str
    period_start: str
    period_end: str
    amount_untaxed: float
    amount_total: float
    currency: str
    state: str

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Invoice":
        """Make an invoice of what the back office read."""
        return cls(
            number=record["name"],
            customer=record["partner_id"][1],
            period_start=record["x_fc_period_start"],
            period_end=record["x_fc_period_end"],
            amount_untaxed=record["amount_untaxed"],
            amount_total=record["amount_total"],
            currency=record["currency_id"][1],
            state=record["state"],
        )


@dataclass
class Outcome:
    odoo_version: str
    queue_job_version: str
    customers: int = 0
    usage_accepted: int = 0
    counters_rest: int = 0
    counters_graphql: int = 0
    jobs_done: int = 0
    invoices: list[Invoice] = field(default_factory=list)
    invoices_paid: int = 0
    webhooks_sent: int = 0
    webhooks_verified: int = 0
    proof: Proof | None = None
    seconds: float = 0
    steps: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return one line with what a program wants to check; seconds per step are in the table only."""
        values = asdict(self)
        for name in ("customers", "invoices_paid", "steps"):
            del values[name]
        return json.dumps(values)

    def as_table(self) -> str:
        blocks = (_invoice_lines(self.invoices), _count_lines(self), _step_lines(self))
        return "\n".join(line for block in blocks for line in (*block, ""))


def _invoice_lines(invoices: list[Invoice]) -> list[str]:
    """Return one line per customer, and the sum."""
    lines = [f"{'customer':<28} {'invoices':>8}  {'periods':<23} {'untaxed':>14} {'total':>14}"]
    by_customer: dict[str, list[Invoice]] = {}
    for invoice in invoices:
        by_customer.setdefault(invoice.customer, []).append(invoice)
    lines += [_invoice_line(customer, of_customer) for customer, of_customer in by_customer.items()]
    return [*lines, _invoice_line("all", invoices)] if invoices else lines


def _invoice_line(name: str, invoices: list[Invoice]) -> str:
    start = min(invoice.period_start for invoice in invoices)
    end = max(invoice.period_end for invoice in invoices)
    untaxed = sum(invoice.amount_untaxed for invoice in invoices)
    total = sum(invoice.amount_total for invoice in invoices)
    return f"{name:<28} {len(invoices):>8}  {start}..{end:<11} {untaxed:>14,.2f} {total:>14,.2f}"


def _count_lines(outcome: Outcome) -> list[str]:
    posted = sum(invoice.state == "posted" for invoice in outcome.invoices)
    transports = f"{outcome.counters_rest:,} over REST, {outcome.counters_graphql:,} over GraphQL"
    currencies = ", ".join(sorted({invoice.currency for invoice in outcome.invoices}))
    return [
        f"Odoo {outcome.odoo_version}, queue_job {outcome.queue_job_version}",
        f"{'customers':<20} {outcome.customers:>8,}",
        f"{'usage accepted':<20} {outcome.usage_accepted:>8,}  {transports}",
        f"{'jobs done':<20} {outcome.jobs_done:>8,}",
        f"{'invoices':<20} {len(outcome.invoices):>8,}  {posted} posted, {outcome.invoices_paid} paid, in {currencies}",
        f"{'webhooks delivered':<20} {outcome.webhooks_sent:>8,}",
        f"{'webhooks verified':<20} {outcome.webhooks_verified:>8,}",
        *_proof_lines(outcome.proof),
    ]


def _proof_lines(proof: Proof | None) -> list[str]:
    if proof is None:
        return []
    statuses = ", ".join(f"{count:,} {status}" for status, count in proof.by_status.items())
    explained = proof.counters - proof.unexplained
    agreed = "ledger and invoices agree" if not proof.findings else f"{proof.findings:,} findings: see Billing / Proof"
    return [f"{'counters explained':<20} {explained:>8,}  of {proof.counters:,}: {statuses}; {agreed}"]


def _step_lines(outcome: Outcome) -> list[str]:
    steps = [f"{name:<40} {seconds:>8.1f}" for name, seconds in outcome.steps.items()]
    return [f"{'step':<40} {'seconds':>8}", *steps, f"{'all':<40} {outcome.seconds:>8.1f}"]
