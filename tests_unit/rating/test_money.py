# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import decimal
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from fusion_rating import quotient, round_half_up, to_decimal
from fusion_rating.money import MAX_DIGITS, divide_half_up, exact_arithmetic, plain_text
from hypothesis import given
from hypothesis import strategies as st

from .strategies import D, refused

# === NUMBERS IN === #


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(3, "3", id="whole number"),
        pytest.param(-3, "-3", id="negative number"),
        pytest.param(10**40 + 1, "1" + "0" * 39 + "1", id="whole number with 41 digits"),
        pytest.param("0.10", "0.10", id="text keeps its decimals"),
        pytest.param("1E+3", "1000", id="text with an exponent"),
        pytest.param(D("1.230"), "1.230", id="decimal stays as it is"),
        pytest.param(0.1, "0.1", id="float means its shortest text"),
        pytest.param(1111.11, "1111.11", id="float of an amount"),
        pytest.param(1e-07, "0.0000001", id="float with an exponent"),
        pytest.param(sys.float_info.max, repr(sys.float_info.max), id="largest float"),
        pytest.param(5e-324, "5e-324", id="smallest float"),
        pytest.param("1." + "9" * 60, "1." + "9" * 60, id="61 digits are not rounded"),
        pytest.param("9" * MAX_DIGITS, "9" * MAX_DIGITS, id="as many digits as allowed"),
        pytest.param(f"1e-{MAX_DIGITS}", f"1e-{MAX_DIGITS}", id="as many decimals as allowed"),
    ],
)
def test_a_number_becomes_the_decimal_it_means(value, expected):
    assert to_decimal(value) == D(expected)


def test_decimals_of_a_text_are_kept():
    assert str(to_decimal("0.10")) == "0.10"


def test_a_float_subclass_that_prints_its_type_is_read_as_a_float():
    class Loud(float):
        def __repr__(self):
            return f"Loud({float(self)})"

    assert to_decimal(Loud(0.1)) == D("0.1")


@pytest.mark.parametrize(
    "value",
    ["", "abc", "1,000", "0x10", "NaN", "sNaN", "Infinity", "-inf", float("nan"), float("inf"),
     D("NaN"), D("sNaN"), D("-Infinity"), None, True, False, [], 1j, b"1", "1e99999999999999999999",
     "１２", "١٢", "1_000"],
    ids=repr,
)  # fmt: skip
def test_what_is_no_finite_number_is_refused(value):
    with refused("invalid_number", ("tiers", 0)):
        to_decimal(value, ("tiers", 0))


@pytest.mark.parametrize("value", ["1" + "0" * MAX_DIGITS, f"1e-{MAX_DIGITS + 1}", "1e999999"])
def test_absurdly_long_numbers_are_refused(value):
    with refused("out_of_range", ("total",)):
        to_decimal(value, ("total",))


def test_a_long_wrong_text_is_shortened_in_the_message():
    with refused("invalid_number") as info:
        to_decimal("x" * 10_000)
    assert len(info.value.message) < 100


def test_reading_numbers_does_not_depend_on_the_callers_decimal_context():
    with decimal.localcontext() as context:
        context.prec = 3
        context.traps[decimal.InvalidOperation] = False
        assert to_decimal("123456789") == D("123456789")
        with refused("invalid_number"):
            to_decimal("abc")


# === EXACT ARITHMETIC === #


@given(st.integers(-(10**60), 10**60), st.integers(0, 40), st.integers(-(10**60), 10**60))
def test_sums_and_products_are_exact(first, places, second):
    one, other = Decimal(first).scaleb(-places, decimal.Context(prec=100)), Decimal(second)
    with exact_arithmetic():
        assert Fraction(one * other) == Fraction(one) * Fraction(other)
        assert Fraction(one + other) == Fraction(one) + Fraction(other)


def test_a_result_that_cannot_be_exact_is_an_error_and_no_rounded_number():
    with refused("out_of_range"), exact_arithmetic():
        Decimal(1) / Decimal(3)


def test_exact_arithmetic_leaves_the_callers_context_as_it_was():
    before = decimal.getcontext().prec
    with exact_arithmetic():
        assert decimal.getcontext().prec > before
    assert decimal.getcontext().prec == before


# === ROUNDING === #


@pytest.mark.parametrize(
    ("amount", "rounding", "expected"),
    [
        pytest.param("0.005", "0.01", "0.01", id="half a cent goes up"),
        pytest.param("0.015", "0.01", "0.02", id="half of an odd cent goes up"),
        pytest.param("0.025", "0.01", "0.03", id="half of an even cent goes up, unlike bankers"),
        pytest.param("0.00499999999999999999999999999999999999", "0.01", "0.00", id="below a half"),
        pytest.param("0.00500000000000000000000000000000000001", "0.01", "0.01", id="above a half"),
        pytest.param("-0.005", "0.01", "-0.01", id="half goes away from zero"),
        pytest.param("-0.004", "0.01", "0.00", id="never a negative zero"),
        pytest.param("-1.234", "0.01", "-1.23", id="negative amount"),
        pytest.param("0", "0.01", "0.00", id="zero has the currency's decimals"),
        pytest.param("7", "0.01", "7.00", id="whole amount has the currency's decimals"),
        pytest.param("1.005", "0.01", "1.01", id="the classic that floats get wrong"),
        pytest.param("0.5", "1", "1", id="JPY half"),
        pytest.param("0.4999", "1", "0", id="JPY below a half"),
        pytest.param("1234567.5", "1", "1234568", id="JPY large"),
        pytest.param("0.0005", "0.001", "0.001", id="KWD half"),
        pytest.param("1.2344999", "0.001", "1.234", id="KWD below a half"),
        pytest.param("1.025", "0.05", "1.05", id="CHF cash half"),
        pytest.param("1.024", "0.05", "1.00", id="CHF cash below a half"),
        pytest.param("1.074999", "0.05", "1.05", id="CHF cash above"),
        pytest.param("-1.075", "0.05", "-1.10", id="CHF cash negative half"),
        pytest.param("12345", "10", "12350", id="tens"),
        pytest.param("9" * 39 + ".995", "0.01", "1" + "0" * 39 + ".00", id="39 digits carry over"),
        pytest.param("1e-300", "0.01", "0.00", id="tiny"),
        pytest.param("12345678901234567890123456789012345678.905", "0.01",
                     "12345678901234567890123456789012345678.91", id="40 digits stay exact"),
    ],
)  # fmt: skip
def test_an_amount_is_rounded_half_away_from_zero(amount, rounding, expected):
    assert str(round_half_up(D(amount), D(rounding))) == expected


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=9),
    st.sampled_from(["0.01", "1", "0.001", "0.05", "0.25", "10"]),
)
def test_rounding_gives_the_nearest_multiple_and_is_symmetric(amount, rounding):
    step = D(rounding)
    rounded = round_half_up(amount, step)
    assert (Fraction(rounded) / Fraction(step)).denominator == 1
    assert 2 * abs(Fraction(rounded) - Fraction(amount)) <= Fraction(step)
    assert rounded.as_tuple().exponent == step.as_tuple().exponent
    assert round_half_up(-amount, step) == -rounded
    assert round_half_up(rounded, step) == rounded


finite = st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**15), max_value=10**15)
roundings = st.sampled_from([D("0.01"), D("1"), D("0.001"), D("0.05")])


@given(st.lists(finite, max_size=8), roundings)
def test_rounded_amounts_add_up_without_further_rounding(amounts, rounding):
    rounded = [round_half_up(each, rounding) for each in amounts]
    total = sum(map(Fraction, rounded), Fraction(0))
    with exact_arithmetic():
        assert Fraction(round_half_up(sum(rounded, D("0")), rounding)) == total
    # An invoice of rounded lines differs from its exact sum by at most half a step for each line.
    exact = sum(map(Fraction, amounts), Fraction(0))
    assert abs(total - exact) <= len(amounts) * Fraction(rounding) / 2


@given(finite, st.integers(-(10**9), 10**9), roundings)
def test_whole_steps_pass_through_rounding_unless_the_sign_changes(amount, steps, rounding):
    with exact_arithmetic():
        whole = steps * rounding
        moved = amount + whole
        if (amount < 0) == (moved < 0):
            assert round_half_up(moved, rounding) == round_half_up(amount, rounding) + whole


@given(finite, finite, roundings)
def test_rounding_keeps_the_order_of_amounts(one, other, rounding):
    less, more = sorted([one, other])
    assert round_half_up(less, rounding) <= round_half_up(more, rounding)


@pytest.mark.parametrize("rounding", ["0", "-0.01", "NaN", "sNaN", "Infinity"])
def test_a_rounding_that_is_no_step_is_refused(rounding):
    with refused("invalid_rounding", ("rounding",)):
        round_half_up(D("1"), D(rounding))


@pytest.mark.parametrize("amount", ["NaN", "Infinity"])
def test_rounding_an_amount_that_is_not_finite_is_refused(amount):
    with refused("invalid_number", ("amount",)):
        round_half_up(D(amount), D("0.01"))


def test_rounding_an_absurdly_large_amount_is_refused_instead_of_inexact():
    with refused("out_of_range"):
        round_half_up(D("1e9000"), D("0.01"))


# === DIVIDING === #


@pytest.mark.parametrize(
    ("amount", "divisor", "rounding", "expected"),
    [
        pytest.param("1", "3", "0.01", "0.33", id="a third"),
        pytest.param("2", "3", "0.01", "0.67", id="two thirds"),
        pytest.param("-2", "3", "0.01", "-0.67", id="two thirds below zero"),
        pytest.param("0.01", "2", "0.01", "0.01", id="exactly half a cent goes up"),
        pytest.param("-0.01", "2", "0.01", "-0.01", id="exactly half a cent goes away from zero"),
        pytest.param("0.0149", "3", "0.01", "0.00", id="0.00496...: a cent and a half is not reached first"),
        pytest.param("1", "0.3", "1", "3", id="the divisor may be a fraction: 3.33"),
        pytest.param("1", "7", "0.05", "0.15", id="0.142857 is nearer to 0.15 than to 0.10"),
        pytest.param("10", "4", "1", "3", id="two and a half"),
        pytest.param("0", "7", "0.01", "0.00", id="nothing"),
        pytest.param("-0.001", "7", "0.01", "0.00", id="never a negative zero"),
        pytest.param("1e40", "3", "0.01", "3" * 40 + ".33", id="40 digits"),
    ],
)
def test_dividing_rounds_the_exact_quotient_once(amount, divisor, rounding, expected):
    assert str(divide_half_up(D(amount), D(divisor), D(rounding))) == expected


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        pytest.param("100", "3", "33.333333333333333333", id="a third of a hundred"),
        pytest.param("200", "3", "66.666666666666666667", id="two thirds of a hundred"),
        pytest.param("1", "2e18", "0.000000000000000001", id="half of the last digit goes up"),
        pytest.param("0.999", "2e18", "0.000000000000000000", id="just below half of the last digit"),
        pytest.param("10", "4", "2.500000000000000000", id="a quotient that ends"),
    ],
)
def test_a_quotient_has_eighteen_decimals(numerator, denominator, expected):
    assert format(quotient(D(numerator), D(denominator)), "f") == expected


@pytest.mark.parametrize("divisor", ["0", "-1", "NaN", "Infinity"])
def test_a_divisor_that_is_not_above_zero_is_refused(divisor):
    with refused("invalid_divisor", ("divisor",)):
        quotient(D("1"), D(divisor))


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20), st.sampled_from(["0.01", "1", "0.05", "1e-18"]))
def test_dividing_gives_the_nearest_multiple(amount, divisor, rounding):
    divided, step = divide_half_up(Decimal(amount), Decimal(divisor), D(rounding)), Fraction(rounding)
    assert (Fraction(divided) / step).denominator == 1
    assert -step / 2 < abs(Fraction(divided)) - Fraction(abs(amount), divisor) <= step / 2


# === TEXT OUT === #


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1E+3", "1000"), ("1000", "1000"), ("0.10", "0.1"), ("100.00", "100"), ("0.00", "0"),
        ("-0", "0"), ("-0.0", "0"), ("0E+3", "0"), ("1E-7", "0.0000001"), ("-1.50", "-1.5"),
        ("1" * 60 + ".5", "1" * 60 + ".5"),
    ],
)  # fmt: skip
def test_a_number_has_one_plain_text_without_exponent(number, expected):
    assert plain_text(D(number)) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_plain_text_reads_back_as_the_same_number(number):
    text = plain_text(number)
    assert Decimal(text) == number
    assert "E" not in text
