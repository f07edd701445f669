# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from psycopg2.errors import ForeignKeyViolation

from odoo import api, fields, models
from odoo.exceptions import AccessError, ConcurrencyError, UserError

_RUNNING = ("3_progress", "4_paused")


class BillingAccountLink(models.Model):
    """Confirmation: people say whether a service's customer is the contact that has the same e-mail.

    Until then, and if it is not, the customer is a partner of its own. If it is, that partner is merged into the
    contact by Odoo's own merge: all that refers to it refers to the contact afterwards.
    """

    _inherit = "fusion.billing.account.link"

    # === FIELDS === #

    to_confirm = fields.Boolean(
        readonly=True, copy=False, index="btree_not_null", help="A person has to say whether it is the candidate."
    )
    candidate_id = fields.Many2one(
        "res.partner",
        string="Candidate",
        readonly=True,
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        help="The contact that had the e-mail when the service made the customer.",
    )
    partner_summary = fields.Text(string="As the Service Says", compute="_compute_summaries", compute_sudo=True)
    candidate_summary = fields.Text(string="As We Know It", compute="_compute_summaries", compute_sudo=True)

    # === COMPUTE === #

    @api.depends("partner_id", "candidate_id", "company_id")
    def _compute_summaries(self):
        for link in self:
            # What is stored, not what an onchange was sent: with it people would read any contact of any company.
            stored = link._origin
            link.partner_summary = stored._summarize(stored.partner_id)
            link.candidate_summary = stored._summarize(stored.candidate_id)

    # === ACTIONS === #

    def action_same_customer(self):
        """Merge the service's partner into the candidate."""
        for link in self:
            link._check_may_confirm()
            link._check_may_join()
            # sudo: whoever says it may not merge contacts in general; this pair was found by the e-mail.
            link.sudo()._join_candidate()
        return True

    def action_another_customer(self):
        """Keep the service's partner apart; nobody is asked about it again."""
        for link in self:
            link._check_may_confirm()
            # sudo: what is asked is written by code only.
            sudo = link.sudo()
            note = self.env._(
                "%(customer)s of %(service)s is another customer than %(candidate)s.",
                customer=sudo.external_id,
                service=sudo.service_id.name,
                candidate=sudo.candidate_id.display_name or "?",
            )
            sudo.partner_id.message_post(body=note)
            sudo.write({"to_confirm": False, "candidate_id": False})
        return True

    # === BUSINESS === #

    def _join_candidate(self):
        """Merge the partner into the candidate, which keeps its name, address and billing identity.

        :raises ConcurrencyError: if something new refers to the partner that this transaction cannot see
        """
        self.ensure_one()
        partner, candidate = self.partner_id, self.candidate_id
        try:
            with self.env.cr.savepoint():
                self.env["base.partner.merge.automatic.wizard"]._merge((partner | candidate).ids, candidate)
        except ForeignKeyViolation as exc:
            raise ConcurrencyError("the customer got a new document while it was merged") from exc

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        return super()._fc_get_guarded_fields() | {"to_confirm", "candidate_id"}

    def _check_may_confirm(self):
        """Refuse people who do not manage billing, and what is not asked.

        :raise AccessError: for others than billing managers, and records of other companies
        :raise UserError: if there is nothing to decide
        """
        self.ensure_one()
        self.check_access("read")
        if not self.env.user.has_group("fusion_centralize_billing.group_billing_manager"):
            raise AccessError(self.env._("Billing managers confirm customers."))
        if not self.to_confirm:
            raise UserError(self.env._("Nothing is to be confirmed of %s.", self.external_id))

    def _check_may_join(self):
        """Refuse a merge that mixes up customers, or reaches beyond the companies of who asks for it."""
        # sudo: what the person does not see is what is looked for.
        link = self.sudo()
        if not link.candidate_id:
            raise UserError(self.env._("The contact that had the e-mail is gone: it is another customer."))
        self.env["res.partner"].browse(link.candidate_id.id).check_access("read")
        partner = link.partner_id
        if partner.x_fc_account_link_ids.service_id != link.service_id:
            raise UserError(self.env._("%s is a customer of several services by now.", partner.display_name))
        twin = link.candidate_id.x_fc_account_link_ids.filtered(lambda known: known.service_id == link.service_id)[:1]
        if twin:
            # Subscriptions know their partner and service: nobody could tell those of the two customers apart.
            raise UserError(self.env._("The contact is %s of this service already.", twin.external_id))
        documents = [("partner_id", "=", partner.id), ("company_id", "not in", self.env.user._get_company_ids())]
        if any(link.env[model].search_count(documents, limit=1) for model in ("sale.order", "account.move")):
            raise UserError(self.env._("%s has documents in other companies than yours.", partner.display_name))

    def _summarize(self, partner):
        """Return what people compare of a partner, as lines of text."""
        if not partner:
            return ""
        of_partner = [("partner_id", "=", partner.id), ("company_id", "=", self.company_id.id)]
        running = self.env["sale.order"].search_count([*of_partner, ("subscription_state", "in", _RUNNING)])
        invoices = self.env["account.move"].search_count([*of_partner, ("move_type", "=", "out_invoice")])
        address = partner._display_address(without_company=True).strip()
        lines = [
            partner.display_name,
            partner.email,
            *(line for line in address.splitlines() if line.strip()),
            self.env._("Open subscriptions: %s", running),
            self.env._("Invoices: %s", invoices),
        ]
        return "\n".join(line for line in lines if line)
