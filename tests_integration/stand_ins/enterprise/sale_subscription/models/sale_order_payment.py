# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import uuid

from odoo import fields, models


class SaleOrder(models.Model):
    """Payment by a saved card, in the run itself (documentation: Automatic payments, Closing invoices)."""

    _inherit = "sale.order"

    payment_token_id = fields.Many2one("payment.token", copy=False, check_company=True)
    # Documentation: "Contract in exception", which the run leaves alone.
    is_in_exception = fields.Boolean("Contract in exception", copy=False)

    def _is_paid_by_token(self, move):
        """Charge the token of an invoice's orders; True without one ("create and post the invoice").

        "If the charge is successful, create and post the invoice. If the charge fails, send reminders".
        A payment of unknown outcome sets the order in exception.
        """
        token = self.payment_token_id
        if len(token) != 1 or move.move_type != "out_invoice":
            return True
        transaction = self.env["payment.transaction"].create(
            {
                "provider_id": token.provider_id.id,
                "payment_method_id": token.payment_method_id.id,
                "reference": f"subscription-{uuid.uuid4().hex[:12]}",
                "amount": move.amount_total,
                "currency_id": move.currency_id.id,
                "partner_id": token.partner_id.id,
                "token_id": token.id,
                "operation": "offline",
                "invoice_ids": [fields.Command.set(move.ids)],
            }
        )
        transaction._charge_with_token()
        if transaction.state == "pending":
            self.is_in_exception = True
        if transaction.state == "done":
            transaction._post_process()
        return transaction.state == "done"
