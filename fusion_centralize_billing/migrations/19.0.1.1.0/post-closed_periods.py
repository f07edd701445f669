# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Which billing periods were closed: from Community's billed periods, and from the ledger, which all editions have."""

_INSERT = """
    INSERT INTO fusion_billing_period (subscription_id, start_on, end_on, start_at, end_at, create_date, write_date)
    SELECT subscription_id, start_on, end_on, start_on::timestamp, end_on::timestamp,
           now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
      FROM (%s) AS known
    ON CONFLICT (subscription_id, start_at) DO NOTHING
"""
_BILLED = """
    SELECT period.order_id AS subscription_id, period.period_start AS start_on, period.period_end AS end_on
      FROM fusion_subscription_period AS period JOIN sale_order ON sale_order.id = period.order_id
     WHERE period.period_end <= sale_order.x_fc_billed_until
"""
_RATED = """
    SELECT rating.subscription_id, rating.first_day AS start_on, MAX(rating.last_day) + 1 AS end_on
      FROM fusion_billing_rating AS rating JOIN sale_order ON sale_order.id = rating.subscription_id
     WHERE rating.last_day < sale_order.x_fc_billed_until
     GROUP BY rating.subscription_id, rating.first_day
"""


def migrate(cr, version):
    cr.execute("SELECT to_regclass('fusion_subscription_period')")
    if cr.fetchone()[0]:
        cr.execute(_INSERT % _BILLED)
    cr.execute(_INSERT % _RATED)
