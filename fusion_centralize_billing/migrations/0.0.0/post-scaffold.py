# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What was set aside is taken over into this version's tables, after all other scripts: those know nothing of it."""

from odoo import SUPERUSER_ID, api
from odoo.addons.fusion_centralize_billing.scaffold import shape, takeover


def migrate(cr, version):
    if shape.is_set_aside(cr):
        takeover.take_over(api.Environment(cr, SUPERUSER_ID, {}))
