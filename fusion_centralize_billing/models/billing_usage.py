# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime
import itertools
from dataclasses import dataclass
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL, split_every

from ..api.errors import ConflictError, FieldError, NotFoundError
from ..rating import attributed_at, to_decimal

# The key's uniqueness, repeated by every ON CONFLICT.
_KEY = "(COALESCE(service_id, 0), idempotency_key) WHERE idempotency_key IS NOT NULL"
_CRON_BATCH = 500
_AGGREGATES = {
    "sum": "SUM(quantity)",
    "max": "MAX(quantity)",
    "last": "(ARRAY_AGG(quantity ORDER BY attributed_at DESC, usage.id DESC))[1]",
    "unique_count": "COUNT(DISTINCT quantity)",
}
_QUANTITIES = "ARRAY_AGG(quantity::text ORDER BY attributed_at, usage.id)"


@dataclass(frozen=True)
class UsageRow:
    """A counter on its way into the table; times are naive UTC, as Odoo stores them."""

    subscription_id: int
    metric_id: int
    quantity: Decimal
    period_start: datetime.datetime
    period_end: datetime.datetime
    idempotency_key: str | None = None

    @property
    def attributed_at(self):
        return attributed_at(self.period_start, self.period_end)


class BillingUsage(models.Model):
    """A usage counter of a subscription. It belongs to the billing period in which its last instant lies."""

    _name = "fusion.billing.usage"
    _description = "Billing Usage"
    _order = "attributed_at desc, id desc"
    _rec_name = "idempotency_key"

    # === FIELDS === #

    subscription_id = fields.Many2one("sale.order", required=True, ondelete="cascade")
    service_id = fields.Many2one("fusion.billing.service", ondelete="restrict", help="The service that pushed it.")
    company_id = fields.Many2one("res.company", related="subscription_id.company_id")
    metric_id = fields.Many2one("fusion.billing.metric", required=True, ondelete="restrict")
    period_start = fields.Datetime(required=True)
    period_end = fields.Datetime(required=True)
    attributed_at = fields.Datetime(
        compute="_compute_attributed_at",
        store=True,
        help="The last instant of the counter, which decides its billing period.",
    )
    quantity = fields.Float(min_display_digits=0, required=True)
    source = fields.Char(default="push", required=True)
    idempotency_key = fields.Char()

    # === CONSTRAINTS AND INDEXES === #

    _idempotency_key_uniq = models.UniqueIndex(_KEY, "The service has another counter with this idempotency key.")
    _window_idx = models.Index("(subscription_id, metric_id, attributed_at)")
    _period_order = models.Constraint("CHECK(period_end >= period_start)", "A counter cannot end before it starts.")
    _quantity_positive = models.Constraint(
        "CHECK(quantity >= 0 AND quantity < 'Infinity'::numeric)", "A quantity is a number from zero up."
    )
    _key_length = models.Constraint(
        "CHECK(char_length(idempotency_key) <= 255)", "An idempotency key has at most 255 characters."
    )
    _attribution = models.Constraint(
        "CHECK(attributed_at = GREATEST(period_start, period_end - interval '1 microsecond'))",
        "A counter is attributed to its last instant.",
    )

    # === COMPUTE === #

    @api.depends("period_start", "period_end")
    def _compute_attributed_at(self):
        for usage in self:
            in_order = usage.period_start and usage.period_end and usage.period_start <= usage.period_end
            usage.attributed_at = in_order and attributed_at(usage.period_start, usage.period_end)

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        usages = super().create(vals_list)
        for usage in usages.filtered(lambda usage: not usage.service_id and usage.subscription_id.x_fc_service_id):
            usage.service_id = usage.subscription_id.x_fc_service_id
        usages._note_changes()
        return usages

    def write(self, vals):
        self._note_changes()  # the period and the subscription that lose a counter must be rated again as well
        result = super().write(vals)
        self._note_changes()
        return result

    def unlink(self):
        self._note_changes()
        return super().unlink()

    # === BUSINESS === #

    @api.model
    def _record_usage(self, subscription, metric_code, quantity, period_start, period_end, idem=None):
        """Record one counter and return its row; the same idempotency key updates the row it made.

        :param period_start: datetime (aware, or naive UTC) or text as Odoo writes it
        :raises NotFoundError: ``metric_not_found``
        :raises ConflictError: ``idempotency_conflict`` if the key names another subscription's or metric's counter
        """
        metric = self.env["fusion.billing.metric"].search([("code", "=", metric_code)], limit=1)
        if not metric:
            raise NotFoundError(
                self.env._("There is no metric %s.", metric_code), code="metric_not_found", path="metric_code"
            )
        start, end = _naive_utc(period_start), _naive_utc(period_end)
        row = UsageRow(subscription.id, metric.id, to_decimal(quantity), start, end, idem or None)
        # sudo: like _upsert.
        service = subscription.sudo().x_fc_service_id
        self._upsert(service, [row])
        # The row with the key; without one the newest: what others add now is not in this snapshot.
        domain = [("subscription_id", "=", subscription.id), ("idempotency_key", "=", idem or False)]
        return self.search([*domain, ("service_id", "=", service.id)], order="id desc", limit=1)

    @api.model
    def _upsert(self, service, rows):
        """Record counters in one statement, with the change feed.

        Of several rows with one key the last wins. Callers have checked that the subscriptions are
        theirs to write to: this is SQL, no access rule is asked.

        :param service: the service whose keys these are; empty for the back office
        :return: for each row what became of it: ``accepted`` (new), ``updated`` (its key was known),
            or ``duplicate`` (known, with the same values: nothing was written)
        :raises ConflictError: ``idempotency_conflict`` with paths ``events.N.idempotency_key``;
            nothing is recorded then
        """
        recorded = self._get_recorded(service, rows)
        conflicts = _find_conflicts(rows, recorded)
        if conflicts:
            faults = [self._describe_conflict(index) for index in conflicts]
            raise ConflictError(faults[0].message, code="idempotency_conflict", errors=faults)
        outcomes = _classify(rows, recorded)
        last = {row.idempotency_key or index: (index, row) for index, row in enumerate(rows)}
        changed = {index: row for key, (index, row) in last.items() if recorded.get(key) != row}
        self._insert_or_update(service, changed)
        # A counter that moves to another period leaves one behind that must be rated again as well.
        before = [recorded[row.idempotency_key] for row in changed.values() if row.idempotency_key in recorded]
        touched = [(row.subscription_id, row.attributed_at) for row in [*changed.values(), *before]]
        self.env["fusion.billing.usage.change"]._append(_spans(touched))
        self.invalidate_model()
        return outcomes

    @api.model
    def _get_conflicts(self, service, rows):
        """Return ``{index: FieldError}`` of rows whose key names another subscription's or metric's counter."""
        conflicts = _find_conflicts(rows, self._get_recorded(service, rows))
        return {index: self._describe_conflict(index) for index in conflicts}

    @api.model
    def _aggregate_windows(self, windows):
        """Return ``{window: quantity}`` for many windows in one query, with exact Decimals.

        :param windows: tuples (subscription, metric, period_start, period_end) of records and naive UTC
        """
        self.flush_model()
        by_aggregation = {}
        for window in windows:
            by_aggregation.setdefault(window[1].aggregation, []).append(window)
        if not by_aggregation:
            return {}
        numbered = [window for group in by_aggregation.values() for window in group]
        first_numbers = itertools.accumulate([0, *map(len, by_aggregation.values())])
        queries = [
            _window_query(f"({_AGGREGATES[aggregation]})::text", group, first)
            for (aggregation, group), first in zip(by_aggregation.items(), first_numbers, strict=False)
        ]
        found = dict(self.env.execute_query(SQL(" UNION ALL ").join(queries)))
        return {window: Decimal(found.get(number, 0)) for number, window in enumerate(numbered)}

    @api.model
    def _aggregate(self, subscription, metric, period_start, period_end):
        """Return the aggregated quantity of a window [start, end) as a float; 0.0 without usage."""
        start, end = _naive_utc(period_start), _naive_utc(period_end)
        return float(self._aggregate_exactly(subscription, metric, start, end))

    @api.model
    def _aggregate_exactly(self, subscription, metric, period_start, period_end):
        """Return the aggregated quantity of a window [start, end) as a Decimal.

        PostgreSQL adds its exact numeric type; the result travels as text because Odoo reads
        numeric columns into floats (odoo/sql_db.py).
        """
        window = (subscription, metric, period_start, period_end)
        return self._aggregate_windows([window])[window]

    @api.model
    def _get_quantities(self, subscription, metric, period_start, period_end):
        """Return the single quantities of a window [start, end) in order of time, as Decimals."""
        window = (subscription, metric, period_start, period_end)
        return self._get_quantities_of_windows([window])[window]

    @api.model
    def _get_quantities_of_windows(self, windows):
        """Return ``{window: quantities}`` for many windows in one query; see :meth:`_aggregate_windows`."""
        self.flush_model()
        windows = list(windows)
        if not windows:
            return {}
        found = dict(self.env.execute_query(_window_query(_QUANTITIES, windows, 0)))
        return {window: tuple(map(Decimal, found.get(number, ()))) for number, window in enumerate(windows)}

    # === JOBS === #

    @api.model
    def _cron_rate_open_periods(self):
        """Enqueue one rating job for each subscription whose usage changed."""
        subscriptions = self.env["fusion.billing.usage.change"]._get_changed_subscriptions()
        self.env["ir.cron"]._commit_progress(remaining=len(subscriptions))
        for ids in split_every(_CRON_BATCH, subscriptions.ids):
            batch = subscriptions.browse(ids)
            batch._schedule_rating()
            if not self.env["ir.cron"]._commit_progress(processed=len(batch)):
                break

    # === HELPERS === #

    def _get_recorded(self, service, rows):
        """Return ``{key: UsageRow}`` of those keys that are known already."""
        self.flush_model()
        keys = [row.idempotency_key for row in rows if row.idempotency_key is not None]
        if not keys:
            return {}
        found = self.env.execute_query(
            SQL(
                "SELECT subscription_id, metric_id, quantity::text, period_start, period_end, idempotency_key"
                " FROM fusion_billing_usage"
                " WHERE COALESCE(service_id, 0) = %s AND idempotency_key = ANY(%s)",
                service.id or 0,
                keys,
            )
        )
        return {
            key: UsageRow(subscription_id, metric_id, Decimal(quantity), start, end, key)
            for subscription_id, metric_id, quantity, start, end, key in found
        }

    def _describe_conflict(self, index):
        message = self.env._("The idempotency key names a counter of another subscription or metric.")
        return FieldError(f"events.{index}.idempotency_key", "idempotency_conflict", message)

    def _insert_or_update(self, service, rows):
        """Write rows (by index) with distinct keys.

        A row that another transaction committed after this one's snapshot makes PostgreSQL refuse
        the statement with a serialization failure, and Odoo runs the request again.
        """
        if not rows:
            return
        # In the order of keys, so that two batches with the same keys wait for each other instead of deadlocking.
        order = sorted(rows, key=lambda index: (rows[index].idempotency_key or "", index))
        ordered = [rows[index] for index in order]
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO fusion_billing_usage (
                    subscription_id, metric_id, period_start, period_end, attributed_at, quantity, idempotency_key,
                    service_id, source, create_uid, write_uid, create_date, write_date)
                SELECT row.*, %(service)s, 'push', %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM UNNEST(
                    %(subscriptions)s::int[], %(metrics)s::int[], %(starts)s::timestamp[], %(ends)s::timestamp[],
                    %(instants)s::timestamp[], %(quantities)s::numeric[], %(keys)s::text[]) AS row
                ON CONFLICT """
                + _KEY
                + """ DO UPDATE SET
                    quantity = EXCLUDED.quantity, attributed_at = EXCLUDED.attributed_at,
                    period_start = EXCLUDED.period_start, period_end = EXCLUDED.period_end,
                    write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date
                """,
                service=service.id or None,
                uid=self.env.uid,
                subscriptions=[row.subscription_id for row in ordered],
                metrics=[row.metric_id for row in ordered],
                starts=[row.period_start for row in ordered],
                ends=[row.period_end for row in ordered],
                instants=[row.attributed_at for row in ordered],
                quantities=[str(row.quantity) for row in ordered],
                keys=[row.idempotency_key for row in ordered],
            )
        )

    def _note_changes(self):
        self.flush_recordset()
        touched = [(usage.subscription_id.id, usage.attributed_at) for usage in self]
        self.env["fusion.billing.usage.change"]._append(_spans(touched))


def _window_query(aggregate, windows, first_number):
    """Return the query of (number, aggregate) of windows; one without usage is left out."""
    return SQL(
        """
        SELECT %(first)s + win.number - 1, %(aggregate)s
          FROM UNNEST(%(subscriptions)s::int[], %(metrics)s::int[], %(starts)s::timestamp[], %(ends)s::timestamp[])
               WITH ORDINALITY AS win (subscription_id, metric_id, start_at, end_at, number)
          JOIN fusion_billing_usage AS usage
            ON usage.subscription_id = win.subscription_id AND usage.metric_id = win.metric_id
           AND usage.attributed_at >= win.start_at AND usage.attributed_at < win.end_at
         GROUP BY win.number
        """,
        first=first_number,
        aggregate=SQL(aggregate),
        subscriptions=[subscription.id for subscription, _metric, _start, _end in windows],
        metrics=[metric.id for _subscription, metric, _start, _end in windows],
        starts=[start for _subscription, _metric, start, _end in windows],
        ends=[end for _subscription, _metric, _start, end in windows],
    )


def _naive_utc(value):
    """Return a time as Odoo stores it; a date counts from its midnight."""
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return fields.Datetime.to_datetime(value)


def _spans(touched):
    """Return ``{subscription id: (earliest, latest)}`` of pairs (subscription id, instant)."""
    spans = {}
    for subscription_id, instant in touched:
        earliest, latest = spans.get(subscription_id, (instant, instant))
        spans[subscription_id] = (min(earliest, instant), max(latest, instant))
    return spans


def _find_conflicts(rows, recorded):
    """Return the indexes of rows whose key names a counter of another subscription or metric.

    A key names one counter of one subscription and metric, for ever; also within one batch.
    """
    owners = {key: (row.subscription_id, row.metric_id) for key, row in recorded.items()}
    return [
        index
        for index, row in enumerate(rows)
        if row.idempotency_key is not None
        and owners.setdefault(row.idempotency_key, (row.subscription_id, row.metric_id))
        != (row.subscription_id, row.metric_id)
    ]


def _classify(rows, recorded):
    """Return for each row, in order, whether it is new, changes the counter of its key, or repeats it."""
    known = dict(recorded)
    outcomes = []
    for row in rows:
        before = known.get(row.idempotency_key)
        outcomes.append("accepted" if before is None else "duplicate" if before == row else "updated")
        if row.idempotency_key is not None:
            known[row.idempotency_key] = row
    return outcomes
