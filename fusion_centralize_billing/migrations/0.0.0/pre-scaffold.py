# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Where the early scaffold of this addon is installed, its tables are set aside before anything else is done."""

from odoo.addons.fusion_centralize_billing.scaffold import leftovers, shape


def migrate(cr, version):
    if shape.is_scaffold(cr):
        shape.check_ready(cr)
        leftovers.remove(cr)
        shape.set_aside(cr)
