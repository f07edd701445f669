# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""One file per noun. Importing them registers the types, see listings.py."""

from . import charge, customer, invoice, metric, plan, rating, service, subscription, usage, webhook
