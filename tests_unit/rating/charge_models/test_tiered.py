# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What graduated and volume share."""

import pytest
from fusion_rating import Terms, Tier, Usage, check_terms, price
from hypothesis import given

from ..strategies import batches, prices, quantities, quotas, refused

both = pytest.mark.parametrize("charge_model", ["graduated", "volume"])
OPEN = (Tier(None, 1),)


@both
@given(quantities, quotas, prices, batches)
def test_without_tiers_they_price_like_standard(charge_model, quantity, quota, unit_price, batch):
    terms = Terms(included_quota=quota, price_per_unit=unit_price, unit_batch=batch)
    usage = Usage(quantity)
    assert price(charge_model, terms, usage) == price("standard", terms, usage)


@both
@given(quantities, quotas, prices)
def test_one_open_tier_costs_the_same_as_standard_with_single_units(charge_model, quantity, quota, unit_price):
    tiered = Terms(included_quota=quota, tiers=(Tier(None, unit_price),))
    standard = Terms(included_quota=quota, price_per_unit=unit_price)
    one, other = price(charge_model, tiered, Usage(quantity)), price("standard", standard, Usage(quantity))
    assert (one.amount, one.included, one.billable) == (other.amount, other.included, other.billable)


@both
@pytest.mark.parametrize(
    ("name", "value"),
    [("unit_batch", 1000), ("price_per_unit", 1), ("free_units", 1), ("rate", 1), ("fixed_fee", 1),
     ("free_rows", 1), ("free_amount", 1), ("row_minimum", 0), ("row_maximum", 0)],
)  # fmt: skip
def test_with_tiers_a_batch_and_terms_of_other_models_are_refused(charge_model, name, value):
    with refused("unused_term", (name,)):
        check_terms(charge_model, Terms(tiers=OPEN, **{name: value}))


@both
@pytest.mark.parametrize("name", ["free_units", "rate", "fixed_fee", "free_rows", "free_amount"])
def test_without_tiers_terms_of_other_models_are_refused(charge_model, name):
    with refused("unused_term", (name,)):
        check_terms(charge_model, Terms(**{name: 1}))


@both
@pytest.mark.parametrize(
    ("tiers", "code", "path"),
    [
        ((Tier(10, 1),), "last_tier_not_open", ("tiers", 0, "up_to")),
        ((Tier(10, 1), Tier(10, 1), Tier(None, 1)), "tier_not_rising", ("tiers", 1, "up_to")),
        ((Tier(None, 1), Tier(None, 1)), "open_tier_not_last", ("tiers", 0, "up_to")),
        ((Tier(10, -1), Tier(None, 1)), "negative_term", ("tiers", 0, "price_per_unit")),
        ((Tier(10, 1), Tier(None, 1, -1)), "negative_term", ("tiers", 1, "flat_fee")),
        ((Tier(10, 1), Tier(None, rate=1)), "unused_term", ("tiers", 1, "rate")),
    ],
)
def test_wrong_tiers_are_refused_when_saved_and_when_priced(charge_model, tiers, code, path):
    for call in (check_terms, lambda name, terms: price(name, terms, Usage(1))):
        with refused(code, path):
            call(charge_model, Terms(tiers=tiers))


@both
@pytest.mark.parametrize(("quantity", "included", "billable"), [(40, 40, 0), (100, 100, 0), (110, 100, 10)])
def test_the_quota_comes_off_before_the_tiers(charge_model, quantity, included, billable):
    rated = price(charge_model, Terms(included_quota=100, tiers=OPEN), Usage(quantity))
    assert (rated.included, rated.billable, rated.amount) == (included, billable, billable)
