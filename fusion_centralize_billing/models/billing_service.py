# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import secrets

from odoo import Command, api, fields, models
from odoo.addons.base.models.res_partner import _tz_get
from odoo.exceptions import UserError

from ..api.errors import ForbiddenError
from .changes import get_changes
from .invoice_grouping import GROUPING_HELP, GROUPINGS

_SERVICE_GROUP = "fusion_centralize_billing.group_billing_service"


class BillingService(models.Model):
    """A source app: a product of the company that pushes its usage here instead of billing by itself."""

    _name = "fusion.billing.service"
    _description = "Billing Service"
    _inherit = ["fusion.billing.guarded", "mail.thread", "mail.activity.mixin"]
    _order = "name, id"
    _check_company_auto = True
    _fc_is_confined = True

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
    invoice_grouping = fields.Selection(
        GROUPINGS,
        string="Invoices",
        tracking=True,
        help=f"{GROUPING_HELP} Empty: as the company's settings say.",
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
        required=True,
        readonly=True,
        copy=False,
        ondelete="restrict",
        help="The API works as this user, so that the record rules decide what the service can reach.",
    )
    user_fault = fields.Char(
        compute="_compute_user_fault",
        compute_sudo=True,
        string="Technical User Unusable",
        help="Why the API refuses to work for this service.",
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

    @api.depends("company_id", "user_id.active", "user_id.group_ids", "user_id.company_id", "user_id.company_ids")
    def _compute_user_fault(self):
        for service in self:
            service.user_fault = service._find_user_fault()

    @api.depends("api_key_ids.key_hash", "api_key_ids.is_default", "api_key_ids.active")
    def _compute_api_key_hash(self):
        for service in self:
            service.api_key_hash = service.api_key_ids.filtered("is_default")[:1].key_hash

    # === CRUD === #

    def write(self, vals):
        moved = self.filtered(lambda service: get_changes(service, vals, ["company_id"]))
        moved._check_movable()
        # Only a user that is nothing but a service's goes along: another one's companies are none of ours.
        users = moved.sudo()._get_usable_users()
        result = super().write(vals)
        if users:
            users.write({"company_ids": [Command.set([vals["company_id"]])], "company_id": vals["company_id"]})
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
        """Return this service in the environment of its technical user, whose record rules confine it.

        The one way by which the API takes on rights: every other user, and none (which to Odoo is the caller,
        here the superuser), could do more than a service may.

        :raises ForbiddenError: ``technical_user_unusable``
        """
        self.ensure_one()
        # sudo: only to read which user that is.
        service = self.sudo()
        service._check_usable(service.user_id, _SERVICE_GROUP)
        return self.with_user(service.user_id).with_company(service.company_id)

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return {"user_id"}  # whose rights the API has

    def _prepare_create_values(self, vals_list):
        """Give each service a technical user of its own; here all defaults are known, and nobody's values refused."""
        values = super()._prepare_create_values(vals_list)
        for vals in values:
            if not vals.get("user_id"):
                vals["user_id"] = self._create_technical_user(vals["name"], vals["company_id"]).id
        return values

    @api.model
    def _create_technical_user(self, name, company_id):
        return self._create_user_of(_SERVICE_GROUP, self.env._("%s (billing service)", name), company_id)

    @api.model
    def _create_user_of(self, group, name, company_id):
        """Return a new user with just the rights of a group, in just one company."""
        # sudo: a billing manager may create services, but not users in general.
        return (
            self.env["res.users"]
            .sudo()
            .with_context(no_reset_password=True, mail_create_nolog=True)
            .create(
                {
                    "name": name,
                    "login": f"fusion-billing-service-{secrets.token_hex(8)}",
                    "company_id": company_id,
                    "company_ids": [Command.set([company_id])],
                    "group_ids": [Command.set(self.env.ref(group).ids)],
                }
            )
        )

    def _get_usable_users(self):
        """Return the technical users of services, without those that have other rights."""
        return self.filtered(lambda service: not service._find_user_fault()).user_id

    def _find_user_fault(self):
        """Return why the API cannot work as the technical user, in words, or False."""
        self.ensure_one()
        return self._find_fault_of(self.user_id, _SERVICE_GROUP)

    def _check_usable(self, user, group):
        """Refuse to work as a user that has other rights than just those of a group.

        :raises ForbiddenError: ``technical_user_unusable``
        """
        if self._find_fault_of(user, group):
            raise ForbiddenError(
                self.env._("The operator has to put right the technical user of this service."),
                code="technical_user_unusable",
            )

    def _find_fault_of(self, user, group):
        """Return why the API cannot work as a user with just the rights of a group, in words, or False."""
        if not user:
            return self.env._("There is none.")
        if not user.active:
            return self.env._("It is archived.")
        # By what Odoo keeps in memory of users and groups: every request of the API comes here.
        group_id = self.env["ir.model.data"]._xmlid_to_res_id(group)
        implied = self.env["res.groups"]._get_group_definitions().get_superset_ids([group_id])
        if set(user._get_group_ids()) != {group_id, *implied}:
            return self.env._("It has not just the rights of a billing service.")
        if user.company_id != self.company_id or set(user._get_company_ids()) != set(self.company_id.ids):
            return self.env._("It does not belong to just the company of the service.")
        return False

    def _check_movable(self):
        """Refuse another company for services with anything that stays in theirs."""
        # sudo: what is archived, or seen by nobody here, stays, too.
        env = self.sudo().with_context(active_test=False).env
        for name, field in (
            ("fusion.billing.account.link", "service_id"),
            ("fusion.billing.plan", "service_id"),
            ("fusion.billing.usage", "service_id"),
            ("sale.order", "x_fc_service_id"),
            ("account.move", "x_fc_service_id"),
        ):
            if self and env[name].search_count([(field, "in", self.ids)], limit=1):
                raise UserError(
                    self.env._("A service with customers, plans or subscriptions cannot move to another company.")
                )
