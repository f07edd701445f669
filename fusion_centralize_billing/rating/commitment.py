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

    A period may have given more than it took, by discounts above its fee. The minimum is what it costs
    in the end, so that is made up for as well: ``included`` is then below zero, and more than the
    minimum is missing. A minimum of zero is none: nothing is missing to it.

    :param minimum: currency units; already prorated, if the period is.
    :param billed: currency units that the period comes to, each charge rounded as on the invoice;
        negative if discounts exceed the rest. Credits of other periods do not belong into it.
    :raise RatingError: ``negative_amount`` for the minimum; ``invalid_number`` or ``out_of_range``.
    """
    minimum, billed = to_decimal(minimum, ("minimum",)), to_decimal(billed, ("billed",))
    if minimum < 0:
        raise RatingError("negative_amount", "minimum must not be negative.", ("minimum",))
    with exact_arithmetic():
        missing = max(ZERO, minimum - billed) if minimum else ZERO
        lines = (RatedLine(None, billed, minimum, ZERO, missing, "minimum"),) if missing else ()
        return Rated.from_lines(minimum, minimum - missing, lines)
