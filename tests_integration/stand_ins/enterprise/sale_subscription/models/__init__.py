# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from . import (
    account_move,
    account_move_line,
    product_template,
    sale_order,
    sale_order_close_reason,
    sale_order_closing,
    sale_order_invoicing,
    sale_order_line,
    sale_order_log,
    sale_order_payment,
    sale_order_renewal,
    sale_order_upsell,
    sale_subscription_plan,
)
