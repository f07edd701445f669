# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from dataclasses import fields
from decimal import Decimal
from fractions import Fraction

import pytest
from fusion_rating import Terms, Tier, Usage, price, prorate_amount, prorate_terms
from hypothesis import given
from hypothesis import strategies as st

from .strategies import PLAIN_TERMS, D, decimals, quotas, refused, tiers

TIERS = (Tier(100, "1.00", 5), Tier(None, "0.50", 7))
FULL = Terms(
    included_quota=100, price_per_unit=2, unit_batch=10, free_units=50, tiers=TIERS, rate="1.5",
    fixed_fee="0.30", free_rows=10, free_amount=500, row_minimum=1, row_maximum=9,
)  # fmt: skip
GRANTED = {"included_quota", "free_units", "free_amount", "free_rows"}


# === TERMS === #


@pytest.mark.parametrize(
    ("granted", "fraction", "expected"),
    [
        pytest.param("100", Fraction(0), "0", id="no part of the period grants nothing"),
        pytest.param("100", Fraction(1, 2), "50", id="half"),
        pytest.param("100", Fraction(10, 30), "33.333333", id="10 of 30 days: 33.3333333..."),
        pytest.param("100", Fraction(20, 30), "66.666667", id="20 of 30 days: 66.6666666..."),
        pytest.param("100", Fraction(1, 31), "3.225806", id="1 of 31 days: 3.22580645..."),
        pytest.param("100", Fraction(30, 31), "96.774194", id="30 of 31 days: 96.77419354..."),
        pytest.param("5000000", Fraction(17, 31), "2741935.483871", id="17 of 31 days: 2741935.48387096..."),
        pytest.param("0.000001", Fraction(1, 2), "0.000001", id="half of the last digit goes up"),
        pytest.param("0.000001", Fraction(1, 3), "0", id="a third of the last digit goes down"),
        pytest.param("0.000003", Fraction(1, 2), "0.000002", id="one and a half of the last digit go up"),
        pytest.param("0", Fraction(1, 3), "0", id="nothing granted, nothing to share"),
        pytest.param("3e40", Fraction(1, 3), "1e40", id="41 digits"),
    ],
)
@pytest.mark.parametrize("name", sorted(GRANTED - {"free_rows"}))
def test_what_is_granted_per_period_shrinks_with_it(name, granted, fraction, expected):
    assert getattr(prorate_terms(Terms(**{name: granted}), fraction), name) == D(expected)


@pytest.mark.parametrize(
    ("rows", "fraction", "expected"),
    [
        pytest.param(10, Fraction(0), 0, id="none"),
        pytest.param(10, Fraction(1, 3), 3, id="3.33"),
        pytest.param(10, Fraction(1, 4), 3, id="2.5 goes up"),
        pytest.param(10, Fraction(249, 1000), 2, id="2.49"),
        pytest.param(1, Fraction(1, 2), 1, id="half a row goes up"),
        pytest.param(1, Fraction(15, 31), 0, id="less than half a row"),
        pytest.param(0, Fraction(1, 2), 0, id="no rows"),
    ],
)
def test_free_rows_stay_whole(rows, fraction, expected):
    prorated = prorate_terms(Terms(free_rows=rows), fraction).free_rows
    assert prorated == expected
    assert type(prorated) is int


def test_prices_rates_limits_batches_and_tiers_stay():
    prorated = prorate_terms(FULL, Fraction(1, 2))
    changed = {field.name for field in fields(Terms) if getattr(prorated, field.name) != getattr(FULL, field.name)}
    assert changed == GRANTED


def test_the_whole_period_has_the_very_same_terms():
    exact = Terms(included_quota="0.00000049")
    assert prorate_terms(exact, Fraction(1)) is exact


@pytest.mark.parametrize("fraction", [Fraction(-1, 30), Fraction(31, 30), 0.5, "1/2", D("0.5"), 1, None])
def test_what_is_no_fraction_from_zero_to_one_is_refused(fraction):
    with refused("invalid_fraction", ("fraction",)):
        prorate_terms(FULL, fraction)
    with refused("invalid_fraction", ("fraction",)):
        prorate_amount(D("1"), fraction, D("0.01"))


@pytest.mark.parametrize(
    ("charge_model", "terms", "fraction", "quantity", "expected"),
    [
        # quota 100 * 10/30 = 33.333333; 40 - 33.333333 = 6.666667, times 0.3
        ("standard", Terms(included_quota=100, price_per_unit="0.3"), Fraction(10, 30), "40", "2.0000001"),
        # free units 100 / 2 = 50; 60 - 50 = 10 begin one package of 25
        ("package", Terms(free_units=100, price_per_unit=5, unit_batch=25), Fraction(1, 2), "60", "5"),
        # quota 100 / 4 = 25; 150 - 25 = 125 = 100 at 1.00 + 5, and 25 at 0.50 + 7
        ("graduated", Terms(included_quota=100, tiers=TIERS), Fraction(1, 4), "150", "124.50"),
        # all 125 in the second tier, at 0.50 + 7
        ("volume", Terms(included_quota=100, tiers=TIERS), Fraction(1, 4), "150", "69.50"),
        # (1000 - 500/5) at 2 percent
        ("percentage", Terms(rate=2, free_amount=500), Fraction(1, 5), "1000", "18"),
    ],
)
def test_a_part_of_a_period_is_priced_with_a_part_of_what_is_granted(charge_model, terms, fraction, quantity, expected):
    assert price(charge_model, prorate_terms(terms, fraction), Usage(quantity)).amount == D(expected)


fractions = st.builds(lambda days, of: Fraction(min(days, of), of), st.integers(0, 366), st.integers(1, 366))
random_terms = st.builds(
    Terms,
    included_quota=quotas,
    price_per_unit=quotas,
    free_units=decimals(max_digits=9, places=6),
    free_amount=quotas,
    free_rows=st.integers(0, 1000),
    tiers=tiers(),
)


@given(random_terms)
def test_no_part_grants_nothing_and_the_whole_grants_all(terms):
    assert prorate_terms(terms, Fraction(1)) is terms
    assert {getattr(prorate_terms(terms, Fraction(0)), name) for name in GRANTED} == {0}


@given(random_terms, fractions)
def test_a_grant_is_as_near_to_its_part_as_its_digits_allow(terms, fraction):
    prorated = prorate_terms(terms, fraction)
    for name in GRANTED:
        step = Fraction(1) if name == "free_rows" else Fraction(1, 10**6)
        part = Fraction(getattr(terms, name)) * fraction
        assert abs(Fraction(getattr(prorated, name)) - part) <= step / 2
        assert 0 <= getattr(prorated, name) <= getattr(terms, name)


@given(random_terms, fractions, fractions)
def test_a_longer_part_never_grants_less(terms, one, other):
    short, long = (prorate_terms(terms, each) for each in sorted([one, other]))
    assert all(getattr(short, name) <= getattr(long, name) for name in GRANTED)


@pytest.mark.parametrize("charge_model", sorted(PLAIN_TERMS))
@given(fractions)
def test_prorated_terms_stay_valid_for_their_charge_model(charge_model, fraction):
    price(charge_model, prorate_terms(PLAIN_TERMS[charge_model], fraction), Usage(D("100")))


# === AMOUNTS === #


@pytest.mark.parametrize(
    ("amount", "fraction", "rounding", "expected"),
    [
        pytest.param("30", Fraction(10, 30), "0.01", "10.00", id="a third of thirty"),
        pytest.param("100", Fraction(1, 3), "0.01", "33.33", id="CAD 33.333..."),
        pytest.param("100", Fraction(2, 3), "0.01", "66.67", id="CAD 66.666..."),
        pytest.param("100", Fraction(2, 3), "1", "67", id="JPY 66.666..."),
        pytest.param("100", Fraction(2, 3), "0.001", "66.667", id="KWD 66.666..."),
        pytest.param("100", Fraction(2, 3), "0.05", "66.65", id="CHF cash: 66.666... is nearer to 66.65 than to 66.70"),
        pytest.param("0.01", Fraction(1, 2), "0.01", "0.01", id="half a cent goes up"),
        pytest.param("0.03", Fraction(1, 2), "0.01", "0.02", id="one and a half cents go up"),
        pytest.param("1", Fraction(1, 2), "1", "1", id="half a yen goes up"),
        pytest.param("0.001", Fraction(1, 2), "0.001", "0.001", id="half a fils goes up"),
        pytest.param("0.05", Fraction(1, 2), "0.05", "0.05", id="half of five centimes goes up"),
        pytest.param("0.01", Fraction(15, 31), "0.01", "0.00", id="15 of 31 days of a cent"),
        pytest.param("0.01", Fraction(16, 31), "0.01", "0.01", id="16 of 31 days of a cent"),
        pytest.param("49.90", Fraction(17, 31), "0.01", "27.36", id="848.30 / 31 = 27.3645..."),
        pytest.param("0.0149", Fraction(1, 3), "0.01", "0.00", id="0.00496...: rounded once, not to 0.015 / 3 first"),
        pytest.param("99.99", Fraction(0), "0.01", "0.00", id="no part"),
        pytest.param("99.99", Fraction(1), "0.01", "99.99", id="the whole"),
        pytest.param("99.995", Fraction(1), "0.01", "100.00", id="the whole is rounded, too"),
        pytest.param("-100", Fraction(2, 3), "0.01", "-66.67", id="a credit, away from zero"),
        pytest.param("1" + "0" * 40, Fraction(1, 3), "0.01", "3" * 40 + ".33", id="41 digits"),
    ],
)
def test_a_part_of_an_amount_is_rounded_once_to_the_currency(amount, fraction, rounding, expected):
    assert str(prorate_amount(D(amount), fraction, D(rounding))) == expected


def test_amounts_and_roundings_that_are_none_are_refused():
    with refused("invalid_rounding", ("rounding",)):
        prorate_amount(D("1"), Fraction(1, 2), D("0"))
    for amount in ("NaN", "sNaN", "Infinity"):
        with refused("invalid_number", ("amount",)):
            prorate_amount(D(amount), Fraction(0), D("0.01"))


@given(decimals(max_digits=9, places=4), fractions, st.sampled_from(["0.01", "1", "0.001", "0.05"]))
def test_a_part_of_an_amount_is_the_nearest_multiple_of_the_step(amount, fraction, rounding):
    part, step = prorate_amount(amount, fraction, D(rounding)), Fraction(rounding)
    assert (Fraction(part) / step).denominator == 1
    assert -step / 2 < Fraction(part) - Fraction(amount) * fraction <= step / 2


@given(st.integers(0, 10**9), fractions)
def test_a_period_in_two_parts_costs_the_whole_or_a_cent_more(cents, fraction):
    amount = Decimal(cents).scaleb(-2)
    parts = [prorate_amount(amount, each, D("0.01")) for each in (fraction, 1 - fraction)]
    # Both parts may end on half a cent, and both go up then; together they never fall short.
    assert sum(parts) - amount in (D("0"), D("0.01"))
