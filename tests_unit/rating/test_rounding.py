# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import pytest
from fusion_rating import MAX_QUANTITY, Rated, bill_groups, check_range, round_groups
from hypothesis import given
from hypothesis import strategies as st

from .strategies import D, refused

CENT = D("0.01")


def _groups(**amounts):
    return {key: D(amount) for key, amount in amounts.items()}


def _many(count, amount):
    return {f"{number:02}": D(amount) for number in range(count)}


@pytest.mark.parametrize(
    ("amounts", "rounding", "by_line", "by_charge", "largest"),
    [
        pytest.param(
            _many(40, "0.004"), "0.01", "0.00", "0.16", ("00", "0.16"), id="40 lines of less than half a cent"
        ),
        pytest.param(_many(40, "0.005"), "0.01", "0.40", "0.20", ("00", "0.00"), id="40 halves, each rounded up"),
        pytest.param(_many(40, "0.4"), "1", "0", "16", ("00", "16"), id="yen"),
        pytest.param(_many(10, "0.0004"), "0.001", "0.000", "0.004", ("00", "0.004"), id="fils"),
        pytest.param(_many(3, "0.02"), "0.05", "0.00", "0.05", ("00", "0.05"), id="francs in cash"),
        pytest.param(
            _groups(a="1.004", b="7.004", c="3.004"), "0.01", "11.00", "11.01", ("b", "7.01"), id="the largest line"
        ),
        pytest.param(
            _groups(b="7.004", a="7.004", c="0.004"), "0.01", "14.00", "14.01", ("a", "7.01"), id="the first of equals"
        ),
        pytest.param(_groups(a="1.006", b="2.006"), "0.01", "3.02", "3.01", ("b", "2.00"), id="too much by a cent"),
        pytest.param(_groups(a="-1.004", b="-2.004"), "0.01", "-3.00", "-3.01", ("b", "-2.01"), id="negative ones"),
        pytest.param(_groups(a="1.25"), "0.01", "1.25", "1.25", ("a", "1.25"), id="a single line"),
        pytest.param(_groups(a="0", b="0"), "0.01", "0.00", "0.00", ("a", "0.00"), id="nothing"),
    ],
)
def test_the_rule_says_what_is_rounded(amounts, rounding, by_line, by_charge, largest):
    assert sum(round_groups(amounts, D(rounding)).values()) == D(by_line)
    rounded = round_groups(amounts, D(rounding), "charge")
    key, amount = largest
    assert (sum(rounded.values()), rounded[key]) == (D(by_charge), D(amount))


def test_a_charge_without_lines_has_none():
    assert round_groups({}, CENT, "charge") == {}


def test_what_the_largest_line_cannot_give_the_next_ones_do():
    # 20 lines of 0.006 are 0.12, but 0.20 if each is rounded: eight of them give their cent.
    rounded = round_groups(_many(20, "0.006"), CENT, "charge")
    assert [str(rounded[key]) for key in sorted(rounded)] == ["0.00"] * 8 + ["0.01"] * 12


def test_the_group_that_bears_the_difference_says_so():
    groups = {key: Rated(D(1), D(0), D(1), amount, ()) for key, amount in _many(40, "0.004").items()}
    billed = bill_groups(groups, CENT, "charge")
    rated, amount = billed["00"]
    [line] = rated.lines
    assert (amount, rated.amount, line.basis, line.subtotal) == (D("0.16"), D("0.16"), "rounding", D("0.156"))
    assert all(billed[key] == (groups[key], D("0.00")) for key in groups if key != "00")
    assert bill_groups(groups, CENT) == {key: (rated, D("0.00")) for key, rated in groups.items()}


def test_an_unknown_rule_is_refused():
    with refused("unknown_rounding", ("amount_rounding",)):
        round_groups(_groups(a="1"), CENT, "half")


@given(
    amounts=st.dictionaries(st.text("abc", max_size=4), st.decimals(0, 10**6, places=4), max_size=30),
    rounding=st.sampled_from(["1", "0.01", "0.001", "0.05"]),
)
def test_the_lines_add_up_to_the_rounded_sum_and_none_is_negative(amounts, rounding):
    step = D(rounding)
    rounded = round_groups(amounts, step, "charge")
    assert rounded.keys() == amounts.keys()
    assert abs(sum(rounded.values()) - sum(amounts.values())) * 2 <= step
    assert all(amount >= 0 and not amount % step for amount in rounded.values())


# === RANGE === #


@pytest.mark.parametrize(
    ("amount", "rounding", "is_refused"),
    [
        pytest.param("9999999999.99", "0.01", False, id="the largest amount in dollars"),
        pytest.param("10000000000.00", "0.01", True, id="a cent more"),
        pytest.param("-10000000000.00", "0.01", True, id="as much to give back"),
        pytest.param("999999999999", "1", False, id="yen"),
        pytest.param("1000000000000", "1", True, id="too many yen"),
        pytest.param("1000000000.000", "0.001", True, id="too many dinars"),
    ],
)
def test_an_amount_is_refused_before_odoo_would_lose_its_cents(amount, rounding, is_refused):
    rated = Rated(D(1), D(0), D(1), D(amount), ())
    if not is_refused:
        return check_range(rated, D(amount), D(rounding))
    with refused("amount_out_of_range", ("amount",)):
        check_range(rated, D(amount), D(rounding))


@pytest.mark.parametrize("quantities", [(MAX_QUANTITY, 0, 0), (0, -MAX_QUANTITY, 0), (0, 0, MAX_QUANTITY)])
def test_a_quantity_is_refused_before_a_float_would_lose_units(quantities):
    below = [D(quantity) / 10 for quantity in quantities]
    check_range(Rated(*below, D(0), ()), D(0), CENT)
    with refused("quantity_out_of_range", ("total",)):
        check_range(Rated(*map(D, quantities), D(0), ()), D(0), CENT)
