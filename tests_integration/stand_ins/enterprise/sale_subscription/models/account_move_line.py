# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models


class AccountMoveLine(models.Model):
    """The period that a recurring line bills: both days are covered (documentation: Deferred revenues)."""

    _inherit = "account.move.line"

    subscription_id = fields.Many2one("sale.order", copy=False, index="btree_not_null")
    deferred_start_date = fields.Date(copy=False)
    deferred_end_date = fields.Date(copy=False)
