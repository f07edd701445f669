# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tools import SQL

from . import shape

#: Numbers by way of text, or the double behind 0.1 would be kept with all its digits.
_KNOWN = """
    SELECT id, subscription_id, metric_id, period_start, GREATEST(period_start, period_end) AS period_end, source,
           quantity::text::numeric AS quantity, period_end < period_start AS is_reversed,
           CASE WHEN char_length(idempotency_key) <= 255 THEN idempotency_key END AS idempotency_key,
           create_uid, write_uid, create_date, write_date
      FROM %s
     WHERE subscription_id IS NOT NULL AND metric_id IS NOT NULL AND period_start IS NOT NULL
       AND period_end IS NOT NULL AND quantity IS NOT NULL
"""
#: What is no counter (below zero, no number, an end before its start) did not count for the better: it stays, void.
_INSERT = """
    INSERT INTO fusion_billing_usage (
           id, subscription_id, service_id, metric_id, period_start, period_end, attributed_at, quantity, source,
           idempotency_key, voided_at, void_reason, create_uid, write_uid, create_date, write_date)
    SELECT known.id, known.subscription_id, sale_order.x_fc_service_id, known.metric_id, known.period_start,
           known.period_end, GREATEST(known.period_start, known.period_end - interval '1 microsecond'),
           CASE WHEN fault.is_none THEN known.quantity ELSE 0 END, COALESCE(known.source, 'push'),
           known.idempotency_key, CASE WHEN NOT fault.is_none OR known.is_reversed THEN now() AT TIME ZONE 'UTC' END,
           CASE WHEN NOT fault.is_none THEN 'Not a quantity: ' || known.quantity
                WHEN known.is_reversed THEN 'Its end was before its start.' END,
           known.create_uid, known.write_uid, known.create_date, known.write_date
      FROM (%s) AS known
      JOIN sale_order ON sale_order.id = known.subscription_id
     CROSS JOIN LATERAL (SELECT known.quantity >= 0 AND known.quantity < 'Infinity'::numeric AS is_none) AS fault
"""
#: What was not billed yet is rated as soon as the addon runs.
_FEED = """
    INSERT INTO fusion_billing_usage_change (subscription_id, metric_id, from_at, to_at)
    SELECT usage.subscription_id, usage.metric_id, MIN(usage.attributed_at), MAX(usage.attributed_at)
      FROM fusion_billing_usage AS usage JOIN sale_order ON sale_order.id = usage.subscription_id
     WHERE usage.voided_at IS NULL
       AND usage.attributed_at >= COALESCE(sale_order.x_fc_billed_until::timestamp, '-infinity')
     GROUP BY 1, 2
"""
_WITHOUT_SERVICE = """
    SELECT sale_order.name, COUNT(*) FROM fusion_billing_usage AS usage
      JOIN sale_order ON sale_order.id = usage.subscription_id
     WHERE usage.service_id IS NULL GROUP BY sale_order.id ORDER BY sale_order.id
"""


def take_over(env, report):
    """Keep the counters, each with the service of its subscription, within which its key is unique from now on."""
    cr = env.cr
    cr.execute(SQL(_INSERT, SQL(_KNOWN, SQL.identifier(shape.aside("usage")))))
    shape.number_on(env, "fusion.billing.usage")
    cr.execute(_FEED)
    cr.execute(_WITHOUT_SERVICE)
    for name, count in cr.fetchall():
        report.tell(
            f"{count} counters of {name} have no service, for nothing tells which one has sent them: "
            "sent again, they count again."
        )
    cr.execute("SELECT COUNT(*) FROM fusion_billing_usage WHERE voided_at IS NOT NULL")
    if count := cr.fetchone()[0]:
        report.tell(
            f"{count} counters are void: their quantity is no number from zero up, or they end before they start."
        )
    _tell_left_out(cr, report)
    env.invalidate_all()


def _tell_left_out(cr, report):
    rows = SQL.identifier(shape.aside("usage"))
    cr.execute(SQL("SELECT COUNT(*) FROM %s WHERE id NOT IN (SELECT id FROM fusion_billing_usage)", rows))
    if count := cr.fetchone()[0]:
        report.tell(f"{count} counters without subscription, metric, time or quantity were left out.")
