# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import decimal
from dataclasses import replace
from fractions import Fraction

import pytest
from fusion_rating import CHARGE_MODELS, Terms, Tier, Usage, check_terms, price, prorate_terms
from hypothesis import given
from hypothesis import strategies as st

from ..strategies import (
    D,
    assert_amount,
    assert_explained,
    decimals,
    prices,
    quotas,
    rates,
    refused,
    rounded,
    rows,
    tables,
)


def usage_of(*quantities):
    with decimal.localcontext(decimal.Context(prec=200)):
        return Usage(sum(map(D, quantities), D("0")), tuple(quantities))


def by_rows(*table):
    """Parametrize with (rows in order of time, terms, expected amount, reason)."""
    return pytest.mark.parametrize(
        ("quantities", "terms", "expected"),
        [pytest.param(quantities.split(), terms, D(e), id=reason) for quantities, terms, e, reason in table],
    )


# === THE SUMMED AMOUNT === #

RATE = Terms(rate="1.2")
FREE = Terms(rate="1.2", free_amount=500)
BOTH = Terms(rate="1.2", included_quota=100, free_amount=500)


# 10 of 30 days: a free amount of 33.333333
HUNDRED = Terms(rate=3, free_amount=100)
THIRD = prorate_terms(HUNDRED, Fraction(10, 30))
NO_PART = prorate_terms(HUNDRED, Fraction(0))
# Half a period: 50 of the quota and 25 of the free amount
HALF = prorate_terms(Terms(rate=2, included_quota=100, free_amount=50), Fraction(1, 2))

SUMMED = (
    ("0", RATE, "0", "no usage"),
    ("0.000000000000000001", RATE, "1.2e-20", "18 decimals: 1e-18 * 0.012"),
    ("0.01", RATE, "0.00012", "a cent: 0.01 * 0.012"),
    ("1", RATE, "0.012", "one: 1 * 0.012"),
    ("99.99", RATE, "1.19988", "fractions are exact: 99.99 * 0.012"),
    ("1000", RATE, "12", "a rate is in percent: 1000 * 0.012"),
    ("1234567.89", RATE, "14814.81468", "a million and more: 1234567.89 * 0.012"),
    ("1e40", RATE, "1.2e38", "huge: 1e40 * 0.012"),
    ("1000", Terms(rate=100), "1000", "all of it"),
    ("1000", Terms(rate=250), "2500", "more than all of it: 1000 * 2.5"),
    ("1000", Terms(rate="0.0001"), "0.001", "a tiny rate: 1000 * 0.000001"),
    ("77", Terms(), "0", "no rate, no amount"),
    ("0", FREE, "0", "no usage of the free amount"),
    ("499", FREE, "0", "one below the free amount"),
    ("499.999999999999999999", FREE, "0", "18 decimals below the free amount"),
    ("500", FREE, "0", "exactly the free amount"),
    ("500.000000000000000001", FREE, "1.2e-20", "18 decimals above the free amount: 1e-18 * 0.012"),
    ("500.01", FREE, "0.00012", "a cent above the free amount: 0.01 * 0.012"),
    ("501", FREE, "0.012", "one above the free amount: 1 * 0.012"),
    ("600", FREE, "1.2", "a hundred above the free amount: 100 * 0.012"),
    ("1500", FREE, "12", "only what exceeds the free amount: 1000 * 0.012"),
    ("1e12", FREE, "11999999994", "a trillion less the free amount: (1e12 - 500) * 0.012"),
    ("100", BOTH, "0", "exactly the quota"),
    ("101", BOTH, "0", "above the quota the free amount begins"),
    ("599", BOTH, "0", "below quota and free amount"),
    ("600", BOTH, "0", "exactly quota and free amount together"),
    ("600.01", BOTH, "0.00012", "a cent above both: 0.01 * 0.012"),
    ("601", BOTH, "0.012", "one above quota and free amount: 1 * 0.012"),
    ("1600", BOTH, "12", "the quota comes off first, the free amount on top: 1000 * 0.012"),
    ("33.333333", THIRD, "0", "exactly a third of the free amount"),
    ("33.333334", THIRD, "0.00000003", "a fraction above a third of it: 0.000001 * 0.03"),
    ("133.333333", THIRD, "3", "a hundred above a third of it: 100 * 0.03"),
    ("100", NO_PART, "3", "no part of the period, no free amount: 100 * 0.03"),
    ("75", HALF, "0", "exactly half of quota and free amount together"),
    ("76", HALF, "0.02", "one above half of both: 1 * 0.02"),
)


@tables(*SUMMED)
def test_the_rate_is_on_the_summed_amount_above_the_free_amount(quantity, terms, expected):
    assert_amount(price("percentage", terms, Usage(quantity)), expected)


ONE_PERCENT = Terms(rate=1)


@rounded(
    ("0.5", ONE_PERCENT, "0.01", "0.01", "CAD 0.005"),
    ("0.49", ONE_PERCENT, "0.01", "0.00", "CAD 0.0049"),
    ("1.5", ONE_PERCENT, "0.01", "0.02", "CAD 0.015"),
    ("2.5", ONE_PERCENT, "0.01", "0.03", "CAD 0.025, where bankers round down"),
    ("50", ONE_PERCENT, "1", "1", "JPY 0.5"),
    ("49.99", ONE_PERCENT, "1", "0", "JPY 0.4999"),
    ("250", ONE_PERCENT, "1", "3", "JPY 2.5, where bankers round down"),
    ("0.05", ONE_PERCENT, "0.001", "0.001", "KWD 0.0005"),
    ("0.0499", ONE_PERCENT, "0.001", "0.000", "KWD 0.000499"),
    ("0.15", ONE_PERCENT, "0.001", "0.002", "KWD 0.0015"),
    ("2.5", ONE_PERCENT, "0.05", "0.05", "CHF cash 0.025"),
    ("2.49", ONE_PERCENT, "0.05", "0.00", "CHF cash 0.0249"),
    ("7.5", ONE_PERCENT, "0.05", "0.10", "CHF cash 0.075"),
)
def test_percentage_amounts_are_rounded_to_the_currency(quantity, terms, rounding, expected):
    assert str(price("percentage", terms, Usage(quantity)).rounded(rounding)) == expected


def test_the_rows_are_not_rounded_one_by_one():
    # Three times 0.005 is 0.015 and not three cents, with limits, too.
    for terms in (ONE_PERCENT, replace(ONE_PERCENT, row_minimum="0.001", row_maximum=1)):
        assert str(price("percentage", terms, usage_of("0.5", "0.5", "0.5")).rounded(D("0.01"))) == "0.02"


def test_included_is_the_free_amount_and_the_quota():
    rated = price("percentage", BOTH, Usage(1000))
    assert (rated.included, rated.billable) == (600, 400)


# === FEES PER ROW === #

FEE = Terms(rate=1, fixed_fee="0.30")
FREE_ROWS = Terms(rate=1, fixed_fee="0.30", free_rows=2)
FREE_BOTH = Terms(rate=1, fixed_fee="0.30", free_rows=2, free_amount=150)


ONLY_FEE = Terms(fixed_fee="0.30")
THREE_FREE = Terms(rate=1, fixed_fee="0.30", free_rows=3)
# 1.5 free rows go up to 2, 1 of 3 rows stays 1
HALF_OF_THREE = prorate_terms(THREE_FREE, Fraction(1, 2))
THIRD_OF_THREE = prorate_terms(THREE_FREE, Fraction(1, 3))

WITH_FEES = (
    ("", FEE, "0", "no rows"),
    ("100", FEE, "1.30", "one row: 100 * 0.01 + 0.30"),
    ("100 50 25", FEE, "2.65", "a fee for each row: 175 * 0.01 + 3 * 0.30"),
    ("100 0 25", FEE, "1.85", "a row of zero is a cancelled transaction and bears no fee: 1.25 + 2 * 0.30"),
    ("0 0", FEE, "0", "nothing is owed when all are cancelled"),
    ("1 2 3 4 5 6 7 8 9 10", FEE, "3.55", "ten rows: 55 * 0.01 + 10 * 0.30"),
    ("0.000001 1e30", FEE, "10000000000000000000000000000.60000001", "tiny and huge rows: 1e28 + 1e-8 + 2 * 0.30"),
    ("5", ONLY_FEE, "0.30", "a fee without a rate"),
    ("5 5 5", ONLY_FEE, "0.90", "equal rows are several rows: 3 * 0.30"),
    ("0.000000000000000001", ONLY_FEE, "0.30", "the finest row bears the whole fee"),
    ("100", FREE_ROWS, "1", "fewer rows than are free: 100 * 0.01"),
    ("100 50", FREE_ROWS, "1.50", "exactly the free rows: 150 * 0.01"),
    ("100 50 25", FREE_ROWS, "2.05", "one row more than are free: 175 * 0.01 + 0.30"),
    ("100 0 50 25", FREE_ROWS, "2.05", "a cancelled row uses up no free row: 175 * 0.01 + 0.30"),
    ("100 50 25 25", FREE_ROWS, "2.60", "two rows more than are free: 200 * 0.01 + 2 * 0.30"),
    ("100 50", FREE_BOTH, "0", "within both free terms"),
    ("100 51", FREE_BOTH, "0.01", "one above the free amount, no fee yet: 1 * 0.01"),
    ("10 10 10", FREE_BOTH, "0.30", "the third row bears its fee within the free amount"),
    ("100 50 25", FREE_BOTH, "0.55", "above both free terms: 25 * 0.01 + 0.30"),
    ("100 100 100", THREE_FREE, "3", "three free rows: 300 * 0.01"),
    ("100 100 100", HALF_OF_THREE, "3.30", "two free rows in half a period: 300 * 0.01 + 0.30"),
    ("100 100 100", THIRD_OF_THREE, "3.60", "one free row in a third of a period: 300 * 0.01 + 2 * 0.30"),
)


@by_rows(*WITH_FEES)
def test_each_row_beyond_the_free_ones_bears_the_fixed_fee(quantities, terms, expected):
    assert_amount(price("percentage", terms, usage_of(*quantities)), expected)


# === LIMITS PER ROW === #

MINIMUM = Terms(rate=1, row_minimum=2)
MAXIMUM = Terms(rate=1, row_maximum=5)
LIMITS = Terms(rate=1, fixed_fee="0.50", row_minimum=2, row_maximum=5)
ROWS_FREE = Terms(rate=1, fixed_fee="0.50", free_rows=1, free_amount=100, row_minimum=2, row_maximum=5)
EXACTLY = Terms(rate=1, row_minimum=3, row_maximum=3)


WITH_LIMITS = (
    ("", LIMITS, "0", "no rows, no minimum"),
    ("0", LIMITS, "0", "a cancelled row is not lifted"),
    ("199", MINIMUM, "2", "a little below the minimum"),
    ("200", MINIMUM, "2", "exactly the minimum"),
    ("201", MINIMUM, "2.01", "a little above the minimum"),
    ("1 1 1000", MINIMUM, "14", "each row by itself: 2 + 2 + 10"),
    ("499", MAXIMUM, "4.99", "a little below the maximum"),
    ("500", MAXIMUM, "5", "exactly the maximum"),
    ("501", MAXIMUM, "5", "a little above the maximum"),
    ("1 10000", MAXIMUM, "5.01", "each row by itself, also at the top: 0.01 + 5"),
    ("100", LIMITS, "2", "rate and fee together, 1 + 0.50, are below the minimum"),
    ("150", LIMITS, "2.00", "rate and fee together are the minimum: 1.50 + 0.50"),
    ("450", LIMITS, "5.00", "rate and fee together are the maximum: 4.50 + 0.50"),
    ("451", LIMITS, "5", "rate and fee together, 4.51 + 0.50, exceed the maximum"),
    ("300", LIMITS, "3.50", "between the limits: 3.00 + 0.50"),
    ("1 300 9999", LIMITS, "10.50", "one of each: 2 + 3.50 + 5"),
    ("100", ROWS_FREE, "0", "a wholly free row is not lifted"),
    ("101", ROWS_FREE, "2", "a row partly above the free amount is lifted"),
    ("60 40", ROWS_FREE, "2", "a row within the free amount that bears a fee is lifted"),
    ("60 60", ROWS_FREE, "2", "the free amount is used up in order of time"),
    ("100 400", ROWS_FREE, "4.50", "first row free, second row in full: 4.00 + 0.50"),
    ("400 100", ROWS_FREE, "5.00", "the other order, the first row has the free terms: 3.00 + 1.50 lifted to 2"),
    ("1 5000", EXACTLY, "6", "both limits the same, a price per row: 2 * 3"),
    ("50 60", Terms(rate=1, free_amount=100, row_minimum=2), "2", "without fees only the second row pays"),
    ("50 60", Terms(rate=1, included_quota=100, row_minimum=2), "2", "the quota frees rows like the free amount"),
    ("50 60", Terms(row_minimum=2), "4", "a rate of zero is no free row: 2 * 2"),
    ("700 700", Terms(rate=1, row_maximum=0), "0", "a maximum of zero"),
    ("1 1", Terms(rate=1, row_minimum=0), "0.02", "a minimum of zero: 2 * 0.01"),
)

PRICES = (*SUMMED, *WITH_FEES, *WITH_LIMITS)


@by_rows(*WITH_LIMITS)
def test_what_a_row_owes_is_brought_between_the_limits(quantities, terms, expected):
    assert_amount(price("percentage", terms, usage_of(*quantities)), expected)


def test_the_lines_tell_rate_fees_and_the_differences_of_the_limits():
    lines = price("percentage", LIMITS, usage_of("1", "300", "9999")).lines
    assert [(each.basis, each.units, each.price, each.subtotal) for each in lines] == [
        ("percent", 10300, 1, D("103.00")),
        ("row", 3, D("0.50"), D("1.50")),
        ("row_minimum", 1, 2, D("1.49")),
        ("row_maximum", 1, 5, D("-95.49")),
    ]
    assert all((each.tier, each.flat_fee) == (None, 0) for each in lines)


def test_there_is_no_line_for_what_is_not_owed():
    assert price("percentage", FREE_BOTH, usage_of("100", "50")).lines == ()
    assert [line.basis for line in price("percentage", RATE, Usage(5)).lines] == ["percent"]


@pytest.mark.parametrize("quantity", ["150", "450"])
def test_a_row_exactly_at_a_limit_is_not_listed_as_limited(quantity):
    lines = price("percentage", LIMITS, usage_of(quantity)).lines
    assert [line.basis for line in lines] == ["percent", "row"]


def price_row_by_row(terms, quantities):
    """Reckon each row in fractions, following the sentence in the contract of the model."""
    free, amount, count = Fraction(terms.included_quota + terms.free_amount), Fraction(0), 0
    for quantity in map(Fraction, quantities):
        if quantity == 0:
            continue
        count += 1
        share, free = max(Fraction(0), quantity - free), max(Fraction(0), free - quantity)
        fee = Fraction(terms.fixed_fee) if count > terms.free_rows else Fraction(0)
        owed = share * Fraction(terms.rate) / 100 + fee
        if share or fee:
            owed = max(owed, Fraction(terms.row_minimum or 0))
            owed = owed if terms.row_maximum is None else min(owed, Fraction(terms.row_maximum))
        amount += owed
    return amount


summed_terms = st.builds(
    Terms,
    included_quota=quotas,
    rate=rates,
    fixed_fee=prices,
    free_rows=st.integers(0, 4),
    free_amount=quotas,
)
limits = st.lists(decimals(max_digits=6, places=4), min_size=2, max_size=2).map(sorted)


@given(summed_terms, rows)
def test_without_limits_the_sum_agrees_with_the_rows_reckoned_one_by_one(terms, quantities):
    rated = price("percentage", terms, usage_of(*quantities))
    assert Fraction(rated.amount) == price_row_by_row(terms, quantities)


@given(summed_terms, rows)
def test_limits_that_touch_no_row_change_nothing(terms, quantities):
    wide = replace(terms, row_minimum=D("0"), row_maximum=D("1e50"))
    usage = usage_of(*quantities)
    assert price("percentage", wide, usage) == price("percentage", terms, usage)


@given(summed_terms, limits, rows, st.booleans(), st.booleans())
def test_with_limits_the_lines_agree_with_the_rows_reckoned_one_by_one(terms, both, quantities, low, high):
    minimum, maximum = both
    limited = replace(terms, row_minimum=minimum if low else None, row_maximum=maximum if high else None)
    rated = price("percentage", limited, usage_of(*quantities))
    assert_explained(rated)
    assert Fraction(rated.amount) == price_row_by_row(limited, quantities)


@given(summed_terms, limits, rows, decimals(max_digits=6, places=3))
def test_one_row_more_never_costs_less(terms, both, quantities, another):
    limited = replace(terms, row_minimum=both[0], row_maximum=both[1])
    less = price("percentage", limited, usage_of(*quantities)).amount
    assert less <= price("percentage", limited, usage_of(*quantities, another)).amount


def test_with_a_fee_per_row_splitting_a_row_does_change_the_amount():
    assert price("percentage", FEE, usage_of("100")).amount < price("percentage", FEE, usage_of("50", "50")).amount


# === ROWS === #


@pytest.mark.parametrize(
    ("terms", "needed"),
    [
        (RATE, False),
        (FREE, False),
        (Terms(rate=1, free_rows=3), False),
        (FEE, True),
        (Terms(row_minimum=0), True),
        (Terms(row_maximum=0), True),
    ],
)
def test_rows_are_needed_only_for_fees_and_limits(terms, needed):
    assert CHARGE_MODELS["percentage"].needs_rows(terms) is needed


@pytest.mark.parametrize("terms", [FEE, MINIMUM, MAXIMUM])
def test_missing_rows_are_refused_where_they_are_needed(terms):
    with refused("missing_rows", ("rows",)):
        price("percentage", terms, Usage(100))
    assert price("percentage", terms, Usage(0)).amount == 0


@pytest.mark.parametrize("terms", [RATE, FEE, LIMITS])
@pytest.mark.parametrize("total", ["99.99", "100.01", "0"])
def test_rows_that_do_not_add_up_to_the_total_are_refused(terms, total):
    with refused("rows_total_mismatch", ("total",)):
        price("percentage", terms, Usage(total, ("60", "40")))


def test_rows_are_added_exactly():
    usage = usage_of("1234567890123456789012345678901234567890.05", "0.0000001")
    assert_amount(price("percentage", RATE, usage), D("14814814681481481468148148146814814814.6806000012"))


def test_a_negative_row_is_refused_with_its_place():
    with refused("negative_quantity", ("rows", 1)):
        price("percentage", FEE, Usage(60, (100, -40)))


# === TERMS === #


@pytest.mark.parametrize(
    ("name", "value"),
    [("price_per_unit", 1), ("unit_batch", 10), ("free_units", 1), ("tiers", (Tier(None, rate=1),))],
)
def test_terms_of_other_models_are_refused(name, value):
    with refused("unused_term", (name,)):
        check_terms("percentage", Terms(**{name: value}))


@pytest.mark.parametrize(
    "name", ["included_quota", "rate", "fixed_fee", "free_rows", "free_amount", "row_minimum", "row_maximum"]
)
def test_negative_terms_are_refused(name):
    with refused("negative_term", (name,)):
        check_terms("percentage", Terms(**{name: -1}))


def test_a_minimum_above_the_maximum_is_refused():
    with refused("minimum_above_maximum", ("row_minimum",)):
        check_terms("percentage", Terms(row_minimum=3, row_maximum=2))
