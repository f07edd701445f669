# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Exact numbers as people read them. Odoo's formatLang takes floats, and a fixed number of decimals."""

from __future__ import annotations

import ast
import decimal
from decimal import Decimal

from odoo.addons.base.models.res_lang import intersperse
from odoo.api import Environment
from odoo.tools.misc import get_lang

from ..rating import plain_text

_QUANTITY_DECIMALS = 6


def format_number(env: Environment, number: Decimal, decimals: int = 0) -> str:
    """Return a number with all its digits, and at least so many decimals, as the language of ``env`` writes it."""
    lang = get_lang(env)
    whole, _point, fraction = plain_text(number.copy_abs()).partition(".")
    whole = intersperse(whole, ast.literal_eval(lang.grouping), lang.thousands_sep or "")[0]
    fraction = fraction.ljust(decimals, "0")
    text = f"{whole}{lang.decimal_point}{fraction}" if fraction else whole
    return f"-{text}" if number < 0 else text


def format_quantity(env: Environment, number: Decimal) -> str:
    """Return a quantity with six decimals at most; a small one with six digits, so that it is not told as 0."""
    digits = max(0, number.adjusted() + 1) + _QUANTITY_DECIMALS
    return format_number(env, decimal.Context(prec=digits, rounding=decimal.ROUND_HALF_UP).plus(number))
