# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from . import (
    account_move_reversal,
    base_partner_merge,
    billing_api_key_wizard,
    billing_invoice_preview,
    billing_usage_correction,
    billing_webhook_secret,
)
