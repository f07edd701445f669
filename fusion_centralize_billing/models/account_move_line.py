# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    x_fc_rating_ids = fields.One2many("fusion.billing.rating", "invoice_line_id", string="Ratings")

    # === ACTIONS === #

    def action_view_x_fc_ratings(self):
        """Show how the amount of this line came about."""
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("fusion_centralize_billing.action_billing_rating")
        return {**action, "domain": [("invoice_line_id", "=", self.id)], "context": {}}

    # === CRUD === #

    @api.ondelete(at_uninstall=False)
    def _release_ratings_on_unlink(self):
        # sudo: whoever may delete the line gives its usage back; the ledger has no other writer.
        self.sudo().x_fc_rating_ids._cancel()
