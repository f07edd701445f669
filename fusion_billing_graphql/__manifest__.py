# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
{
    "name": "Fusion Billing GraphQL",
    "summary": "Customers, usage, catalogue, subscriptions, invoices and webhook deliveries over GraphQL",
    "version": "19.0.1.1.0",
    "category": "Accounting/Accounting",
    "author": "Nexa Systems Inc.",
    "license": "OPL-1",
    "depends": ["fusion_centralize_billing"],
    "external_dependencies": {"python": ["graphene>=3.4,<4", "graphql-core>=3.2,<3.3"]},
    "data": [
        "security/ir.model.access.csv",
    ],
}
