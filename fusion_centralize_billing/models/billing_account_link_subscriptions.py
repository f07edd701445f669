# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, models


class BillingAccountLink(models.Model):
    """Subscriptions: a customer that is made after what was opened for its contact gets it, if nobody else could."""

    _inherit = "fusion.billing.account.link"

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        links = super().create(vals_list)
        for link in links:
            link._adopt_subscriptions()
        return links

    # === HELPERS === #

    def _adopt_subscriptions(self):
        """Take the subscriptions of the service and contact that are nobody's, unless another customer shares both."""
        # sudo: whose a subscription is, is written by code only, and looked up whoever makes the customer.
        link = self.sudo()
        of_both = [("service_id", "=", link.service_id.id), ("partner_id", "=", link.partner_id.id)]
        orders = link.env["sale.order"].search(
            [
                ("x_fc_service_id", "=", link.service_id.id),
                ("partner_id", "=", link.partner_id.id),
                ("x_fc_account_link_id", "=", False),
            ]
        )
        if orders and link.search_count(of_both, limit=2) == 1:
            orders.x_fc_account_link_id = link
