# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The temporary tables that a proof works on. They live as long as the transaction at most."""

import json

from odoo.tools import SQL

from ..models.rated_counters import reading_columns
from ..rating import start_of_day

_TABLES = ("order", "day", "period", "charge", "row", "window", "item", "asof", "shared", "short", "part")
#: The end of a window that has none: that of the last period of an ended subscription.
_NEVER = SQL("'infinity'::timestamp")


def drop_tables(env):
    for name in _TABLES:
        # GraphQL's queries begin on a cursor that only reads: refused there, Odoo runs the request on another one.
        env.cr.execute(SQL("DROP TABLE IF EXISTS %s", SQL.identifier(f"proof_{name}")), log_exceptions=False)


def make_tables(env, scope):
    """Fill the tables up to the windows, which tell which counters a charge prices in a period."""
    env.flush_all()
    drop_tables(env)
    _make_orders(env, scope)
    _make_days(env)
    _make_periods(env, scope)
    _make_charges(env)
    _make_rows(env, scope)
    _make_windows(env)


def make_table(env, name, query, index=None):
    """Make a temporary table of what a query brings, and let the planner know it."""
    table = SQL.identifier(f"proof_{name}")
    env.cr.execute(SQL("CREATE TEMPORARY TABLE %s ON COMMIT DROP AS %s", table, query))
    if index:
        env.cr.execute(SQL("CREATE INDEX ON %s (%s)", table, SQL(index)))
    env.cr.execute(SQL("ANALYZE %s", table))


def _make_orders(env, scope):
    """Subscriptions with counters or ratings; ``open_from`` and ``open_until`` bound the period not invoiced yet."""
    end, invoice_on = env["sale.order"]._edition_get_proof_columns()
    make_table(
        env,
        "order",
        SQL(
            """
            SELECT sale_order.id, company_id, currency_id, x_fc_service_id AS service_id, x_fc_plan_code AS plan_code,
                   COALESCE(x_fc_billing_tz, 'UTC') AS tz, state, start_date AS start_on,
                   x_fc_billed_from AS billed_from,
                   COALESCE(x_fc_billed_until, start_date) AS open_from,
                   CASE WHEN state <> 'cancel' THEN LEAST(next_invoice_date, x_fc_ended_on) END AS open_until,
                   COALESCE(x_fc_ended_on, CASE WHEN %(decides)s OR x_fc_billed_until IS NULL
                                                     OR %(end)s >= x_fc_billed_until THEN %(end)s END) AS end_on,
                   CASE WHEN subscription_state = '6_churn' THEN COALESCE(%(invoice_on)s, CURRENT_DATE)
                        ELSE COALESCE(%(invoice_on)s, next_invoice_date) END AS due_on
              FROM sale_order
             WHERE %(scope)s
               AND (EXISTS (SELECT FROM fusion_billing_usage AS usage WHERE usage.subscription_id = sale_order.id)
                    OR EXISTS (SELECT FROM fusion_billing_rating AS rating
                                WHERE rating.subscription_id = sale_order.id))
            """,
            end=end,
            decides=env["sale.order"]._edition_end_decides(),
            invoice_on=invoice_on,
            scope=scope.orders(),
        ),
        index="id",
    )


def _make_days(env):
    """The first instants of the days that bound open periods: time zones are read as rating reads them."""
    env.cr.execute(
        "SELECT DISTINCT bound.day, tz FROM proof_order CROSS JOIN LATERAL"
        " (VALUES (start_on), (billed_from), (open_from), (open_until)) AS bound (day) WHERE bound.day IS NOT NULL"
    )
    days = [(day, zone, start_of_day(day, zone)) for day, zone in env.cr.fetchall()]
    env.cr.execute("CREATE TEMPORARY TABLE proof_day (day date, tz varchar, at timestamp) ON COMMIT DROP")
    if days:
        env.cr.execute_values("INSERT INTO proof_day VALUES %s", days)
    env.cr.execute("ANALYZE proof_day")


def _make_periods(env, scope):
    """Closed periods and open ones. The last one of a subscription holds also what was accepted for later."""
    make_table(
        env,
        "period",
        SQL(
            """
            SELECT * FROM (
                SELECT known.id AS order_id, closed.start_on, closed.end_on, closed.start_at, closed.end_at,
                       CASE WHEN known.end_on <= closed.end_on THEN %(never)s ELSE closed.end_at END AS until_at
                  FROM fusion_billing_period AS closed JOIN proof_order AS known ON known.id = closed.subscription_id
                 UNION ALL
                SELECT known.id, known.open_from, known.open_until, first.at, last.at,
                       CASE WHEN known.end_on <= known.open_until THEN %(never)s ELSE last.at END
                  FROM proof_order AS known
                  JOIN proof_day AS first ON first.day = known.open_from AND first.tz = known.tz
                  JOIN proof_day AS last ON last.day = known.open_until AND last.tz = known.tz
                 WHERE known.open_from < known.open_until) AS period
             WHERE %(scope)s
            """,
            never=_NEVER,
            scope=scope.touches(SQL("start_at"), SQL("until_at")),
        ),
        index="order_id, start_at",
    )


def _make_charges(env):
    """What the charges of a plan ask of counters in the periods that begin on a day."""
    env.cr.execute(
        "SELECT MIN(known.id), known.plan_code, known.company_id, ARRAY_AGG(DISTINCT period.start_on)"
        " FROM proof_order AS known JOIN proof_period AS period ON period.order_id = known.id"
        " WHERE known.plan_code IS NOT NULL GROUP BY known.plan_code, known.company_id"
    )
    plans = {order_id: rest for order_id, *rest in env.cr.fetchall()}
    # One subscription stands for all of its plan. sudo: charges count, whoever looks.
    orders = env["sale.order"].sudo().browse(plans)
    rows = []
    for order, charges in orders._fc_get_charges_by_subscription().items():
        plan_code, company_id, days = plans[order.id]
        for charge in charges:
            asked = ((day, charge._get_price_terms(day)) for day in days)
            rows += [
                (plan_code, company_id, charge.id, charge.metric_id.id, day, *_as_json(terms))
                for day, terms in asked
                if terms
            ]
    env.cr.execute(
        "CREATE TEMPORARY TABLE proof_charge (plan_code varchar, company_id int, charge_id int, metric_id int,"
        " start_on date, filters jsonb, group_by jsonb) ON COMMIT DROP"
    )
    if rows:
        env.cr.execute_values("INSERT INTO proof_charge VALUES %s", rows)
    env.cr.execute("ANALYZE proof_charge")


def _as_json(terms):
    values = terms.as_json()
    return json.dumps(values["filters"]), json.dumps(values["group_by"])


def _make_rows(env, scope):
    """The ledger's rows of usage that count, with what they saw; of an item the last one is marked."""
    make_table(
        env,
        "row",
        SQL(
            """
            SELECT rating.id, rating.subscription_id AS order_id, rating.charge_id, rating.metric_id,
                   COALESCE(rating.group_key, '') AS group_key, rating.period_start AS start_at,
                   rating.period_end AS end_at, rating.first_day AS start_on, rating.last_day + 1 AS end_on,
                   rating.usage_until, rating.sequence, rating.state, rating.amount, rating.period_amount,
                   rating.currency_id, rating.terms, rating.breakdown, (rating.breakdown ->> 'total')::numeric AS total,
                   rating.usage_until > rating.period_start AS is_applied, %(reading)s,
                   ROW_NUMBER() OVER (of_item ORDER BY rating.sequence DESC) = 1 AS is_last,
                   BOOL_OR(rating.state = 'open') OVER of_item AS has_open,
                   BOOL_OR(rating.state = 'billed') OVER of_item AS has_billed,
                   SUM(rating.amount) OVER of_item AS item_amount
              FROM fusion_billing_rating AS rating JOIN proof_order AS known ON known.id = rating.subscription_id
             WHERE rating.kind = 'usage'
               AND (rating.state = 'billed' OR rating.state = 'open' AND known.state <> 'cancel')
               AND %(scope)s
            WINDOW of_item AS (PARTITION BY rating.subscription_id, rating.charge_id, COALESCE(rating.group_key, ''),
                               rating.period_start)
            """,
            reading=reading_columns(SQL("rating")),
            # Not by what each row holds: an item's rows are in the scope together.
            scope=scope.touches(
                SQL("rating.period_start"),
                SQL("CASE WHEN known.end_on <= rating.last_day + 1 THEN %s ELSE rating.period_end END", _NEVER),
            ),
        ),
        index="order_id, charge_id, start_at",
    )


#: Windows of charges as the ledger has them: where something is billed, with the terms that it was billed with.
_RATED = SQL(
    """
    SELECT DISTINCT ON (rated.order_id, rated.charge_id, rated.start_at)
           rated.order_id, rated.charge_id, rated.metric_id, rated.start_on, rated.end_on, rated.start_at, rated.end_at,
           COALESCE(period.until_at, rated.usage_until) AS until_at,
           rated.terms -> 'filters' AS filters, rated.terms -> 'group_by' AS group_by
      FROM proof_row AS rated
      LEFT JOIN proof_period AS period ON period.order_id = rated.order_id AND period.start_at = rated.start_at
     WHERE rated.is_applied
     ORDER BY rated.order_id, rated.charge_id, rated.start_at, rated.state = 'billed' DESC, rated.id DESC
    """
)
#: Windows that the ledger does not have, as the plan would have them rated.
_PLANNED = SQL(
    """
    SELECT period.order_id, charge.charge_id, charge.metric_id, period.start_on, period.end_on, period.start_at,
           period.end_at, period.until_at, charge.filters, charge.group_by
      FROM proof_period AS period
      JOIN proof_order AS known ON known.id = period.order_id
      JOIN proof_charge AS charge
        ON charge.plan_code = known.plan_code AND charge.company_id = known.company_id
       AND charge.start_on = period.start_on
     WHERE NOT EXISTS (
            SELECT FROM rated WHERE rated.order_id = period.order_id
               AND rated.charge_id = charge.charge_id AND rated.start_at = period.start_at)
    """
)


def _make_windows(env):
    """One for each charge and period, ``is_shared`` if it begins before another one of its metric has ended."""
    make_table(
        env,
        "window",
        SQL(
            """
            WITH rated AS (%s), known AS (SELECT * FROM rated UNION ALL %s)
            SELECT ROW_NUMBER() OVER () AS id, known.*, metric.aggregation, last.id AS row_id,
                   known.filters = '[]' AND known.group_by = '[]' AS is_plain,
                   COALESCE(LAG(known.until_at) OVER same_metric > known.start_at, FALSE) AS is_shared
              FROM known
              JOIN fusion_billing_metric AS metric ON metric.id = known.metric_id
              LEFT JOIN proof_row AS last
                ON last.order_id = known.order_id AND last.charge_id = known.charge_id
               AND last.start_at = known.start_at AND last.is_last AND last.group_key = ''
            WINDOW same_metric AS (
                PARTITION BY known.order_id, known.metric_id ORDER BY known.start_at, known.until_at)
            """,
            _RATED,
            _PLANNED,
        ),
        index="order_id, metric_id, start_at",
    )
