# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What holds for every charge model; numbers of one model are tested in charge_models/."""

import decimal
from fractions import Fraction

import pytest
from fusion_rating import CHARGE_MODELS, Terms, Tier, Usage, check_terms, price, prorate_terms
from hypothesis import given
from hypothesis import strategies as st

from .strategies import (
    PLAIN_TERMS,
    D,
    assert_explained,
    batches,
    prices,
    quantities,
    quotas,
    rates,
    refused,
    tiers,
)
from .strategies import rows as row_lists

every_model = pytest.mark.parametrize("charge_model", sorted(CHARGE_MODELS))

batch_terms = st.builds(Terms, included_quota=quotas, price_per_unit=prices, unit_batch=batches)
tier_terms = st.builds(Terms, included_quota=quotas, tiers=tiers())
RANDOM_TERMS = {
    "standard": batch_terms,
    "package": st.builds(Terms, free_units=quotas, price_per_unit=prices, unit_batch=batches),
    "graduated": st.one_of(batch_terms, tier_terms),
    "volume": st.one_of(batch_terms, tier_terms),
    "percentage": st.builds(Terms, included_quota=quotas, rate=rates, free_amount=quotas),
    "graduated_percentage": st.builds(Terms, included_quota=quotas, tiers=tiers("rate")),
}
# Not volume: reaching a cheaper tier may make the whole amount smaller.
MONOTONE = sorted(set(CHARGE_MODELS) - {"volume"})


def exact_sum(numbers):
    with decimal.localcontext(decimal.Context(prec=200)):
        return sum(numbers, D("0"))


@every_model
def test_every_model_prices_by_its_name(charge_model):
    usage, terms = Usage(D("60")), PLAIN_TERMS[charge_model]
    check_terms(charge_model, terms)
    assert price(charge_model, terms, usage) == CHARGE_MODELS[charge_model].price(terms, usage)


@pytest.mark.parametrize("call", [lambda n: check_terms(n, Terms()), lambda n: price(n, Terms(), Usage(1))])
@pytest.mark.parametrize("name", ["", "Standard", "per_seat"])
def test_an_unknown_charge_model_is_refused(name, call):
    with refused("unknown_charge_model", ("charge_model",)):
        call(name)


@every_model
def test_terms_are_checked_again_when_pricing(charge_model):
    for call in (check_terms, lambda name, terms: price(name, terms, Usage(1))):
        with refused("negative_term"):
            call(charge_model, Terms(included_quota=D("-1"), tiers=PLAIN_TERMS[charge_model].tiers))


@every_model
@given(data=st.data())
def test_the_lines_explain_the_amount_exactly(charge_model, data):
    rated = price(charge_model, data.draw(RANDOM_TERMS[charge_model]), Usage(data.draw(quantities)))
    assert_explained(rated)
    assert rated.amount >= 0
    assert rated.included >= 0
    assert rated.billable >= 0


@pytest.mark.parametrize("charge_model", MONOTONE)
@given(data=st.data())
def test_more_usage_never_costs_less(charge_model, data):
    terms = data.draw(RANDOM_TERMS[charge_model])
    less, more = sorted([data.draw(quantities), data.draw(quantities)])
    assert price(charge_model, terms, Usage(less)).amount <= price(charge_model, terms, Usage(more)).amount


@pytest.mark.parametrize("charge_model", MONOTONE)
@given(data=st.data())
def test_in_a_shorter_part_of_a_period_the_same_usage_never_costs_less(charge_model, data):
    terms, usage = data.draw(RANDOM_TERMS[charge_model]), Usage(data.draw(quantities))
    short, long = sorted([Fraction(data.draw(st.integers(0, 31)), 31), Fraction(data.draw(st.integers(0, 31)), 31)])
    amounts = [price(charge_model, prorate_terms(terms, part), usage).amount for part in (long, short)]
    assert amounts == sorted(amounts)


@every_model
@given(data=st.data())
def test_splitting_the_rows_of_a_period_never_changes_the_amount(charge_model, data):
    terms, rows = data.draw(RANDOM_TERMS[charge_model]), data.draw(row_lists)
    cut = data.draw(st.integers(0, len(rows)))
    total = exact_sum(rows)
    merged = (exact_sum(rows[:cut]), exact_sum(rows[cut:]))
    whole = price(charge_model, terms, Usage(total, tuple(rows)))
    assert whole == price(charge_model, terms, Usage(total, merged)) == price(charge_model, terms, Usage(total))


@every_model
def test_nothing_is_rounded_with_forty_digit_numbers(charge_model):
    quantity, unit_price = D("1234567890123456789012345678901234567890.5"), D("0.0123456789012345678901234567890123")
    terms = {
        "percentage": Terms(rate=unit_price),
        "graduated_percentage": Terms(tiers=(Tier(None, rate=unit_price),)),
    }.get(charge_model, Terms(price_per_unit=unit_price))
    priced = Fraction(quantity) if charge_model != "package" else Fraction(quantity) + Fraction(1, 2)
    percent = 100 if "percentage" in charge_model else 1
    rated = price(charge_model, terms, Usage(quantity))
    assert Fraction(rated.amount) == priced * Fraction(unit_price) / percent


@every_model
def test_the_longest_numbers_that_are_accepted_can_be_priced(charge_model):
    long = "9" * 400 + "." + "9" * 400
    terms = {
        "percentage": Terms(rate=long, fixed_fee=long, row_minimum=long),
        "graduated_percentage": Terms(tiers=(Tier(None, rate=long, flat_fee=long),)),
        "package": Terms(price_per_unit=long, unit_batch="1e-400"),
    }.get(charge_model, Terms(price_per_unit=long, unit_batch="1e-400"))
    assert_explained(price(charge_model, terms, Usage(long, (long,))))


@every_model
def test_the_callers_decimal_context_does_not_matter(charge_model):
    usage = Usage(D("123456.789"))
    usual = price(charge_model, PLAIN_TERMS[charge_model], usage)
    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP)):
        assert price(charge_model, PLAIN_TERMS[charge_model], usage) == usual


@every_model
def test_only_percentage_with_terms_per_row_needs_rows(charge_model):
    assert not CHARGE_MODELS[charge_model].needs_rows(PLAIN_TERMS[charge_model])


@pytest.mark.parametrize(
    ("quantity", "rounding", "expected"),
    [
        pytest.param("5", "0.01", "0.03", id="CAD: half a cent up"),
        pytest.param("4", "0.01", "0.02", id="CAD: exact"),
        pytest.param("99", "1", "0", id="JPY: below a half"),
        pytest.param("100", "1", "1", id="JPY: half up"),
        pytest.param("0.1", "0.001", "0.001", id="KWD: half up"),
        pytest.param("0.09", "0.001", "0.000", id="KWD: below a half"),
        pytest.param("5", "0.05", "0.05", id="CHF cash: half up"),
        pytest.param("4.99", "0.05", "0.00", id="CHF cash: below a half"),
    ],
)
def test_the_amount_is_rounded_to_the_currency(quantity, rounding, expected):
    rated = price("standard", Terms(price_per_unit="0.005"), Usage(quantity))
    assert str(rated.rounded(D(rounding))) == expected
