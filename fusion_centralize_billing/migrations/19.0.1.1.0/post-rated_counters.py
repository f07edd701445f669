# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Ratings and corrections of older versions: which usage a rating was about, and which counter a correction."""

# The last period of a subscription bills also what was acknowledged for later.
_USAGE_UNTIL = """
    UPDATE fusion_billing_rating AS rating
       SET usage_until = CASE
            WHEN rating.kind = 'usage' AND rating.total_quantity = 0 AND rating.breakdown -> 'lines' = '[]'
            THEN rating.period_start
            WHEN %s <= rating.period_end::date THEN '9999-12-31 23:59:59.999999'
            ELSE rating.period_end END
      FROM sale_order
     WHERE sale_order.id = rating.subscription_id AND rating.usage_until IS NULL
"""
_COUNTER = """
    UPDATE fusion_billing_usage_history AS entry
       SET counter_id = usage.id, source = usage.source, counter_date = usage.create_date
      FROM fusion_billing_usage AS usage
     WHERE usage.id = entry.usage_id AND entry.counter_id IS NULL
"""
# The numbers of deleted counters are not known any more: they get some that no counter has, from the end of the range.
_DELETED_COUNTER = """
    UPDATE fusion_billing_usage_history AS entry
       SET counter_id = 2147483647 - first.id
      FROM (SELECT MIN(id) AS id, service_id, subscription_id, metric_id, idempotency_key,
                   CASE WHEN idempotency_key IS NULL THEN id END AS without_key
              FROM fusion_billing_usage_history
             WHERE counter_id IS NULL AND (idempotency_key IS NOT NULL OR kind = 'deleted')
             GROUP BY service_id, subscription_id, metric_id, idempotency_key, without_key) AS first
     WHERE entry.counter_id IS NULL
       AND entry.subscription_id = first.subscription_id AND entry.metric_id = first.metric_id
       AND entry.service_id IS NOT DISTINCT FROM first.service_id
       AND CASE WHEN first.without_key IS NULL THEN entry.idempotency_key = first.idempotency_key
                ELSE entry.id = first.without_key END
"""


def migrate(cr, version):
    cr.execute("SELECT 1 FROM information_schema.columns WHERE table_name = 'sale_order' AND column_name = 'end_date'")
    end = "COALESCE(sale_order.x_fc_ended_on, sale_order.end_date)" if cr.fetchone() else "sale_order.x_fc_ended_on"
    cr.execute(_USAGE_UNTIL % end)
    cr.execute(_COUNTER)
    cr.execute(_DELETED_COUNTER)
