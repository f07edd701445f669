# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction

from fusion_rating import Terms, Tier, Usage, price
from hypothesis import given
from hypothesis import strategies as st

from ..strategies import D, assert_amount, quantities, quotas, tables, tiers

PLAIN = Terms(tiers=(Tier(100, "1.00"), Tier(1000, "0.50"), Tier(None, "0.10")))
FEES = Terms(tiers=(Tier(100, "1.00", 5), Tier(1000, "0.50", 7), Tier(None, "0.10", 9)))
QUOTA = Terms(included_quota=50, tiers=FEES.tiers)


@tables(
    ("0", PLAIN, "0", "no usage"),
    ("0.5", PLAIN, "0.50", "half a unit costs half"),
    ("99", PLAIN, "99", "one below the first bound"),
    ("100", PLAIN, "100", "exactly the first bound"),
    ("100.5", PLAIN, "50.25", "a fraction above reprices all units"),
    ("101", PLAIN, "50.50", "one above reprices all units"),
    ("999", PLAIN, "499.50", "one below the second bound"),
    ("1000", PLAIN, "500", "exactly the second bound"),
    ("1000.01", PLAIN, "100.001", "a fraction above the second bound"),
    ("1001", PLAIN, "100.10", "one above the second bound"),
    ("1e40", PLAIN, "1e39", "huge"),
    ("1e-20", PLAIN, "1e-20", "tiny"),
    ("0", FEES, "5", "the first flat fee is owed at zero"),
    ("100", FEES, "105", "at the bound the first tier holds"),
    ("101", FEES, "57.50", "only the flat fee of the tier that holds"),
    ("1001", FEES, "109.10", "not the fees of the tiers before"),
    ("50", QUOTA, "5", "within the quota only the first flat fee"),
    ("51", QUOTA, "6", "one above the quota"),
    ("150", QUOTA, "105", "the tier is found by what exceeds the quota"),
    ("151", QUOTA, "57.50", "one above quota and first bound"),
)
def test_volume_prices(quantity, terms, expected):
    assert_amount(price("volume", terms, Usage(quantity)), expected)


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
