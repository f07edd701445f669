# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Round the amounts of a charge's groups: each for itself, or all of them as one sum."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal

from .errors import RatingError
from .money import ZERO, exact_arithmetic, round_half_up
from .result import Rated, RatedLine

#: ``line`` rounds each group; ``charge`` rounds the sum of all groups, once.
AMOUNT_ROUNDINGS = ("line", "charge")
#: Amounts below this many of the currency's steps are booked exactly: 10,000,000,000.00 dollars or 1,000,000,000,000
#: yen. Odoo's entries, in floats, were seen out of balance from 5e14 steps on; an invoice has many lines.
MAX_STEPS = Decimal(10) ** 12
#: Quantities below this are kept with their first six decimals, or close to it, in a float: all their whole units are.
MAX_QUANTITY = Decimal(10) ** 15


def round_groups(amounts: Mapping[str, Decimal], rounding: Decimal, rule: str = "line") -> dict[str, Decimal]:
    """Return the amounts of a charge's groups, each rounded half up to the currency.

    With the rule ``charge`` they add up to the rounded sum of the exact amounts: what the rounded lines
    lack, or have too much, goes on the largest line. No line changes its sign by that: what the largest
    one cannot give, the next one does. Equal lines come in the order of their keys.

    :param amounts: exact amounts by the key of their group, in currency units.
    :param rounding: the currency's smallest step, such as 0.01.
    :param rule: one of ``AMOUNT_ROUNDINGS``.
    :raise RatingError: ``unknown_rounding`` for another rule; as :func:`round_half_up`.
    """
    if rule not in AMOUNT_ROUNDINGS:
        raise RatingError("unknown_rounding", f"Unknown rounding of amounts: {rule}.", ("amount_rounding",))
    rounded = {key: round_half_up(amount, rounding) for key, amount in amounts.items()}
    if rule == "line":
        return rounded
    with exact_arithmetic():
        difference = round_half_up(sum(amounts.values(), ZERO), rounding) - sum(rounded.values(), ZERO)
        for key in sorted(amounts, key=lambda key: (-abs(amounts[key]), key)):
            before = rounded[key]
            after = before + difference
            # A line of nothing has no sign to keep: 40 lines of 0.004 need one that takes their 0.16.
            rounded[key] = after if before * after >= 0 else before - before
            difference = after - rounded[key]
            if not difference:
                break
    return rounded


def bill_groups(groups: Mapping[str, Rated], rounding: Decimal, rule: str = "line") -> dict[str, tuple[Rated, Decimal]]:
    """Return the results of a charge's groups with what is billed of each, as :func:`round_groups` has it.

    A result whose amount is not billed as it would be by itself gets one more line, with the basis ``rounding``.

    :raise RatingError: as :func:`round_groups`.
    """
    amounts = round_groups({key: rated.amount for key, rated in groups.items()}, rounding, rule)
    return {key: (_explain_rounding(rated, amounts[key], rounding), amounts[key]) for key, rated in groups.items()}


def _explain_rounding(rated: Rated, amount: Decimal, rounding: Decimal) -> Rated:
    if rated.rounded(rounding) == amount:
        return rated
    with exact_arithmetic():
        line = RatedLine(None, ZERO, ZERO, ZERO, amount - rated.amount, "rounding")
    return dataclasses.replace(rated, amount=amount, lines=(*rated.lines, line))


def check_range(rated: Rated, amount: Decimal, rounding: Decimal) -> None:
    """Refuse what cannot be put on an invoice, or shown beside it, without losing cents or units.

    :param amount: what is billed, rounded.
    :param rounding: the currency's smallest step.
    :raise RatingError: ``amount_out_of_range`` or ``quantity_out_of_range``.
    """
    if abs(amount) >= MAX_STEPS * rounding:
        most = format(MAX_STEPS * rounding, ",f")
        raise RatingError("amount_out_of_range", f"an amount of {amount:,f} is not below {most}", ("amount",))
    quantity = max(abs(rated.total), abs(rated.included), abs(rated.billable))
    if quantity >= MAX_QUANTITY:
        text = f"a quantity of {quantity:,f} is not below {MAX_QUANTITY:,f}"
        raise RatingError("quantity_out_of_range", text, ("total",))
