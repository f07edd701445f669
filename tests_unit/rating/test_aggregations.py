# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import decimal
import random
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from fusion_rating import AGGREGATIONS, aggregate
from hypothesis import given
from hypothesis import strategies as st

from .strategies import D, refused

NOON = datetime(2026, 3, 1, 12)


def rows_of(*quantities):
    """Rows an hour apart, in order of storage."""
    return [(NOON + timedelta(hours=n), n, D(each)) for n, each in enumerate(quantities)]


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
    ],
)
def test_rows_become_one_quantity(name, quantities, expected):
    assert aggregate(name, rows_of(*quantities)) == D(expected)


@pytest.mark.parametrize("name", sorted(AGGREGATIONS))
def test_no_rows_give_zero(name):
    assert aggregate(name, []) == 0
    assert isinstance(aggregate(name, []), Decimal)


@pytest.mark.parametrize("name", sorted(AGGREGATIONS))
def test_one_row_gives_its_value_or_its_count(name):
    assert aggregate(name, rows_of("7")) == (1 if name == "unique_count" else 7)


def test_there_are_exactly_the_four_aggregations_of_a_metric():
    assert list(AGGREGATIONS) == ["sum", "max", "last", "unique_count"]


def test_an_unknown_aggregation_is_refused_even_without_rows():
    with refused("unknown_aggregation", ("aggregation",)):
        aggregate("average", [])


def test_last_takes_the_latest_instant_and_not_the_last_stored_row():
    assert aggregate("last", [(NOON, 9, D("1")), (NOON + timedelta(hours=1), 2, D("5"))]) == 5


def test_of_two_rows_at_the_same_instant_the_one_stored_last_wins():
    assert aggregate("last", [(NOON, 3, D("9")), (NOON, 4, D("1"))]) == 1
    assert aggregate("last", [(NOON, 4, D("1")), (NOON, 3, D("9"))]) == 1


def test_a_row_that_is_no_number_is_refused_with_its_place():
    with refused("invalid_number", ("rows", 1, "quantity")):
        aggregate("sum", [(NOON, 0, D("1")), (NOON, 1, D("NaN"))])


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
        assert aggregate(name, rows) == aggregate(name, shuffled)


@given(quantity_lists)
def test_aggregations_agree_with_exact_fractions(quantities):
    exact, rows = [Fraction(each) for each in quantities], rows_of(*quantities)
    assert Fraction(aggregate("sum", rows)) == sum(exact, Fraction(0))
    assert Fraction(aggregate("max", rows)) == max(exact)
    assert Fraction(aggregate("last", rows)) == exact[-1]
    assert aggregate("unique_count", rows) == len(set(exact))


@given(quantity_lists, st.integers(0, 30))
def test_splitting_the_rows_of_a_period_never_changes_the_sum(quantities, cut):
    rows = rows_of(*quantities)
    first, second = aggregate("sum", rows[:cut]), aggregate("sum", rows[cut:])
    assert Fraction(first) + Fraction(second) == Fraction(aggregate("sum", rows))


def test_a_callers_small_decimal_context_does_not_round_the_sum():
    with decimal.localcontext(decimal.Context(prec=3)):
        assert aggregate("sum", rows_of("123456", "0.0001")) == D("123456.0001")
