# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
{
    "name": "Fusion Subscription (Enterprise binding)",
    "summary": "Lets Odoo Enterprise's own subscriptions carry Fusion Billing",
    "version": "19.0.1.3.0",
    "category": "Sales/Subscriptions",
    "author": "Nexa Systems Inc.",
    "license": "OPL-1",
    "depends": ["sale_subscription"],
}
