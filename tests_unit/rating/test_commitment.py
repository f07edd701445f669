# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json

import pytest
from fusion_rating import Usage, price, true_up
from hypothesis import given
from hypothesis import strategies as st

from .strategies import PLAIN_TERMS, D, assert_amount, decimals, refused


@pytest.mark.parametrize(
    ("minimum", "billed", "expected"),
    [
        pytest.param("100", "0", "100", id="nothing billed: the whole minimum"),
        pytest.param("100", "30", "70", id="the rest"),
        pytest.param("100", "99.99", "0.01", id="a cent is missing"),
        pytest.param("100", "100", "0", id="exactly the minimum"),
        pytest.param("100", "100.01", "0", id="a cent more than the minimum"),
        pytest.param("100", "5000", "0", id="far more than the minimum"),
        pytest.param("0", "0", "0", id="no minimum, nothing billed"),
        pytest.param("0", "12.34", "0", id="no minimum"),
        pytest.param("50", "-10", "60", id="discounts above the fee are made up for"),
        pytest.param("50", "-0.01", "50.01", id="a cent below zero"),
        pytest.param("0.01", "-10", "10.01", id="the smallest minimum makes up for discounts, too"),
        pytest.param("0", "-10", "0", id="no minimum, nothing is made up for"),
        pytest.param("0", "-0.01", "0", id="no minimum, a cent below zero"),
        pytest.param("0.3", "0.1", "0.2", id="what floats get wrong"),
        pytest.param("1" + "0" * 40, "0.001", "9" * 40 + ".999", id="43 digits"),
    ],
)
def test_what_is_missing_to_the_minimum_is_owed(minimum, billed, expected):
    assert_amount(true_up(D(minimum), D(billed)), D(expected))


def test_the_breakdown_tells_the_minimum_what_was_billed_and_what_is_missing():
    assert true_up(D("100.00"), D("30.50")).as_dict() == {
        "total": "100",
        "included": "30.5",
        "billable": "69.5",
        "amount": "69.5",
        "lines": [
            {
                "tier": None, "units": "30.5", "price": "100", "flat_fee": "0", "subtotal": "69.5",
                "basis": "minimum", "batches": None, "unit_batch": None, "above": None, "up_to": None,
            }
        ],
    }  # fmt: skip


def test_the_breakdown_tells_what_was_given_above_what_was_billed():
    rated = true_up(D("50"), D("-10"))
    assert (rated.total, rated.included, rated.billable) == (50, -10, 60)
    [line] = rated.lines
    assert (line.units, line.price, line.subtotal, line.basis) == (-10, 50, 60, "minimum")


def test_the_breakdown_has_the_shape_of_every_other_and_survives_json():
    mine, other = true_up(D("100"), D("30")).as_dict(), price("standard", PLAIN_TERMS["standard"], Usage(25)).as_dict()
    assert mine.keys() == other.keys()
    assert mine["lines"][0].keys() == other["lines"][0].keys()
    assert json.loads(json.dumps(mine)) == mine


def test_there_is_no_line_when_nothing_is_missing():
    rated = true_up(D("100"), D("250"))
    assert (rated.total, rated.included, rated.billable, rated.lines) == (100, 100, 0, ())


@pytest.mark.parametrize("value", ["-0.01", "-100"])
def test_a_negative_minimum_is_refused_by_name(value):
    with refused("negative_amount", ("minimum",)):
        true_up(D(value), D("0"))


def test_what_is_no_number_is_refused_by_name():
    with refused("invalid_number", ("minimum",)):
        true_up(D("NaN"), D("0"))
    with refused("invalid_number", ("billed",)):
        true_up(D("0"), D("Infinity"))


amounts = decimals(max_digits=9, places=3)
signed_amounts = st.builds(lambda amount, sign: amount * sign, amounts, st.sampled_from([1, -1]))


@given(amounts.filter(bool), signed_amounts)
def test_billed_and_missing_together_are_the_greater_of_minimum_and_billed(minimum, billed):
    rated = true_up(minimum, billed)
    assert billed + rated.amount == max(minimum, billed)
    assert_amount(rated, rated.amount)


@given(signed_amounts)
def test_without_a_minimum_nothing_is_missing(billed):
    assert true_up(D("0"), billed).amount == 0


@given(amounts, signed_amounts)
def test_once_billed_nothing_is_missing_any_more(minimum, billed):
    assert true_up(minimum, billed + true_up(minimum, billed).amount).amount == 0


@given(amounts.filter(bool), signed_amounts, signed_amounts)
def test_what_comes_late_takes_the_place_of_what_was_missing(minimum, billed, late):
    """Two invoices come to what one would have come to, had the late amount been known."""
    first = true_up(minimum, billed).amount
    adjustment = true_up(minimum, billed + late).amount - first
    assert (billed + first) + (late + adjustment) == max(minimum, billed + late)
