# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What is done once, when the addon is installed."""

from .models.sale_order_life import ENDED_STATES, RUNNING_STATES


def note_running_subscriptions(env):
    """Let billing begin where subscriptions stand that were there before: nothing happened to them just now.

    Usage is billed from the period on that runs; what was invoiced before is behind us.
    """
    orders = env["sale.order"].search([("subscription_state", "in", [*RUNNING_STATES, *ENDED_STATES])])
    for order in orders:
        order.write(
            {
                "x_fc_seen_state": order.subscription_state,
                "x_fc_billed_until": order._edition_get_billed_until() or order.x_fc_billed_until,
            }
        )
