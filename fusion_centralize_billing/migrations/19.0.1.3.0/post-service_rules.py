# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Services see a renewed subscription once, and neither drafts of renewals nor upsells.

Record rules are data that upgrades leave as they are, since people may have changed them: so the conditions are put
before those that a rule has.
"""

from odoo.api import SUPERUSER_ID, Environment

_CONDITIONS = "('x_fc_successor_id', '=', False), ('subscription_state', 'not in', ('2_renewal', '7_upsell')),"


def migrate(cr, version):
    env = Environment(cr, SUPERUSER_ID, {})
    rule = env.ref("fusion_centralize_billing.sale_order_service_rule", raise_if_not_found=False)
    if rule and "x_fc_successor_id" not in rule.domain_force:
        rule.domain_force = rule.domain_force.replace("[", f"[{_CONDITIONS}", 1)
