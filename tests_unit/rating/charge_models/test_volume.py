# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction

from fusion_rating import Terms, Tier, Usage, price, prorate_terms
from hypothesis import given
from hypothesis import strategies as st

from ..strategies import D, assert_amount, quantities, quotas, rounded, tables, tiers

PLAIN = Terms(tiers=(Tier(100, "1.00"), Tier(1000, "0.50"), Tier(None, "0.10")))
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
    # All at 1.00 up to 100, all at 0.50 up to 1000, all at 0.10 above.
    ("0", PLAIN, "0", "no usage"),
    ("1e-20", PLAIN, "1e-20", "tiny"),
    ("0.5", PLAIN, "0.50", "half a unit costs half"),
    ("1", PLAIN, "1", "the first unit"),
    ("50", PLAIN, "50", "in the first tier"),
    ("99", PLAIN, "99", "one below the first bound"),
    ("99.999999999999999999", PLAIN, "99.999999999999999999", "18 decimals below the first bound"),
    ("100", PLAIN, "100", "exactly the first bound"),
    ("100.000000000000000001", PLAIN, "50.0000000000000000005", "18 decimals above reprice all: 50 + 1e-18 * 0.5"),
    ("100.5", PLAIN, "50.25", "a fraction above reprices all units: 100.5 * 0.5"),
    ("101", PLAIN, "50.50", "one above reprices all units: 101 * 0.5"),
    ("200", PLAIN, "100", "twice the first bound costs the same again: 200 * 0.5"),
    ("550", PLAIN, "275", "in the second tier: 550 * 0.5"),
    ("999", PLAIN, "499.50", "one below the second bound: 999 * 0.5"),
    ("999.99", PLAIN, "499.995", "a fraction below the second bound: 999.99 * 0.5"),
    ("1000", PLAIN, "500", "exactly the second bound: 1000 * 0.5"),
    ("1000.000000000000000001", PLAIN, "100.0000000000000000001", "18 decimals above it: 100 + 1e-18 * 0.1"),
    ("1000.01", PLAIN, "100.001", "a fraction above the second bound: 1000.01 * 0.1"),
    ("1001", PLAIN, "100.10", "one above the second bound: 1001 * 0.1"),
    ("5000", PLAIN, "500", "as dear as the second bound again: 5000 * 0.1"),
    ("123456.789", PLAIN, "12345.6789", "a fraction in the open tier: 123456.789 * 0.1"),
    ("1e40", PLAIN, "1e39", "huge"),
    # The same with fees of 5, 7 and 9.
    ("0", FEES, "5", "the first flat fee is owed at zero"),
    ("0.000000000000000001", FEES, "5.000000000000000001", "flat fee and 18 decimals"),
    ("1", FEES, "6", "flat fee and one unit: 5 + 1"),
    ("99.99", FEES, "104.99", "a fraction below the bound: 5 + 99.99"),
    ("100", FEES, "105", "at the bound the first tier holds: 5 + 100"),
    ("100.000000000000000001", FEES, "57.0000000000000000005", "18 decimals change the fee: 7 + 50 + 1e-18 * 0.5"),
    ("100.5", FEES, "57.25", "a fraction changes the fee: 7 + 100.5 * 0.5"),
    ("101", FEES, "57.50", "only the flat fee of the tier that holds: 7 + 101 * 0.5"),
    ("500", FEES, "257", "in the second tier: 7 + 500 * 0.5"),
    ("999", FEES, "506.50", "one below the second bound: 7 + 999 * 0.5"),
    ("1000", FEES, "507", "at the second bound: 7 + 1000 * 0.5"),
    ("1000.01", FEES, "109.001", "a fraction above the second bound: 9 + 1000.01 * 0.1"),
    ("1001", FEES, "109.10", "not the fees of the tiers before: 9 + 1001 * 0.1"),
    ("2000", FEES, "209", "in the open tier: 9 + 2000 * 0.1"),
    # The same above a quota of 50.
    ("0", QUOTA, "5", "no usage of the quota, but the first flat fee"),
    ("49", QUOTA, "5", "one below the quota"),
    ("50", QUOTA, "5", "within the quota only the first flat fee"),
    ("50.5", QUOTA, "5.50", "a fraction above the quota: 5 + 0.5"),
    ("51", QUOTA, "6", "one above the quota: 5 + 1"),
    ("149", QUOTA, "104", "one below quota and first bound: 5 + 99"),
    ("150", QUOTA, "105", "the tier is found by what exceeds the quota: 5 + 100"),
    ("150.5", QUOTA, "57.25", "a fraction above quota and first bound: 7 + 100.5 * 0.5"),
    ("151", QUOTA, "57.50", "one above quota and first bound: 7 + 101 * 0.5"),
    ("1050", QUOTA, "507", "exactly quota and second bound: 7 + 1000 * 0.5"),
    ("1050.01", QUOTA, "109.001", "a fraction above quota and second bound: 9 + 1000.01 * 0.1"),
    ("1051", QUOTA, "109.10", "one above quota and second bound: 9 + 1001 * 0.1"),
    # A part of the period.
    ("33.333333", THIRD, "5", "exactly a third of the quota"),
    ("33.333334", THIRD, "5.000001", "a fraction above a third of the quota: 5 + 0.000001"),
    ("133.333333", THIRD, "105", "the first bound stays at 100: 5 + 100"),
    ("133.333334", THIRD, "57.0000005", "and a fraction more: 7 + 100.000001 * 0.5"),
    ("1033.333333", THIRD, "507", "the second bound stays at 1000: 7 + 1000 * 0.5"),
    ("1033.333334", THIRD, "109.0000001", "and a little more: 9 + 1000.000001 * 0.1"),
    ("33.333333", NO_PART, "38.333333", "no part of the period, no quota: 5 + 33.333333"),
    ("133.333333", NO_PART, "73.6666665", "no part of the period: 7 + 133.333333 * 0.5"),
    # Other tiers.
    ("2.4", FRACTION, "9.6", "below a bound that is a fraction: 2.4 * 4"),
    ("2.5", FRACTION, "10", "exactly a bound that is a fraction: 2.5 * 4"),
    ("2.6", FRACTION, "5.2", "above a bound that is a fraction: 2.6 * 2"),
    ("5", FREE_FIRST, "0", "at the end of a free first tier"),
    ("5.5", FREE_FIRST, "11", "above a free first tier nothing is free: 5.5 * 2"),
    ("7", FREE_FIRST, "14", "well above a free first tier: 7 * 2"),
    ("10", RISING, "1", "rising prices, first bound: 10 * 0.1"),
    ("10.5", RISING, "2.1", "rising prices, a fraction more: 10.5 * 0.2"),
    ("20", RISING, "4", "rising prices, second bound: 20 * 0.2"),
    ("20.5", RISING, "6.15", "rising prices, open tier: 20.5 * 0.3"),
    ("10", ONLY_FEES, "3", "flat fees only: at the first bound"),
    ("10.01", ONLY_FEES, "4", "flat fees only: the second one alone"),
    ("20", ONLY_FEES, "4", "flat fees only: at the second bound"),
    ("21", ONLY_FEES, "5", "flat fees only: the third one alone"),
    ("0.000000000000000002", FINE, "2e-18", "exactly the finest bound"),
    ("0.000000000000000003", FINE, "6e-18", "above the finest bound: 3e-18 * 2"),
    ("1500", Terms(price_per_unit="0.10", unit_batch=1000), "0.20", "without tiers begun batches: 2 * 0.10"),
    ("10.5", Terms(included_quota=10, price_per_unit=2), "1", "without tiers a price per unit: 0.5 * 2"),
)


@tables(*PRICES)
def test_volume_prices(quantity, terms, expected):
    assert_amount(price("volume", terms, Usage(quantity)), expected)


CENTS = Terms(tiers=(Tier(1, "0.005"), Tier(None, "0.0025")))
YEN = Terms(tiers=(Tier(10, "0.05"), Tier(None, "0.5")))
FILS = Terms(tiers=(Tier(10, "0.00005"), Tier(None, "0.0001")))
CENTIMES = Terms(tiers=(Tier(10, "0.0025"), Tier(None, "0.005")))


@rounded(
    ("1", CENTS, "0.01", "0.01", "CAD 0.005"),
    ("0.9", CENTS, "0.01", "0.00", "CAD 0.0045"),
    ("2", CENTS, "0.01", "0.01", "CAD 2 * 0.0025 = 0.005"),
    ("1.9", CENTS, "0.01", "0.00", "CAD 1.9 * 0.0025 = 0.00475"),
    ("10", CENTS, "0.01", "0.03", "CAD 10 * 0.0025 = 0.025, where bankers round down"),
    ("10", YEN, "1", "1", "JPY 0.5"),
    ("9.9", YEN, "1", "0", "JPY 0.495"),
    ("11", YEN, "1", "6", "JPY 11 * 0.5 = 5.5"),
    ("10.98", YEN, "1", "5", "JPY 10.98 * 0.5 = 5.49"),
    ("10", FILS, "0.001", "0.001", "KWD 0.0005"),
    ("9.9", FILS, "0.001", "0.000", "KWD 0.000495"),
    ("15", FILS, "0.001", "0.002", "KWD 15 * 0.0001 = 0.0015"),
    ("14.9", FILS, "0.001", "0.001", "KWD 14.9 * 0.0001 = 0.00149"),
    ("10", CENTIMES, "0.05", "0.05", "CHF cash 0.025"),
    ("9.9", CENTIMES, "0.05", "0.00", "CHF cash 0.02475"),
    ("15", CENTIMES, "0.05", "0.10", "CHF cash 15 * 0.005 = 0.075"),
    ("14.9", CENTIMES, "0.05", "0.05", "CHF cash 14.9 * 0.005 = 0.0745"),
)
def test_volume_amounts_are_rounded_to_the_currency(quantity, terms, rounding, expected):
    assert str(price("volume", terms, Usage(quantity)).rounded(rounding)) == expected


def test_there_is_one_line_with_all_units_and_the_bounds_of_its_tier():
    (line,) = price("volume", FEES, Usage(1000)).lines
    assert (line.tier, line.units, line.price, line.flat_fee, line.subtotal) == (2, 1000, D("0.5"), 7, 507)
    assert (line.above, line.up_to, line.basis) == (100, 1000, "unit")


def test_one_unit_more_can_cost_less_when_it_reaches_a_cheaper_tier():
    assert price("volume", PLAIN, Usage(101)).amount < price("volume", PLAIN, Usage(100)).amount


@given(tiers(), quantities, quantities)
def test_within_one_tier_more_usage_never_costs_less(some, one, other):
    less, more = (price("volume", Terms(tiers=some), Usage(each)) for each in sorted([one, other]))
    if less.lines[0].tier == more.lines[0].tier:
        assert less.amount <= more.amount


@given(st.builds(Terms, included_quota=quotas, tiers=tiers()), quantities)
def test_volume_agrees_with_exact_fractions(terms, quantity):
    billable = max(Fraction(0), Fraction(quantity) - Fraction(terms.included_quota))
    position = sum(1 for each in terms.tiers[:-1] if billable > Fraction(each.up_to))
    tier = terms.tiers[position]
    expected = billable * Fraction(tier.price_per_unit) + Fraction(tier.flat_fee)
    assert Fraction(price("volume", terms, Usage(quantity)).amount) == expected
