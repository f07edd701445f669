# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Price usage by the name of a charge model."""

from __future__ import annotations

from .charge_models import CHARGE_MODELS, ChargeModel
from .errors import RatingError
from .result import Rated
from .terms import Terms
from .usage import Usage


def price(charge_model: str, terms: Terms, usage: Usage) -> Rated:
    """Return what the usage of one billing period costs, unrounded and explained.

    A forecast, a preview and an invoice call this same function with other quantities.

    :param charge_model: a name in ``CHARGE_MODELS``.
    :raise RatingError: ``unknown_charge_model``, a code of :func:`check_terms`, or one about the
        rows of ``percentage``: ``missing_rows``, ``rows_total_mismatch``, ``negative_quantity``.
    """
    return _get_charge_model(charge_model).price(terms, usage)


def check_terms(charge_model: str, terms: Terms) -> None:
    """Refuse terms that the charge model could not price or would partly ignore.

    Meant for the moment a charge is saved; :func:`price` checks again.

    :raise RatingError: ``unknown_charge_model``, ``unused_term``, ``negative_term``,
        ``batch_not_positive``, ``minimum_above_maximum``, ``missing_tiers``, ``tier_not_rising``,
        ``open_tier_not_last`` or ``last_tier_not_open``, with the path of the value.
    """
    _get_charge_model(charge_model).check(terms)


def _get_charge_model(name: str) -> ChargeModel:
    if name not in CHARGE_MODELS:
        raise RatingError("unknown_charge_model", f"Unknown charge model: {name}.", ("charge_model",))
    return CHARGE_MODELS[name]
