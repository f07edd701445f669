# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models


class BillingApiKeyWizard(models.TransientModel):
    """Makes a key and shows it, once."""

    _name = "fusion.billing.api.key.wizard"
    _description = "New Billing API Key"

    service_id = fields.Many2one("fusion.billing.service", required=True, readonly=True)
    name = fields.Char(required=True, help="Who or what uses the key.")
    scopes = fields.Char(help="What the key may do, separated by spaces; empty for everything.")
    expires_at = fields.Datetime()

    def action_generate(self):
        """Make the key and show it. It travels in the action's context only: nothing stores it in clear text."""
        self.ensure_one()
        raw = self.env["fusion.billing.api.key"]._generate(
            self.service_id, self.name, scopes=self.scopes, expires_at=self.expires_at
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New API Key"),
            "res_model": "fusion.billing.api.key.shown",
            "view_mode": "form",
            "target": "new",
            "context": {"default_service_id": self.service_id.id, "default_raw_key": raw},
        }


class BillingApiKeyShown(models.TransientModel):
    """The dialog that shows a new key. The key is never saved: the field is not stored."""

    _name = "fusion.billing.api.key.shown"
    _description = "New Billing API Key, Shown Once"

    service_id = fields.Many2one("fusion.billing.service", readonly=True)
    raw_key = fields.Char(string="API Key", store=False, readonly=True)
