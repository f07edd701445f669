# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, fields, models
from odoo.exceptions import UserError


class AccountMove(models.Model):
    """What an invoice of a subscription billed is given back when the invoice does not count any more."""

    _name = "account.move"
    _inherit = ["account.move", "fusion.subscription.guarded"]

    # === FIELDS === #

    x_fc_is_given_back = fields.Boolean(
        string="Billed Anew", readonly=True, copy=False, help="What this invoice billed is on a later one."
    )

    # === ACTIONS === #

    def button_cancel(self):
        result = super().button_cancel()
        self._give_back_to_subscriptions()
        return result

    def button_draft(self):
        # sudo: the ledger decides, whoever asks
        fees = self.filtered(lambda move: move.state == "cancel").sudo().line_ids.x_fc_fee_id
        if fees.filtered(lambda fee: fee.state == "cancelled" and fee.invoice_id in self):
            raise UserError(
                self.env._(
                    "The fees of this cancelled invoice are billed anew: posting it again would bill them twice."
                )
            )
        return super().button_draft()

    # === BUSINESS === #

    def _give_back_to_subscriptions(self):
        """Let the fees and one-off lines of invoices that do not count any more be billed anew.

        Called when an invoice is cancelled, or by who voids a posted one. The next invoice of the subscription
        bears them; of an ended one of which nothing else is due, an invoice at once.
        """
        self.line_ids._give_back_fees()
        # sudo: whoever takes the invoice back need not be allowed to write what only code writes
        self.sudo().filtered(lambda move: move.state == "posted").x_fc_is_given_back = True
        self.sudo().line_ids.sale_line_ids.order_id._schedule_rest()

    # === HELPERS === #

    @api.model
    def _get_guarded_fields(self):
        return super()._get_guarded_fields() | {"x_fc_is_given_back"}
