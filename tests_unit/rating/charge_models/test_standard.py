# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction

import pytest
from fusion_rating import Terms, Tier, Usage, check_terms, price
from hypothesis import given

from ..strategies import D, assert_amount, prices, quantities, quotas, refused, tables

QUOTA = Terms(included_quota=5_000_000, price_per_unit="0.10", unit_batch=1000)
BATCH = Terms(price_per_unit="0.10", unit_batch=1000)
SMALL = Terms(included_quota=100, price_per_unit="0.10", unit_batch=1000)
UNIT = Terms(included_quota=10, price_per_unit="0.25")


@tables(
    ("0", QUOTA, "0", "no usage"),
    ("4000000", QUOTA, "0", "below the quota"),
    ("4999999", QUOTA, "0", "one below the quota"),
    ("5000000", QUOTA, "0", "exactly the quota"),
    ("5000000.01", QUOTA, "0.10", "a fraction above the quota begins a batch"),
    ("5000001", QUOTA, "0.10", "one above the quota begins a batch"),
    ("5000999", QUOTA, "0.10", "one below the first batch"),
    ("5001000", QUOTA, "0.10", "exactly the first batch"),
    ("5001000.5", QUOTA, "0.20", "a fraction above the first batch"),
    ("5001001", QUOTA, "0.20", "one above the first batch"),
    ("6000000", QUOTA, "100.00", "a million above the quota"),
    ("1500", BATCH, "0.20", "a begun batch counts whole"),
    ("0", BATCH, "0", "zero overage gives no batch"),
    ("1", BATCH, "0.10", "the first unit begins a batch"),
    ("1000", BATCH, "0.10", "exactly one batch"),
    ("1001", BATCH, "0.20", "one above one batch"),
    ("1100", SMALL, "0.10", "batches are counted from the end of the quota"),
    ("1101", SMALL, "0.20", "one above the quota and one batch"),
    ("10", UNIT, "0", "price per unit: exactly the quota"),
    ("10.5", UNIT, "0.125", "price per unit: half a unit costs half"),
    ("11", UNIT, "0.25", "price per unit: one above the quota"),
    ("12.004", UNIT, "0.501", "price per unit: fractions are exact"),
    ("1e40", Terms(price_per_unit="1e-40"), "1", "huge by tiny"),
    ("1e-12", Terms(price_per_unit="0.000001"), "1e-18", "tiny by tiny"),
    ("0.6", Terms(price_per_unit=3, unit_batch="0.5"), "6", "batches of half a unit"),
    ("77", Terms(included_quota=5), "0", "a price of zero is a price"),
)
def test_standard_prices(quantity, terms, expected):
    assert_amount(price("standard", terms, Usage(quantity)), expected)


@pytest.mark.parametrize(
    ("quantity", "included", "billable"),
    [("0", 0, 0), ("4000000", 4_000_000, 0), ("5000000", 5_000_000, 0), ("6000000", 5_000_000, 1_000_000)],
)
def test_the_overage_is_what_exceeds_the_quota(quantity, included, billable):
    rated = price("standard", QUOTA, Usage(quantity))
    assert (rated.included, rated.billable) == (included, billable)


def test_there_is_no_line_without_overage():
    assert price("standard", QUOTA, Usage(5_000_000)).lines == ()


def test_the_line_tells_overage_units_and_price():
    (line,) = price("standard", UNIT, Usage(12)).lines
    assert (line.tier, line.units, line.price, line.flat_fee) == (None, 2, D("0.25"), 0)
    assert (line.subtotal, line.basis, line.batches) == (D("0.50"), "unit", None)


@given(quantities, quotas, prices)
def test_the_price_per_unit_agrees_with_exact_fractions(quantity, quota, unit_price):
    rated = price("standard", Terms(included_quota=quota, price_per_unit=unit_price), Usage(quantity))
    overage = max(Fraction(0), Fraction(quantity) - Fraction(quota))
    assert Fraction(rated.amount) == overage * Fraction(unit_price)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("free_units", 1), ("tiers", (Tier(None),)), ("rate", 1), ("fixed_fee", 1), ("free_rows", 1),
        ("free_amount", 1), ("row_minimum", 0), ("row_maximum", 0),
    ],
)  # fmt: skip
def test_terms_of_other_models_are_refused(name, value):
    with refused("unused_term", (name,)):
        check_terms("standard", Terms(**{name: value}))


@pytest.mark.parametrize("name", ["included_quota", "price_per_unit"])
def test_negative_quotas_and_prices_are_refused(name):
    with refused("negative_term", (name,)):
        check_terms("standard", Terms(**{name: -1}))


def test_a_batch_of_nothing_is_refused():
    with refused("batch_not_positive", ("unit_batch",)):
        check_terms("standard", Terms(unit_batch=0))
