# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import api, fields, models
from odoo.api import SUPERUSER_ID
from odoo.exceptions import ValidationError

from ..crypto import secret_box, webhook_secrets
from ..crypto.secret_box import SecretKeyError


class BillingService(models.Model):
    """Where a service hears of events, and the secrets that sign them.

    A secret is written, never read: people see one that they let make, once. While it is being replaced the
    former one signs as well, so that the receiver can change it without losing a delivery.
    """

    _inherit = "fusion.billing.service"

    # === FIELDS === #

    webhook_url = fields.Char(string="Webhook URL", tracking=True)
    webhook_secret = fields.Char(
        compute="_compute_webhook_secret",
        inverse="_inverse_webhook_secret",
        groups="fusion_centralize_billing.group_billing_manager",
        copy=False,
        help="Signs the webhooks. It cannot be read here: type a new one to replace it, or let the button make one."
        " Stored encrypted; the key for that is not in the database.",
    )
    webhook_secret_state = fields.Char(
        string="Secret",
        compute="_compute_webhook_secret_state",
        compute_sudo=True,
        groups="fusion_centralize_billing.group_billing_manager",
        help="Whether there is a secret, and until when the former one signs as well.",
    )
    webhook_secret_warning = fields.Char(
        compute="_compute_webhook_secret_warning",
        compute_sudo=True,
        groups="fusion_centralize_billing.group_billing_manager",
        help="What is wrong with the secret that signs the webhooks.",
    )
    webhook_secret_encrypted = fields.Char(groups=fields.NO_ACCESS, copy=False)
    webhook_secret_previous_encrypted = fields.Char(groups=fields.NO_ACCESS, copy=False)
    webhook_secret_previous_until = fields.Datetime(groups=fields.NO_ACCESS, copy=False)

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("webhook_url")
    def _check_webhook_url(self):
        for service in self.filtered("webhook_url"):
            self.env["fusion.billing.webhook"]._check_url(service.webhook_url)

    # === COMPUTE === #

    # The cache of this field depends on the user: what code reads as superuser is no value for anybody else.
    @api.depends_context("uid")
    @api.depends("webhook_secret_encrypted")
    def _compute_webhook_secret(self):
        # Not env.su: a related field that an administrator defines is computed with sudo(), as its user.
        is_code = self.env.uid == SUPERUSER_ID
        for service in self:
            token = is_code and service.webhook_secret_encrypted
            service.webhook_secret = secret_box.decrypt(token) if token else False

    def _inverse_webhook_secret(self):
        for service in self:
            secret = service.webhook_secret or ""
            if secret and not self.env.su and not webhook_secrets.is_strong(secret):
                raise ValidationError(self.env._("%s.", webhook_secrets.RULE))
            service._set_webhook_secret(secret)
        # What was just written is not read back either.
        self.invalidate_recordset(["webhook_secret"])

    @api.depends("webhook_secret_encrypted", "webhook_secret_previous_encrypted", "webhook_secret_previous_until")
    def _compute_webhook_secret_state(self):
        for service in self:
            if not service.webhook_secret_encrypted:
                service.webhook_secret_state = self.env._("None")
            elif service._has_previous_webhook_secret():
                until = fields.Datetime.to_string(service.webhook_secret_previous_until)
                service.webhook_secret_state = self.env._("Set; the former one signs as well until %s UTC", until)
            else:
                service.webhook_secret_state = self.env._("Set")

    @api.depends("webhook_url", "webhook_secret_encrypted")
    def _compute_webhook_secret_warning(self):
        for service in self:
            service.webhook_secret_warning = service._find_webhook_secret_fault()

    # === ACTIONS === #

    def action_view_webhooks(self):
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("fusion_centralize_billing.action_billing_webhook")
        return {**action, "domain": [("service_id", "=", self.id)]}

    def action_new_webhook_secret(self):
        """Make a secret and show it, this once. It travels in the action's context only, as a new API key does."""
        self.ensure_one()
        secret = self._generate_webhook_secret()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New Webhook Secret"),
            "res_model": "fusion.billing.webhook.secret.shown",
            "view_mode": "form",
            "target": "new",
            "context": {"default_service_id": self.id, "default_raw_secret": secret},
        }

    # === BUSINESS === #

    def _generate_webhook_secret(self):
        """Replace the secret by a new one and return that in clear text."""
        self.ensure_one()
        self.check_access("write")
        self._check_field_access(self._fields["webhook_secret"], "write")
        secret = webhook_secrets.generate()
        self._set_webhook_secret(secret)
        return secret

    def _get_webhook_secret(self):
        """Return the secret in clear text, or an empty string; for the signing of webhooks only."""
        return (self._get_webhook_secrets() or [""])[0]

    def _get_webhook_secrets(self):
        """Return the secrets that sign now, in clear text: the current one, then the former one of an overlap.

        :raises SecretKeyError: one of them cannot be decrypted
        """
        self.ensure_one()
        # sudo: the columns are for nobody.
        service = self.sudo()
        if not service.webhook_secret_encrypted:
            return []
        secrets = [secret_box.decrypt(service.webhook_secret_encrypted)]
        if service._has_previous_webhook_secret():
            secrets.append(secret_box.decrypt(service.webhook_secret_previous_encrypted))
        return secrets

    @api.model
    def _forget_replaced_webhook_secrets(self):
        """Delete the former secrets whose time is over."""
        # sudo: the columns are for nobody.
        over = self.sudo().with_context(active_test=False)
        over = over.search([("webhook_secret_previous_until", "<=", fields.Datetime.now())])
        over.write({"webhook_secret_previous_encrypted": False, "webhook_secret_previous_until": False})

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        columns = {"webhook_secret_encrypted", "webhook_secret_previous_encrypted", "webhook_secret_previous_until"}
        return super()._fc_get_guarded_fields() | columns

    def _set_webhook_secret(self, secret):
        """Store a secret, or none; one that there was signs as well for the time that the company has set."""
        # sudo: the columns are for nobody; the callers have checked who sets a secret.
        service = self.sudo()
        former = service._read_former_webhook_secret()
        if secret and secret == former:
            return
        hours = service.company_id.x_fc_webhook_secret_overlap_hours
        values = dict.fromkeys(("webhook_secret_previous_encrypted", "webhook_secret_previous_until"), False)
        if secret and former and hours:
            values["webhook_secret_previous_encrypted"] = secret_box.encrypt(former)
            values["webhook_secret_previous_until"] = fields.Datetime.now() + timedelta(hours=hours)
        service.write({**values, "webhook_secret_encrypted": secret and secret_box.encrypt(secret)})

    def _read_former_webhook_secret(self):
        """Return the secret that is about to be replaced; none if it cannot be read any more."""
        try:
            return self._get_webhook_secret()
        except SecretKeyError:
            return ""

    def _has_previous_webhook_secret(self):
        until = self.webhook_secret_previous_until
        return bool(self.webhook_secret_previous_encrypted and until and until > fields.Datetime.now())

    def _find_webhook_secret_fault(self):
        """Return what a person should know of the secret, or False; nothing of the secret itself."""
        if not self.webhook_secret_encrypted:
            return self.webhook_url and self.env._("There is no webhook secret: nothing is sent.")
        try:
            secret = secret_box.decrypt(self.webhook_secret_encrypted)
        except SecretKeyError:
            return self.env._("The webhook secret was encrypted with another key: nothing is sent. Replace it.")
        if not webhook_secrets.is_strong(secret):
            return self.env._("The webhook secret can be guessed: replace it by a new one.")
        return False
