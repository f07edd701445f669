# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.tools import email_normalize


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "fusion.billing.guarded"]

    # === FIELDS === #

    x_fc_account_link_ids = fields.One2many("fusion.billing.account.link", "partner_id", string="Billing Services")
    x_fc_billing_email = fields.Char(
        string="Billing Identity",
        readonly=True,
        copy=False,
        help="The normalized e-mail by which customers of several services are recognized as one.",
    )

    x_fc_created_by_service_id = fields.Many2one(
        "fusion.billing.service",
        string="Created by Billing Service",
        readonly=True,
        copy=False,
        help="Only this service may change the name and e-mail, as long as no other service shares the customer.",
    )

    # === CONSTRAINTS AND INDEXES === #

    # Two requests of two services must not make two partners of one customer.
    _x_fc_billing_email_uniq = models.UniqueIndex(
        "(COALESCE(company_id, 0), x_fc_billing_email) WHERE x_fc_billing_email IS NOT NULL",
        "Another customer of the billing services has this e-mail.",
    )

    # === BUSINESS === #

    @api.model
    def _fc_find_or_create_customer(self, service, name, email, extra=None):
        """Return the partner for a service's customer: known by e-mail, or new.

        A customer who was archived and comes back is active again.
        """
        identity = email_normalize(email or "")
        partner = self._fc_find_customer(service.company_id, identity) if identity else self.browse()
        if not partner:
            return self._fc_create_customer(service, name, email, extra, identity)
        if not partner.active:
            partner.active = True
        if not partner.x_fc_billing_email:
            partner.x_fc_billing_email = identity
        return partner

    @api.model
    def _fc_create_customer(self, service, name, email, extra=None, identity=None):
        """Return a new partner of a service.

        :param identity: the e-mail by which other services find it; none for a partner that is kept apart
        """
        values = {
            "name": name,
            "email": email,
            "x_fc_billing_email": identity or False,
            "x_fc_created_by_service_id": service.id,
            "customer_rank": 1,
        }
        return self.create({**(extra or {}), **values})

    @api.model
    def _fc_get_candidate(self, service, email):
        """Return the partner that a new customer of a service may be, if people are to be asked; else none."""
        identity = email_normalize(email or "")
        if not identity or not service.company_id.x_fc_ask_before_linking:
            return self.browse()
        return self._fc_find_customer(service.company_id, identity)

    def _fc_update_customer(self, service, name, email):
        """Apply what a service says of a customer that it has made and shares with no other service.

        Never to people who log in here: who sets a user's e-mail can have a new password sent there.
        """
        self.ensure_one()
        if self.x_fc_created_by_service_id != service or self.with_context(active_test=False).user_ids:
            return
        if name:
            self.name = name
        identity = email_normalize(email or "")
        if identity and identity != self.x_fc_billing_email:
            # Never become the same identity as another partner: services would meet in the wrong customer.
            is_taken = self._fc_find_customer(service.company_id, identity) - self
            self.write({"email": email} if is_taken else {"email": email, "x_fc_billing_email": identity})

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        # Services find their customers by the one; the other lets a service change a customer.
        return super()._fc_get_guarded_fields() | {"x_fc_billing_email", "x_fc_created_by_service_id"}

    @api.model
    def _fc_find_customer(self, company, identity):
        allowed = [("company_id", "in", [False, company.id])]
        # Archived ones too: the unique index knows them.
        known = self.with_context(active_test=False).search(
            [("x_fc_billing_email", "=", identity), *allowed], order="company_id desc, id", limit=1
        )
        return known.with_env(self.env) or self.search(
            [("email_normalized", "=", identity), *allowed], order="id", limit=1
        )
