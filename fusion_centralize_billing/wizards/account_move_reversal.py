# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models

from ..api.errors import BusinessRuleError


class AccountMoveReversal(models.TransientModel):
    """ "Reverse" and "Reverse and Create Invoice" of Odoo: a subscription has the former only."""

    _inherit = "account.move.reversal"

    def reverse_moves(self, is_modify=False):
        """Refuse a new invoice in place of a subscription's: it would bill usage that the ledger takes for billed.

        :raises BusinessRuleError: ``reversal_refused``
        """
        # sudo: it counts whose invoice it is, whoever reverses it.
        of_subscriptions = self.move_ids.sudo().filtered("x_fc_subscription_ids")
        if is_modify and of_subscriptions:
            raise BusinessRuleError(
                self.env._(
                    "%s belongs to a subscription: a new invoice in its place would have no part in the rating ledger. "
                    "Void it, or reset it to draft and cancel it, and its usage is billed anew; or reverse it only.",
                    ", ".join(of_subscriptions.mapped("name")),
                ),
                code="reversal_refused",
                path="move_ids",
            )
        return super().reverse_moves(is_modify)
