# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The rules by which subscriptions share invoices."""

GROUPINGS = [
    ("customer", "One Invoice per Customer"),
    ("subscription", "One Invoice per Subscription"),
]
GROUPING_HELP = (
    "One invoice per customer: subscriptions of one customer and service are on one invoice, if they are due on the "
    "same day and agree in currency, terms, addresses and how they are paid. Services never share an invoice. "
    "On Enterprise this needs its own setting to consolidate invoices."
)
