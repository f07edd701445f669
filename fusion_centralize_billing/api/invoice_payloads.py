# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What the operations accept that change invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from .payloads import Payload, RecordId, Text, require_number

#: An amount without tax; the currency decides how many decimals it may have.
Amount = Annotated[
    Decimal, BeforeValidator(require_number), Field(gt=0, max_digits=20, decimal_places=6, allow_inf_nan=False)
]


class VoidInvoice(Payload):
    """The end of an invoice that nothing was paid of; its usage is billed anew, its fixed fee is not."""

    invoice_id: RecordId
    reason: Text


class RetryPayment(Payload):
    """Another attempt to take what is due of an invoice."""

    invoice_id: RecordId


class CreditLine(Payload):
    """What of an invoice line is credited: an amount without tax, its tax follows."""

    invoice_line_id: RecordId
    amount: Amount


class CreateCreditNote(Payload):
    """A credit note of an invoice: of ``lines``, or without them of all that is not credited yet."""

    invoice_id: RecordId
    reason: Text
    lines: Annotated[list[CreditLine], Field(min_length=1, max_length=100)] | None = None
