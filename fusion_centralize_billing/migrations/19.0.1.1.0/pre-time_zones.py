# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Subscriptions that run keep the days that they had: those of UTC. New ones take their company's time zone."""


def migrate(cr, version):
    cr.execute("ALTER TABLE sale_order ADD COLUMN IF NOT EXISTS x_fc_billing_tz varchar")
    cr.execute("UPDATE sale_order SET x_fc_billing_tz = 'UTC' WHERE is_subscription")
    cr.execute("SELECT to_regclass('fusion_billing_rating')")
    if not cr.fetchone()[0]:
        return  # an upgrade from the scaffold
    cr.execute(
        "ALTER TABLE fusion_billing_rating ADD COLUMN IF NOT EXISTS first_day date,"
        " ADD COLUMN IF NOT EXISTS last_day date"
    )
    cr.execute(
        "UPDATE fusion_billing_rating"
        " SET first_day = period_start::date, last_day = (period_end - interval '1 microsecond')::date"
    )
