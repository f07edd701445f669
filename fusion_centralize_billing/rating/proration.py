# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""A billing period that is only partly a customer's: a first or last one, or a change of plan."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from .errors import RatingError
from .money import ONE, divide_half_up, exact_arithmetic, to_decimal
from .terms import Terms

#: What a granted quantity is rounded to.
_GRANT_STEP = Decimal("0.000001")


def prorate_terms(terms: Terms, fraction: Fraction) -> Terms:
    """Return the terms for a part of a billing period.

    What is granted per billing period shrinks to the fraction, rounded half up: ``included_quota``,
    ``free_units`` and ``free_amount`` to 6 decimals, ``free_rows`` to whole rows, since a row is
    free or it is not.

    Everything else stays. Prices, rates and limits are for a unit or a row, and less usage comes
    with a shorter period by itself. The bounds of tiers and their flat fees belong to the quantity,
    too: they say what the 101st unit costs, not how many units a month brings. Shrunk bounds would
    charge other prices for the same quantity than those agreed, and a flat fee is the price of
    entering a tier, which happens wholly or not at all.

    :param fraction: the part of the whole billing period, from 0 to 1; at 1 the terms themselves
        are returned.
    :raise RatingError: ``invalid_fraction``.
    """
    _check_fraction(fraction)
    if fraction == 1:
        return terms
    return replace(
        terms,
        included_quota=_part(terms.included_quota, fraction, _GRANT_STEP),
        free_units=_part(terms.free_units, fraction, _GRANT_STEP),
        free_amount=_part(terms.free_amount, fraction, _GRANT_STEP),
        free_rows=int(_part(Decimal(terms.free_rows), fraction, ONE)),
    )


def prorate_amount(amount: Decimal, fraction: Fraction, rounding: Decimal) -> Decimal:
    """Return a part of an amount, reckoned exactly and rounded once, half up, to the currency.

    :param rounding: the currency's smallest step, as for :func:`round_half_up`.
    :raise RatingError: ``invalid_fraction``, ``invalid_rounding``, ``invalid_number`` or ``out_of_range``.
    """
    _check_fraction(fraction)
    return _part(to_decimal(amount, ("amount",)), fraction, rounding)


def _part(amount: Decimal, fraction: Fraction, rounding: Decimal) -> Decimal:
    with exact_arithmetic():
        return divide_half_up(amount * fraction.numerator, Decimal(fraction.denominator), rounding)


def _check_fraction(fraction: Fraction) -> None:
    # A float is refused: a third is no binary number, and the cent that this costs is hard to find.
    if not isinstance(fraction, Fraction) or not 0 <= fraction <= 1:
        raise RatingError("invalid_fraction", "The fraction must be a Fraction from 0 to 1.", ("fraction",))
