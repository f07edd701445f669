# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""A service without a technical user gets one: its keys would open nothing.

Users that are not as they should be stay as they are, and their services' forms say why the API refuses them.
"""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    services = api.Environment(cr, SUPERUSER_ID, {})["fusion.billing.service"].with_context(active_test=False)
    for service in services.search([("user_id", "=", False)]):
        service.user_id = service._create_technical_user(service.name, service.company_id.id)
