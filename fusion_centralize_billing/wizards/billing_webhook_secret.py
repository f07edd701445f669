# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models


class BillingWebhookSecretShown(models.TransientModel):
    """The dialog that shows a new webhook secret. The secret is never saved: the field is not stored."""

    _name = "fusion.billing.webhook.secret.shown"
    _description = "New Webhook Secret, Shown Once"

    service_id = fields.Many2one("fusion.billing.service", readonly=True)
    raw_secret = fields.Char(string="Webhook Secret", store=False, readonly=True)
