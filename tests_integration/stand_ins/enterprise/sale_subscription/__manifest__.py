# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
{
    "name": "Stand-in for Enterprise's Subscriptions",
    "summary": "Test only: the publicly known surface of sale_subscription, written from documentation",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "author": "Nexa Systems Inc.",
    "license": "OPL-1",
    "depends": ["sale_management"],
    "data": ["security/ir.model.access.csv"],
}
