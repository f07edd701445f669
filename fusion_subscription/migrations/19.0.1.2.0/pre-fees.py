# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Fees that are on record were billed: without this they would be taken for open ones, and billed again."""


def migrate(cr, version):
    cr.execute("ALTER TABLE fusion_subscription_fee ADD COLUMN IF NOT EXISTS state varchar")
    cr.execute("UPDATE fusion_subscription_fee SET state = 'billed' WHERE state IS NULL")
