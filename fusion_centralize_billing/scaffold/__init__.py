# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The early scaffold of this addon, which had the same name: what it has left in a database is taken over.

shape          tells a scaffold by its tables, refuses what cannot be taken over, and sets its tables aside
leftovers      its views, menus, crons, groups and the like
takeover       the order in which the rest is done, and the end
services       services, keys, secrets
catalogue      metrics and charges
customers      what services call customers
subscriptions  which of its subscriptions are whose, and until when they were billed
counters       usage
webhooks       deliveries
reconciliation comparisons with the former billing
report         what people should know of it

The scripts in migrations/0.0.0 call it in every upgrade: the scaffold's version is not known.
"""
