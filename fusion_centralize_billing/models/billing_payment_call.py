# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.tools import SQL


class BillingPaymentCall(models.Model):
    """The right to call a payment provider for one transaction: given once, and never given back.

    The row is committed by a transaction of its own before the call. It outlives whatever becomes of
    the job that calls: a rollback, a kill, a serialization failure. See payment_transaction.py.
    """

    _name = "fusion.billing.payment.call"
    _inherit = ["fusion.billing.guarded"]
    _description = "Call of a Payment Provider"
    _order = "id desc"
    _rec_name = "transaction_id"

    # === FIELDS === #

    transaction_id = fields.Many2one("payment.transaction", required=True, readonly=True, ondelete="cascade")
    begun_at = fields.Datetime(required=True, readonly=True)

    # === CONSTRAINTS AND INDEXES === #

    _transaction_uniq = models.Constraint("UNIQUE(transaction_id)", "The provider is called once per transaction.")

    # === BUSINESS === #

    @api.model
    def _take(self, transaction):
        """Return True, once in the life of a transaction, to who may call its provider now.

        The foreign key refuses a transaction that is not committed: its record would be lost, and the
        money taken, if its creation were rolled back after the call.
        """
        insert = SQL(
            "INSERT INTO %s (transaction_id, begun_at) VALUES (%s, now() AT TIME ZONE 'UTC')"
            " ON CONFLICT (transaction_id) DO NOTHING RETURNING id",
            SQL.identifier(self._table),
            transaction.id,
        )
        with self.env.registry.cursor() as own_cr:  # commits when the block ends
            own_cr.execute(insert)
            taken = own_cr.fetchone()
        return bool(taken)

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return set(self._fields)
