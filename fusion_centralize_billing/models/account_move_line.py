# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    x_fc_rating_ids = fields.One2many("fusion.billing.rating", "invoice_line_id", string="Ratings")

    @api.ondelete(at_uninstall=False)
    def _release_ratings_on_unlink(self):
        # sudo: whoever may delete the line gives its usage back; the ledger has no other writer.
        self.sudo().x_fc_rating_ids._cancel()
