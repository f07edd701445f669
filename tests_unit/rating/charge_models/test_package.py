# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction
from math import ceil

import pytest
from fusion_rating import Terms, Tier, Usage, check_terms, price, prorate_terms
from hypothesis import given

from ..strategies import D, assert_amount, batches, prices, quantities, quotas, refused, rounded, tables

PACKAGE = Terms(price_per_unit="2.00", unit_batch=1000)
FREE = Terms(price_per_unit=5, unit_batch=100, free_units=100)
SINGLE = Terms(price_per_unit="0.25")


IGNORED = Terms(included_quota=5000, price_per_unit=2, unit_batch=1000)
HALF_UNITS = Terms(price_per_unit=3, unit_batch="0.5", free_units="0.25")
FINE_PRICE = Terms(price_per_unit="0.000000000000000001", unit_batch=3)
# 10 of 30 days: 33.333333 free units
THIRD = prorate_terms(FREE, Fraction(10, 30))
NO_PART = prorate_terms(FREE, Fraction(0))

PRICES = (
    # Whole packages of 1000.
    ("0", PACKAGE, "0", "no usage needs no package"),
    ("1e-18", PACKAGE, "2.00", "the finest quantity begins a package"),
    ("0.01", PACKAGE, "2.00", "a fraction of a unit begins a package"),
    ("1", PACKAGE, "2.00", "the first unit begins a package"),
    ("999", PACKAGE, "2.00", "one below a package"),
    ("999.999999999999999999", PACKAGE, "2.00", "18 decimals below a package"),
    ("1000", PACKAGE, "2.00", "exactly a package"),
    ("1000.000000000000000001", PACKAGE, "4.00", "18 decimals above a package: 2 * 2.00"),
    ("1000.5", PACKAGE, "4.00", "a fraction above a package: 2 * 2.00"),
    ("1001", PACKAGE, "4.00", "one above a package: 2 * 2.00"),
    ("1999.5", PACKAGE, "4.00", "a fraction below two packages: 2 * 2.00"),
    ("2000", PACKAGE, "4.00", "exactly two packages: 2 * 2.00"),
    ("2000.1", PACKAGE, "6.00", "a fraction above two packages: 3 * 2.00"),
    ("2001", PACKAGE, "6.00", "the third package is begun: 3 * 2.00"),
    ("2999", PACKAGE, "6.00", "one below three packages: 3 * 2.00"),
    ("3000", PACKAGE, "6.00", "exactly three packages: 3 * 2.00"),
    ("10000", PACKAGE, "20.00", "exactly ten packages: 10 * 2.00"),
    ("10001", PACKAGE, "22.00", "the eleventh package is begun: 11 * 2.00"),
    ("1e9", PACKAGE, "2000000", "a million packages: 1000000 * 2.00"),
    ("1000000000.5", PACKAGE, "2000002", "a million packages and a begun one: 1000001 * 2.00"),
    # Free units, then packages of 100.
    ("0", FREE, "0", "no usage of the free units"),
    ("1", FREE, "0", "the first free unit"),
    ("99", FREE, "0", "one below the free units"),
    ("99.999999999999999999", FREE, "0", "18 decimals below the free units"),
    ("100", FREE, "0", "exactly the free units"),
    ("100.000000000000000001", FREE, "5", "18 decimals above the free units"),
    ("100.1", FREE, "5", "a fraction above the free units"),
    ("101", FREE, "5", "one above the free units"),
    ("199.99", FREE, "5", "a fraction below one package above the free units"),
    ("200", FREE, "5", "one package above the free units"),
    ("200.01", FREE, "10", "a fraction more: 2 * 5"),
    ("201", FREE, "10", "the second package is begun: 2 * 5"),
    ("300", FREE, "10", "two packages above the free units: 2 * 5"),
    ("301", FREE, "15", "the third package is begun: 3 * 5"),
    ("1100", FREE, "50", "ten packages above the free units: 10 * 5"),
    ("1101", FREE, "55", "the eleventh package is begun: 11 * 5"),
    # Packages of one unit.
    ("0", SINGLE, "0", "nothing of single units"),
    ("0.01", SINGLE, "0.25", "a hundredth of a unit is sold as a whole one"),
    ("0.5", SINGLE, "0.25", "a package of one unit is sold whole"),
    ("1", SINGLE, "0.25", "exactly one unit"),
    ("1.000001", SINGLE, "0.50", "a millionth above one unit: 2 * 0.25"),
    ("1.5", SINGLE, "0.50", "two units are begun: 2 * 0.25"),
    ("4", SINGLE, "1.00", "four units: 4 * 0.25"),
    ("4.75", SINGLE, "1.25", "five units are begun: 5 * 0.25"),
    ("1e20", SINGLE, "25000000000000000000", "21 digits: 1e20 * 0.25"),
    # Packages smaller than a unit.
    ("0.25", HALF_UNITS, "0", "exactly a quarter of a unit is free"),
    ("0.26", HALF_UNITS, "3", "half a unit is begun"),
    ("0.75", HALF_UNITS, "3", "exactly half a unit above the free quarter"),
    ("0.76", HALF_UNITS, "6", "the second half unit is begun: 2 * 3"),
    ("10.25", HALF_UNITS, "60", "ten units in halves: 20 * 3"),
    # The quota of another purpose.
    ("1", IGNORED, "2", "the quota is ignored from the first unit on"),
    ("1000", IGNORED, "2", "the quota is ignored at a package"),
    ("2001", IGNORED, "6", "the quota is ignored: 3 * 2"),
    ("5000", IGNORED, "10", "the quota is ignored at the quota: 5 * 2"),
    ("5001", IGNORED, "12", "the quota is ignored above the quota: 6 * 2"),
    ("2001", prorate_terms(IGNORED, Fraction(1, 2)), "6", "half of an ignored quota is ignored: 3 * 2"),
    # A part of the period.
    ("33.333333", THIRD, "0", "exactly a third of the free units"),
    ("33.333334", THIRD, "5", "a fraction above a third of the free units begins a package"),
    ("100", THIRD, "5", "all free units in a third of the period: 66.666667 begin 1 package"),
    ("133.333333", THIRD, "5", "a whole package above a third: packages do not shrink"),
    ("133.333334", THIRD, "10", "and a fraction more: 2 * 5"),
    ("1", NO_PART, "5", "no part of the period, no free units"),
    ("100", NO_PART, "5", "no part of the period: exactly a package"),
    ("101", NO_PART, "10", "no part of the period: 2 * 5"),
    # Long numbers.
    ("1e40", Terms(price_per_unit="1e-40", unit_batch=2), "0.5", "huge by tiny"),
    ("3", FINE_PRICE, "1e-18", "the finest price"),
    ("4", FINE_PRICE, "2e-18", "the finest price twice"),
    ("1", Terms(price_per_unit="9" * 30 + ".99", unit_batch=10), "9" * 30 + ".99", "a price with 32 digits"),
    ("1000", Terms(unit_batch=10), "0", "packages without a price"),
)


@tables(*PRICES)
def test_package_prices(quantity, terms, expected):
    assert_amount(price("package", terms, Usage(quantity)), expected)


CENT = Terms(price_per_unit="0.005", unit_batch=10)
FILS = Terms(price_per_unit="0.0005", unit_batch=10)


@rounded(
    ("1", CENT, "0.01", "0.01", "CAD 0.005"),
    ("11", CENT, "0.01", "0.01", "CAD 2 * 0.005"),
    ("21", CENT, "0.01", "0.02", "CAD 3 * 0.005"),
    ("41", CENT, "0.01", "0.03", "CAD 5 * 0.005, where bankers round down"),
    ("1", Terms(price_per_unit="0.0049"), "0.01", "0.00", "CAD 0.0049"),
    ("990", CENT, "1", "0", "JPY 99 * 0.005 = 0.495"),
    ("991", CENT, "1", "1", "JPY 100 * 0.005 = 0.5"),
    ("2991", CENT, "1", "2", "JPY 300 * 0.005 = 1.5"),
    ("1", FILS, "0.001", "0.001", "KWD 0.0005"),
    ("21", FILS, "0.001", "0.002", "KWD 3 * 0.0005"),
    ("1", Terms(price_per_unit="0.00049"), "0.001", "0.000", "KWD 0.00049"),
    ("40", CENT, "0.05", "0.00", "CHF cash 4 * 0.005 = 0.02"),
    ("41", CENT, "0.05", "0.05", "CHF cash 5 * 0.005 = 0.025"),
    ("141", CENT, "0.05", "0.10", "CHF cash 15 * 0.005 = 0.075"),
)
def test_package_amounts_are_rounded_to_the_currency(quantity, terms, rounding, expected):
    assert str(price("package", terms, Usage(quantity)).rounded(rounding)) == expected


def test_included_are_the_free_units_and_not_the_quota():
    rated = price("package", Terms(included_quota=500, free_units=100, price_per_unit=1), Usage(130))
    assert (rated.included, rated.billable) == (100, 30)


def test_the_line_tells_packages_and_their_size():
    (line,) = price("package", PACKAGE, Usage(2001)).lines
    assert (line.units, line.batches, line.unit_batch, line.price) == (2001, 3, 1000, D("2.00"))


def test_there_is_no_line_within_the_free_units():
    assert price("package", FREE, Usage(100)).lines == ()


@given(quantities, quotas, batches, prices)
def test_packages_agree_with_exact_fractions(quantity, free, size, package_price):
    terms = Terms(free_units=free, unit_batch=size, price_per_unit=package_price)
    above = max(Fraction(0), Fraction(quantity) - Fraction(free))
    expected = ceil(above / Fraction(size)) * Fraction(package_price)
    assert Fraction(price("package", terms, Usage(quantity)).amount) == expected


@given(quantities, quotas)
def test_the_quota_never_changes_the_amount(quantity, quota):
    with_quota = Terms(included_quota=quota, price_per_unit=2, unit_batch=1000)
    assert price("package", with_quota, Usage(quantity)) == price("package", PACKAGE, Usage(quantity))


@pytest.mark.parametrize(
    ("name", "value"),
    [("tiers", (Tier(None),)), ("rate", 1), ("fixed_fee", 1), ("free_rows", 1), ("free_amount", 1),
     ("row_minimum", 0), ("row_maximum", 0)],
)  # fmt: skip
def test_terms_of_other_models_are_refused(name, value):
    with refused("unused_term", (name,)):
        check_terms("package", Terms(**{name: value}))


@pytest.mark.parametrize("name", ["included_quota", "price_per_unit", "free_units"])
def test_negative_terms_are_refused_also_the_ignored_quota(name):
    with refused("negative_term", (name,)):
        check_terms("package", Terms(**{name: -1}))


@pytest.mark.parametrize("size", [0, -1])
def test_a_package_of_nothing_is_refused(size):
    with refused("batch_not_positive", ("unit_batch",)):
        check_terms("package", Terms(unit_batch=size))
