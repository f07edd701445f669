# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What an invoice of a subscription bills, decided before anything is written."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class DueInvoice:
    """The oldest invoice of a subscription that is due and not made yet.

    :param day: its date
    :param period: the period [start, end) that it closes, with usage and one-off lines; None if it bills
        or credits nothing but fees in advance
    :param fee: the days [start, end) whose fee it bills in advance; None if it bills none
    :param ends_fees: whether the fees in advance end with it, so that unused days are credited
    """

    day: date
    period: tuple[date, date] | None
    fee: tuple[date, date] | None
    ends_fees: bool


@dataclass(frozen=True)
class RecurringCharge:
    """One invoice line of a recurring order line.

    :param start: first billed or credited day
    :param end: the day after the last one
    :param amount: before tax, rounded; of a credit, what is given back
    :param is_whole: billed with the order line's own quantity, price and discount, which give the amount
    :param days_shown: whether the line has to say how many days of which period it is about
    :param fee: fusion.subscription.fee that is billed or credited, empty in arrears
    """

    start: date
    end: date
    amount: Decimal
    is_whole: bool
    days_shown: bool
    fee: Any
    is_credit: bool = False
