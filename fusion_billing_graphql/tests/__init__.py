# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from . import (
    test_current_usage,
    test_filters,
    test_graphiql,
    test_http,
    test_invoice_operations,
    test_isolation,
    test_limits,
    test_mutations,
    test_pagination,
    test_parity,
    test_proof,
    test_query_counts,
    test_rated_counters,
    test_schema,
    test_scopes,
    test_session,
)
