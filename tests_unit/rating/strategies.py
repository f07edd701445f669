# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Random quantities, prices and tiers, and helpers that several test files share."""

from decimal import Decimal
from fractions import Fraction

import pytest
from fusion_rating import RatingError, Terms, Tier
from hypothesis import strategies as st


def D(text):
    return Decimal(text)


def decimals(max_digits=12, places=6, positive=False):
    """Non-negative decimals with up to so many digits before and after the point."""

    def scale(number, exponent):
        return Decimal(number).scaleb(-exponent)

    smallest = 1 if positive else 0
    return st.builds(scale, st.integers(smallest, 10**max_digits), st.integers(0, places))


quantities = decimals(max_digits=9, places=4)
prices = decimals(max_digits=6, places=6)
rates = decimals(max_digits=4, places=3)
quotas = decimals(max_digits=5, places=2)
batches = decimals(max_digits=5, places=2, positive=True)
rows = st.lists(decimals(max_digits=6, places=3), max_size=12)


@st.composite
def tiers(draw, price_name="price_per_unit", flat_fees=prices, max_tiers=5):
    """Contiguous tiers, the last one open."""
    bounds = sorted(draw(st.sets(decimals(max_digits=6, places=2, positive=True), max_size=max_tiers)))
    return tuple(Tier(up_to=up_to, flat_fee=draw(flat_fees), **{price_name: draw(prices)}) for up_to in [*bounds, None])


def tables(*rows):
    """Parametrize with (quantity, terms, expected amount, reason); the reason names the test."""
    return pytest.mark.parametrize(
        ("quantity", "terms", "expected"),
        [pytest.param(Decimal(q), terms, Decimal(e), id=reason) for q, terms, e, reason in rows],
    )


def rounded(*rows):
    """Parametrize with (quantity, terms, rounding of the currency, expected text, reason)."""
    return pytest.mark.parametrize(
        ("quantity", "terms", "rounding", "expected"),
        [pytest.param(Decimal(q), terms, Decimal(step), text, id=reason) for q, terms, step, text, reason in rows],
    )


def assert_amount(rated, expected):
    """Check the amount as a number, and that the lines explain exactly it."""
    assert rated.amount == expected
    assert_explained(rated)


def assert_explained(rated):
    """Check by fractions, which cannot round, that the parts add up."""
    subtotals = sum((Fraction(line.subtotal) for line in rated.lines), Fraction(0))
    assert Fraction(rated.amount) == subtotals
    assert Fraction(rated.included) + Fraction(rated.billable) == Fraction(rated.total)


def refused(code, path=None):
    """Expect a RatingError with this code and, if given, this path."""
    return _Refused(code, path)


class _Refused:
    def __init__(self, code, path):
        self.code, self.path = code, path
        self.raises = pytest.raises(RatingError)

    def __enter__(self):
        self.info = self.raises.__enter__()
        return self.info

    def __exit__(self, *error):
        caught = self.raises.__exit__(*error)
        assert self.info.value.code == self.code
        assert self.path is None or self.info.value.path == self.path
        assert str(self.info.value) == self.info.value.message != ""
        return caught


#: Terms that each model accepts, for tests about all models.
PLAIN_TERMS = {
    "standard": Terms(included_quota=D("10"), price_per_unit=D("0.3"), unit_batch=D("7")),
    "package": Terms(free_units=D("10"), price_per_unit=D("0.3"), unit_batch=D("7")),
    "graduated": Terms(tiers=(Tier(D("50"), D("2"), D("1")), Tier(None, D("1"), D("3")))),
    "volume": Terms(tiers=(Tier(D("50"), D("2"), D("1")), Tier(None, D("1"), D("3")))),
    "percentage": Terms(rate=D("1.5"), free_amount=D("10")),
    "graduated_percentage": Terms(tiers=(Tier(D("50"), rate=D("2"), flat_fee=D("1")), Tier(None, rate=D("1")))),
}
