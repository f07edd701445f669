# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Charges that price the same counters keep doing so: one of them says from now on that this is meant."""

from itertools import combinations

from odoo import SUPERUSER_ID, api, fields


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    charges = env["fusion.billing.charge"].with_context(active_test=False).search([], order="id")
    by_counters = charges.grouped(lambda charge: (charge.plan_code, charge.company_id, charge.metric_id))
    for rivals in by_counters.values():
        for older, newer in combinations(rivals, 2):
            if older._is_rival_of(newer) and newer._get_shared_day(older) is not None:
                # One that is over needs no guard against others any more.
                (older if _has_ended(older) else newer).is_additional = True


def _has_ended(charge):
    return charge.effective_until and charge.effective_until <= fields.Date.today()
