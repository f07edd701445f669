# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..api import json_text

#: Clients are promised a day.
_KEPT = timedelta(days=2)
_VACUUM_BATCH = 10_000


class BillingIdempotencyKey(models.Model):
    """The answer to a request that a service may send again. Written in the transaction of what the request did."""

    _name = "fusion.billing.idempotency.key"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Idempotency Key"
    _rec_name = "key"
    _order = "id desc"

    # === FIELDS === #

    service_id = fields.Many2one("fusion.billing.service", required=True, ondelete="cascade", readonly=True)
    company_id = fields.Many2one(related="service_id.company_id")
    key = fields.Char(required=True, readonly=True)
    operation = fields.Char(required=True, readonly=True)
    fingerprint = fields.Char(required=True, readonly=True, help="SHA-256 of the operation and what was asked for.")
    answer = fields.Text(readonly=True, help="The answer as JSON; empty while the first request runs.")

    # === CONSTRAINTS AND INDEXES === #

    _service_key_uniq = models.Constraint("UNIQUE(service_id, key)", "The service has used this key already.")
    _create_date_idx = models.Index("(create_date)")

    # === BUSINESS === #

    @api.model
    def _claim(self, service, key, operation, fingerprint):
        """Return the row of a key: without an answer if this request is the first with it.

        While another request with the key runs, this one waits for its end. If that one was done, PostgreSQL
        refuses the statement with a serialization failure, since the row is newer than this transaction's
        snapshot, and Odoo runs this request again, which then finds the answer.
        """
        rows = self.env.execute_query(
            SQL(
                "INSERT INTO fusion_billing_idempotency_key"
                " (service_id, key, operation, fingerprint, create_uid, create_date, write_uid, write_date)"
                " VALUES (%s, %s, %s, %s, %s, now() AT TIME ZONE 'UTC', %s, now() AT TIME ZONE 'UTC')"
                " ON CONFLICT (service_id, key) DO NOTHING RETURNING id",
                *(service.id, key, operation, fingerprint, self.env.uid, self.env.uid),
            )
        )
        if rows:
            return self.browse(rows[0])
        return self.search([("service_id", "=", service.id), ("key", "=", key)])

    def _store(self, answer):
        self.ensure_one()
        self.answer = json_text.dumps(answer)

    def _load(self):
        """Return the stored answer as it was sent, or None."""
        self.ensure_one()
        return json.loads(self.answer) if self.answer else None

    # === JOBS === #

    @api.autovacuum
    def _gc_old_keys(self):
        """Forget the answers to requests of more than two days ago."""
        old = [("create_date", "<", fields.Datetime.now() - _KEPT)]
        keys = self.search(old, limit=_VACUUM_BATCH, order="id")
        keys.unlink()
        return len(keys), len(keys) == _VACUUM_BATCH

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return set(self._fields)
