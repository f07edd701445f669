# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The counters of a ledger row as they were when it was rated, worked out from the history of corrections.

A rating keeps what it saw of the database: its *reading*. Counters and corrections keep in which transaction they
were recorded, by defaults of their columns, so that recording costs nothing more. PostgreSQL can tell of any two
which came first, also of transactions that overlapped, where times cannot. Transactions are only compared within one
run of the database server: a dump may be restored where their numbers begin anew. Between two runs times decide,
as no transaction outlives its server.
"""

from odoo.tools import SQL

#: Which transaction wrote a row, and in which run of the database server; empty in rows of older versions.
_ORIGIN = {
    "recorded_in": ("xid8", "pg_current_xact_id()"),
    "recorded_run": ("timestamptz", "pg_postmaster_start_time()"),
}
#: The same of the counter that a correction is about, which may be deleted.
_COUNTER_ORIGIN = {"counter_in": "xid8", "counter_run": "timestamptz", "counter_date": "timestamp"}

# A sequence that was not used yet has the number that it will give first.
_LAST_NUMBER = SQL("CASE WHEN is_called THEN last_value ELSE 0 END")


def add_origin(cr, table, of_counter=False):
    """Give a table the columns that tell what wrote each new row. They are none of Odoo's fields: nobody writes them.

    :param of_counter: whether its rows are about counters, whose origin they keep as well
    """
    name = SQL.identifier(table)
    for column, (column_type, default) in _ORIGIN.items():
        # In two steps: rows that are there keep nothing, and the table is not written anew.
        column = SQL.identifier(column)
        cr.execute(SQL("ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s %s", name, column, SQL(column_type)))
        cr.execute(SQL("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s", name, column, SQL(default)))
    for column, column_type in _COUNTER_ORIGIN.items() if of_counter else ():
        cr.execute(SQL("ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s %s", name, SQL.identifier(column), SQL(column_type)))


def take_reading(env):
    """Return what the current transaction sees, as JSON for the ledger's ``reading``.

    The last numbers given to counters and corrections tell what this very transaction wrote before.
    """
    [[reading]] = env.execute_query(
        SQL(
            """
            SELECT jsonb_build_object(
                'snapshot', pg_current_snapshot()::text, 'xact', pg_current_xact_id()::text,
                'run', pg_postmaster_start_time()::text, 'at', (now() AT TIME ZONE 'UTC')::text,
                'counter', (SELECT %s FROM fusion_billing_usage_id_seq),
                'correction', (SELECT %s FROM fusion_billing_usage_history_id_seq))
            """,
            _LAST_NUMBER,
            _LAST_NUMBER,
        )
    )
    return reading


def reading_columns(rating):
    """Return the SELECT list of a reading's parts, of the ledger row with an alias."""
    return SQL(
        """
        (%(rating)s.reading ->> 'snapshot')::pg_snapshot AS snapshot, (%(rating)s.reading ->> 'xact')::xid8 AS xact,
        (%(rating)s.reading ->> 'run')::timestamptz AS run, (%(rating)s.reading ->> 'at')::timestamp AS at,
        (%(rating)s.reading ->> 'counter')::int AS counter, (%(rating)s.reading ->> 'correction')::int AS correction,
        %(rating)s.rated_at
        """,
        rating=rating,
    )


def counter_seen(usage, saw):
    """Return the condition that a reading saw the making of a counter, a row of fusion_billing_usage.

    :param saw: alias of a row of :func:`reading_columns`
    """
    return _seen(usage, ("id", "recorded_in", "recorded_run", "create_date"), saw, "counter")


def correction_seen(entry, saw):
    """Return the condition that a reading saw a correction, a row of fusion_billing_usage_history."""
    return _seen(entry, ("id", "recorded_in", "recorded_run", "create_date"), saw, "correction")


def corrected_counter_seen(entry, saw):
    """Return the condition that a reading saw the making of the counter that a correction is about."""
    return _seen(entry, ("counter_id", "counter_in", "counter_run", "counter_date"), saw, "counter")


def _seen(row, columns, saw, mark):
    """Return the condition that a reading saw the writing of a row.

    :param columns: the row's number, transaction, server run and time of writing
    :param mark: which part of the reading is the last number that was given before it
    """
    number, xact, run, written_at = (SQL("%s.%s", row, SQL.identifier(column)) for column in columns)
    return SQL(
        """
        CASE WHEN %(saw)s.snapshot IS NULL
             THEN %(xact)s IS NULL AND COALESCE(%(written_at)s, '-infinity') <= %(saw)s.rated_at
             WHEN %(xact)s IS NULL THEN TRUE
             WHEN %(run)s <> %(saw)s.run THEN %(written_at)s < %(saw)s.at
             WHEN %(xact)s = %(saw)s.xact THEN %(number)s <= %(saw)s.%(mark)s
             ELSE pg_visible_in_snapshot(%(xact)s, %(saw)s.snapshot) END
        """,
        saw=saw,
        xact=xact,
        run=run,
        written_at=written_at,
        number=number,
        mark=SQL.identifier(mark),
    )


def rated_counters(rating):
    """Return the query of the counters of the ledger row with an alias, as its rating saw them.

    Its columns: counter_id, metric_id, service_id, idempotency_key, source, quantity, period_start, period_end,
    attributed_at, properties, created_at, and is_corrected: whether the counter is another one now, or none.

    A counter is what stood there before the first correction that the rating did not see, or what stands there now.
    """
    return SQL(
        """
        SELECT counter.*
          FROM (SELECT %s OFFSET 0) AS saw CROSS JOIN LATERAL (%s UNION ALL %s) AS counter
         WHERE %s
        """,
        reading_columns(rating),
        _standing(rating),
        _corrected(rating),
        _priced(rating),
    )


def _standing(rating):
    """Return the query of counters that are as the rating saw them."""
    return SQL(
        """
        SELECT usage.id AS counter_id, usage.metric_id, usage.service_id, usage.idempotency_key, usage.source,
               usage.quantity, usage.period_start, usage.period_end, usage.attributed_at, usage.properties,
               usage.create_date AS created_at, FALSE AS is_corrected
          FROM fusion_billing_usage AS usage
         WHERE %(of_rating)s AND %(in_window)s AND usage.voided_at IS NULL AND %(counter_seen)s
           AND NOT EXISTS (
                SELECT FROM fusion_billing_usage_history AS entry
                 WHERE entry.counter_id = usage.id AND NOT %(correction_seen)s)
        """,
        of_rating=_of_rating(SQL("usage"), rating),
        in_window=_in_window(rating),
        counter_seen=counter_seen(SQL("usage"), SQL("saw")),
        correction_seen=correction_seen(SQL("entry"), SQL("saw")),
    )


def _corrected(rating):
    """Return the query of counters as they were before what the rating did not see; void ones did not count."""
    return SQL(
        """
        SELECT usage.counter_id, usage.metric_id, usage.service_id, usage.idempotency_key,
               COALESCE(usage.source, 'push'), (usage.before ->> 'quantity')::numeric, usage.period_start,
               usage.period_end, usage.attributed_at, NULLIF(usage.before -> 'properties', 'null'),
               COALESCE(usage.counter_date, usage.create_date), TRUE
          FROM (%(first_unseen)s) AS usage
         WHERE %(in_window)s
           AND NOT EXISTS (
                SELECT FROM fusion_billing_usage_history AS earlier
                 WHERE earlier.counter_id = usage.counter_id AND earlier.id < usage.id AND earlier.kind = 'voided')
        """,
        first_unseen=_first_unseen(rating),
        in_window=_in_window(rating),
    )


def _first_unseen(rating):
    """Return the query of the first corrections that a rating did not see, of counters that it saw."""
    return SQL(
        """
        SELECT DISTINCT ON (entry.counter_id) entry.*, moments.*,
               GREATEST(moments.period_start, moments.period_end - interval '1 microsecond') AS attributed_at
          FROM fusion_billing_usage_history AS entry
         CROSS JOIN LATERAL (
            SELECT (entry.before ->> 'period_start')::timestamp AS period_start,
                   (entry.before ->> 'period_end')::timestamp AS period_end) AS moments
         WHERE entry.counter_id IS NOT NULL AND %(of_rating)s AND NOT %(correction_seen)s AND %(counter_seen)s
         ORDER BY entry.counter_id, entry.id
        """,
        of_rating=_of_rating(SQL("entry"), rating),
        correction_seen=correction_seen(SQL("entry"), SQL("saw")),
        counter_seen=corrected_counter_seen(SQL("entry"), SQL("saw")),
    )


def _of_rating(row, rating):
    """Return the condition that a row is of a rating's subscription and metric; a commitment is about all metrics."""
    return SQL(
        "%(row)s.subscription_id = %(rating)s.subscription_id"
        " AND (%(rating)s.kind <> 'usage' OR %(row)s.metric_id = %(rating)s.metric_id)",
        row=row,
        rating=rating,
    )


def _in_window(rating):
    return SQL(
        "usage.attributed_at >= %(rating)s.period_start AND usage.attributed_at < %(rating)s.usage_until",
        rating=rating,
    )


def _priced(rating):
    """Return the condition that a counter has the properties that the terms ask for, and those of the group."""
    return SQL(
        """
        NOT EXISTS (
            SELECT FROM jsonb_array_elements(COALESCE(%(rating)s.terms -> 'filters', '[]')) AS filter
             WHERE NOT COALESCE(filter -> 1 ? (counter.properties ->> (filter ->> 0)), FALSE))
        AND NOT EXISTS (
            SELECT FROM jsonb_each_text(COALESCE(NULLIF(%(rating)s.group_key, ''), '{}')::jsonb) AS dimension
             WHERE dimension.value IS DISTINCT FROM counter.properties ->> dimension.key)
        """,
        rating=rating,
    )
