# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
from dataclasses import FrozenInstanceError, fields
from decimal import Decimal

import pytest
from fusion_rating import Terms, Tier
from fusion_rating.terms import refuse_impossible, refuse_unused
from hypothesis import given
from hypothesis import strategies as st

from .strategies import D, batches, prices, refused, tiers

DECIMAL_TERMS = (
    "included_quota", "price_per_unit", "unit_batch", "free_units", "rate", "fixed_fee",
    "free_amount", "row_minimum", "row_maximum",
)  # fmt: skip
ALL_TERMS = frozenset(field.name for field in fields(Terms))


def test_terms_without_arguments_are_free_of_charge_and_sell_single_units():
    terms = Terms()
    assert terms.unit_batch == 1
    assert (terms.included_quota, terms.price_per_unit, terms.rate) == (0, 0, 0)
    assert (terms.tiers, terms.row_minimum, terms.row_maximum) == ((), None, None)


@pytest.mark.parametrize("name", DECIMAL_TERMS)
def test_terms_keep_numbers_as_exact_decimals(name):
    for value in (0.1, "0.1", D("0.1")):
        kept = getattr(Terms(**{name: value}), name)
        assert isinstance(kept, Decimal)
        assert kept == D("0.1")


@pytest.mark.parametrize("name", DECIMAL_TERMS)
def test_terms_that_are_no_numbers_are_refused_by_name(name):
    with refused("invalid_number", (name,)):
        Terms(**{name: "a lot"})


@pytest.mark.parametrize("name", ["up_to", "price_per_unit", "flat_fee", "rate"])
def test_a_tier_keeps_exact_decimals_and_refuses_what_is_no_number(name):
    assert getattr(Tier(**{"up_to": None, name: 0.1}), name) == D("0.1")
    with refused("invalid_number", (name,)):
        Tier(**{"up_to": None, name: "a lot"})


def test_the_open_bound_of_a_tier_stays_none():
    assert Tier(up_to=None).up_to is None


@pytest.mark.parametrize("value", [1.5, "3", D("3"), True, None])
def test_the_number_of_free_rows_must_be_a_whole_number(value):
    with refused("invalid_number", ("free_rows",)):
        Terms(free_rows=value)


def test_terms_cannot_be_changed_and_can_be_compared():
    terms = Terms(tiers=[Tier(None, D("1.0"))])
    assert terms == Terms(tiers=(Tier(None, D("1.00")),))
    assert hash(terms) == hash(Terms(tiers=(Tier(None, 1),)))
    with pytest.raises(FrozenInstanceError):
        terms.rate = D("1")


OTHER_VALUES = {
    **dict.fromkeys(DECIMAL_TERMS, D("2")),
    "free_rows": 2,
    "tiers": (Tier(None),),
}


@pytest.mark.parametrize("name", sorted(ALL_TERMS))
def test_a_set_term_that_is_not_used_is_refused_by_name(name):
    terms = Terms(**{name: OTHER_VALUES[name]})
    with refused("unused_term", (name,)):
        refuse_unused(terms, ALL_TERMS - {name})
    refuse_unused(terms, ALL_TERMS)


def test_an_unused_term_may_be_given_with_its_default_value():
    refuse_unused(Terms(included_quota=D("0.00"), unit_batch=D("1.0"), free_rows=0), frozenset())


def test_a_limit_of_zero_counts_as_set():
    with refused("unused_term", ("row_minimum",)):
        refuse_unused(Terms(row_minimum=0), frozenset())


@pytest.mark.parametrize("name", [name for name in DECIMAL_TERMS if name != "unit_batch"])
def test_negative_terms_are_refused_by_name(name):
    with refused("negative_term", (name,)):
        refuse_impossible(Terms(**{name: D("-0.000001")}))


def test_a_negative_number_of_free_rows_is_refused():
    with refused("negative_term", ("free_rows",)):
        refuse_impossible(Terms(free_rows=-1))


@pytest.mark.parametrize("batch", ["0", "-1", "-0.5"])
def test_a_batch_must_be_above_zero(batch):
    with refused("batch_not_positive", ("unit_batch",)):
        refuse_impossible(Terms(unit_batch=D(batch)))


def test_the_minimum_of_a_row_must_not_exceed_its_maximum():
    with refused("minimum_above_maximum", ("row_minimum",)):
        refuse_impossible(Terms(row_minimum=D("2.01"), row_maximum=D("2")))


@pytest.mark.parametrize(
    "terms",
    [
        Terms(),
        Terms(row_minimum=2, row_maximum=2),
        Terms(row_minimum=2),
        Terms(row_maximum=0),
        Terms(unit_batch=D("0.5")),
        Terms(rate=D("250")),
    ],
)
def test_unusual_but_possible_terms_are_accepted(terms):
    refuse_impossible(terms)


# === AS JSON === #

EVERYTHING = Terms(
    included_quota="1000.50", price_per_unit="1E-7", unit_batch=1000, free_units=3, rate="2.50", fixed_fee="0.30",
    free_rows=4, free_amount=500, row_minimum=0, row_maximum="9.9",
    tiers=(Tier("1E+2", "1.00", 5), Tier(None, rate="0.10")),
)  # fmt: skip


def test_terms_are_written_as_plain_text():
    assert EVERYTHING.as_dict() == {
        "included_quota": "1000.5", "price_per_unit": "0.0000001", "unit_batch": "1000", "free_units": "3",
        "tiers": [
            {"up_to": "100", "price_per_unit": "1", "flat_fee": "5", "rate": "0"},
            {"up_to": None, "price_per_unit": "0", "flat_fee": "0", "rate": "0.1"},
        ],
        "rate": "2.5", "fixed_fee": "0.3", "free_rows": 4, "free_amount": "500", "row_minimum": "0",
        "row_maximum": "9.9",
    }  # fmt: skip


def test_terms_that_older_json_does_not_know_have_their_default():
    assert Terms.from_dict({"price_per_unit": "2", "tiers": []}) == Terms(price_per_unit=2)


def test_numbers_that_are_written_with_needless_zeros_are_read():
    older = {**EVERYTHING.as_dict(), "included_quota": "1000.500", "rate": "2.50"}
    assert Terms.from_dict(older) == EVERYTHING


@given(
    st.builds(
        Terms,
        **dict.fromkeys(("included_quota", "price_per_unit", "free_units", "rate", "fixed_fee", "free_amount"), prices),
        unit_batch=batches,
        free_rows=st.integers(0, 1000),
        row_minimum=st.none() | prices,
        row_maximum=st.none() | prices,
        tiers=st.just(()) | tiers() | tiers("rate"),
    )
)
def test_terms_survive_json(terms):
    assert Terms.from_dict(json.loads(json.dumps(terms.as_dict()))) == terms
