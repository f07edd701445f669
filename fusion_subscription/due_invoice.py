# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What an invoice of a subscription bills, decided before anything is written."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class DueInvoice:
    """The oldest invoice of a subscription that is due and not made yet.

    :param day: its date
    :param period: the period [start, end) that it closes, with usage and one-off lines; None if it closes none
    :param fee: the days [start, end) whose fee it bills in advance; None if it bills none
    :param ends_fees: whether the fees in advance end with it, so that unused days are credited
    :param is_rest: whether it bills what is left of a subscription after its last period: one-off lines, and what
        a void invoice gave back
    """

    day: date
    period: tuple[date, date] | None
    fee: tuple[date, date] | None
    ends_fees: bool
    is_rest: bool = False
