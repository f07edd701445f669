# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Which scope of a key opens which type. Wherever a type is reached, its fields need its scope."""

from odoo.addons.fusion_centralize_billing.api.operations import OPERATIONS

#: Metrics and services have none: they only name what other objects are about. Listing metrics has.
_BY_TYPE = {
    "Customer": "customers:read",
    "Subscription": "subscriptions:read",
    "SubscriptionLine": "subscriptions:read",
    "CurrentUsage": "usage:read",
    "UsageRecord": "usage:read",
    "UsageTotal": "usage:read",
    "UsageTotalPage": "usage:read",
    "RatedCounter": "usage:read",
    "BillingProof": "usage:read",
    "ProofLine": "usage:read",
    "ProofFinding": "usage:read",
    "Rating": "usage:read",
    "BreakdownLine": "usage:read",
    "Invoice": "invoices:read",
    "InvoiceLine": "invoices:read",
    "Document": "invoices:read",
    "WebhookDelivery": "webhooks:read",
    "Plan": "catalog:read",
    "Charge": "catalog:read",
    "ChargeTier": "catalog:read",
    "MetricConnection": "catalog:read",
}


def needed_scope(type_name, field_name=None):
    """Return the scope that a type, or a field of the mutation root, needs; None if none."""
    if type_name == "Mutation" and field_name:
        return OPERATIONS[field_name].scope
    return _BY_TYPE.get(type_name) or _BY_TYPE.get(type_name.removesuffix("Connection").removesuffix("Edge"))


def _listed(*names):
    return {f"{name}{part}" for name in names for part in ("", "Connection", "Edge")}


#: What an access token of a customer shows, as far as the record rules show it. A new type is not among them by
#: itself. Lists of metrics are for services: whatever else names a metric leads to it.
CUSTOMER_TYPES = frozenset(
    {
        *("Query", "Viewer", "PageInfo", "Node", "Service", "Metric"),
        *_listed("Customer", "Subscription", "UsageRecord", "RatedCounter", "Rating", "Invoice", "InvoiceLine"),
        *("SubscriptionLine", "CurrentUsage", "BreakdownLine", "Dimension"),
        *_listed("Plan", "Charge"),
        *("ChargeTier", "ChargeCondition", "UpcomingPrices"),
    }
)
