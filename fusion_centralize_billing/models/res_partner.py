# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.tools import email_normalize


class ResPartner(models.Model):
    _inherit = "res.partner"

    # === FIELDS === #

    x_fc_account_link_ids = fields.One2many("fusion.billing.account.link", "partner_id", string="Billing Services")
    x_fc_billing_email = fields.Char(
        string="Billing Identity",
        readonly=True,
        copy=False,
        help="The normalized e-mail by which customers of several services are recognized as one.",
    )

    # === CONSTRAINTS AND INDEXES === #

    # Two requests of two services must not make two partners of one customer.
    _x_fc_billing_email_uniq = models.UniqueIndex(
        "(COALESCE(company_id, 0), x_fc_billing_email) WHERE x_fc_billing_email IS NOT NULL",
        "Another customer of the billing services has this e-mail.",
    )

    # === BUSINESS === #

    @api.model
    def _fc_find_or_create_customer(self, company, name, email, extra=None):
        """Return the partner for a billing customer: known by e-mail, or new."""
        identity = email_normalize(email or "")
        partner = self._fc_find_customer(company, identity) if identity else self.browse()
        if not partner:
            values = {"name": name, "email": email, "x_fc_billing_email": identity or False, "customer_rank": 1}
            return self.create({**(extra or {}), **values})
        if not partner.x_fc_billing_email:
            partner.x_fc_billing_email = identity
        return partner

    def _fc_update_customer(self, company, name, email):
        """Apply what a service says of a customer that no other service shares."""
        self.ensure_one()
        if name:
            self.name = name
        identity = email_normalize(email or "")
        if identity and identity != self.x_fc_billing_email:
            self.email = email
            # Never become the same identity as another partner: services would meet in the wrong customer.
            if not self._fc_find_customer(company, identity):
                self.x_fc_billing_email = identity

    # === HELPERS === #

    @api.model
    def _fc_find_customer(self, company, identity):
        allowed = [("company_id", "in", [False, company.id])]
        known = self.search([("x_fc_billing_email", "=", identity), *allowed], order="company_id desc, id", limit=1)
        return known or self.search([("email_normalized", "=", identity), *allowed], order="id", limit=1)
