# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction

import pytest
from fusion_rating import Terms, Tier, Usage, check_terms, price, prorate_terms
from hypothesis import given
from hypothesis import strategies as st

from ..strategies import D, assert_amount, prices, quantities, quotas, refused, rounded, tables, tiers

# The example of Lago's documentation, by which 500 cost 205.
LAGO = Terms(
    tiers=(
        Tier(1000, rate=1, flat_fee=200),
        Tier(10000, rate=2, flat_fee=300),
        Tier(None, rate=3, flat_fee=400),
    )
)
QUOTA = Terms(included_quota=500, tiers=LAGO.tiers)
PLAIN = Terms(tiers=(Tier(1000, rate="2.5"), Tier(None, rate="1.25")))


RISING = Terms(tiers=(Tier(10, rate=10), Tier(20, rate=20), Tier(None, rate=100)))
ONLY_FEES = Terms(tiers=(Tier(10, flat_fee=3), Tier(None, flat_fee=4)))
FREE_FIRST = Terms(tiers=(Tier(100), Tier(None, rate="0.5")))
# 10 of 30 days: a quota of 33.333333; the bounds stay.
HUNDRED = Terms(included_quota=100, tiers=LAGO.tiers)
THIRD = prorate_terms(HUNDRED, Fraction(10, 30))
NO_PART = prorate_terms(HUNDRED, Fraction(0))

PRICES = (
    # 1 percent up to 1000, 2 percent up to 10000, 3 percent above, with fees of 200, 300 and 400.
    ("0", LAGO, "200", "the first flat fee is owed at zero"),
    ("0.01", LAGO, "200.0001", "a cent: 200 + 0.01 * 0.01"),
    ("1", LAGO, "200.01", "one: 200 + 1 * 0.01"),
    ("250", LAGO, "202.5", "a quarter of the first tier: 200 + 250 * 0.01"),
    ("500", LAGO, "205", "half of the first tier: 200 + 500 * 0.01"),
    ("999", LAGO, "209.99", "one below the first bound: 200 + 999 * 0.01"),
    ("999.99", LAGO, "209.9999", "a cent below the first bound: 200 + 999.99 * 0.01"),
    ("999.999999999999999999", LAGO, "209.99999999999999999999", "18 decimals below it: 210 - 1e-18 * 0.01"),
    ("1000", LAGO, "210", "exactly the first bound: 200 + 1000 * 0.01"),
    ("1000.000000000000000001", LAGO, "510.00000000000000000002", "18 decimals above it: 210 + 300 + 1e-18 * 0.02"),
    ("1000.01", LAGO, "510.0002", "a cent above the first bound: 210 + 300 + 0.01 * 0.02"),
    ("1000.5", LAGO, "510.01", "a fraction above the first bound: 210 + 300 + 0.5 * 0.02"),
    ("1001", LAGO, "510.02", "one above the first bound: 210 + 300 + 0.02"),
    ("2000", LAGO, "530", "in the second tier: 210 + 300 + 1000 * 0.02"),
    ("5500", LAGO, "600", "in the middle of the second tier: 210 + 300 + 4500 * 0.02"),
    ("9999", LAGO, "689.98", "one below the second bound: 510 + 8999 * 0.02"),
    ("9999.5", LAGO, "689.99", "a fraction below the second bound: 510 + 8999.5 * 0.02"),
    ("10000", LAGO, "690", "exactly the second bound: 510 + 9000 * 0.02"),
    ("10000.000000000000000001", LAGO, "1090.00000000000000000003", "18 decimals above: 690 + 400 + 1e-18 * 0.03"),
    ("10000.5", LAGO, "1090.015", "a fraction above the second bound: 690 + 400 + 0.5 * 0.03"),
    ("10001", LAGO, "1090.03", "one above the second bound: 690 + 400 + 0.03"),
    ("11000", LAGO, "1120", "in the open tier: 1090 + 1000 * 0.03"),
    ("100000", LAGO, "3790", "far in the open tier: 1090 + 90000 * 0.03"),
    ("1e12", LAGO, "30000000790", "a trillion: 1090 + (1e12 - 10000) * 0.03"),
    # The same above a quota of 500.
    ("0", QUOTA, "200", "no usage of the quota, but the first flat fee"),
    ("499", QUOTA, "200", "one below the quota"),
    ("500", QUOTA, "200", "within the quota only the first flat fee"),
    ("500.01", QUOTA, "200.0001", "a cent above the quota: 200 + 0.01 * 0.01"),
    ("501", QUOTA, "200.01", "one above the quota: 200 + 0.01"),
    ("1000", QUOTA, "205", "twice the quota: 200 + 500 * 0.01"),
    ("1499", QUOTA, "209.99", "one below quota and first bound: 200 + 999 * 0.01"),
    ("1500", QUOTA, "210", "the tiers begin where the quota ends: 200 + 1000 * 0.01"),
    ("1500.5", QUOTA, "510.01", "a fraction above quota and first bound: 210 + 300 + 0.5 * 0.02"),
    ("1501", QUOTA, "510.02", "one above quota and first bound: 210 + 300 + 0.02"),
    ("10499", QUOTA, "689.98", "one below quota and second bound: 510 + 8999 * 0.02"),
    ("10500", QUOTA, "690", "exactly quota and second bound: 510 + 9000 * 0.02"),
    ("10501", QUOTA, "1090.03", "one above quota and second bound: 690 + 400 + 0.03"),
    # 2.5 percent up to 1000, 1.25 percent above.
    ("0", PLAIN, "0", "no usage and no flat fee"),
    ("1e-18", PLAIN, "2.5e-20", "tiny: 1e-18 * 0.025"),
    ("0.01", PLAIN, "0.00025", "a cent without a fee: 0.01 * 0.025"),
    ("1", PLAIN, "0.025", "one without a fee: 1 * 0.025"),
    ("81.25", PLAIN, "2.03125", "a fraction: 81.25 * 0.025"),
    ("999", PLAIN, "24.975", "one below the bound: 999 * 0.025"),
    ("1000", PLAIN, "25", "exactly the bound: 1000 * 0.025"),
    ("1000.01", PLAIN, "25.000125", "a cent above the bound: 25 + 0.01 * 0.0125"),
    ("1001", PLAIN, "25.0125", "one above the bound: 25 + 0.0125"),
    ("1100", PLAIN, "26.25", "each slice at its rate: 25 + 100 * 0.0125"),
    ("2000", PLAIN, "37.5", "as much again at half the rate: 25 + 1000 * 0.0125"),
    ("1e40", PLAIN, "125000000000000000000000000000000000012.5", "40 digits: 25 + (1e40 - 1000) * 0.0125"),
    # A part of the period.
    ("33.333333", THIRD, "200", "exactly a third of the quota"),
    ("33.333334", THIRD, "200.00000001", "a fraction above a third of the quota: 200 + 0.000001 * 0.01"),
    ("1033.333333", THIRD, "210", "the first tier keeps its 1000: 200 + 1000 * 0.01"),
    ("1033.333334", THIRD, "510.00000002", "and a fraction more: 210 + 300 + 0.000001 * 0.02"),
    ("10033.333333", THIRD, "690", "the second tier keeps its 9000: 510 + 9000 * 0.02"),
    ("10033.333334", THIRD, "1090.00000003", "and a little more: 690 + 400 + 0.000001 * 0.03"),
    ("33.333333", NO_PART, "200.33333333", "no part of the period, no quota: 200 + 33.333333 * 0.01"),
    # Other tiers.
    ("10", RISING, "1", "rising rates, first bound: 10 * 0.1"),
    ("10.5", RISING, "1.1", "rising rates, a fraction more: 1 + 0.5 * 0.2"),
    ("20", RISING, "3", "rising rates, second bound: 1 + 10 * 0.2"),
    ("20.000001", RISING, "3.000001", "all of what lies above: 3 + 0.000001 * 1"),
    ("25", RISING, "8", "rising rates, open tier: 3 + 5 * 1"),
    ("0", ONLY_FEES, "3", "flat fees only: none used"),
    ("10", ONLY_FEES, "3", "flat fees only: at the bound"),
    ("10.01", ONLY_FEES, "7", "flat fees only: 3 + 4"),
    ("5000", ONLY_FEES, "7", "flat fees only, far above: 3 + 4"),
    ("100", FREE_FIRST, "0", "at the end of a free first tier"),
    ("101", FREE_FIRST, "0.005", "one above a free first tier: 1 * 0.005"),
    ("300", FREE_FIRST, "1", "well above a free first tier: 200 * 0.005"),
)


@tables(*PRICES)
def test_graduated_percentage_prices(quantity, terms, expected):
    assert_amount(price("graduated_percentage", terms, Usage(quantity)), expected)


THREE_HALVES = Terms(tiers=(Tier(1, rate="0.5"), Tier(2, rate="0.5"), Tier(None, rate="0.5")))


@rounded(
    ("1", THREE_HALVES, "0.01", "0.01", "CAD 0.005"),
    ("0.99", THREE_HALVES, "0.01", "0.00", "CAD 0.00495"),
    ("3", THREE_HALVES, "0.01", "0.02", "CAD 0.005 + 0.005 + 0.005, not 0.01 + 0.01 + 0.01"),
    ("5", THREE_HALVES, "0.01", "0.03", "CAD 0.025, where bankers round down"),
    ("20", PLAIN, "1", "1", "JPY 20 * 0.025 = 0.5"),
    ("19.99", PLAIN, "1", "0", "JPY 19.99 * 0.025 = 0.49975"),
    ("60", PLAIN, "1", "2", "JPY 60 * 0.025 = 1.5"),
    ("1040", PLAIN, "1", "26", "JPY 25 + 40 * 0.0125 = 25.5"),
    ("0.02", PLAIN, "0.001", "0.001", "KWD 0.02 * 0.025 = 0.0005"),
    ("0.019", PLAIN, "0.001", "0.000", "KWD 0.019 * 0.025 = 0.000475"),
    ("1000.04", PLAIN, "0.001", "25.001", "KWD 25 + 0.04 * 0.0125 = 25.0005"),
    ("1", PLAIN, "0.05", "0.05", "CHF cash 0.025"),
    ("0.99", PLAIN, "0.05", "0.00", "CHF cash 0.99 * 0.025 = 0.02475"),
    ("3", PLAIN, "0.05", "0.10", "CHF cash 3 * 0.025 = 0.075"),
)
def test_graduated_percentage_amounts_are_rounded_to_the_currency(quantity, terms, rounding, expected):
    assert str(price("graduated_percentage", terms, Usage(quantity)).rounded(rounding)) == expected


def test_the_lines_tell_each_entered_tier_and_its_rate():
    lines = price("graduated_percentage", LAGO, Usage(1100)).lines
    assert [(each.tier, each.units, each.price, each.flat_fee, each.subtotal) for each in lines] == [
        (1, 1000, 1, 200, 210),
        (2, 100, 2, 300, 302),
    ]
    assert {each.basis for each in lines} == {"percent"}
    assert (lines[1].above, lines[1].up_to) == (1000, 10000)


@given(quantities, quotas, prices)
def test_one_open_tier_costs_the_same_as_percentage(quantity, quota, rate):
    one = price("graduated_percentage", Terms(included_quota=quota, tiers=(Tier(None, rate=rate),)), Usage(quantity))
    other = price("percentage", Terms(included_quota=quota, rate=rate), Usage(quantity))
    assert (one.amount, one.billable) == (other.amount, other.billable)


@given(st.builds(Terms, included_quota=quotas, tiers=tiers("rate")), quantities)
def test_a_rate_is_a_hundredth_of_a_price_per_unit(terms, quantity):
    per_unit = tuple(Tier(each.up_to, each.rate, each.flat_fee) for each in terms.tiers)
    graduated = price("graduated", Terms(included_quota=terms.included_quota, tiers=per_unit), Usage(quantity))
    rated = price("graduated_percentage", terms, Usage(quantity))
    fees = sum((Fraction(line.flat_fee) for line in rated.lines), Fraction(0))
    assert Fraction(rated.amount) - fees == (Fraction(graduated.amount) - fees) / 100


def test_tiers_are_required():
    with refused("missing_tiers", ("tiers",)):
        check_terms("graduated_percentage", Terms())


def test_a_price_per_unit_in_a_tier_is_refused():
    with refused("unused_term", ("tiers", 0, "price_per_unit")):
        check_terms("graduated_percentage", Terms(tiers=(Tier(None, price_per_unit=1),)))


@pytest.mark.parametrize(
    ("name", "value"),
    [("price_per_unit", 1), ("unit_batch", 10), ("free_units", 1), ("rate", 1), ("fixed_fee", 1),
     ("free_rows", 1), ("free_amount", D("1")), ("row_minimum", 0), ("row_maximum", 0)],
)  # fmt: skip
def test_terms_of_other_models_are_refused(name, value):
    with refused("unused_term", (name,)):
        check_terms("graduated_percentage", Terms(tiers=PLAIN.tiers, **{name: value}))


def test_wrong_tiers_are_refused_when_saved_and_when_priced():
    wrong = Terms(tiers=(Tier(10, rate=1), Tier(5, rate=1), Tier(None, rate=1)))
    for call in (check_terms, lambda name, terms: price(name, terms, Usage(1))):
        with refused("tier_not_rising", ("tiers", 1, "up_to")):
            call("graduated_percentage", wrong)
