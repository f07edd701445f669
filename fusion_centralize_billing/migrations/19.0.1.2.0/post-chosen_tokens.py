# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""A saved payment method that a subscription was charged with is the one that was chosen for it.

Until now the newest one of the customer was charged. Where none has paid for the subscription, none is chosen: its
next invoice shows that it lacks one, and the owners of the services are told.
"""

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

#: Of each subscription without a chosen token the one that was charged last and may still be: ours, and payment pages.
_CHARGED = """
    SELECT DISTINCT ON (orders.id) orders.id AS order_id, token.id AS token_id
      FROM sale_order AS orders
      JOIN account_move AS move ON move.x_fc_subscription_id = orders.id
      JOIN account_invoice_transaction_rel AS rel ON rel.invoice_id = move.id
      JOIN payment_transaction AS tx ON tx.id = rel.transaction_id AND tx.state = 'done'
      JOIN payment_token AS token ON token.id = tx.token_id AND token.active AND token.company_id = orders.company_id
      JOIN res_partner AS customer ON customer.id = orders.partner_id
      JOIN res_partner AS payer ON payer.id = token.partner_id
           AND payer.commercial_partner_id = customer.commercial_partner_id
     WHERE orders.x_fc_payment_token_id IS NULL
     ORDER BY orders.id, tx.last_state_change DESC, tx.id DESC
"""
_SHOWN = 20


def migrate(cr, version):
    cr.execute(
        SQL(
            "UPDATE sale_order SET x_fc_payment_token_id = charged.token_id"
            " FROM (%s) AS charged WHERE sale_order.id = charged.order_id",
            SQL(_CHARGED),
        )
    )
    env = api.Environment(cr, SUPERUSER_ID, {})
    env["sale.order"].invalidate_model(["x_fc_payment_token_id"])
    for service, orders in _find_without_token(env).grouped("x_fc_service_id").items():
        if service.owner_id:
            _tell_owner(service, orders)


def _find_without_token(env):
    """Return the running subscriptions of automatic payment whose customers have tokens, none of which is chosen."""
    plans = env["fusion.billing.plan"].with_context(active_test=False).search([("automatic_payment", "=", True)])
    keys = {(plan.company_id, plan.code) for plan in plans}
    running = env["sale.order"].search(
        [
            ("subscription_state", "in", ("3_progress", "4_paused")),
            ("x_fc_plan_code", "in", plans.mapped("code")),
            ("x_fc_payment_token_id", "=", False),
        ]
    )
    customers = env["payment.token"].search([]).partner_id.commercial_partner_id
    return running.filtered(
        lambda order: (
            (order.company_id, order.x_fc_plan_code) in keys and order.partner_id.commercial_partner_id in customers
        )
    )


def _tell_owner(service, orders):
    names = ", ".join(orders[:_SHOWN].mapped("name")) + (" ..." if len(orders) > _SHOWN else "")
    service.activity_schedule(
        "mail.mail_activity_data_warning",
        summary="Subscriptions lack a chosen payment method",
        note=f"{len(orders)}: {names}. A saved payment method is charged only if it was chosen for the subscription, "
        "or for the customer of the service.",
        user_id=service.owner_id.id,
    )
