# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError


class SaleOrder(models.Model):
    """Payment of a subscription: which saved token pays it, and what becomes of it if none does."""

    _name = "sale.order"
    _inherit = ["sale.order", "fusion.billing.token.choice"]

    _token_field = "x_fc_payment_token_id"
    _chooser_field = "x_fc_payment_token_chooser_id"

    # === FIELDS === #

    x_fc_payment_token_id = fields.Many2one(
        "payment.token",
        string="Saved Payment Method",
        check_company=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups="account.group_account_invoice",
        domain="[('partner_id.commercial_partner_id.id', 'parent_of', partner_id), ('company_id', '=', company_id)]",
        tracking=True,
        help="Pays the invoices of the subscription. Empty: the one that was chosen for the customer of its service, "
        "under Billing / Customers; without that, none is charged.",
    )
    x_fc_payment_token_chooser_id = fields.Many2one(
        "res.partner",
        string="Chosen By",
        readonly=True,
        copy=False,
        ondelete="set null",
        groups="account.group_account_invoice",
        help="The customer who has saved it while paying for the subscription, or the person of the back office. "
        "Empty: it was charged for the subscription before such choices were kept.",
    )

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("x_fc_payment_token_id", "partner_id", "company_id")
    def _check_x_fc_payment_token_id(self):
        self._fc_check_token()

    # === BUSINESS === #

    def _fc_get_chosen_tokens(self):
        """Return the tokens that were chosen for the subscription, as superuser, the one to take first.

        That is its own, then that of its service's customer. Subscriptions do not say which customer of their
        service they are of: customers who share a partner, and have not all chosen the same, have chosen none.
        Whoever gives a service the e-mail of its customer would have that one's card charged otherwise.
        """
        self.ensure_one()
        # sudo: tokens are for the customer and for accountants.
        order = self.sudo()
        links = order.partner_id.x_fc_account_link_ids.filtered(
            lambda link: order.x_fc_service_id and link.service_id == order.x_fc_service_id
        )
        of_customer = links.payment_token_id
        all_chose_it = len(of_customer) == 1 and all(link.payment_token_id for link in links)
        return order.x_fc_payment_token_id | (of_customer if all_chose_it else of_customer.browse())

    def _fc_choose_token(self, token, chooser):
        """Note that a customer has chosen a token for these subscriptions, where it fits."""
        # sudo: customers choose on a payment page.
        for order in self.sudo():
            if order._fc_fits(token) and order.x_fc_payment_token_id != token:
                order.write({self._token_field: token.id, self._chooser_field: chooser.id})

    def _fc_act_on_unpaid_invoice(self, plan):
        """Pause or close the subscription as the plan says, and return what was done, as text.

        What a person has paused or closed already stays as it is. A refusal of the edition is told, not
        raised: the owner has to know of it, and running the job again would not help.
        """
        self.ensure_one()
        if plan.payment_failure_action == "pause" and self.subscription_state == "3_progress":
            action, done = self._edition_pause, self.env._("The subscription was paused.")
        elif plan.payment_failure_action == "close" and self.subscription_state in ("3_progress", "4_paused"):
            action, done = partial(self._fc_terminate, reason="not_paid"), self.env._("The subscription was closed.")
        else:
            return self.env._("The subscription stays as it is.")
        self._fc_lock()
        try:
            with self.env.cr.savepoint():
                action()
        except UserError as error:
            return self.env._("The subscription could not be changed: %s", error)
        return done

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return super()._fc_get_guarded_fields() | {"x_fc_payment_token_chooser_id"}
