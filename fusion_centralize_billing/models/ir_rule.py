# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, models

from .customer_scope import customer_scope


class IrRule(models.Model):
    _inherit = "ir.rule"

    # === HELPERS === #

    @api.model
    def _eval_context(self):
        """Let rules name the customer that a frontend reads for."""
        return {**super()._eval_context(), "billing_customer": customer_scope(self.env)}

    def _compute_domain_context_values(self):
        # What rules were evaluated with is part of the key under which Odoo keeps them.
        yield from super()._compute_domain_context_values()
        yield customer_scope(self.env)
