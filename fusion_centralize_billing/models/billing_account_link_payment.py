# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models


class BillingAccountLink(models.Model):
    """Payment: the saved payment method that was chosen for all subscriptions of a service's customer."""

    _name = "fusion.billing.account.link"
    _inherit = ["fusion.billing.account.link", "fusion.billing.token.choice"]

    _token_field = "payment_token_id"
    _chooser_field = "payment_token_chooser_id"

    # === FIELDS === #

    payment_token_id = fields.Many2one(
        "payment.token",
        string="Saved Payment Method",
        check_company=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups="account.group_account_invoice",
        domain="[('partner_id.commercial_partner_id.id', 'parent_of', partner_id), ('company_id', '=', company_id)]",
        help="Pays the invoices of the service's subscriptions of this customer that have none of their own.",
    )
    payment_token_chooser_id = fields.Many2one(
        "res.partner",
        string="Chosen By",
        readonly=True,
        copy=False,
        ondelete="set null",
        groups="account.group_account_invoice",
        help="The person who has chosen it.",
    )

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("payment_token_id", "partner_id", "service_id")
    def _check_payment_token_id(self):
        self._fc_check_token()

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return super()._fc_get_guarded_fields() | {"payment_token_chooser_id"}
