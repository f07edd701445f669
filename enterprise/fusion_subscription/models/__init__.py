# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from . import (
    sale_order_boundaries,
    sale_order_closing,
    sale_order_edition,
    sale_order_line,
    sale_order_renewal,
)
