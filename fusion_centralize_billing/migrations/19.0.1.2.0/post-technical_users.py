# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""A service without a technical user gets one: its keys would open nothing.

Users that are not as they should be stay as they are, and their services' forms say why the API refuses them.
"""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    # Not by search(), which takes it for granted that a required field is set.
    cr.execute("SELECT id FROM fusion_billing_service WHERE user_id IS NULL ORDER BY id")
    ids = [row[0] for row in cr.fetchall()]
    for service in api.Environment(cr, SUPERUSER_ID, {})["fusion.billing.service"].browse(ids):
        service.user_id = service._create_technical_user(service.name, service.company_id.id)
