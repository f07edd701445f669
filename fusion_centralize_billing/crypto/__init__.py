# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Secrets at rest and signatures.

secret_box       encrypt what the database must not hold in clear text
signatures       sign what we send
webhook_secrets  make secrets that sign, and judge those that others made
"""
