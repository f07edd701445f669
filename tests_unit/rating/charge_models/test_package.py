# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction
from math import ceil

import pytest
from fusion_rating import Terms, Tier, Usage, check_terms, price
from hypothesis import given

from ..strategies import D, assert_amount, batches, prices, quantities, quotas, refused, tables

PACKAGE = Terms(price_per_unit="2.00", unit_batch=1000)
FREE = Terms(price_per_unit=5, unit_batch=100, free_units=100)
SINGLE = Terms(price_per_unit="0.25")


@tables(
    ("0", PACKAGE, "0", "no usage needs no package"),
    ("0.01", PACKAGE, "2.00", "a fraction of a unit begins a package"),
    ("1", PACKAGE, "2.00", "the first unit begins a package"),
    ("999", PACKAGE, "2.00", "one below a package"),
    ("1000", PACKAGE, "2.00", "exactly a package"),
    ("1000.5", PACKAGE, "4.00", "a fraction above a package"),
    ("1001", PACKAGE, "4.00", "one above a package"),
    ("2001", PACKAGE, "6.00", "the third package is begun"),
    ("99", FREE, "0", "one below the free units"),
    ("100", FREE, "0", "exactly the free units"),
    ("100.1", FREE, "5", "a fraction above the free units"),
    ("101", FREE, "5", "one above the free units"),
    ("200", FREE, "5", "one package above the free units"),
    ("201", FREE, "10", "the second package is begun"),
    ("0.5", SINGLE, "0.25", "a package of one unit is sold whole"),
    ("1", SINGLE, "0.25", "exactly one unit"),
    ("1.5", SINGLE, "0.50", "two units are begun"),
    ("1e40", Terms(price_per_unit="1e-40", unit_batch=2), "0.5", "huge by tiny"),
    ("2001", Terms(included_quota=5000, price_per_unit=2, unit_batch=1000), "6", "the quota is ignored"),
)
def test_package_prices(quantity, terms, expected):
    assert_amount(price("package", terms, Usage(quantity)), expected)


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
