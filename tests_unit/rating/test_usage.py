# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest
from fusion_rating import Usage

from .strategies import D, refused


def test_usage_keeps_numbers_as_exact_decimals():
    usage = Usage(0.1, rows=["0.05", 0.05])
    assert usage == Usage(D("0.1"), (D("0.05"), D("0.05")))
    assert all(isinstance(number, Decimal) for number in (usage.total, *usage.rows))


def test_usage_needs_no_rows():
    assert Usage(D("3")).rows == ()


@pytest.mark.parametrize("total", ["-1", "-0.000000001"])
def test_a_negative_total_is_refused(total):
    with refused("negative_quantity", ("total",)):
        Usage(D(total))


def test_zero_is_a_quantity():
    assert Usage(D("0")).total == Usage(D("-0")).total == 0


def test_wrong_numbers_are_refused_with_their_place():
    with refused("invalid_number", ("total",)):
        Usage("many")
    with refused("invalid_number", ("rows", 1)):
        Usage(D("1"), (D("1"), None))


def test_rows_need_not_add_up_to_the_total_because_not_every_metric_sums():
    assert Usage(D("5"), (D("5"), D("3"))).total == 5


def test_usage_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Usage(D("1")).total = D("2")
