# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models

from ..api.errors import BusinessRuleError

#: A customer who has just opened a payment page may be paying there.
_PORTAL_PATIENCE = timedelta(minutes=10)


class AccountMove(models.Model):
    """Payment of subscription invoices with the customer's saved token: what may be charged, and with which token."""

    _inherit = "account.move"

    # === HELPERS === #

    def _fc_get_payment_obstacle(self):
        """Return why the invoice cannot be charged now, as an error to raise, or None."""
        self.ensure_one()
        if self.env["sale.order"]._edition_collects_payments():
            return BusinessRuleError(
                self.env._("Odoo's subscriptions charge saved payment methods themselves."), code="handled_by_edition"
            )
        if self.move_type != "out_invoice" or (self.state == "posted" and self.currency_id.is_zero(self.amount_total)):
            return BusinessRuleError(self.env._("Nothing is to be paid."), code="nothing_due")
        if self.state != "posted":
            return BusinessRuleError(self.env._("The invoice is not posted."), code="invoice_not_posted")
        if self.payment_state in ("paid", "in_payment"):
            return BusinessRuleError(self.env._("The invoice is paid."), code="invoice_already_paid")
        if not self._fc_is_due():
            return BusinessRuleError(self.env._("Nothing is due."), code="nothing_due")
        if self._fc_get_payments_under_way():
            return BusinessRuleError(self.env._("A payment of the invoice is under way."), code="payment_in_progress")
        if not self._fc_get_payment_tokens():
            return BusinessRuleError(
                self.env._(
                    "There is no saved payment method that can be charged: none was chosen for the subscription, or "
                    "for this customer of its service."
                ),
                code="no_payment_token",
            )
        return None

    def _fc_is_unpaid(self):
        return self.payment_state in ("not_paid", "partial")

    def _fc_is_due(self):
        """Tell whether the customer owes something on this invoice."""
        return (
            self.move_type == "out_invoice"
            and self.state == "posted"
            and self._fc_is_unpaid()
            and self.currency_id.compare_amounts(self.amount_residual, 0) > 0
        )

    def _fc_is_being_charged(self):
        # sudo: customers ask, on their payment page.
        move = self.sudo()
        is_unclear = "unclear" in move.transaction_ids.mapped("x_fc_charge_state")
        return is_unclear or "draft" in move.x_fc_charge_ids.mapped("state")

    def _fc_get_payments_under_way(self):
        """Return the transactions that may yet pay the invoice, or have and are not registered.

        As in ``_has_to_be_paid`` of account_payment, announced bank transfers do not count. A fresh
        draft of a payment page does, as the customer may be paying there.
        """
        fresh = fields.Datetime.now() - _PORTAL_PATIENCE

        def is_under_way(tx):
            if tx.x_fc_charge_state == "unclear":
                return True
            if tx.state == "draft":
                return tx.x_fc_invoice_id or (tx.last_state_change and tx.last_state_change > fresh)
            if tx.state == "done":
                return not tx.is_post_processed
            return tx.state in ("pending", "authorized") and tx.provider_code not in ("none", "custom")

        paying = self.transaction_ids.filtered(lambda tx: tx.operation not in ("refund", "validation"))
        return paying.filtered(is_under_way)

    def _fc_get_payment_tokens(self):
        """Return the chosen tokens that can be charged with what is due, the one to take first.

        Of those that were chosen for the subscription, or for each of several: active, of the invoice's customer and
        company, of a provider that ``_get_compatible_providers`` offers for the amount, currency and country, and that
        takes money at once (as ``account.payment`` demands of tokens). Another token of the customer is never taken.
        """
        self.ensure_one()
        # sudo: whoever charges need not read the subscription.
        orders = self.sudo().x_fc_subscription_ids
        chosen = orders[:1]._fc_get_chosen_tokens() if orders else self.env["payment.token"].sudo()
        for order in orders[1:]:
            chosen &= order._fc_get_chosen_tokens()
        if not chosen:
            return chosen
        # Superuser: others are offered only providers that are published on the payment page.
        providers = (
            self.env["payment.provider"]
            .with_user(SUPERUSER_ID)
            ._get_compatible_providers(
                self.company_id.id, self.partner_id.id, self.amount_residual, currency_id=self.currency_id.id
            )
        )
        return chosen.filtered(
            lambda token: (
                token.active
                and token.partner_id.commercial_partner_id == self.commercial_partner_id
                and token.company_id == self.company_id
                and token.provider_id in providers
                and not token.provider_id.capture_manually
                and self.currency_id in (token.payment_method_id.supported_currency_ids or self.currency_id)
            )
        )

    def _fc_get_payment_plan(self):
        """Return the plan by which the invoice is paid: of several that agreed, one that is not paid by itself now.

        Subscriptions whose plans differ in how they are paid share no invoice, but plans may change.
        """
        orders = self.x_fc_subscription_ids
        plans = [order._fc_get_catalog_plan() for order in orders]
        manual = [plan for plan in plans if not plan.automatic_payment]
        return (manual or plans or [self.env["fusion.billing.plan"].sudo()])[0]

    @api.model
    def _fc_may_charge(self):
        user = self.env.user
        return user.has_group("account.group_account_invoice") or user.has_group(
            "fusion_centralize_billing.group_billing_manager"
        )
