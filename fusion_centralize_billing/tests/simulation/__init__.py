# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Months of many subscriptions: what is agreed and happens (agreements, story), what is owed for it
(expectation, without any of the product's code), and how Odoo is led through it (stage).
"""
