# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Every counter of the scope with its status, counted; and the amounts of the ledger beside them."""

from decimal import Decimal

from odoo.tools import SQL

from ..models.rated_counters import correction_seen, counter_seen
from .outcome import Finding, Line
from .totals import FILTERED, GROUP, IN_WINDOW

_SAW, _USAGE = SQL("saw"), SQL("usage")
#: A counter of several items is as good as the worst of them.
_RANK = SQL("ARRAY_POSITION(ARRAY['unexplained', 'open', 'invoiced', 'included'], %s)", SQL("status.status"))


def make_parts(env, scope):
    """Fill the table of parts, which the lines are the sums of."""
    env.cr.execute(
        "CREATE TEMPORARY TABLE proof_part (order_id int, metric_id int, start_on date, end_on date, status varchar,"
        " reason varchar, counters bigint, quantity numeric, amount numeric) ON COMMIT DROP"
    )
    env.cr.execute(
        """
        CREATE TEMPORARY TABLE proof_shared ON COMMIT DROP AS
        SELECT order_id, metric_id FROM proof_window WHERE is_shared
         UNION
        SELECT win.order_id, win.metric_id FROM proof_item AS item JOIN proof_window AS win ON win.id = item.window_id
         WHERE item.status = 'mixed'
        """
    )
    env.cr.execute("ANALYZE proof_shared")
    _add_items(env)
    _add_shared(env, scope)
    _add_unmatched(env, scope)
    _add_void(env, scope)
    _add_amounts(env, scope)


def get_lines(env):
    """Return the Lines of the parts."""
    env.cr.execute(
        """
        SELECT known.service_id, known.plan_code, part.metric_id, part.start_on, part.end_on, part.status, part.reason,
               CASE WHEN part.status = 'open' THEN known.due_on END, known.currency_id,
               SUM(part.counters), SUM(part.quantity)::text, SUM(part.amount)::text
          FROM proof_part AS part JOIN proof_order AS known ON known.id = part.order_id
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
         ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9
        """
    )
    return [
        Line(*key, int(counters), Decimal(quantity), Decimal(amount))
        for *key, counters, quantity, amount in env.cr.fetchall()
    ]


def find_unexplained(env):
    """Return Findings of counters that nothing explains, by subscription, metric and period."""
    env.cr.execute(
        """
        SELECT order_id, reason, metric_id, start_on, SUM(counters), SUM(quantity)::text FROM proof_part
         WHERE status = 'unexplained' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """
    )
    return [
        Finding(reason, order, metric_id=metric, start_on=day, counters=int(counters), expected=quantity)
        for order, reason, metric, day, counters, quantity in env.cr.fetchall()
    ]


def count_counters(env, scope):
    """Return how many counters are in the scope, counted by themselves."""
    env.cr.execute(
        SQL(
            "SELECT COUNT(*) FROM fusion_billing_usage AS usage"
            " JOIN sale_order ON sale_order.id = usage.subscription_id WHERE %s AND %s",
            scope.orders(),
            scope.holds(SQL("usage.attributed_at")),
        )
    )
    return env.cr.fetchone()[0]


def _add_items(env):
    env.cr.execute(
        """
        INSERT INTO proof_part
        SELECT win.order_id, win.metric_id, win.start_on, win.end_on, item.status, item.reason, SUM(item.scoped),
               SUM(item.quantity), 0
          FROM proof_item AS item
          JOIN proof_window AS win ON win.id = item.window_id
          LEFT JOIN proof_shared AS shared ON shared.order_id = win.order_id AND shared.metric_id = win.metric_id
         WHERE shared.order_id IS NULL AND item.scoped > 0
         GROUP BY 1, 2, 3, 4, 5, 6
        """
    )


def _add_shared(env, scope):
    """Counters one by one where several windows may hold them, or where only some of an item are billed."""
    env.cr.execute(
        SQL(
            """
            INSERT INTO proof_part
            SELECT order_id, metric_id, start_on, end_on, status, reason, COUNT(*), SUM(quantity), 0
              FROM (SELECT DISTINCT ON (usage.id) usage.id, usage.quantity, win.order_id, win.metric_id, win.start_on,
                           win.end_on, status.status, status.reason
                      FROM proof_shared AS shared
                      JOIN proof_window AS win ON win.order_id = shared.order_id AND win.metric_id = shared.metric_id
                      JOIN fusion_billing_usage AS usage ON %(in_window)s
                      JOIN proof_item AS item ON item.window_id = win.id AND item.group_key = %(group)s
                     CROSS JOIN LATERAL (
                        SELECT CASE WHEN item.status <> 'mixed' THEN item.status WHEN %(billed)s THEN 'invoiced'
                                    ELSE 'open' END AS status,
                               item.reason) AS status
                     WHERE %(filtered)s AND %(scope)s
                     ORDER BY usage.id, %(rank)s, win.start_on) AS counter
             GROUP BY 1, 2, 3, 4, 5, 6
            """,
            in_window=IN_WINDOW,
            group=GROUP,
            filtered=FILTERED,
            billed=_billed(),
            scope=scope.holds(SQL("usage.attributed_at")),
            rank=_RANK,
        )
    )


def _billed():
    """Return the condition that a billed row of the item has seen the counter as it is now."""
    return SQL(
        """
        EXISTS (SELECT FROM proof_row AS saw
                 WHERE saw.order_id = win.order_id AND saw.charge_id = win.charge_id AND saw.start_at = win.start_at
                   AND saw.group_key = item.group_key AND saw.state = 'billed' AND %(counter_seen)s
                   AND NOT EXISTS (SELECT FROM fusion_billing_usage_history AS entry
                                    WHERE entry.counter_id = usage.id AND NOT %(correction_seen)s))
        """,
        counter_seen=counter_seen(_USAGE, _SAW),
        correction_seen=correction_seen(SQL("entry"), _SAW),
    )


def _add_unmatched(env, scope):
    """Counters that no window holds. Where as many were counted as there are, nobody looks for them."""
    _make_short(env, scope)
    env.cr.execute(
        SQL(
            """
            INSERT INTO proof_part
            SELECT known.id, usage.metric_id, period.start_on, period.end_on, reason.status, reason.reason, COUNT(*),
                   SUM(usage.quantity), 0
              FROM proof_short AS short
              JOIN proof_order AS known ON known.id = short.order_id
              JOIN fusion_billing_usage AS usage
                ON usage.subscription_id = short.order_id AND usage.metric_id = short.metric_id
               AND usage.voided_at IS NULL
              LEFT JOIN LATERAL (%(period)s) AS period ON TRUE
             CROSS JOIN LATERAL (%(reason)s) AS reason
             WHERE %(scope)s
               AND NOT EXISTS (SELECT FROM proof_window AS win WHERE %(in_window)s AND %(filtered)s)
             GROUP BY 1, 2, 3, 4, 5, 6
            """,
            period=_period_query(),
            reason=_reason_query(),
            scope=scope.holds(SQL("usage.attributed_at")),
            in_window=IN_WINDOW,
            filtered=FILTERED,
        )
    )


def _make_short(env, scope):
    """Make the table of subscriptions and metrics of which not all counters were told."""
    env.cr.execute(
        SQL(
            """
            CREATE TEMPORARY TABLE proof_short ON COMMIT DROP AS
            SELECT counted.order_id, counted.metric_id
              FROM (SELECT usage.subscription_id AS order_id, usage.metric_id, COUNT(*) AS counters
                      FROM fusion_billing_usage AS usage
                     WHERE usage.voided_at IS NULL AND usage.subscription_id IN (SELECT id FROM proof_order) AND %s
                     GROUP BY 1, 2) AS counted
              LEFT JOIN (SELECT order_id, metric_id, SUM(counters) AS counters FROM proof_part GROUP BY 1, 2) AS told
                ON told.order_id = counted.order_id AND told.metric_id = counted.metric_id
             WHERE counted.counters IS DISTINCT FROM told.counters
            """,
            scope.holds(SQL("usage.attributed_at")),
        )
    )


def _period_query():
    return SQL(
        "SELECT start_on, end_on FROM proof_period AS period WHERE period.order_id = usage.subscription_id"
        " AND usage.attributed_at >= period.start_at AND usage.attributed_at < period.until_at LIMIT 1"
    )


def _reason_query():
    """Return the query of status and reason of a counter that no charge prices."""
    return SQL(
        """
        SELECT CASE WHEN reason.reason = 'no_period' THEN 'unexplained' ELSE 'unpriced' END AS status, reason.reason
          FROM (SELECT CASE
                    WHEN known.state = 'cancel' THEN 'cancelled'
                    WHEN period.start_on IS NOT NULL THEN 'no_charge'
                    WHEN known.state <> 'sale' THEN 'quotation'
                    WHEN usage.attributed_at < (%(start)s) THEN 'before_start'
                    WHEN usage.attributed_at < (%(billed)s) THEN 'billed_before'
                    WHEN known.end_on <= COALESCE(known.open_until, known.open_from) THEN 'after_end'
                    WHEN usage.attributed_at >= COALESCE((%(until)s), (%(from)s)) THEN 'not_due'
                    ELSE 'no_period' END AS reason) AS reason
        """,
        **{name: _instant_query(column) for name, column in _BOUNDS.items()},
    )


_BOUNDS = {"start": "start_on", "billed": "billed_from", "from": "open_from", "until": "open_until"}


def _instant_query(column):
    return SQL("SELECT at FROM proof_day AS day WHERE day.day = known.%s AND day.tz = known.tz", SQL.identifier(column))


def _add_void(env, scope):
    env.cr.execute(
        SQL(
            """
            INSERT INTO proof_part
            SELECT usage.subscription_id, usage.metric_id, period.start_on, period.end_on, 'void', NULL, COUNT(*),
                   SUM(usage.quantity), 0
              FROM fusion_billing_usage AS usage
              LEFT JOIN LATERAL (%s) AS period ON TRUE
             WHERE usage.voided_at IS NOT NULL AND usage.subscription_id IN (SELECT id FROM proof_order) AND %s
             GROUP BY 1, 2, 3, 4
            """,
            _period_query(),
            scope.holds(SQL("usage.attributed_at")),
        )
    )


def _add_amounts(env, scope):
    """What the ledger has billed, or has open, of whole periods that have a part in the scope."""
    env.cr.execute(
        SQL(
            """
            INSERT INTO proof_part
            SELECT rating.subscription_id, rating.metric_id, rating.first_day, rating.last_day + 1,
                   CASE rating.state WHEN 'billed' THEN 'invoiced' ELSE 'open' END, NULL, 0, 0, SUM(rating.amount)
              FROM fusion_billing_rating AS rating JOIN proof_order AS known ON known.id = rating.subscription_id
             WHERE rating.amount <> 0
               AND (rating.state = 'billed' OR rating.state = 'open' AND known.state <> 'cancel') AND %s
             GROUP BY 1, 2, 3, 4, 5
            """,
            scope.touches(SQL("rating.period_start"), SQL("rating.period_end")),
        )
    )
