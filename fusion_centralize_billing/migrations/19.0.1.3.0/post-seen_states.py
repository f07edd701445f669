# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Billing has acted upon the states that subscriptions have: their events are not told again."""


def migrate(cr, version):
    cr.execute(
        "UPDATE sale_order SET x_fc_seen_state = subscription_state"
        " WHERE subscription_state IN ('3_progress', '4_paused', '5_renewed', '6_churn')"
    )
