# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from dateutil.relativedelta import relativedelta

from odoo import models


class AccountMove(models.Model):
    _inherit = "account.move"

    def _post(self, soft=True):
        """Move on the next invoice date, also for an invoice made by hand.

        Documentation, Automatic payments: "a new invoice must be made and posted manually. This automatically
        updates the next invoice date of the subscription."
        """
        posted = super()._post(soft)
        for move in posted.filtered(lambda move: move.move_type == "out_invoice"):
            # sudo: whoever posts need not be allowed to change orders
            for line in move.sudo().invoice_line_ids.filtered("subscription_id"):
                subscription = line.subscription_id
                end = line.deferred_end_date + relativedelta(days=1)
                if subscription.next_invoice_date and end > subscription.next_invoice_date:
                    subscription.last_invoice_date = move.invoice_date
                    subscription._move_next_invoice_date(end)
        return posted

    def _invoice_paid_hook(self):
        """Reopen what was closed for not paying (public: "reopened, e.g. when its invoice is paid later")."""
        result = super()._invoice_paid_hook()
        unpaid = self.env.ref("sale_subscription.close_reason_unpaid")
        # sudo: whoever registers a payment need not be allowed to change orders
        orders = self.sudo().invoice_line_ids.sale_line_ids.order_id
        orders.filtered(
            lambda order: order.subscription_state == "6_churn" and order.close_reason_id == unpaid
        ).reopen_order()
        return result
