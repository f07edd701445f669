"""What the proof is measured on: run inside Odoo's shell, where ``env`` is.

One subscription is billed by the engine itself; the others are copies of it, made by SQL, with counters, ledger
rows and invoice lines of their own. Journal entries are not complete: nobody books here.
"""

import time

METRICS = 3
#: Closed billing periods; one more is open.
CLOSED = 11
#: Counters of a metric a day.
PER_DAY = 1
_DAYS = 28
#: One counter in so many was corrected before it was rated; one in so many came after the rating.
_CORRECTED_EACH, _LATE_EACH = 200, 1000

#: Copies of a row: all its columns, and what each copy has for itself (as jsonb, in ``own``).
_COPY = """
    INSERT INTO {table}
    SELECT copy.* FROM (SELECT to_jsonb(row) AS values FROM {table} AS row WHERE id = {id}) AS template,
           (%s) AS own (own),
           LATERAL jsonb_populate_record(NULL::{table}, template.values || own.own) AS copy
"""
_TABLES = ("sale_order", "sale_order_line", "account_move", "account_move_line", "fusion_billing_rating")


def measure(env, counters):
    """Fill the database and return how long the proof of it took, and what it came to."""
    begun = time.monotonic()
    order = _bill_one(env)
    subscriptions = -(-counters // (METRICS * (CLOSED + 1) * _DAYS * PER_DAY))
    _copy(env, order, subscriptions)
    filled = time.monotonic()
    outcome = _prove(env, order.company_id)
    return {
        "subscriptions": subscriptions,
        "counters": outcome.counters,
        "unexplained": outcome.unexplained,
        "findings": len(outcome.findings),
        "lines": len(outcome.lines),
        "by_status": _count(outcome),
        "seconds_to_fill": round(filled - begun, 1),
        "seconds": round(time.monotonic() - filled, 1),
    }


def _prove(env, company):
    from odoo.addons.fusion_centralize_billing.proof import Scope, prove

    return prove(env, Scope((company.id,)))


def _count(outcome):
    counts = {}
    for line in outcome.lines:
        counts[line.status] = counts.get(line.status, 0) + line.counters
    return counts


def _bill_one(env):
    """Return a subscription whose first period the engine has billed."""
    from dateutil.relativedelta import relativedelta

    from odoo.fields import Command, Date

    start = Date.today().replace(day=1) - relativedelta(months=CLOSED)
    plan = _make_plan(env)
    service = env["fusion.billing.service"].create({"name": "Proved", "code": "proved"})
    order = env["sale.order"].create(
        {
            "partner_id": env["res.partner"].create({"name": "Customer"}).id,
            "plan_id": plan.plan_id.id,
            "pricelist_id": plan.pricelist_id.id,
            "start_date": start,
            "x_fc_service_id": service.id,
            "x_fc_plan_code": plan.code,
            "x_fc_billing_tz": "UTC",
            "order_line": [Command.create({"product_id": plan.product_id.id})],
        }
    )
    order.action_confirm()
    for charge in plan.charge_ids:
        env["fusion.billing.usage"]._record_usage(order, charge.metric_id.code, 500, start, start)
    order._invoice_due_period()
    env.flush_all()
    env.cr.execute("DELETE FROM queue_job")
    env.cr.execute("DELETE FROM fusion_billing_usage_change")
    env.cr.commit()
    return order


def _make_plan(env):
    from odoo.fields import Command

    products = env["product.product"].create(
        [{"name": name, "type": "service", "taxes_id": [Command.clear()]} for name in ("Fee", "Usage")]
    )
    products[0].recurring_invoice = True
    plan = env["fusion.billing.plan"].create(
        {
            "name": "Proved",
            "code": "proved",
            "plan_id": env["sale.subscription.plan"].create({"name": "Monthly"}).id,
            "pricelist_id": env["product.pricelist"].create({"name": "Proved"}).id,
            "product_id": products[0].id,
            "price": 20,
        }
    )
    metrics = env["fusion.billing.metric"].create([{"name": f"M{n}", "code": f"m{n}"} for n in range(METRICS)])
    for metric in metrics:
        env["fusion.billing.charge"].create(
            {
                "name": metric.name,
                "plan_code": plan.code,
                "metric_id": metric.id,
                "product_id": products[1].id,
                "included_quota": 100,
                "price_per_unit": 0.125,
            }
        )
    return plan


def _copy(env, order, subscriptions):
    """Make copies of a billed subscription, each with all its periods."""
    cr = env.cr
    row = order.x_fc_rating_ids[0]
    template = {
        "sale_order": order.id,
        "sale_order_line": row.order_line_id.id,
        "account_move": row.invoice_id.id,
        "account_move_line": row.invoice_line_id.id,
        "fusion_billing_rating": row.id,
    }
    first = {table: _next_id(cr, table) for table in _TABLES}
    _copy_orders(cr, order, subscriptions, template, first)
    _make_counters(cr, order, first)
    env.cr.commit()
    _rate(env, template, first)
    env.cr.commit()
    _make_late_counters(cr)
    env.cr.commit()
    for table in ("fusion_billing_usage", "fusion_billing_usage_history", "fusion_billing_period", *_TABLES):
        cr.execute(f"ANALYZE {table}")
    env.cr.commit()
    env.invalidate_all()


def _copy_orders(cr, order, subscriptions, template, first):
    """Make the subscriptions with their closed periods, and the tables ``known`` and ``months``."""
    cr.execute("CREATE TEMPORARY TABLE known AS SELECT * FROM generate_series(0, %s - 1) AS n", [subscriptions])
    cr.execute(
        """
        CREATE TEMPORARY TABLE months AS
        SELECT k, day::date AS start_on, (day + interval '1 month')::date AS end_on
          FROM generate_series(0, %s) AS k, LATERAL (SELECT %s::date + k * interval '1 month' AS day) AS day
        """,
        [CLOSED, order.start_date],
    )
    _copy_rows(
        cr,
        "sale_order",
        template,
        f"""
        SELECT jsonb_build_object('id', {first["sale_order"]} + n, 'name', 'BENCH' || n, 'access_token', NULL,
            'x_fc_external_id', 'bench-' || n, 'x_fc_billed_until', month.start_on, 'next_invoice_date', month.end_on,
            'x_fc_invoice_on', month.end_on) FROM known, months AS month WHERE k = {CLOSED}
        """,
    )
    cr.execute(
        f"""
        INSERT INTO fusion_billing_period (subscription_id, start_on, end_on, start_at, end_at)
        SELECT {first["sale_order"]} + n, start_on, end_on, start_on, end_on FROM known, months WHERE k < {CLOSED}
        """
    )


def _make_counters(cr, order, first):
    cr.execute(
        f"""
        INSERT INTO fusion_billing_usage (subscription_id, metric_id, service_id, period_start, period_end,
            attributed_at, quantity, idempotency_key, source, create_date, write_date)
        SELECT {first["sale_order"]} + n, metric.id, {order.x_fc_service_id.id}, at.day, at.day, at.day,
               (ABS(HASHTEXT(n || ':' || metric.id || ':' || at.day)) % 50000)::numeric / 100,
               'bench:' || n || ':' || metric.id || ':' || at.day || ':' || i, 'push', at.day, at.day
          FROM known, months AS month, fusion_billing_metric AS metric, generate_series(0, {_DAYS} - 1) AS d,
               generate_series(1, {PER_DAY}) AS i,
               LATERAL (SELECT month.start_on + d * interval '1 day' + i * interval '1 hour' AS day) AS at
         WHERE metric.code LIKE 'm_'
        """
    )
    cr.execute(
        f"""
        INSERT INTO fusion_billing_usage_history (usage_id, counter_id, kind, subscription_id, metric_id, service_id,
            idempotency_key, source, before, after, counter_in, counter_run, counter_date, create_date)
        SELECT id, id, 'amended', subscription_id, metric_id, service_id, idempotency_key, source,
               jsonb_build_object('quantity', (quantity + 1)::text, 'period_start', period_start, 'period_end',
                                  period_end, 'properties', NULL), NULL,
               recorded_in, recorded_run, create_date, create_date
          FROM fusion_billing_usage WHERE id % {_CORRECTED_EACH} = 0
        """
    )


def _make_late_counters(cr):
    """Counters that wait for their rating."""
    cr.execute(
        f"""
        INSERT INTO fusion_billing_usage (subscription_id, metric_id, service_id, period_start, period_end,
            attributed_at, quantity, source, create_date, write_date)
        SELECT subscription_id, metric_id, service_id, period_start, period_end, attributed_at, 1, 'push', now(), now()
          FROM fusion_billing_usage WHERE id % {_LATE_EACH} = 0
        """
    )
    cr.execute(
        f"""
        INSERT INTO fusion_billing_usage_change (subscription_id, from_at, to_at)
        SELECT subscription_id, attributed_at, attributed_at FROM fusion_billing_usage WHERE id % {_LATE_EACH} = 0
        """
    )


def _rate(env, template, first):
    """Write what the engine would: a ledger row for each charge and period, and the lines that bill it."""
    _add_up(env.cr, first)
    _copy_moves(env.cr, template, first)
    _copy_lines(env.cr, template, first)
    _copy_ledger(env, template, first)


def _add_up(cr, first):
    cr.execute(
        f"""
        CREATE TEMPORARY TABLE rated AS
        SELECT row_number() OVER () - 1 AS r, usage.subscription_id AS order_id, charge.id AS charge_id, month.*,
               charge.metric_id, SUM(usage.quantity) AS total, GREATEST(SUM(usage.quantity) - 100, 0) AS billable,
               ROUND(GREATEST(SUM(usage.quantity) - 100, 0) * 0.125, 2) AS amount
          FROM fusion_billing_usage AS usage
          JOIN months AS month
            ON usage.attributed_at >= month.start_on AND usage.attributed_at < month.end_on
          JOIN fusion_billing_charge AS charge ON charge.metric_id = usage.metric_id
         WHERE usage.subscription_id >= {first["sale_order"]}
         GROUP BY usage.subscription_id, charge.id, month.k, month.start_on, month.end_on
        """
    )


def _copy_moves(cr, template, first):
    _copy_rows(
        cr,
        "account_move",
        template,
        f"""
        SELECT jsonb_build_object('id', {first["account_move"]} + (order_id - {first["sale_order"]}) * {CLOSED} + k,
            'name', 'BENCH/' || order_id || '/' || k, 'x_fc_subscription_id', order_id, 'access_token', NULL,
            'sequence_number', 0, 'payment_reference', NULL, 'x_fc_period_start', start_on, 'x_fc_period_end', end_on)
          FROM (SELECT DISTINCT order_id, k, start_on, end_on FROM rated WHERE k < {CLOSED}) AS billed
        """,
    )


def _copy_lines(cr, template, first):
    _copy_rows(
        cr,
        "sale_order_line",
        template,
        f"""
        SELECT jsonb_build_object('id', {first["sale_order_line"]} + r, 'order_id', order_id, 'price_unit', amount,
            'x_fc_charge_id', charge_id, 'x_fc_period_start', start_on::timestamp, 'x_fc_period_end', end_on::timestamp)
          FROM rated WHERE k < {CLOSED} AND amount <> 0
        """,
    )
    _copy_rows(
        cr,
        "account_move_line",
        template,
        f"""
        SELECT jsonb_build_object('id', {first["account_move_line"]} + r, 'price_unit', amount,
            'price_subtotal', amount, 'price_total', amount, 'amount_currency', -amount, 'balance', -amount,
            'credit', amount, 'debit', 0, 'x_fc_subscription_id', order_id,
            'move_id', {first["account_move"]} + (order_id - {first["sale_order"]}) * {CLOSED} + k)
          FROM rated WHERE k < {CLOSED} AND amount <> 0
        """,
    )
    cr.execute(
        f"""
        INSERT INTO sale_order_line_invoice_rel (order_line_id, invoice_line_id)
        SELECT {first["sale_order_line"]} + r, {first["account_move_line"]} + r FROM rated
         WHERE k < {CLOSED} AND amount <> 0
        """
    )


def _copy_ledger(env, template, first):
    import json

    from odoo.addons.fusion_centralize_billing.models.rated_counters import take_reading

    reading = json.dumps(take_reading(env))
    _copy_rows(
        env.cr,
        "fusion_billing_rating",
        template,
        f"""
        SELECT jsonb_build_object('id', {first["fusion_billing_rating"]} + r, 'subscription_id', order_id,
            'charge_id', charge_id, 'metric_id', metric_id, 'period_start', start_on::timestamp,
            'period_end', end_on::timestamp, 'usage_until', end_on::timestamp, 'first_day', start_on,
            'last_day', end_on - 1, 'total_quantity', total, 'billable_quantity', billable,
            'included_quantity', total - billable, 'period_amount', amount, 'amount', amount,
            'breakdown', jsonb_build_object('total', trim_scale(total)::text, 'lines', '[]'::jsonb),
            'reading', '{reading}'::jsonb, 'state', CASE WHEN k < {CLOSED} THEN 'billed' ELSE 'open' END,
            'order_line_id', NULL, 'invoice_line_id',
            CASE WHEN k < {CLOSED} AND amount <> 0 THEN {first["account_move_line"]} + r END, 'invoice_id',
            CASE WHEN k < {CLOSED} AND amount <> 0
                 THEN {first["account_move"]} + (order_id - {first["sale_order"]}) * {CLOSED} + k END)
          FROM rated
        """,
    )


def _copy_rows(cr, table, template, own):
    cr.execute(_COPY.format(table=table, id=template[table]).replace("%s", own))


def _next_id(cr, table):
    cr.execute(f"SELECT MAX(id) + 1 FROM {table}")
    return cr.fetchone()[0]
