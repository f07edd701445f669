# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models


class PaymentToken(models.Model):
    _inherit = "payment.token"

    # === BUSINESS === #

    def get_linked_records_info(self):
        """Tell who is about to remove a saved payment method which subscriptions it pays."""
        self.check_access("read")
        # sudo: customers read no orders by search; who reads the token may know what it pays.
        orders = (
            self.env["sale.order"]
            .sudo()
            .search([("x_fc_payment_token_id", "=", self.id), ("subscription_state", "in", ("3_progress", "4_paused"))])
        )
        return super().get_linked_records_info() + [
            {
                "description": self.env._("Subscription"),
                "id": order.id,
                "name": order.name,
                "url": order.access_url,
            }
            for order in orders
        ]
