# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL

from ..api.errors import BusinessRuleError, ConflictError, FieldError, NotFoundError
from ..api.payloads import MAX_REPORTED_ERRORS
from ..rating import to_decimal
from .usage_row import RecordedRow, UsageRow, changes, classify, find_faults

# The key's uniqueness, as ON CONFLICT wants it.
_KEY = "(COALESCE(service_id, 0), idempotency_key) WHERE idempotency_key IS NOT NULL"
_ERROR_CLASSES = {"period_locked": BusinessRuleError, "duration_needed": BusinessRuleError}
_COLUMNS = "id, subscription_id, metric_id, quantity::text, period_start, period_end, idempotency_key, properties"


class BillingUsage(models.Model):
    """Recording and correcting counters."""

    _inherit = "fusion.billing.usage"

    # === BUSINESS === #

    @api.model
    def _record_usage(self, subscription, metric_code, quantity, period_start, period_end, idem=None):
        """Record one counter and return its row; the same idempotency key updates the row it made.

        :param period_start: datetime (aware, or naive UTC) or text as Odoo writes it
        :raises NotFoundError: ``metric_not_found``
        :raises BillingError: as :meth:`_upsert`
        """
        metric = self.env["fusion.billing.metric"]._get_by_code(metric_code, subscription.company_id)
        if not metric:
            raise NotFoundError(
                self.env._("There is no metric %s.", metric_code), code="metric_not_found", path="metric_code"
            )
        start, end = subscription._fc_to_instant(period_start), subscription._fc_to_instant(period_end)
        row = UsageRow(subscription.id, metric.id, to_decimal(quantity), start, end, idem or None)
        # sudo: like _upsert.
        service = subscription.sudo().x_fc_service_id
        self._upsert(service, [row])
        # The row with the key; without one the newest: what others add now is not in this snapshot.
        domain = [("subscription_id", "=", subscription.id), ("idempotency_key", "=", idem or False)]
        return self.search([*domain, ("service_id", "=", service.id)], order="id desc", limit=1)

    @api.model
    def _upsert(self, service, rows):
        """Record counters in one statement, with the change feed and the history of those that changed.

        Of several rows with one key the last wins. Callers have checked that the subscriptions are
        theirs to write to: this is SQL, no access rule is asked.

        :param service: the service whose keys these are; empty for the back office
        :return: for each row what became of it: ``accepted`` (new), ``updated`` (its key was known),
            or ``duplicate`` (known, with the same values: nothing was written)
        :raises ConflictError: ``idempotency_conflict`` if a key names another subscription's or metric's
            counter, ``usage_voided`` if it names a void one with other values
        :raises BusinessRuleError: ``period_locked``, or ``duration_needed`` if the metric weighs by time and the
            counter has no duration; all with paths ``events.N.field``, nothing is recorded then
        """
        recorded = self._get_recorded(service, rows)
        faults = self._find_faults(rows, recorded)
        if faults:
            listed = [
                FieldError(f"events.{index}.{fault.path}", fault.code, fault.message)
                for index, fault in faults[:MAX_REPORTED_ERRORS]
            ]
            error_class = _ERROR_CLASSES.get(listed[0].code, ConflictError)
            raise error_class(listed[0].message, code=listed[0].code, errors=listed)
        outcomes = classify(rows, recorded)
        last = {row.idempotency_key or index: (index, row) for index, row in enumerate(rows)}
        changed = {index: row for key, (index, row) in last.items() if key not in recorded or recorded[key].row != row}
        self._insert_or_update(service, changed)
        before = [(recorded[row.idempotency_key], row) for row in changed.values() if row.idempotency_key in recorded]
        self.env["fusion.billing.usage.history"]._append_updates(service, before)
        # A counter that moves to another period leaves one behind that must be rated again as well.
        touched = [*changed.values(), *(known.row for known, _row in before)]
        self.env["fusion.billing.usage.change"]._append(
            changes((row.subscription_id, row.metric_id, row.attributed_at) for row in touched)
        )
        self.invalidate_model()
        return outcomes

    @api.model
    def _get_faults(self, service, rows):
        """Return ``{index: FieldError}`` of the rows that :meth:`_upsert` would refuse; paths are field names."""
        return dict(self._find_faults(rows, self._get_recorded(service, rows)))

    @api.model
    def _find_repeated(self, service, rows):
        """Return the indexes of those ``{index: UsageRow}`` that repeat a counter as it was acknowledged."""
        recorded = self._get_recorded(service, rows.values())
        known = {key: found.row for key, found in recorded.items()}
        return {index for index, row in rows.items() if known.get(row.idempotency_key) == row}

    def _amend(self, quantity, reason):
        """Correct the quantity of counters; what was billed of them is adjusted on the next invoice.

        :param quantity: the right quantity, as Decimal
        :param reason: why, for the history
        :raises ConflictError: ``usage_voided``
        :raises BusinessRuleError: ``period_locked``
        """
        self._check_not_void()
        self._check_not_locked()
        before = self._get_exact_values()
        self._note_changes()
        self.env.cr.execute(
            SQL(
                "UPDATE fusion_billing_usage SET quantity = %s::numeric, write_uid = %s,"
                " write_date = now() AT TIME ZONE 'UTC' WHERE id IN %s",
                format(quantity, "f"),
                self.env.uid,
                tuple(self.ids),
            )
        )
        self.invalidate_recordset()
        self._keep_history("amended", before, reason)

    def _void(self, reason):
        """Cancel counters: they stay, with the reason, but do not count any more. A void counter stays as it is.

        :raises BusinessRuleError: ``period_locked``
        """
        standing = self.filtered(lambda usage: not usage.voided_at)
        if not standing:
            return
        standing._check_not_locked()
        standing._note_changes()
        before = standing._get_exact_values()
        # By SQL, as write() lets nobody void without history.
        self.env.cr.execute(
            SQL(
                "UPDATE fusion_billing_usage SET voided_at = %s, void_reason = %s, write_uid = %s,"
                " write_date = now() AT TIME ZONE 'UTC' WHERE id IN %s",
                fields.Datetime.now(),
                reason,
                self.env.uid,
                tuple(standing.ids),
            )
        )
        standing.invalidate_recordset()
        standing._keep_history("voided", before, reason)

    # === HELPERS === #

    def _check_not_void(self):
        if self.filtered("voided_at"):
            raise ConflictError(self.env._("The counter is void."), code="usage_voided", path="idempotency_key")

    def _check_not_locked(self):
        """Refuse to touch usage of a time that is locked; see res.company's x_fc_usage_lock_date."""
        self.flush_recordset(["attributed_at"])
        limits = self._get_lock_instants(self.subscription_id)
        for usage in self:
            limit = limits.get(usage.subscription_id.id)
            if limit and usage.attributed_at < limit:
                raise BusinessRuleError(self._describe_fault("period_locked"), code="period_locked", path="period_end")

    @api.model
    def _get_lock_instants(self, subscriptions):
        """Return ``{subscription id: instant}`` for those whose company has locked the time before."""
        # sudo: the lock holds for whoever asks.
        locks = {order: order.company_id.x_fc_usage_lock_date for order in subscriptions.sudo()}
        return {order.id: order._fc_start_of(day) for order, day in locks.items() if day}

    def _find_faults(self, rows, recorded):
        subscriptions = self.env["sale.order"].browse({row.subscription_id for row in rows})
        locks, first_orders = self._get_lock_instants(subscriptions), self._get_first_orders(rows, recorded)
        found = find_faults(rows, recorded, locks, first_orders)
        metrics = self.env["fusion.billing.metric"].browse({row.metric_id for row in rows})
        weighted = set(metrics.sudo().filtered(lambda metric: metric.aggregation == "weighted_sum").ids)
        for index, row in enumerate(rows if weighted else ()):
            if row.metric_id in weighted and row.period_start == row.period_end:
                found.setdefault(index, ("period_end", "duration_needed"))
        return [
            (index, FieldError(field, code, self._describe_fault(code)))
            for index, (field, code) in sorted(found.items())
        ]

    @api.model
    def _get_first_orders(self, rows, recorded):
        """Return ``{order id: id of the order that its subscription began with}`` of keys that name several orders."""
        named = {key: {known.row.subscription_id} for key, known in recorded.items()}
        for row in rows:
            if row.idempotency_key is not None:
                named.setdefault(row.idempotency_key, set()).add(row.subscription_id)
        several = {order_id for order_ids in named.values() if len(order_ids) > 1 for order_id in order_ids}
        # sudo: who has renewed what counts whoever pushes.
        orders = self.env["sale.order"].sudo().browse(several).exists()
        return {order.id: order._fc_get_first_id() for order in orders}

    @api.model
    def _describe_fault(self, code):
        return {
            "idempotency_conflict": self.env._(
                "The idempotency key names a counter of another subscription or metric."
            ),
            "usage_voided": self.env._("The idempotency key names a void counter."),
            "period_locked": self.env._("Usage of that time is locked."),
            "duration_needed": self.env._("This metric weighs by time: its counters need a duration."),
        }[code]

    def _get_recorded(self, service, rows):
        """Return ``{key: RecordedRow}`` of those keys that are known already."""
        keys = [row.idempotency_key for row in rows if row.idempotency_key is not None]
        if not keys:
            return {}
        where = SQL("COALESCE(service_id, 0) = %s AND idempotency_key = ANY(%s)", service.id or 0, keys)
        return {known.row.idempotency_key: known for known in self._read_exactly(where)}

    def _get_exact_values(self):
        """Return ``{id: UsageRow}``, with Decimals."""
        where = SQL("id = ANY(%s)", self.ids)
        return {known.id: known.row for known in self._read_exactly(where)} if self else {}

    @api.model
    def _read_exactly(self, where):
        """Return RecordedRows. Quantities travel as text: Odoo reads numeric columns into floats (odoo/sql_db.py)."""
        self.flush_model()
        query = SQL("SELECT %s, voided_at FROM fusion_billing_usage WHERE %s", SQL(_COLUMNS), where)
        return [
            RecordedRow(
                row_id,
                UsageRow(subscription_id, metric_id, Decimal(quantity), start, end, key, properties),
                voided_at is not None,
            )
            for row_id, subscription_id, metric_id, quantity, start, end, key, properties, voided_at in (
                self.env.execute_query(query)
            )
        ]

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
                    properties, service_id, source, create_uid, write_uid, create_date, write_date)
                SELECT row.*, %(service)s, 'push', %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM UNNEST(
                    %(subscriptions)s::int[], %(metrics)s::int[], %(starts)s::timestamp[], %(ends)s::timestamp[],
                    %(instants)s::timestamp[], %(quantities)s::numeric[], %(keys)s::text[],
                    %(properties)s::jsonb[]) AS row
                ON CONFLICT """
                + _KEY
                + """ DO UPDATE SET
                    subscription_id = EXCLUDED.subscription_id,
                    quantity = EXCLUDED.quantity, attributed_at = EXCLUDED.attributed_at,
                    period_start = EXCLUDED.period_start, period_end = EXCLUDED.period_end,
                    properties = EXCLUDED.properties,
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
                properties=[self._properties_as_json(row.properties) for row in ordered],
            )
        )

    def _keep_history(self, kind, before, reason=None):
        """Note a correction of these counters; ``before`` is what :meth:`_get_exact_values` gave."""
        after = {} if kind == "deleted" else self._get_exact_values()
        self.env["fusion.billing.usage.history"]._append(
            {
                "kind": kind,
                "reason": reason,
                "usage_id": usage.id,
                "service_id": usage.service_id.id,
                "before": before[usage.id],
                "after": after.get(usage.id) if kind == "amended" else None,
            }
            for usage in self
        )
