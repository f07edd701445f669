# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest
from fusion_rating import Rated, RatedLine, Terms, Usage, price

from .strategies import PLAIN_TERMS, D, refused


def make_rated(*subtotals):
    lines = [RatedLine(None, D("1"), D(each), D("0"), D(each)) for each in subtotals]
    return Rated.from_lines(D("5"), D("2"), lines)


def test_the_amount_is_the_sum_of_the_subtotals_and_billable_is_what_is_not_included():
    rated = make_rated("0.1", "0.2", "0.0000001")
    assert rated.amount == D("0.3000001")
    assert (rated.total, rated.included, rated.billable) == (5, 2, 3)


def test_without_lines_the_amount_is_zero():
    assert make_rated().amount == 0


@pytest.mark.parametrize(("rounding", "expected"), [("0.01", "0.02"), ("1", "0"), ("0.001", "0.015"), ("0.05", "0.00")])
def test_the_sum_is_rounded_once_and_not_each_line(rounding, expected):
    # Three lines of half a cent: rounded one by one they would make 0.03.
    assert str(make_rated("0.005", "0.005", "0.005").rounded(D(rounding))) == expected


def test_the_amount_itself_is_never_rounded():
    rated = price("standard", Terms(price_per_unit="0.3333333333333333333333333333333333333333"), Usage(3))
    assert rated.amount == D("0.9999999999999999999999999999999999999999")
    assert rated.rounded(D("0.01")) == D("1.00")


def test_rounding_to_nothing_is_refused():
    with refused("invalid_rounding"):
        make_rated("1").rounded(D("0"))


def test_the_breakdown_explains_a_tiered_amount():
    rated = price("graduated", PLAIN_TERMS["graduated"], Usage(D("60.50")))
    assert rated.as_dict() == {
        "total": "60.5",
        "included": "0",
        "billable": "60.5",
        "amount": "114.5",
        "lines": [
            {
                "tier": 1, "units": "50", "price": "2", "flat_fee": "1", "subtotal": "101",
                "basis": "unit", "batches": None, "unit_batch": None, "above": "0", "up_to": "50",
            },
            {
                "tier": 2, "units": "10.5", "price": "1", "flat_fee": "3", "subtotal": "13.5",
                "basis": "unit", "batches": None, "unit_batch": None, "above": "50", "up_to": None,
            },
        ],
    }  # fmt: skip


def test_the_breakdown_explains_begun_batches():
    rated = price("standard", PLAIN_TERMS["standard"], Usage(25))
    (line,) = rated.as_dict()["lines"]
    assert (line["units"], line["basis"], line["batches"], line["unit_batch"]) == ("15", "batch", "3", "7")
    assert (line["tier"], line["subtotal"]) == (None, "0.9")


@pytest.mark.parametrize("charge_model", sorted(PLAIN_TERMS))
def test_the_breakdown_survives_json_and_has_no_exponents(charge_model):
    rated = price(charge_model, PLAIN_TERMS[charge_model], Usage(D("1E+30")))
    text = json.dumps(rated.as_dict())
    assert json.loads(text) == rated.as_dict()
    assert rated.as_dict()["total"] == "1" + "0" * 30
    assert "E" not in text


def test_equal_results_have_equal_breakdowns_however_their_numbers_were_written():
    one = price("standard", Terms(price_per_unit="0.10"), Usage("10.0"))
    other = price("standard", Terms(price_per_unit="0.1"), Usage("1E+1"))
    assert one.as_dict() == other.as_dict()


def test_results_hold_decimals_only():
    rated = price("standard", Terms(price_per_unit=0.1), Usage(3))
    assert all(isinstance(each, Decimal) for each in (rated.total, rated.amount, rated.lines[0].price))


def test_a_result_cannot_be_changed_after_rating():
    rated = make_rated("1")
    with pytest.raises(FrozenInstanceError):
        rated.amount = D("0")
    with pytest.raises(FrozenInstanceError):
        rated.lines[0].subtotal = D("0")
