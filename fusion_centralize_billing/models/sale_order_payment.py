# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class SaleOrder(models.Model):
    """Payment of a subscription: which saved token pays it, and what becomes of it if none does."""

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_payment_token_id = fields.Many2one(
        "payment.token",
        string="Saved Payment Method",
        check_company=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups="account.group_account_invoice",
        help="Pays the invoices of the subscription; empty for the newest one of the customer.",
    )

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("x_fc_payment_token_id", "partner_id", "company_id")
    def _check_x_fc_payment_token_id(self):
        # sudo: whoever changes the order's customer need not read tokens.
        for order in self.sudo().filtered("x_fc_payment_token_id"):
            token = order.x_fc_payment_token_id
            if token.partner_id.commercial_partner_id != order.partner_id.commercial_partner_id:
                raise ValidationError(self.env._("The saved payment method belongs to another customer."))
            if token.company_id != order.company_id:
                raise ValidationError(self.env._("The saved payment method belongs to another company."))

    # === BUSINESS === #

    def _fc_act_on_unpaid_invoice(self, plan):
        """Pause or close the subscription as the plan says, and return what was done, as text.

        What a person has paused or closed already stays as it is. A refusal of the edition is told, not
        raised: the owner has to know of it, and running the job again would not help.
        """
        self.ensure_one()
        if plan.payment_failure_action == "pause" and self.subscription_state == "3_progress":
            action, done = self._fc_pause, self.env._("The subscription was paused.")
        elif plan.payment_failure_action == "close" and self.subscription_state in ("3_progress", "4_paused"):
            action, done = self._fc_terminate, self.env._("The subscription was closed.")
        else:
            return self.env._("The subscription stays as it is.")
        self._fc_lock()
        try:
            with self.env.cr.savepoint():
                action()
        except UserError as error:
            return self.env._("The subscription could not be changed: %s", error)
        return done

    def _fc_pause(self):
        """Pause the subscription in the way of the edition that is installed."""
        if hasattr(self, "_pause_subscription"):  # Community; Enterprise has no such method
            self._pause_subscription()
        else:
            self.subscription_state = "4_paused"
