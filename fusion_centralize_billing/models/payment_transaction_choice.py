# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models

#: Payments on a page where the customer gives a card, and may have it saved; with a saved one it is ``online_token``.
_GIVEN_ON_PAGE = ("online_direct", "online_redirect")


class PaymentTransaction(models.Model):
    """A customer who pays for a subscription, and has the card saved, chooses it for that subscription.

    To pay once with a card that was saved before, for something else, is no such choice; nor is a card that is
    saved under the customer's payment methods.
    """

    _inherit = "payment.transaction"

    # === BUSINESS === #

    def _post_process(self):
        result = super()._post_process()
        # sudo: customers come here by themselves.
        for tx in self.sudo():
            if tx.token_id and tx.operation in _GIVEN_ON_PAGE and tx.state in ("authorized", "done"):
                tx._fc_get_paid_subscriptions()._fc_choose_token(tx.token_id, tx.partner_id)
        return result

    # === HELPERS === #

    def _fc_get_paid_subscriptions(self):
        return self.invoice_ids.x_fc_subscription_ids | self.sale_order_ids.filtered("is_subscription")
