# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models

from ..api import payloads
from ..api.errors import ForbiddenError
from ..api.execution import API_KEY
from ..api.plain_values import instant

_CUSTOMER_GROUP = "fusion_centralize_billing.group_billing_customer"


class BillingService(models.Model):
    """Access tokens of customers, and the technical user that frontends read as."""

    _inherit = "fusion.billing.service"

    # === FIELDS === #

    customer_user_id = fields.Many2one(
        "res.users",
        string="Technical User of Frontends",
        readonly=True,
        copy=False,
        ondelete="restrict",
        help="Access tokens of customers read as this user, so that the record rules decide what they show. Made with"
        " the first token.",
    )

    # === CONSTRAINTS AND INDEXES === #

    _customer_user_uniq = models.UniqueIndex(
        "(customer_user_id) WHERE customer_user_id IS NOT NULL", "A technical user belongs to one service."
    )

    # === API OPERATIONS === #

    def _api_create_customer_token(self, payload):
        """Make an access token of a customer. It ends with the key that asks for it."""
        request = payloads.CreateCustomerToken.parse(payload)
        service = self._as_technical_user()
        link = service._get_account_link(request.external_customer_id)
        # sudo: services read no keys; the one that asks is known from its authentication.
        key = service.env["fusion.billing.api.key"].sudo().browse(service.env.context.get(API_KEY)).exists()
        if key.service_id != link.service_id:
            raise ForbiddenError("Access tokens are made with an API key of the service.")
        service.sudo()._get_customer_user()
        raw, token = service.env["fusion.billing.customer.token"]._generate(link, key, request.expires_in)
        return {
            "status": "ok",
            "token": raw,
            "expires_at": instant(token.expires_at),
            "external_customer_id": link.external_id,
        }

    # === BUSINESS === #

    def _get_customer_user(self):
        """Return the user that frontends read as, making it if needed, or raise ForbiddenError if it is unusable."""
        self.ensure_one()
        if not self.customer_user_id:
            name = self.env._("%s (billing frontends)", self.name)
            # Two requests at once write the same row: one of them is run again, and finds the user.
            self.customer_user_id = self._create_user_of(_CUSTOMER_GROUP, name, self.company_id.id)
        self._check_usable(self.customer_user_id, _CUSTOMER_GROUP)
        return self.customer_user_id

    # === HELPERS === #

    def _fc_get_guarded_fields(self):
        return super()._fc_get_guarded_fields() | {"customer_user_id"}  # whose rights frontends have

    def _get_usable_users(self):
        usable = self.filtered(lambda service: not service._find_fault_of(service.customer_user_id, _CUSTOMER_GROUP))
        return super()._get_usable_users() | usable.customer_user_id
