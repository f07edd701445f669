# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import AccessError

from .customer_scope import CUSTOMER, CustomerScope


class BillingAccountLink(models.Model):
    """Access: what a customer's frontend reads, and how people see and end it."""

    _inherit = "fusion.billing.account.link"

    # === FIELDS === #

    customer_token_ids = fields.One2many(
        "fusion.billing.customer.token", "account_link_id", string="Access Tokens", readonly=True
    )
    active_token_count = fields.Integer(
        "Valid Access Tokens",
        compute="_compute_tokens",
        help="With these, frontends of the service read this customer's subscriptions, usage and invoices.",
    )
    token_last_used_at = fields.Datetime(
        "Access Token Last Used", compute="_compute_tokens", help="Of the last day; exact to a minute."
    )

    # === COMPUTE === #

    @api.depends("customer_token_ids.expires_at", "customer_token_ids.last_used_at")
    def _compute_tokens(self):
        now = fields.Datetime.now()
        for link in self:
            tokens = link.customer_token_ids
            link.active_token_count = len(tokens.sudo().filtered(lambda token: token._is_usable(now)))
            link.token_last_used_at = max((token.last_used_at for token in tokens if token.last_used_at), default=False)

    # === ACTIONS === #

    def action_revoke_tokens(self):
        """End all access tokens of the customers at once."""
        self.check_access("write")
        if not self.env.user.has_group("fusion_centralize_billing.group_billing_manager"):
            raise AccessError(self.env._("Billing managers revoke access tokens."))
        # sudo: nobody writes tokens, but managers end them.
        self.sudo().customer_token_ids.unlink()
        return True

    # === BUSINESS === #

    def _as_customer(self):
        """Return this customer in the environment of its service's frontends, whose record rules show it alone.

        :raises ForbiddenError: ``technical_user_unusable``
        """
        self.ensure_one()
        # sudo: only to read which user that is, and what the customer has.
        link = self.sudo()
        user = link.service_id._get_customer_user()
        orders = link.env["sale.order"].search([("x_fc_account_link_id", "=", link.id)])
        codes = {order.x_fc_plan_code for order in orders if order.x_fc_plan_code}
        scope = CustomerScope(link.id, link.partner_id.id, link.service_id.id, tuple(sorted(codes)))
        return self.with_user(user).with_company(link.company_id).with_context(**{CUSTOMER: scope})
