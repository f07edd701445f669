# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import itertools
from fractions import Fraction

import pytest
from fusion_rating import Terms, Tier, Usage, price, prorate_terms
from hypothesis import given
from hypothesis import strategies as st

from ..strategies import D, assert_amount, quantities, quotas, rounded, tables, tiers

STEPS = (Tier(100, "1.00"), Tier(1000, "0.50"), Tier(None, "0.10"))
PLAIN = Terms(tiers=STEPS)
FEES = Terms(tiers=(Tier(100, "1.00", 5), Tier(1000, "0.50", 7), Tier(None, "0.10", 9)))
QUOTA = Terms(included_quota=50, tiers=FEES.tiers)


# A bound of two and a half.
FRACTION = Terms(tiers=(Tier("2.5", 4), Tier(None, 2)))
FREE_FIRST = Terms(tiers=(Tier(5, 0), Tier(None, 2)))
RISING = Terms(tiers=(Tier(10, "0.10"), Tier(20, "0.20"), Tier(None, "0.30")))
ONLY_FEES = Terms(tiers=(Tier(10, 0, 3), Tier(20, 0, 4), Tier(None, 0, 5)))
FINE = Terms(tiers=(Tier("0.000000000000000002", 1), Tier(None, 2)))
# 10 of 30 days: a quota of 33.333333; the bounds stay.
HUNDRED = Terms(included_quota=100, tiers=FEES.tiers)
THIRD = prorate_terms(HUNDRED, Fraction(10, 30))
NO_PART = prorate_terms(HUNDRED, Fraction(0))

PRICES = (
    # 100 at 1.00, 900 at 0.50, the rest at 0.10.
    ("0", PLAIN, "0", "no usage"),
    ("1e-20", PLAIN, "1e-20", "tiny"),
    ("0.5", PLAIN, "0.50", "half a unit costs half"),
    ("1", PLAIN, "1", "the first unit"),
    ("99", PLAIN, "99", "one below the first bound"),
    ("99.999999999999999999", PLAIN, "99.999999999999999999", "18 decimals below the first bound"),
    ("100", PLAIN, "100", "exactly the first bound"),
    ("100.000000000000000001", PLAIN, "100.0000000000000000005", "18 decimals above it: 100 + 1e-18 * 0.5"),
    ("100.5", PLAIN, "100.25", "a fraction above the first bound: 100 + 0.5 * 0.5"),
    ("101", PLAIN, "100.50", "one above the first bound: 100 + 0.5"),
    ("200", PLAIN, "150", "in the second tier: 100 + 100 * 0.5"),
    ("550", PLAIN, "325", "in the middle of the second tier: 100 + 450 * 0.5"),
    ("999", PLAIN, "549.50", "one below the second bound: 100 + 899 * 0.5"),
    ("999.99", PLAIN, "549.995", "a fraction below the second bound: 100 + 899.99 * 0.5"),
    ("1000", PLAIN, "550", "exactly the second bound: 100 + 900 * 0.5"),
    ("1000.000000000000000001", PLAIN, "550.0000000000000000001", "18 decimals above it: 550 + 1e-18 * 0.1"),
    ("1000.01", PLAIN, "550.001", "a fraction above the second bound: 550 + 0.01 * 0.1"),
    ("1001", PLAIN, "550.10", "one above the second bound: 550 + 0.1"),
    ("1100", PLAIN, "560", "in the open tier: 550 + 100 * 0.1"),
    ("123456.789", PLAIN, "12795.6789", "a fraction in the open tier: 550 + 122456.789 * 0.1"),
    ("1000000", PLAIN, "100450", "far in the open tier: 550 + 999000 * 0.1"),
    ("1e40", PLAIN, "1000000000000000000000000000000000000450", "40 digits: 550 - 1000 * 0.1 + 1e39"),
    # The same with fees of 5, 7 and 9.
    ("0", FEES, "5", "the first flat fee is owed at zero"),
    ("0.000000000000000001", FEES, "5.000000000000000001", "flat fee and 18 decimals"),
    ("1", FEES, "6", "flat fee and one unit: 5 + 1"),
    ("99.99", FEES, "104.99", "a fraction below the bound: 5 + 99.99"),
    ("100", FEES, "105", "at the bound the second tier is not entered: 5 + 100"),
    ("100.000000000000000001", FEES, "112.0000000000000000005", "18 decimals enter the second: 105 + 7 + 1e-18 * 0.5"),
    ("100.001", FEES, "112.0005", "a fraction above the bound enters the second tier: 105 + 7 + 0.001 * 0.5"),
    ("101", FEES, "112.50", "one above the bound: 105 + 7 + 0.5"),
    ("500", FEES, "312", "two flat fees: 105 + 7 + 400 * 0.5"),
    ("999.5", FEES, "561.75", "a fraction below the second bound: 105 + 7 + 899.5 * 0.5"),
    ("1000", FEES, "562", "at the second bound: 105 + 7 + 900 * 0.5"),
    ("1000.01", FEES, "571.001", "a fraction enters the open tier: 562 + 9 + 0.01 * 0.1"),
    ("1001", FEES, "571.10", "all three flat fees: 562 + 9 + 0.1"),
    ("2000", FEES, "671", "flat fees are owed once: 562 + 9 + 1000 * 0.1"),
    ("1e6", FEES, "100471", "far in the open tier with fees: 562 + 9 + 999000 * 0.1"),
    # The same above a quota of 50.
    ("0", QUOTA, "5", "no usage of the quota, but the first flat fee"),
    ("49", QUOTA, "5", "one below the quota"),
    ("50", QUOTA, "5", "within the quota only the first flat fee"),
    ("50.5", QUOTA, "5.50", "a fraction above the quota: 5 + 0.5"),
    ("51", QUOTA, "6", "one above the quota: 5 + 1"),
    ("149", QUOTA, "104", "one below quota and first bound: 5 + 99"),
    ("150", QUOTA, "105", "the tiers begin where the quota ends: 5 + 100"),
    ("150.5", QUOTA, "112.25", "a fraction above quota and first bound: 105 + 7 + 0.25"),
    ("151", QUOTA, "112.50", "one above quota and first bound: 105 + 7 + 0.5"),
    ("1049", QUOTA, "561.50", "one below quota and second bound: 105 + 7 + 899 * 0.5"),
    ("1050", QUOTA, "562", "exactly quota and second bound: 105 + 7 + 900 * 0.5"),
    ("1050.01", QUOTA, "571.001", "a fraction above quota and second bound: 562 + 9 + 0.001"),
    ("1051", QUOTA, "571.10", "one above quota and second bound: 562 + 9 + 0.1"),
    # A part of the period.
    ("33.333333", THIRD, "5", "exactly a third of the quota"),
    ("33.333334", THIRD, "5.000001", "a fraction above a third of the quota: 5 + 0.000001"),
    ("133.333333", THIRD, "105", "the first tier keeps its 100 units: 5 + 100"),
    ("133.333334", THIRD, "112.0000005", "and a fraction more: 105 + 7 + 0.000001 * 0.5"),
    ("1033.333333", THIRD, "562", "the second tier keeps its 900 units: 112 + 900 * 0.5"),
    ("1033.333334", THIRD, "571.0000001", "and a fraction more: 562 + 9 + 0.000001 * 0.1"),
    ("33.333333", NO_PART, "38.333333", "no part of the period, no quota: 5 + 33.333333"),
    ("133.333333", NO_PART, "128.6666665", "no part of the period: 105 + 7 + 33.333333 * 0.5"),
    # Other tiers.
    ("2.4", FRACTION, "9.6", "below a bound that is a fraction: 2.4 * 4"),
    ("2.5", FRACTION, "10", "exactly a bound that is a fraction: 2.5 * 4"),
    ("2.6", FRACTION, "10.2", "above a bound that is a fraction: 10 + 0.1 * 2"),
    ("7", FRACTION, "19", "a bound may be a fraction: 10 + 4.5 * 2"),
    ("5", FREE_FIRST, "0", "at the end of a free first tier"),
    ("5.5", FREE_FIRST, "1", "a fraction above a free first tier: 0.5 * 2"),
    ("7", FREE_FIRST, "4", "a free first tier: 2 * 2"),
    ("10", RISING, "1", "rising prices, first bound: 10 * 0.1"),
    ("15", RISING, "2", "rising prices: 1 + 5 * 0.2"),
    ("20", RISING, "3", "rising prices, second bound: 1 + 10 * 0.2"),
    ("25.5", RISING, "4.65", "rising prices, open tier: 1 + 2 + 5.5 * 0.3"),
    ("0", ONLY_FEES, "3", "flat fees only: none used"),
    ("10", ONLY_FEES, "3", "flat fees only: at the first bound"),
    ("10.01", ONLY_FEES, "7", "flat fees only: 3 + 4"),
    ("20", ONLY_FEES, "7", "flat fees only, at the second bound: 3 + 4"),
    ("21", ONLY_FEES, "12", "flat fees only: 3 + 4 + 5"),
    ("0.000000000000000001", FINE, "1e-18", "below the finest bound"),
    ("0.000000000000000002", FINE, "2e-18", "exactly the finest bound"),
    ("0.000000000000000003", FINE, "4e-18", "above the finest bound: 2e-18 + 1e-18 * 2"),
    ("1500", Terms(price_per_unit="0.10", unit_batch=1000), "0.20", "without tiers begun batches: 2 * 0.10"),
    ("10.5", Terms(included_quota=10, price_per_unit=2), "1", "without tiers a price per unit: 0.5 * 2"),
)


@tables(*PRICES)
def test_graduated_prices(quantity, terms, expected):
    assert_amount(price("graduated", terms, Usage(quantity)), expected)


THREE_HALVES = Terms(tiers=(Tier(1, "0.005"), Tier(2, "0.005"), Tier(None, "0.005")))
YEN = Terms(tiers=(Tier(10, "0.05"), Tier(None, "0.5")))
FILS = Terms(tiers=(Tier(10, "0.00005"), Tier(None, "0.001")))
CENTIMES = Terms(tiers=(Tier(10, "0.0025"), Tier(None, "0.05")))


@rounded(
    ("1", THREE_HALVES, "0.01", "0.01", "CAD 0.005"),
    ("0.9", THREE_HALVES, "0.01", "0.00", "CAD 0.0045"),
    ("3", THREE_HALVES, "0.01", "0.02", "CAD 0.005 + 0.005 + 0.005, not 0.01 + 0.01 + 0.01"),
    ("5", THREE_HALVES, "0.01", "0.03", "CAD 0.025, where bankers round down"),
    ("10", YEN, "1", "1", "JPY 0.5"),
    ("9.9", YEN, "1", "0", "JPY 0.495"),
    ("12", YEN, "1", "2", "JPY 0.5 + 1.0"),
    ("11.9", YEN, "1", "1", "JPY 0.5 + 0.95"),
    ("10", FILS, "0.001", "0.001", "KWD 0.0005"),
    ("9.9", FILS, "0.001", "0.000", "KWD 0.000495"),
    ("11", FILS, "0.001", "0.002", "KWD 0.0005 + 0.001"),
    ("10", CENTIMES, "0.05", "0.05", "CHF cash 0.025"),
    ("9.9", CENTIMES, "0.05", "0.00", "CHF cash 0.02475"),
    ("11", CENTIMES, "0.05", "0.10", "CHF cash 0.025 + 0.05"),
    ("10.9", CENTIMES, "0.05", "0.05", "CHF cash 0.025 + 0.045"),
)
def test_graduated_amounts_are_rounded_to_the_currency(quantity, terms, rounding, expected):
    assert str(price("graduated", terms, Usage(quantity)).rounded(rounding)) == expected


def test_the_lines_tell_each_entered_tier():
    lines = price("graduated", FEES, Usage(1200)).lines
    assert [(each.tier, each.units, each.price, each.flat_fee, each.subtotal) for each in lines] == [
        (1, 100, 1, 5, 105),
        (2, 900, D("0.5"), 7, 457),
        (3, 200, D("0.1"), 9, 29),
    ]
    assert [(each.above, each.up_to) for each in lines] == [(0, 100), (100, 1000), (1000, None)]
    assert {each.basis for each in lines} == {"unit"}


def test_at_zero_there_is_one_line_for_the_first_tier():
    (line,) = price("graduated", FEES, Usage(0)).lines
    assert (line.tier, line.units, line.subtotal) == (1, 0, 5)


def price_unit_by_unit(terms, quantity):
    """Walk the quantity in slices between all bounds, asking each slice's middle for its tier."""
    billable = max(Fraction(0), Fraction(quantity) - Fraction(terms.included_quota))
    bounds = [Fraction(each.up_to) for each in terms.tiers[:-1]]
    cuts = sorted({Fraction(0), billable, *(bound for bound in bounds if bound < billable)})
    amount = Fraction(terms.tiers[0].flat_fee)
    for low, high in itertools.pairwise(cuts):
        position = sum(1 for bound in bounds if (low + high) / 2 > bound)
        amount += (high - low) * Fraction(terms.tiers[position].price_per_unit)
        amount += Fraction(terms.tiers[position].flat_fee) if position else 0
    return amount


@given(st.builds(Terms, included_quota=quotas, tiers=tiers()), quantities)
def test_graduated_agrees_with_another_way_to_reckon_in_fractions(terms, quantity):
    rated = price("graduated", terms, Usage(quantity))
    assert Fraction(rated.amount) == price_unit_by_unit(terms, quantity)


@given(tiers(flat_fees=st.just(D("0"))), st.integers(1, 12))
def test_without_flat_fees_the_amount_does_not_jump_at_a_bound(some, places):
    terms, step = Terms(tiers=some), D("1").scaleb(-places)
    dearest = max(Fraction(each.price_per_unit) for each in some)
    for bound in (each.up_to for each in some[:-1]):
        before = Fraction(price("graduated", terms, Usage(max(D("0"), bound - step))).amount)
        after = Fraction(price("graduated", terms, Usage(bound + step)).amount)
        assert 0 <= after - before <= 2 * Fraction(step) * dearest


@pytest.mark.parametrize("quantity", ["0", "99.5", "100", "100.5", "5000"])
def test_a_bound_between_equal_prices_changes_nothing(quantity):
    split = Terms(tiers=(Tier(100, "0.3"), Tier(None, "0.3")))
    whole = Terms(tiers=(Tier(None, "0.3"),))
    usage = Usage(quantity)
    assert price("graduated", split, usage).amount == price("graduated", whole, usage).amount
