# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models


class SaleOrder(models.Model):
    """Of which of its service's customers a subscription is: several of them may share a contact."""

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_account_link_id = fields.Many2one(
        "fusion.billing.account.link",
        string="Service's Customer",
        compute="_compute_x_fc_account_link_id",
        store=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="Whom the service has opened it for; of what the back office has made, the service's only customer with"
        " this contact. Empty if there are several: then no frontend shows it.",
    )

    # === COMPUTE === #

    @api.depends("x_fc_service_id", "partner_id")
    def _compute_x_fc_account_link_id(self):
        for order in self:
            # sudo: links are for billing people, but others make orders, too.
            known, service = order.sudo().x_fc_account_link_id, order.sudo().x_fc_service_id
            if known and known.service_id == service and known.partner_id == order.partner_id:
                order.x_fc_account_link_id = known
                continue
            links = known.browse()
            if service and order.partner_id:
                links = links.search([("service_id", "=", service.id), ("partner_id", "=", order.partner_id.id)])
            order.x_fc_account_link_id = links if len(links) == 1 else False

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return super()._fc_get_guarded_fields() | {"x_fc_account_link_id"}
