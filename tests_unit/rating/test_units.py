# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from fusion_rating import UNIT_ROUNDINGS, round_units
from hypothesis import given
from hypothesis import strategies as st

from .strategies import D, refused


@pytest.mark.parametrize(
    ("quantity", "digits", "none", "up", "down", "half_up"),
    [
        pytest.param("0", 0, "0", "0", "0", "0", id="nothing stays nothing"),
        pytest.param("2", 0, "2", "2", "2", "2", id="whole units"),
        pytest.param("2.000", 0, "2", "2", "2", "2", id="whole units with needless zeros"),
        pytest.param("2.0001", 0, "2.0001", "3", "2", "2", id="a little more than two"),
        pytest.param("2.4999", 0, "2.4999", "3", "2", "2", id="just below a half"),
        pytest.param("2.5", 0, "2.5", "3", "2", "3", id="a half"),
        pytest.param("3.5", 0, "3.5", "4", "3", "4", id="half of an odd one"),
        pytest.param("2.5001", 0, "2.5001", "3", "2", "3", id="just above a half"),
        pytest.param("2.9999", 0, "2.9999", "3", "2", "3", id="nearly three"),
        pytest.param("0.1", 0, "0.1", "1", "0", "0", id="a tenth of a unit"),
        pytest.param("1.005", 2, "1.005", "1.01", "1", "1.01", id="half of a hundredth"),
        pytest.param("1.0049", 2, "1.0049", "1.01", "1", "1", id="below half of a hundredth"),
        pytest.param("1.00", 2, "1", "1", "1", "1", id="nothing beyond the digits"),
        pytest.param("1250", -2, "1250", "1300", "1200", "1300", id="half of a hundred"),
        pytest.param("1249", -2, "1249", "1300", "1200", "1200", id="below half of a hundred"),
        pytest.param("1200", -2, "1200", "1200", "1200", "1200", id="whole hundreds"),
        pytest.param("1", -3, "1", "1000", "0", "0", id="one of a thousand"),
        pytest.param("15", -1, "15", "20", "10", "20", id="half of ten"),
        pytest.param("1e-18", 18, "1e-18", "1e-18", "1e-18", "1e-18", id="the finest step"),
        pytest.param("5e-19", 18, "5e-19", "1e-18", "0", "1e-18", id="half of the finest step"),
        pytest.param("4e-19", 18, "4e-19", "1e-18", "0", "0", id="less than half of the finest step"),
        pytest.param("5e11", -12, "5e11", "1e12", "0", "1e12", id="half of the coarsest step"),
        pytest.param("499999999999.9", -12, "499999999999.9", "1e12", "0", "0", id="below half of the coarsest step"),
        pytest.param("9" * 40 + ".5", 0, "9" * 40 + ".5", "1" + "0" * 40, "9" * 40, "1" + "0" * 40, id="40 digits"),
        pytest.param("-2.5", 0, "-2.5", "-3", "-2", "-3", id="below zero up is away from zero"),
        pytest.param("-2.4", 0, "-2.4", "-3", "-2", "-2", id="below zero down is towards zero"),
    ],
)
def test_a_quantity_is_rounded_as_the_metric_says(quantity, digits, none, up, down, half_up):
    for method, expected in (("none", none), ("up", up), ("down", down), ("half_up", half_up)):
        assert round_units(D(quantity), method, digits) == D(expected), method


def test_the_methods_are_the_ones_that_a_metric_offers():
    assert UNIT_ROUNDINGS == ("none", "up", "down", "half_up")


def test_there_is_no_negative_zero():
    assert str(round_units(D("-0.4"), "half_up", 0)) == "0"
    assert str(round_units(D("-0.4"), "down", 0)) == "0"


@pytest.mark.parametrize("method", ["", "ceil", "Up", "HALF_UP", None])
def test_an_unknown_method_is_refused(method):
    with refused("unknown_unit_rounding", ("method",)):
        round_units(D("1"), method, 0)


@pytest.mark.parametrize("digits", [-13, 19, 1.0, "2", D("2"), True, None])
@pytest.mark.parametrize("method", UNIT_ROUNDINGS)
def test_digits_that_are_not_whole_or_out_of_bounds_are_refused_whatever_the_method(method, digits):
    with refused("invalid_number", ("digits",)):
        round_units(D("1"), method, digits)


@pytest.mark.parametrize("method", UNIT_ROUNDINGS)
def test_a_quantity_that_is_no_number_is_refused(method):
    with refused("invalid_number", ("quantity",)):
        round_units(D("NaN"), method, 0)


def test_a_callers_small_decimal_context_does_not_matter():
    with decimal.localcontext(decimal.Context(prec=3)):
        assert round_units(D("123456.5"), "half_up", 0) == D("123457")


numbers = st.builds(lambda n, e: Decimal(n).scaleb(-e), st.integers(-(10**15), 10**15), st.integers(0, 12))
methods = st.sampled_from(UNIT_ROUNDINGS)
all_digits = st.integers(-12, 18)


@given(numbers, methods, all_digits)
def test_rounding_again_changes_nothing(quantity, method, digits):
    once = round_units(quantity, method, digits)
    assert round_units(once, method, digits) == once


@given(numbers, methods, all_digits)
def test_rounding_moves_by_less_than_one_step_and_to_the_side_of_its_name(quantity, method, digits):
    rounded, step = round_units(quantity, method, digits), Fraction(10) ** -digits
    moved = abs(Fraction(rounded)) - abs(Fraction(quantity))
    assert abs(moved) < step
    assert method != "none" or moved == 0
    assert method != "up" or moved >= 0
    assert method != "down" or moved <= 0
    assert method != "half_up" or -step / 2 < moved <= step / 2
    assert method == "none" or (Fraction(rounded) / step).denominator == 1


@given(numbers, methods, all_digits)
def test_rounding_is_the_same_on_both_sides_of_zero(quantity, method, digits):
    assert round_units(-quantity, method, digits) == -round_units(quantity, method, digits)


@given(numbers, numbers, methods, all_digits)
def test_more_usage_is_never_rounded_to_less(one, other, method, digits):
    less, more = sorted([one, other])
    assert round_units(less, method, digits) <= round_units(more, method, digits)
