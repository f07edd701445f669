# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from . import (
    test_amounts,
    test_fee_ledger,
    test_given_back,
    test_periods,
    test_subscription_access,
    test_subscription_advance,
    test_subscription_change,
    test_subscription_close,
    test_subscription_grace,
    test_subscription_grouping,
    test_subscription_guard,
    test_subscription_invoicing,
    test_subscription_jobs,
    test_subscription_lifecycle,
    test_subscription_pause,
    test_subscription_plan,
    test_subscription_terms,
    test_terms_by_day,
)
