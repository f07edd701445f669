# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import importlib.util

from . import (
    test_account_link,
    test_adjustments,
    test_aggregation,
    test_architecture,
    test_charge,
    test_commitment,
    test_dimensions,
    test_idempotency,
    test_invoice_changes,
    test_invoicing,
    test_isolation,
    test_jsonrpc,
    test_openapi,
    test_openrpc,
    test_parity,
    test_payment_amounts,
    test_payment_charges,
    test_payment_safety,
    test_payment_schedule,
    test_payment_stripe,
    test_plan_terms,
    test_preview,
    test_price_versions,
    test_rated_lines,
    test_rating_ledger,
    test_rest,
    test_rest_documents,
    test_rest_lists,
    test_rest_operations,
    test_rest_subscription_changes,
    test_rest_usage,
    test_secrets,
    test_security,
    test_service_keys,
    test_simulation,
    test_usage,
    test_usage_corrections,
    test_usage_queries,
    test_webhooks,
    test_written_by_billing,
)

# scripts/test has it; a sandbox, where these tests run too, need not.
if importlib.util.find_spec("hypothesis"):
    from . import test_histories
