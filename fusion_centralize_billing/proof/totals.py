# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What the counters add up to: those of each window now, and those of ledger rows as they were rated."""

from decimal import Decimal

from odoo.tools import SQL

from ..models.rated_counters import correction_seen, counter_seen, rated_counters
from ..models.usage_window import COMPONENTS
from ..rating import Components, finish
from .tables import make_table

_USAGE, _SAW = SQL("usage"), SQL("saw")
#: The group of a counter, as the ledger writes it.
GROUP = SQL(
    "COALESCE((SELECT jsonb_object_agg(names.name, usage.properties ->> names.name)"
    " FROM jsonb_array_elements_text(win.group_by) AS names (name))::text, '')"
)
FILTERED = SQL(
    "NOT EXISTS (SELECT FROM jsonb_array_elements(win.filters) AS filter"
    " WHERE NOT COALESCE(filter -> 1 ? (usage.properties ->> (filter ->> 0)), FALSE))"
)
#: Which counters stand in a window.
IN_WINDOW = SQL(
    "usage.subscription_id = win.order_id AND usage.metric_id = win.metric_id AND usage.attributed_at >= win.start_at"
    " AND usage.attributed_at < win.until_at AND usage.voided_at IS NULL"
)


def make_items(env, scope):
    """Add up the counters of each window, by its groups: a group of a window is an item, as in the ledger.

    ``is_seen`` tells whether the item's last ledger row saw the making of all of its counters.
    """
    env.cr.execute(
        "CREATE TEMPORARY TABLE proof_item (window_id bigint, metric_id int, group_key varchar, row_id int,"
        " numerator text, denominator text, counters bigint, scoped bigint, quantity numeric, is_seen boolean,"
        " total numeric, is_wrong boolean, status varchar, reason varchar) ON COMMIT DROP"
    )
    env.cr.execute("SELECT DISTINCT aggregation, is_plain FROM proof_window")
    for aggregation, is_plain in env.cr.fetchall():
        env.cr.execute(_items_query(aggregation, is_plain, scope))
    # Items without counters: what the ledger has of them is gone, or was a period without usage.
    env.cr.execute(
        """
        INSERT INTO proof_item (window_id, metric_id, group_key, row_id, counters, scoped, quantity, is_seen, total)
        SELECT win.id, win.metric_id, last.group_key, last.id, 0, 0, 0, TRUE, 0
          FROM proof_row AS last
          JOIN proof_window AS win
            ON win.order_id = last.order_id AND win.charge_id = last.charge_id AND win.start_at = last.start_at
         WHERE last.is_last
           AND NOT EXISTS (
                SELECT FROM proof_item AS item WHERE item.window_id = win.id AND item.group_key = last.group_key)
        """
    )
    _finish(env, "item")
    env.cr.execute("CREATE INDEX ON proof_item (window_id)")
    env.cr.execute("ANALYZE proof_item")


def _items_query(aggregation, is_plain, scope):
    if is_plain:
        group, filtered = SQL("''::varchar"), SQL("TRUE")
        last = SQL("LEFT JOIN proof_row AS saw ON saw.id = win.row_id")
    else:
        group, filtered = SQL("item_group.key"), FILTERED
        last = SQL(
            "CROSS JOIN LATERAL (SELECT %s AS key OFFSET 0) AS item_group"
            " LEFT JOIN proof_row AS saw ON saw.order_id = win.order_id AND saw.charge_id = win.charge_id"
            " AND saw.start_at = win.start_at AND saw.is_last AND saw.group_key = item_group.key",
            GROUP,
        )
    return SQL(
        """
        INSERT INTO proof_item (window_id, metric_id, group_key, numerator, denominator, row_id, counters, scoped,
                                quantity, is_seen)
        SELECT win.id, MIN(win.metric_id), %(group)s, %(components)s, MIN(saw.id), COUNT(*),
               COUNT(*) FILTER (WHERE %(scope)s), COALESCE(SUM(quantity) FILTER (WHERE %(scope)s), 0),
               BOOL_AND(%(seen)s)
          FROM proof_window AS win JOIN fusion_billing_usage AS usage ON %(in_window)s %(last)s
         WHERE win.aggregation = %(aggregation)s AND win.is_plain = %(is_plain)s AND %(filtered)s
         GROUP BY win.id, 3
        """,
        group=group,
        components=SQL(COMPONENTS[aggregation]),
        scope=scope.holds(SQL("usage.attributed_at")),
        seen=counter_seen(_USAGE, _SAW),
        in_window=IN_WINDOW,
        last=last,
        aggregation=aggregation,
        is_plain=is_plain,
        filtered=filtered,
    )


def make_rated_totals(env):
    """Add up the counters of ledger rows as their ratings saw them.

    For a row that saw all there is of its item, and all corrections, that is the item's total of now. The others are
    looked up, but for those of older versions that are not the last ones: seconds cannot tell what they saw.
    """
    make_table(
        env,
        "asof",
        SQL(
            """
            WITH outdated AS (
                SELECT DISTINCT saw.id
                  FROM proof_row AS saw
                  JOIN fusion_billing_usage_history AS entry
                    ON entry.subscription_id = saw.order_id AND entry.metric_id = saw.metric_id
                 WHERE NOT %(correction_seen)s)
            SELECT row_id, metric_id, is_known, NULL::text AS numerator, NULL::text AS denominator,
                   CASE WHEN is_known AND is_applied THEN total ELSE 0 END AS total
              FROM (SELECT saw.id AS row_id, saw.metric_id, saw.is_applied, item.total,
                           NOT saw.is_applied OR (saw.is_last AND item.is_seen AND outdated.id IS NULL) AS is_known
                      FROM proof_row AS saw
                      LEFT JOIN proof_item AS item ON item.row_id = saw.id
                      LEFT JOIN outdated ON outdated.id = saw.id
                     WHERE saw.snapshot IS NOT NULL) AS saw
            """,
            correction_seen=correction_seen(SQL("entry"), _SAW),
        ),
        index="row_id",
    )
    env.cr.execute(
        "SELECT DISTINCT metric.aggregation FROM proof_asof AS unknown"
        " JOIN fusion_billing_metric AS metric ON metric.id = unknown.metric_id WHERE NOT unknown.is_known"
    )
    for (aggregation,) in env.cr.fetchall():
        env.cr.execute(_rated_total_query(aggregation))
    _finish(env, "asof")


def _rated_total_query(aggregation):
    rating = SQL("rating")
    return SQL(
        """
        UPDATE proof_asof SET numerator = found.numerator, denominator = found.denominator
          FROM (SELECT rating.id, %(components)s
                  FROM proof_asof AS unknown
                  JOIN fusion_billing_rating AS rating ON rating.id = unknown.row_id
                  JOIN fusion_billing_metric AS metric ON metric.id = rating.metric_id
                 CROSS JOIN LATERAL (SELECT rating.period_start AS start_at, rating.period_end AS end_at) AS win
                 CROSS JOIN LATERAL (SELECT counter.*, counter_id AS id FROM (%(counters)s) AS counter) AS usage
                 WHERE NOT unknown.is_known AND metric.aggregation = %(aggregation)s
                 GROUP BY rating.id) AS found (row_id, numerator, denominator)
         WHERE found.row_id = proof_asof.row_id
        """,
        components=SQL(COMPONENTS[aggregation]),
        counters=rated_counters(rating),
        aggregation=aggregation,
    )


def _finish(env, name):
    """Make quantities of what was added up: as they are, or divided and rounded as the metric says."""
    table = SQL.identifier(f"proof_{name}")
    plain = SQL("SELECT id FROM fusion_billing_metric WHERE unit_rounding = 'none'")
    env.cr.execute(
        SQL(
            "UPDATE %s SET total = numerator::numeric"
            " WHERE numerator IS NOT NULL AND denominator IS NULL AND metric_id IN (%s)",
            table,
            plain,
        )
    )
    env.cr.execute(
        SQL(
            "SELECT DISTINCT metric_id, numerator, denominator FROM %s"
            " WHERE numerator IS NOT NULL AND (denominator IS NOT NULL OR metric_id NOT IN (%s))",
            table,
            plain,
        )
    )
    metrics = env["fusion.billing.metric"].sudo()  # sudo: metrics count, whoever looks
    totals = [(*row, str(_quantity(metrics.browse(row[0]), *row[1:]))) for row in env.cr.fetchall()]
    if totals:
        env.cr.execute_values(
            f"UPDATE proof_{name} AS kept SET total = found.total::numeric"
            " FROM (VALUES %s) AS found (metric_id, numerator, denominator, total)"
            " WHERE kept.metric_id = found.metric_id AND kept.numerator = found.numerator"
            " AND kept.denominator IS NOT DISTINCT FROM found.denominator",
            totals,
            template="(%s, %s, %s::text, %s)",
            page_size=10_000,
        )


def _quantity(metric, numerator, denominator):
    return metric._round_units(finish(Components(Decimal(numerator), denominator and Decimal(denominator))))
