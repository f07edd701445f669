# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError

from ..limits import daily


class BillingAccountLink(models.Model):
    """What a service calls a customer, and which partner that is. Services share partners by e-mail.

    Of a partner that it shares, a service neither changes anything nor is told anything: it reads on the link what it
    has said itself. Which partner is charged how, and whom people are asked about, stands in files of their own.
    """

    _name = "fusion.billing.account.link"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Account Link"
    _rec_name = "external_id"
    _order = "service_id, external_id"
    _check_company_auto = True

    # === FIELDS === #

    service_id = fields.Many2one("fusion.billing.service", required=True, ondelete="restrict", index=True)
    company_id = fields.Many2one(related="service_id.company_id", store=True)
    external_id = fields.Char(required=True, help="The customer's id in the source app.")
    external_name = fields.Char(help="The name that the source app gave last.")
    external_email = fields.Char(help="The e-mail that the source app gave last.")
    partner_id = fields.Many2one("res.partner", required=True, ondelete="restrict", index=True, check_company=True)

    # === CONSTRAINTS AND INDEXES === #

    _service_external_uniq = models.Constraint(
        "UNIQUE(service_id, external_id)", "The service has another customer with this external id."
    )

    # === BUSINESS === #

    @api.model
    def _resolve_or_create_partner(self, service, external_id, name=None, email=None, extra=None):
        """Return the link of a service's customer, making it, and the partner, if needed.

        The same service and external id always give the same link and partner. A new customer whose
        e-mail a partner has gets that partner, or, where people are asked first, one of its own. A changed name or
        e-mail is kept on the link, and on the partner if this service made it and shares it with no other.

        :param extra: more values for a partner that is created here
        """
        link = self.search([("service_id", "=", service.id), ("external_id", "=", external_id)], limit=1)
        if link:
            link._update_from_service(name, email)
            return link
        try:
            with self.env.cr.savepoint():
                return self._create_link(service, external_id, name, email, extra)
        except UniqueViolation as exc:
            # Another request made the same customer after our snapshot: only a new transaction can see it.
            raise ConcurrencyError("customer created by a concurrent request") from exc

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return {"company_id", "external_name", "external_email"}

    @api.model
    def _fc_get_fixed_fields(self):
        # Whose customer it is: one who gets another id or partner would get another one's subscriptions.
        return {"service_id", "external_id", "partner_id"}

    def _create_link(self, service, external_id, name, email, extra):
        daily.check_customers(service)
        # sudo: a service may use a shared partner, but neither search nor create partners in general.
        partners, service = self.env["res.partner"].sudo(), service.sudo()
        candidate = partners._fc_get_candidate(service, email)
        if candidate:
            partner = partners._fc_create_customer(service, name or external_id, email, extra)
        else:
            partner = partners._fc_find_or_create_customer(service, name or external_id, email, extra)
        return (
            self.sudo()
            .create(
                {
                    "service_id": service.id,
                    "external_id": external_id,
                    "external_name": name,
                    "external_email": email,
                    "partner_id": partner.id,
                    "to_confirm": bool(candidate),
                    "candidate_id": candidate.id,
                }
            )
            .with_env(self.env)
        )

    def _update_from_service(self, name, email):
        self.ensure_one()
        # sudo: the caller found the link under its own rights; the partner behind it is not readable to services.
        link = self.sudo()
        changes = {}
        if name and name != link.external_name:
            changes["external_name"] = name
        if email and email != link.external_email:
            changes["external_email"] = email
        if not changes:
            return
        link.write(changes)
        shared = self.sudo().search_count(
            [("partner_id", "=", link.partner_id.id), ("service_id", "!=", link.service_id.id)]
        )
        if not shared:
            link.partner_id._fc_update_customer(link.service_id, name, email)
