# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
{
    "name": "Stand-in for Enterprise's Subscriptions",
    "summary": "Test only: the publicly known behaviour of sale_subscription, written from documentation",
    "version": "19.0.2.0.0",
    "category": "Hidden",
    "author": "Nexa Systems Inc.",
    "license": "OPL-1",
    "depends": ["sale_management", "account_payment"],
    "data": [
        "security/ir.model.access.csv",
        "data/sale_order_close_reason_data.xml",
        "data/ir_cron_data.xml",
        "views/sale_order_views.xml",
        "views/product_template_views.xml",
    ],
}
