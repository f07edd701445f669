# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import decimal
import itertools
import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from fusion_rating import AGGREGATIONS, Components, StoredRow, aggregate, finish
from hypothesis import given
from hypothesis import strategies as st

from .strategies import D, refused

NOON = datetime(2026, 3, 1, 12)
HOUR = timedelta(hours=1)
# Any window: only the weighted sum looks at it.
WINDOW = (NOON, NOON + 3 * HOUR)
WEIGHTED = "weighted_sum"
UNWEIGHTED = sorted(set(AGGREGATIONS) - {WEIGHTED})


def rows_of(*quantities):
    """Rows of an hour each, one after the other, in order of storage."""
    return [StoredRow(n, D(each), NOON + n * HOUR, NOON + (n + 1) * HOUR) for n, each in enumerate(quantities)]


def instant(moment, sequence, quantity):
    return StoredRow(sequence, D(quantity), moment, moment)


@pytest.mark.parametrize(
    ("name", "quantities", "expected"),
    [
        pytest.param("sum", ["10", "20", "30"], "60", id="sum of three"),
        pytest.param("sum", ["0.1"] * 10, "1.0", id="ten tenths are one"),
        pytest.param("sum", ["5", "-7"], "-2", id="a sum can be negative"),
        pytest.param("sum", ["1e30", "1e-30"], "1" + "0" * 30 + "." + "0" * 29 + "1", id="61 digits"),
        pytest.param("max", ["10", "55", "30"], "55", id="max of three"),
        pytest.param("max", ["-5", "-2"], "-2", id="max of negatives is not zero"),
        pytest.param("last", ["10", "55", "30"], "30", id="last of three"),
        pytest.param("unique_count", ["10", "55", "10"], "2", id="two different values"),
        pytest.param("unique_count", ["1.0", "1.00", "1E+0"], "1", id="same value written differently"),
        pytest.param("unique_count", ["0", "-0", "0.000"], "1", id="zero is one value"),
        pytest.param("count", ["10", "55", "10"], "3", id="each row counts, also the same value again"),
        pytest.param("count", ["0", "0"], "2", id="rows of zero count"),
        pytest.param("average", ["10", "20", "30"], "20", id="average of three"),
        pytest.param("average", ["10", "0"], "5", id="a row of zero pulls the average down"),
        pytest.param("average", ["1", "0", "0"], "0.333333333333333333", id="a third has 18 decimals"),
        pytest.param("average", ["2", "0", "0"], "0.666666666666666667", id="two thirds are rounded up"),
        pytest.param("average", ["-2", "0", "0"], "-0.666666666666666667", id="below zero as above it"),
        pytest.param("average", ["1e-18", "0"], "1e-18", id="half of the last digit goes up"),
        pytest.param("average", ["-1e-18", "0"], "-1e-18", id="half of the last digit goes away from zero"),
        pytest.param("average", ["0.9e-18", "0"], "0", id="0.45 of the last digit: the sum is not rounded first"),
        pytest.param("average", ["1.4999999999999999999e-18", "0", "0"], "0", id="just below half of the last digit"),
        pytest.param("average", ["1e60", "0", "0"], "3" * 60 + "." + "3" * 18, id="78 digits"),
    ],
)  # fmt: skip
def test_rows_become_one_quantity(name, quantities, expected):
    assert aggregate(name, rows_of(*quantities)) == D(expected)


DAY_ONE = datetime(2026, 6, 1)
JUNE = (DAY_ONE, datetime(2026, 7, 1))


def held(quantity, from_day, days):
    """A quantity held for so many days of June; day 0 is its first."""
    start = DAY_ONE + timedelta(days=from_day)
    return StoredRow(0, D(quantity), start, start + timedelta(days=days))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([("100", 0, 30)], "100", id="held all June"),
        pytest.param([("100", 0, 10)], "33.333333333333333333", id="100 * 10/30"),
        pytest.param([("100", 20, 10)], "33.333333333333333333", id="it does not matter when"),
        pytest.param([("200", 0, 10)], "66.666666666666666667", id="200 * 10/30, half up"),
        pytest.param([("100", 0, 15), ("50", 15, 15)], "75", id="100 * 15/30 + 50 * 15/30"),
        pytest.param([("100", 0, 10), ("100", 10, 20)], "100", id="parts of a third are not rounded by themselves"),
        pytest.param([("100", 0, 30), ("20", 0, 15)], "110", id="quantities at the same time add up"),
        pytest.param([("100", -10, 20)], "66.666666666666666667", id="began in May: all its 20 days count"),
        pytest.param([("100", -30, 60)], "200", id="longer than the window: more than was ever held at once"),
        pytest.param([("0", 0, 30)], "0", id="nothing held"),
        pytest.param([("-30", 0, 10)], "-10", id="below zero"),
        pytest.param([("1", 0, 1 / 24)], "0.001388888888888889", id="one unit for one of 720 hours"),
        pytest.param([("1e30", 0, 30), ("3e-18", 0, 10)], "1" + "0" * 30 + "." + "0" * 17 + "1", id="huge and tiny"),
    ],
)
def test_a_quantity_weighs_as_long_as_it_was_held(rows, expected):
    assert aggregate(WEIGHTED, [held(*each) for each in rows], JUNE) == D(expected)


def test_a_microsecond_weighs_too():
    row = StoredRow(0, D("2592000000000"), DAY_ONE, DAY_ONE + timedelta(microseconds=1))
    # June has 30 * 86400 * 10**6 = 2,592,000,000,000 microseconds.
    assert aggregate(WEIGHTED, [row], JUNE) == 1


def test_a_weighted_sum_of_a_row_without_a_duration_is_refused():
    with refused("duration_needed", ("rows", 1, "period_end")):
        aggregate(WEIGHTED, [held("1", 0, 1), held("1", 3, 0)], JUNE)


@pytest.mark.parametrize("window", [None, (DAY_ONE, DAY_ONE)])
def test_a_weighted_sum_without_a_window_is_refused(window):
    with refused("window_needed", ("window",)):
        aggregate(WEIGHTED, [held("1", 0, 1)], window)


def test_a_window_that_ends_before_it_starts_is_refused():
    with refused("period_reversed"):
        aggregate(WEIGHTED, [held("1", 0, 1)], (JUNE[1], JUNE[0]))


@pytest.mark.parametrize("name", UNWEIGHTED)
def test_what_does_not_weigh_needs_neither_window_nor_durations(name):
    rows = [instant(NOON, 0, "3"), instant(NOON, 1, "3")]
    assert aggregate(name, rows) == aggregate(name, rows, WINDOW) == aggregate(name, rows_of("3", "3"))


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        pytest.param(Components(D("1.23456789012345678901")), "1.23456789012345678901", id="exact without a divisor"),
        pytest.param(Components(D("10"), D("4")), "2.5", id="divided"),
        pytest.param(Components(D("1"), D("7")), "0.142857142857142857", id="0.142857 142857 142857 142..."),
        pytest.param(Components(D("0"), D("7")), "0", id="nothing"),
    ],
)  # fmt: skip
def test_components_become_the_quantity(components, expected):
    assert finish(components) == D(expected)


def test_what_is_to_be_divided_comes_as_exact_components():
    hour = 3600 * 10**6
    assert AGGREGATIONS["average"](rows_of("1", "1", "0"), None) == Components(D("2"), D("3"))
    assert AGGREGATIONS[WEIGHTED](rows_of("1", "1"), WINDOW) == Components(D(2 * hour), D(3 * hour))
    assert AGGREGATIONS["sum"](rows_of("1", "1"), None) == Components(D("2"), None)


@pytest.mark.parametrize("denominator", ["0", "-1"])
def test_a_denominator_that_is_not_above_zero_is_refused(denominator):
    with refused("invalid_divisor", ("divisor",)):
        finish(Components(D("1"), D(denominator)))


@pytest.mark.parametrize("name", sorted(AGGREGATIONS))
def test_no_rows_give_zero(name):
    assert aggregate(name, []) == 0
    assert isinstance(aggregate(name, []), Decimal)


@pytest.mark.parametrize("name", sorted(AGGREGATIONS))
def test_one_row_gives_its_value_or_its_count(name):
    window = (NOON, NOON + HOUR)
    assert aggregate(name, rows_of("7"), window) == (1 if name in ("unique_count", "count") else 7)


def test_there_are_exactly_the_seven_aggregations_of_a_metric():
    assert list(AGGREGATIONS) == ["sum", "max", "last", "unique_count", "count", "average", "weighted_sum"]


def test_an_unknown_aggregation_is_refused_even_without_rows():
    with refused("unknown_aggregation", ("aggregation",)):
        aggregate("median", [])


def test_last_takes_the_latest_instant_and_not_the_last_stored_row():
    assert aggregate("last", [instant(NOON, 9, "1"), instant(NOON + HOUR, 2, "5")]) == 5


def test_of_two_rows_at_the_same_instant_the_one_stored_last_wins():
    assert aggregate("last", [instant(NOON, 3, "9"), instant(NOON, 4, "1")]) == 1
    assert aggregate("last", [instant(NOON, 4, "1"), instant(NOON, 3, "9")]) == 1


def test_last_takes_the_row_whose_last_instant_is_the_latest():
    long = StoredRow(0, D("8"), NOON - 5 * HOUR, NOON + 2 * HOUR)
    assert aggregate("last", [long, instant(NOON + HOUR, 1, "3")]) == 8


def test_a_row_that_is_no_number_is_refused_with_its_place():
    with refused("invalid_number", ("rows", 1, "quantity")):
        aggregate("sum", [instant(NOON, 0, "1"), instant(NOON, 1, "NaN")])


quantity_lists = st.lists(
    st.builds(lambda n, e: Decimal(n).scaleb(-e), st.integers(-(10**12), 10**12), st.integers(0, 9)),
    min_size=1,
    max_size=30,
)


@given(quantity_lists, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_never_matters(quantities, chance: random.Random):
    rows = rows_of(*quantities)
    shuffled = chance.sample(rows, len(rows))
    for name in AGGREGATIONS:
        assert aggregate(name, rows, WINDOW) == aggregate(name, shuffled, WINDOW)


@given(quantity_lists)
def test_aggregations_agree_with_exact_fractions(quantities):
    exact, rows = [Fraction(each) for each in quantities], rows_of(*quantities)
    assert Fraction(aggregate("sum", rows)) == sum(exact, Fraction(0))
    assert Fraction(aggregate("max", rows)) == max(exact)
    assert Fraction(aggregate("last", rows)) == exact[-1]
    assert aggregate("unique_count", rows) == len(set(exact))
    assert aggregate("count", rows) == len(exact)
    assert aggregate("average", rows) == half_up(sum(exact, Fraction(0)) / len(exact))
    # Each row lasts one of the window's three hours.
    assert aggregate(WEIGHTED, rows, WINDOW) == half_up(sum(exact, Fraction(0)) / 3)


def half_up(number):
    """Round a fraction to 18 decimals, by whole numbers and without the code under test."""
    scaled = abs(number) * 10**18
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if number >= 0 else -whole).scaleb(-18, decimal.Context(prec=100))


@given(quantity_lists)
def test_an_average_lies_between_the_least_and_the_greatest(quantities):
    # Nine decimals, as the quantities have, hold both bounds, so that rounding does not pass them.
    assert min(quantities) <= aggregate("average", rows_of(*quantities)) <= max(quantities)


@given(quantity_lists, st.data())
def test_a_weighted_sum_without_gaps_lies_between_the_least_and_the_greatest(quantities, data):
    lengths = [timedelta(microseconds=data.draw(st.integers(1, 10**12))) for _ in quantities]
    ends = list(itertools.accumulate(lengths, initial=NOON))
    rows = [
        StoredRow(n, each, start, end)
        for n, (each, (start, end)) in enumerate(zip(quantities, itertools.pairwise(ends), strict=True))
    ]
    assert min(quantities) <= aggregate(WEIGHTED, rows, (NOON, ends[-1])) <= max(quantities)


@given(quantity_lists, st.integers(1, 10**6))
def test_holding_a_quantity_in_two_parts_weighs_the_same(quantities, microseconds):
    cut = timedelta(microseconds=microseconds)
    whole = rows_of(*quantities)
    parts = [replace(row, period_end=row.period_start + cut) for row in whole]
    parts += [replace(row, period_start=row.period_start + cut) for row in whole]
    assert aggregate(WEIGHTED, parts, WINDOW) == aggregate(WEIGHTED, whole, WINDOW)


@given(quantity_lists, st.integers(0, 30))
def test_splitting_the_rows_of_a_period_never_changes_the_sum(quantities, cut):
    rows = rows_of(*quantities)
    first, second = aggregate("sum", rows[:cut]), aggregate("sum", rows[cut:])
    assert Fraction(first) + Fraction(second) == Fraction(aggregate("sum", rows))


def test_a_callers_small_decimal_context_does_not_round_the_sum():
    with decimal.localcontext(decimal.Context(prec=3)):
        assert aggregate("sum", rows_of("123456", "0.0001")) == D("123456.0001")
        assert aggregate("average", rows_of("123456", "0.0001")) == D("61728.00005")
        assert aggregate(WEIGHTED, rows_of("123456", "0.0003"), WINDOW) == D("41152.0001")
