# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction

import pytest
from fusion_rating import Tier
from fusion_rating.money import exact_arithmetic
from fusion_rating.tiers import check_tiers, find_tier, split_by_tier
from hypothesis import given

from .strategies import D, quantities, refused, tiers

UNIT_PRICES = frozenset({"price_per_unit", "flat_fee"})
THREE = (Tier(D("10")), Tier(D("100")), Tier(None))

# === VALIDATION === #


@given(tiers())
def test_contiguous_tiers_with_an_open_end_are_accepted(good):
    check_tiers(good, UNIT_PRICES)


@pytest.mark.parametrize(
    ("bounds", "code", "index"),
    [
        pytest.param(["10"], "last_tier_not_open", 0, id="one closed tier"),
        pytest.param(["10", "20"], "last_tier_not_open", 1, id="last tier closed"),
        pytest.param([None, None], "open_tier_not_last", 0, id="two open tiers"),
        pytest.param([None, "10"], "open_tier_not_last", 0, id="open tier first"),
        pytest.param(["10", None, "20", None], "open_tier_not_last", 1, id="open tier between"),
        pytest.param(["0", None], "tier_not_rising", 0, id="first tier ends at zero"),
        pytest.param(["-5", None], "tier_not_rising", 0, id="first tier ends below zero"),
        pytest.param(["10", "10", None], "tier_not_rising", 1, id="same bound twice"),
        pytest.param(["10", "10.0", None], "tier_not_rising", 1, id="same bound written otherwise"),
        pytest.param(["10", "9.99", None], "tier_not_rising", 1, id="falling bound"),
        pytest.param(["10", "20", "15", None], "tier_not_rising", 2, id="falling later"),
    ],
)
def test_tiers_that_leave_a_gap_or_overlap_are_refused(bounds, code, index):
    with refused(code, ("tiers", index, "up_to")):
        check_tiers([Tier(up_to) for up_to in bounds], UNIT_PRICES)


def test_no_tiers_at_all_are_refused():
    with refused("missing_tiers", ("tiers",)):
        check_tiers([], UNIT_PRICES)


@pytest.mark.parametrize("name", ["price_per_unit", "flat_fee", "rate"])
def test_a_negative_price_in_a_tier_is_refused(name):
    bad = Tier(None, **{name: D("-0.01")})
    with refused("negative_term", ("tiers", 1, name)):
        check_tiers([Tier(D("10")), bad], frozenset({name}))


@pytest.mark.parametrize("name", ["price_per_unit", "flat_fee", "rate"])
def test_a_price_in_a_tier_that_the_model_does_not_use_is_refused(name):
    with refused("unused_term", ("tiers", 0, name)):
        check_tiers([Tier(None, **{name: D("1")})], frozenset())


# === WALKING === #


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        pytest.param("0", ["0"], id="zero enters the first tier"),
        pytest.param("0.5", ["0.5"], id="fraction of the first unit"),
        pytest.param("9", ["9"], id="one below the first bound"),
        pytest.param("10", ["10"], id="exactly at the first bound"),
        pytest.param("10.0001", ["10", "0.0001"], id="fraction above the first bound"),
        pytest.param("11", ["10", "1"], id="one above the first bound"),
        pytest.param("99", ["10", "89"], id="one below the second bound"),
        pytest.param("100", ["10", "90"], id="exactly at the second bound"),
        pytest.param("100.5", ["10", "90", "0.5"], id="fraction above the second bound"),
        pytest.param("1e30", ["10", "90", "999999999999999999999999999900"], id="huge"),
    ],
)
def test_a_quantity_is_cut_at_the_bounds(quantity, expected):
    with exact_arithmetic():
        parts = list(split_by_tier(THREE, D(quantity)))
    assert [part.units for part in parts] == [D(each) for each in expected]
    assert [part.number for part in parts] == list(range(1, len(expected) + 1))
    assert [part.above for part in parts] == [D("0"), D("10"), D("100")][: len(expected)]


@given(tiers(), quantities)
def test_the_parts_add_up_and_stay_within_their_tiers(some, quantity):
    parts = list(split_by_tier(some, quantity))
    assert sum((Fraction(part.units) for part in parts), Fraction(0)) == Fraction(quantity)
    for part in parts:
        assert part.units > 0 or part.number == 1
        assert part.tier.up_to is None or part.above + part.units <= part.tier.up_to


@pytest.mark.parametrize(
    ("quantity", "number"),
    [("0", 1), ("10", 1), ("10.01", 2), ("99.99", 2), ("100", 2), ("100.01", 3), ("1e30", 3)],
)
def test_one_tier_holds_the_whole_quantity(quantity, number):
    held = find_tier(THREE, D(quantity))
    assert held.number == number
    assert held.units == D(quantity)
    assert held.tier is THREE[number - 1]
    assert held.above == [0, 10, 100][number - 1]
