# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, models

from ..limits import buckets

_VACUUM_BATCH = 10_000


class BillingTokenBucket(models.AbstractModel):
    """Keeps the table of the rate limits, which is no model: nobody reads or writes it but limits/buckets.py."""

    _name = "fusion.billing.token.bucket"
    _description = "Billing Rate Limits"

    def init(self):
        buckets.create_table(self.env.cr)

    # === JOBS === #

    @api.autovacuum
    def _gc_old_buckets(self):
        """Forget buckets that nobody has drawn from for a day."""
        count = buckets.forget_old(self.env.cr, _VACUUM_BATCH)
        return count, count == _VACUUM_BATCH
