# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Rate usage: from the quantities of one billing period to an exact amount of money.

Pure Python: no Odoo, no clock, no input or output, no floating point. Callers bring
:class:`Terms` (what was agreed) and :class:`Usage` (what was used), and get a :class:`Rated`
whose lines explain its amount; they round once, with :meth:`Rated.rounded`.

To add a charge model: one file in ``charge_models/``, one entry in its registry, one test file.
"""

from .aggregations import AGGREGATIONS, Components, StoredRow, aggregate, finish
from .charge_models import CHARGE_MODELS
from .commitment import true_up
from .days import day_of, start_of_day
from .errors import RatingError
from .money import has_plain_digits, plain_text, quotient, round_half_up, to_decimal
from .periods import attributed_at, microseconds_between
from .pricing import check_terms, price
from .proration import prorate_amount, prorate_terms
from .result import NOTHING, Rated, RatedLine
from .rounding import AMOUNT_ROUNDINGS, MAX_QUANTITY, MAX_STEPS, bill_groups, check_range, round_groups
from .terms import Terms, Tier
from .units import UNIT_ROUNDINGS, round_units
from .usage import Usage

__all__ = [
    "AGGREGATIONS",
    "AMOUNT_ROUNDINGS",
    "CHARGE_MODELS",
    "MAX_QUANTITY",
    "MAX_STEPS",
    "NOTHING",
    "UNIT_ROUNDINGS",
    "Components",
    "Rated",
    "RatedLine",
    "RatingError",
    "StoredRow",
    "Terms",
    "Tier",
    "Usage",
    "aggregate",
    "attributed_at",
    "bill_groups",
    "check_range",
    "check_terms",
    "day_of",
    "finish",
    "has_plain_digits",
    "microseconds_between",
    "plain_text",
    "price",
    "prorate_amount",
    "prorate_terms",
    "quotient",
    "round_groups",
    "round_half_up",
    "round_units",
    "start_of_day",
    "to_decimal",
    "true_up",
]
