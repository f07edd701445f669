# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models
from odoo.exceptions import ValidationError
from odoo.fields import Command

from .switches import get_switch


class SaleOrder(models.Model):
    """Renewals (documentation: Renew subscriptions)."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def prepare_renewal_order(self):
        """Make the quotation of a renewal ("complete with a Renewal Quotation tag") and return its action."""
        return self._create_following_order("2_renewal")

    def _prepare_upsell_renew_order_values(self, subscription_state):
        """Return the values of the following order (public: third-party addons add their fields here).

        :param subscription_state: 2_renewal or 7_upsell
        """
        self.ensure_one()
        quantity = {"product_uom_qty": 0} if subscription_state == "7_upsell" else {}
        lines = self._get_copiable_order_lines()
        if get_switch(self.env, "renewal_lines") == "recurring":
            lines = lines.filtered("recurring_invoice")
        return {
            "partner_id": self.partner_id.id,
            "partner_invoice_id": self.partner_invoice_id.id,
            "partner_shipping_id": self.partner_shipping_id.id,
            "company_id": self.company_id.id,
            "pricelist_id": self.pricelist_id.id,
            "currency_id": self.currency_id.id,
            "fiscal_position_id": self.fiscal_position_id.id,
            "payment_term_id": self.payment_term_id.id,
            "payment_token_id": self.payment_token_id.id,
            "user_id": self.user_id.id,
            "team_id": self.team_id.id,
            "plan_id": self.plan_id.id,
            "subscription_state": subscription_state,
            "subscription_id": self.id,
            "origin_order_id": (self.origin_order_id or self).id,
            "start_date": self.next_invoice_date,
            "order_line": [Command.clear(), *(line._prepare_renewed_line(**quantity) for line in lines)],
        }

    def _confirm_renewal(self):
        """Take the subscription over (public: the old order becomes 5_renewed, the new one 3_progress).

        It starts on the old one's next invoice date, so that no day is billed twice or left out.
        """
        self.ensure_one()
        renewed = self.subscription_id
        day = renewed.next_invoice_date
        renewed.set_close(self.env.ref("sale_subscription.close_reason_renew").id, renew=True)
        self._start_subscription(day, event_type="transfer")

    # === HELPERS === #

    def _create_following_order(self, subscription_state):
        """Documentation: it "must be invoiced before" it can be renewed or upsold."""
        self.ensure_one()
        if self.subscription_state not in ("3_progress", "4_paused"):
            raise ValidationError(self.env._("Only a running subscription is renewed or upsold."))
        if self.next_invoice_date == self.start_date:
            raise ValidationError(self.env._("%s has to be invoiced first.", self.name))
        order = self.env["sale.order"].create(self._prepare_upsell_renew_order_values(subscription_state))
        return {"type": "ir.actions.act_window", "res_model": "sale.order", "view_mode": "form", "res_id": order.id}
