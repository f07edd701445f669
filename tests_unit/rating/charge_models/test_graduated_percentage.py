# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction

import pytest
from fusion_rating import Terms, Tier, Usage, check_terms, price
from hypothesis import given
from hypothesis import strategies as st

from ..strategies import D, assert_amount, prices, quantities, quotas, refused, tables, tiers

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


@tables(
    ("0", LAGO, "200", "the first flat fee is owed at zero"),
    ("500", LAGO, "205", "half of the first tier"),
    ("999", LAGO, "209.99", "one below the first bound"),
    ("1000", LAGO, "210", "exactly the first bound"),
    ("1000.5", LAGO, "510.01", "a fraction above the first bound"),
    ("1001", LAGO, "510.02", "one above the first bound"),
    ("9999", LAGO, "689.98", "one below the second bound"),
    ("10000", LAGO, "690", "exactly the second bound"),
    ("10001", LAGO, "1090.03", "one above the second bound"),
    ("500", QUOTA, "200", "within the quota only the first flat fee"),
    ("501", QUOTA, "200.01", "one above the quota"),
    ("1500", QUOTA, "210", "the tiers begin where the quota ends"),
    ("1501", QUOTA, "510.02", "one above quota and first bound"),
    ("0", PLAIN, "0", "no usage and no flat fee"),
    ("0.01", PLAIN, "0.00025", "a cent"),
    ("1000", PLAIN, "25", "exactly the bound"),
    ("1100", PLAIN, "26.25", "each slice at its rate"),
    ("1e40", PLAIN, "125000000000000000000000000000000000012.5", "40 digits"),
)
def test_graduated_percentage_prices(quantity, terms, expected):
    assert_amount(price("graduated_percentage", terms, Usage(quantity)), expected)


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
