# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class Line:
    """Counters of one service, plan, metric and billing period that share a status, and what they come to.

    :param metric_id: None for minimum commitments, which have no counters
    :param start_on: the first day of the billing period; None if the counters lie in none
    :param end_on: the first day after it
    :param reason: why, of open and unpriced counters and those that are not explained
    :param due_on: when what is open will be billed
    :param amount: what the ledger has billed, or has open; in a currency
    """

    service_id: int | None
    plan_code: str | None
    metric_id: int | None
    start_on: datetime.date | None
    end_on: datetime.date | None
    status: str
    reason: str | None
    due_on: datetime.date | None
    currency_id: int | None
    counters: int = 0
    quantity: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class Finding:
    """Something that does not agree: a ledger row with its counters or its price, an invoice line with the ledger.

    :param code: stable, see ``_describe`` in billing_proof_finding.py
    :param expected: what it should be, and ``found`` what it is, as text
    """

    code: str
    subscription_id: int | None = None
    rating_id: int | None = None
    invoice_line_id: int | None = None
    metric_id: int | None = None
    start_on: datetime.date | None = None
    counters: int = 0
    expected: str | None = None
    found: str | None = None


@dataclass
class Outcome:
    """What a proof came to."""

    lines: list[Line] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def counters(self) -> int:
        return sum(line.counters for line in self.lines)

    @property
    def unexplained(self) -> int:
        return sum(line.counters for line in self.lines if line.status == "unexplained")

    @property
    def is_balanced(self) -> bool:
        """Tell whether every counter is explained, and ledger and invoices agree."""
        return not self.unexplained and not self.findings
