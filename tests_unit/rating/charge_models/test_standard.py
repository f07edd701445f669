# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction

import pytest
from fusion_rating import Terms, Tier, Usage, check_terms, price, prorate_terms
from hypothesis import given

from ..strategies import D, assert_amount, prices, quantities, quotas, refused, rounded, tables

QUOTA = Terms(included_quota=5_000_000, price_per_unit="0.10", unit_batch=1000)
BATCH = Terms(price_per_unit="0.10", unit_batch=1000)
SMALL = Terms(included_quota=100, price_per_unit="0.10", unit_batch=1000)
UNIT = Terms(included_quota=10, price_per_unit="0.25")


DOZEN = Terms(price_per_unit="11.88", unit_batch=12)
HALF_UNITS = Terms(price_per_unit=3, unit_batch="0.5")
FINE_QUOTA = Terms(included_quota="2.5", price_per_unit="1.10")
FINE_PRICE = Terms(price_per_unit="0.000000000000000001")
HUNDRED = Terms(included_quota=100, price_per_unit="0.3")
# 10 of 30 days: a quota of 33.333333
THIRD = prorate_terms(HUNDRED, Fraction(10, 30))
NO_PART = prorate_terms(HUNDRED, Fraction(0))
HALF_QUOTA = prorate_terms(QUOTA, Fraction(1, 2))

PRICES = (
    # A quota, then begun batches.
    ("0", QUOTA, "0", "no usage"),
    ("1", QUOTA, "0", "the first unit of the quota"),
    ("4000000", QUOTA, "0", "below the quota"),
    ("4999999", QUOTA, "0", "one below the quota"),
    ("4999999.999999999999999999", QUOTA, "0", "18 decimals below the quota"),
    ("5000000", QUOTA, "0", "exactly the quota"),
    ("5000000.000000000000000001", QUOTA, "0.10", "18 decimals above the quota begin a batch"),
    ("5000000.01", QUOTA, "0.10", "a fraction above the quota begins a batch"),
    ("5000001", QUOTA, "0.10", "one above the quota begins a batch"),
    ("5000999", QUOTA, "0.10", "one below the first batch"),
    ("5001000", QUOTA, "0.10", "exactly the first batch"),
    ("5001000.5", QUOTA, "0.20", "a fraction above the first batch"),
    ("5001001", QUOTA, "0.20", "one above the first batch"),
    ("5002000", QUOTA, "0.20", "exactly two batches: 2 * 0.10"),
    ("5999001", QUOTA, "100.00", "the thousandth batch is begun: 1000 * 0.10"),
    ("6000000", QUOTA, "100.00", "a million above the quota: 1000 * 0.10"),
    ("6000001", QUOTA, "100.10", "and one more: 1001 * 0.10"),
    ("99", SMALL, "0", "small quota, one below"),
    ("100", SMALL, "0", "small quota, exactly"),
    ("101", SMALL, "0.10", "small quota, one above"),
    ("1000", SMALL, "0.10", "batches are not counted from zero: 900 begin 1"),
    ("1099", SMALL, "0.10", "one below quota and batch"),
    ("1100", SMALL, "0.10", "batches are counted from the end of the quota"),
    ("1100.000001", SMALL, "0.20", "a fraction above quota and batch"),
    ("1101", SMALL, "0.20", "one above the quota and one batch"),
    # Batches without a quota.
    ("0", BATCH, "0", "zero overage gives no batch"),
    ("1", BATCH, "0.10", "the first unit begins a batch"),
    ("999", BATCH, "0.10", "one below one batch"),
    ("1000", BATCH, "0.10", "exactly one batch"),
    ("1000.001", BATCH, "0.20", "a fraction above one batch"),
    ("1001", BATCH, "0.20", "one above one batch"),
    ("1500", BATCH, "0.20", "a begun batch counts whole"),
    ("1999.999", BATCH, "0.20", "a fraction below two batches"),
    ("2000", BATCH, "0.20", "exactly two batches"),
    ("1e12", BATCH, "100000000", "a billion batches: 1e9 * 0.10"),
    ("11.5", DOZEN, "11.88", "less than a dozen costs a dozen"),
    ("12", DOZEN, "11.88", "exactly a dozen"),
    ("12.01", DOZEN, "23.76", "a fraction above a dozen: 2 * 11.88"),
    ("144", DOZEN, "142.56", "a gross: 12 * 11.88"),
    ("145", DOZEN, "154.44", "one above a gross: 13 * 11.88"),
    ("0.5", HALF_UNITS, "3", "exactly a batch of half a unit"),
    ("0.500001", HALF_UNITS, "6", "a fraction above a batch of half a unit: 2 * 3"),
    ("0.6", HALF_UNITS, "6", "batches of half a unit: 2 * 3"),
    ("1", HALF_UNITS, "6", "two batches of half a unit: 2 * 3"),
    # A price per unit.
    ("9.999", UNIT, "0", "price per unit: a fraction below the quota"),
    ("10", UNIT, "0", "price per unit: exactly the quota"),
    ("10.000001", UNIT, "0.00000025", "price per unit: a millionth costs 0.000001 * 0.25"),
    ("10.5", UNIT, "0.125", "price per unit: half a unit costs half"),
    ("11", UNIT, "0.25", "price per unit: one above the quota"),
    ("12.004", UNIT, "0.501", "price per unit: fractions are exact, 2.004 * 0.25"),
    ("1010", UNIT, "250", "price per unit: 1000 * 0.25"),
    ("2.5", FINE_QUOTA, "0", "a quota of two and a half, exactly"),
    ("2.75", FINE_QUOTA, "0.275", "a quota of two and a half: 0.25 * 1.10"),
    ("3", FINE_QUOTA, "0.55", "a quota of two and a half: 0.5 * 1.10"),
    ("77", Terms(included_quota=5), "0", "a price of zero is a price"),
    # A part of the period.
    ("33", THIRD, "0", "below a third of the quota"),
    ("33.333333", THIRD, "0", "exactly a third of the quota"),
    ("33.333334", THIRD, "0.0000003", "a fraction above a third of the quota: 0.000001 * 0.3"),
    ("34", THIRD, "0.2000001", "one above a third of the quota: 0.666667 * 0.3"),
    ("100", THIRD, "20.0000001", "the whole quota in a third of the period: 66.666667 * 0.3"),
    ("1", NO_PART, "0.3", "no part of the period, no quota"),
    ("2500000", HALF_QUOTA, "0", "exactly half of the quota"),
    ("2500001", HALF_QUOTA, "0.10", "one above half of the quota begins a batch"),
    # Long numbers.
    ("1e40", Terms(price_per_unit="1e-40"), "1", "huge by tiny"),
    ("1e-12", Terms(price_per_unit="0.000001"), "1e-18", "tiny by tiny"),
    ("9" * 30, Terms(price_per_unit="0.01"), "9" * 28 + ".99", "30 digits: a hundredth moves the point by two"),
    ("123456789012345678901234567890", Terms(price_per_unit=2), "246913578024691357802469135780", "30 digits twice"),
    ("0.333333333333333333", Terms(price_per_unit=3), "0.999999999999999999", "three times a third is not one"),
    ("1", FINE_PRICE, "1e-18", "the finest price"),
    ("1e18", FINE_PRICE, "1", "the finest price, a quintillion times"),
)


@tables(*PRICES)
def test_standard_prices(quantity, terms, expected):
    assert_amount(price("standard", terms, Usage(quantity)), expected)


CENT = Terms(price_per_unit="0.005")


@rounded(
    ("1", CENT, "0.01", "0.01", "CAD 0.005"),
    ("0.999", CENT, "0.01", "0.00", "CAD 0.004995"),
    ("3", CENT, "0.01", "0.02", "CAD 0.015"),
    ("5", CENT, "0.01", "0.03", "CAD 0.025, where bankers round down"),
    ("100", CENT, "1", "1", "JPY 0.5"),
    ("99.9", CENT, "1", "0", "JPY 0.4995"),
    ("500", CENT, "1", "3", "JPY 2.5, where bankers round down"),
    ("0.1", CENT, "0.001", "0.001", "KWD 0.0005"),
    ("0.0999", CENT, "0.001", "0.000", "KWD 0.0004995"),
    ("0.3", CENT, "0.001", "0.002", "KWD 0.0015"),
    ("5", CENT, "0.05", "0.05", "CHF cash 0.025"),
    ("4.99", CENT, "0.05", "0.00", "CHF cash 0.02495"),
    ("15", CENT, "0.05", "0.10", "CHF cash 0.075"),
    ("5000001", QUOTA, "1", "0", "JPY 0.10: one begun batch costs nothing yet"),
    ("5004001", QUOTA, "1", "1", "JPY 5 * 0.10: the fifth batch makes a yen"),
)
def test_standard_amounts_are_rounded_to_the_currency(quantity, terms, rounding, expected):
    assert str(price("standard", terms, Usage(quantity)).rounded(rounding)) == expected


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
