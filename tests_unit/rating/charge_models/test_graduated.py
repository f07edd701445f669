# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import itertools
from fractions import Fraction

import pytest
from fusion_rating import Terms, Tier, Usage, price
from hypothesis import given
from hypothesis import strategies as st

from ..strategies import D, assert_amount, quantities, quotas, tables, tiers

STEPS = (Tier(100, "1.00"), Tier(1000, "0.50"), Tier(None, "0.10"))
PLAIN = Terms(tiers=STEPS)
FEES = Terms(tiers=(Tier(100, "1.00", 5), Tier(1000, "0.50", 7), Tier(None, "0.10", 9)))
QUOTA = Terms(included_quota=50, tiers=FEES.tiers)


@tables(
    ("0", PLAIN, "0", "no usage"),
    ("0.5", PLAIN, "0.50", "half a unit costs half"),
    ("99", PLAIN, "99", "one below the first bound"),
    ("100", PLAIN, "100", "exactly the first bound"),
    ("100.5", PLAIN, "100.25", "a fraction above the first bound"),
    ("101", PLAIN, "100.50", "one above the first bound"),
    ("999", PLAIN, "549.50", "one below the second bound"),
    ("1000", PLAIN, "550", "exactly the second bound"),
    ("1000.01", PLAIN, "550.001", "a fraction above the second bound"),
    ("1001", PLAIN, "550.10", "one above the second bound"),
    ("1000000", PLAIN, "100450", "far in the open tier"),
    ("1e40", PLAIN, "1000000000000000000000000000000000000450", "40 digits"),
    ("1e-20", PLAIN, "1e-20", "tiny"),
    ("0", FEES, "5", "the first flat fee is owed at zero"),
    ("1", FEES, "6", "flat fee and one unit"),
    ("100", FEES, "105", "at the bound the second tier is not entered"),
    ("100.001", FEES, "112.0005", "a fraction above the bound enters the second tier"),
    ("101", FEES, "112.50", "one above the bound"),
    ("1000", FEES, "562", "at the second bound"),
    ("1001", FEES, "571.10", "all three flat fees"),
    ("50", QUOTA, "5", "within the quota only the first flat fee"),
    ("51", QUOTA, "6", "one above the quota"),
    ("150", QUOTA, "105", "the tiers begin where the quota ends"),
    ("150.5", QUOTA, "112.25", "a fraction above quota and first bound"),
    ("151", QUOTA, "112.50", "one above quota and first bound"),
    ("7", Terms(tiers=(Tier("2.5", 4), Tier(None, 2))), "19", "a bound may be a fraction"),
    ("7", Terms(tiers=(Tier(5, 0), Tier(None, 2))), "4", "a free first tier"),
)
def test_graduated_prices(quantity, terms, expected):
    assert_amount(price("graduated", terms, Usage(quantity)), expected)


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
