# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    """Odoo's merge of contacts, where the billing services know them."""

    _inherit = "base.partner.merge.automatic.wizard"

    # === BUSINESS === #

    def _update_values(self, src_partners, dst_partner):
        """Keep away from the destination what would let a service change it: who made the contacts that go.

        Odoo fills in what the destination lacks. A billing identity that it lacks it may take over, so that services
        still find the customer, unless another contact has it.
        """
        # sudo: nobody writes these by hand, but people merge contacts.
        sources, destination = src_partners.sudo(), dst_partner.sudo()
        identities = [identity for identity in sources.mapped("x_fc_billing_email") if identity]
        sources.write({"x_fc_billing_email": False, "x_fc_created_by_service_id": False})
        result = super()._update_values(src_partners, dst_partner)
        if identities and not destination.x_fc_billing_email:
            same = [("x_fc_billing_email", "=", identities[0]), ("company_id", "=", destination.company_id.id)]
            if not destination.with_context(active_test=False).search_count(same, limit=1):
                destination.x_fc_billing_email = identities[0]
        asked = destination.env["fusion.billing.account.link"].search([("candidate_id", "=", destination.id)])
        asked.filtered(lambda link: link.partner_id == destination).write({"to_confirm": False, "candidate_id": False})
        return result
