# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction
from math import ceil

import pytest
from fusion_rating.charge_models.batches import batch_line, begun_batches
from fusion_rating.money import exact_arithmetic
from hypothesis import given

from ..strategies import D, batches, quantities


@pytest.mark.parametrize(
    ("units", "batch", "expected"),
    [
        pytest.param("0", "1000", "0", id="no units need no batch"),
        pytest.param("0.0001", "1000", "1", id="a fraction of a unit begins a batch"),
        pytest.param("999", "1000", "1", id="one below a batch"),
        pytest.param("1000", "1000", "1", id="exactly a batch"),
        pytest.param("1000.0001", "1000", "2", id="a fraction above a batch"),
        pytest.param("1001", "1000", "2", id="one above a batch"),
        pytest.param("0.6", "0.5", "2", id="batches smaller than a unit"),
        pytest.param("0.3", "0.1", "3", id="what floats count as two or four"),
        pytest.param("1e40", "3e-40", "3" * 79 + "4", id="huge by tiny"),
    ],
)
def test_a_begun_batch_counts_whole(units, batch, expected):
    with exact_arithmetic():
        assert begun_batches(D(units), D(batch)) == D(expected)


@given(quantities, batches)
def test_begun_batches_are_the_exact_quotient_rounded_up(units, batch):
    assert begun_batches(units, batch) == ceil(Fraction(units) / Fraction(batch))


def test_the_line_tells_units_batches_and_their_size():
    line = batch_line(D("1500"), D("0.10"), D("1000"))
    assert (line.units, line.batches, line.unit_batch, line.price) == (1500, 2, 1000, D("0.10"))
    assert (line.subtotal, line.basis, line.tier, line.flat_fee) == (D("0.20"), "batch", None, 0)
