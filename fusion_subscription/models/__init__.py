# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from . import fusion_subscription_guarded

# isort: split
# What inherits it comes after it.
from . import (
    account_move,
    account_move_line,
    fusion_subscription_fee,
    fusion_subscription_line_term,
    fusion_subscription_pause,
    fusion_subscription_period,
    product_template,
    sale_order,
    sale_order_edition,
    sale_order_fees,
    sale_order_grouping,
    sale_order_invoicing,
    sale_order_line,
    sale_order_line_invoicing,
    sale_order_line_terms,
    sale_order_rest,
    sale_order_terms,
    sale_subscription_plan,
)
