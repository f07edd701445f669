# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import Command, api, fields, models
from odoo.addons.base.models.res_partner import _tz_get
from odoo.exceptions import UserError


class BillingService(models.Model):
    """A source app: a product of the company that pushes its usage here instead of billing by itself."""

    _name = "fusion.billing.service"
    _description = "Billing Service"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "name, id"
    _check_company_auto = True

    # === FIELDS === #

    name = fields.Char(required=True, tracking=True)
    code = fields.Char(required=True, tracking=True, help="Short stable name, used in webhooks and logs.")
    active = fields.Boolean(default=True, tracking=True, help="An inactive service's keys open nothing.")
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    billing_tz = fields.Selection(
        _tz_get,
        string="Billing Time Zone",
        tracking=True,
        help="Of new subscriptions, unless their plan has its own; empty for that of the company.",
    )
    owner_id = fields.Many2one(
        "res.users",
        string="Owner",
        default=lambda self: self.env.user,
        domain="[('share', '=', False)]",
        help="Gets an activity when a webhook could not be delivered.",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Technical User",
        readonly=True,
        copy=False,
        ondelete="restrict",
        help="The API works as this user, so that the record rules decide what the service can reach.",
    )
    api_key_ids = fields.One2many("fusion.billing.api.key", "service_id", string="API Keys")
    api_key_hash = fields.Char(
        compute="_compute_api_key_hash",
        compute_sudo=True,
        groups="fusion_centralize_billing.group_billing_manager",
        help="SHA-256 of the default API key. The key itself is not stored.",
    )
    account_link_ids = fields.One2many("fusion.billing.account.link", "service_id", string="Customers")
    strict_usage = fields.Boolean(
        tracking=True,
        help="Refuse usage that no charge of the subscription's plan prices, and usage too far ahead (see the"
        " settings). Otherwise it is recorded, and the answer warns of it.",
    )

    # === CONSTRAINTS AND INDEXES === #

    _code_uniq = models.Constraint("UNIQUE(code)", "Another service has this code.")
    _user_uniq = models.UniqueIndex("(user_id) WHERE user_id IS NOT NULL", "A technical user belongs to one service.")

    # === COMPUTE === #

    @api.depends("api_key_ids.key_hash", "api_key_ids.is_default", "api_key_ids.active")
    def _compute_api_key_hash(self):
        for service in self:
            service.api_key_hash = service.api_key_ids.filtered("is_default")[:1].key_hash

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        services = super().create(vals_list)
        for service in services:
            service.sudo().user_id = service._create_technical_user()
        return services

    def write(self, vals):
        if "company_id" in vals and self.account_link_ids:
            self._check_company_unchanged(vals["company_id"])
        result = super().write(vals)
        if "company_id" in vals:
            for service in self.sudo():
                service.user_id.write(
                    {"company_ids": [Command.set(service.company_id.ids)], "company_id": service.company_id.id}
                )
        return result

    def copy_data(self, default=None):
        copies = super().copy_data(default)
        return [
            {**vals, "name": self.env._("%s (copy)", vals["name"]), "code": f"{vals['code']}-copy"} | (default or {})
            for vals in copies
        ]

    # === ACTIONS === #

    def action_generate_api_key(self):
        """Return a new default API key; the former default key stops working.

        The key is shown this once: only its hash is stored. Other keys of the service stay.
        """
        self.ensure_one()
        return self.env["fusion.billing.api.key"]._generate(self, name=self.env._("Default"), is_default=True)

    # === BUSINESS === #

    @api.model
    def _match_api_key(self, raw):
        """Return the active service that an API key opens, or an empty recordset."""
        return self.env["fusion.billing.api.key"].sudo()._authenticate(raw).service_id.with_env(self.env)

    def _as_technical_user(self):
        """Return this service in the environment of its technical user, whose record rules confine it."""
        self.ensure_one()
        # sudo: only to read which user that is.
        user = self.sudo().user_id
        return self.with_user(user).with_company(self.sudo().company_id)

    # === HELPERS === #

    def _create_technical_user(self):
        # sudo: a billing manager may create services, but not users in general.
        return (
            self.env["res.users"]
            .sudo()
            .with_context(no_reset_password=True, mail_create_nolog=True)
            .create(
                {
                    "name": self.env._("%s (billing service)", self.name),
                    "login": f"fusion-billing-service-{self.id}",
                    "company_id": self.company_id.id,
                    "company_ids": [Command.set(self.company_id.ids)],
                    "group_ids": [Command.set(self.env.ref("fusion_centralize_billing.group_billing_service").ids)],
                }
            )
        )

    def _check_company_unchanged(self, company_id):
        if any(service.company_id.id != company_id for service in self):
            raise UserError(self.env._("A service with customers cannot move to another company."))
