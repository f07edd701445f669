# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
{
    "name": "Fusion Subscription",
    "summary": "Recurring sales orders, billed per period, one job per subscription",
    "version": "19.0.1.3.0",
    "category": "Sales/Sales",
    "author": "Nexa Systems Inc.",
    "license": "OPL-1",
    "depends": ["account", "queue_job", "sale_management"],
    # Both define sale.subscription.plan and the subscription fields of sale.order.
    "excludes": ["sale_subscription"],
    "data": [
        "security/ir.model.access.csv",
        "security/fusion_subscription_security.xml",
        "data/queue_job_channel_data.xml",
        "data/queue_job_function_data.xml",
        "data/ir_cron_data.xml",
        "data/sale_subscription_plan_data.xml",
        "views/sale_subscription_plan_views.xml",
        "views/fusion_subscription_period_views.xml",
        "views/product_template_views.xml",
        "wizards/fusion_subscription_change_views.xml",
        "views/sale_order_views.xml",
        "views/fusion_subscription_menus.xml",
    ],
}
