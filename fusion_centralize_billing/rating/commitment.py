# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""A minimum that a customer has committed to spend in a billing period."""

from __future__ import annotations

from decimal import Decimal

from .errors import RatingError
from .money import ZERO, exact_arithmetic, to_decimal
from .result import Rated, RatedLine


def true_up(minimum: Decimal, billed: Decimal) -> Rated:
    """Return what is missing to the minimum, as a result that the ledger can keep like any other.

    Its ``amount`` is what is missing, never negative. The quantities are currency units: ``total``
    is the minimum, ``included`` the part of it that was billed, ``billable`` what is missing. The
    one line has the basis ``minimum``; there is none if nothing is missing.

    :param minimum: currency units; already prorated, if the period is.
    :param billed: currency units that the period's charges come to, each rounded as on the invoice.
    :raise RatingError: ``negative_amount``: credits of other periods do not belong into this sum.
        ``invalid_number`` or ``out_of_range``.
    """
    minimum, billed = to_decimal(minimum, ("minimum",)), to_decimal(billed, ("billed",))
    for name, amount in (("minimum", minimum), ("billed", billed)):
        if amount < 0:
            raise RatingError("negative_amount", f"{name} must not be negative.", (name,))
    with exact_arithmetic():
        missing = max(ZERO, minimum - billed)
        lines = (RatedLine(None, billed, minimum, ZERO, missing, "minimum"),) if missing else ()
        return Rated.from_lines(minimum, minimum - missing, lines)
