# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models


class AccountMove(models.Model):
    """Invoices agree with the ledger: what changes a rated line from outside is refused, and posting looks again.

    What may be changed of a rated line itself stands in account_move_line.py.
    """

    _inherit = "account.move"

    # === ACTIONS === #

    def action_switch_move_type(self):
        """Let an invoice become a credit note only if it takes back what the ledger takes back.

        Odoo turns the quantities around if the total is below zero; of another invoice the customer would be
        paid what he owes.

        :raises BusinessRuleError: ``rated_line``
        """
        result = super().action_switch_move_type()
        self.line_ids._fc_check_rated_amount()
        return result

    # === CRUD === #

    def write(self, vals):
        """Refuse another currency for rated lines, also by way of a journal (``_compute_currency_id``).

        And another booked amount, as it may be typed in among the journal items of a draft.

        :raises BusinessRuleError: ``rated_line``
        """
        touched = set(vals)  # before Odoo reorders them (_sanitize_vals of account.move)
        result = super().write(vals)
        # sudo: of people who may write invoices, not all may read their lines.
        if {"currency_id", "journal_id"} & touched:
            self.sudo().line_ids._fc_check_rated_currency()
        if {"line_ids", "invoice_line_ids"} & touched:
            self.sudo().line_ids._fc_check_rated_booking()
        return result

    # === BUSINESS === #

    def _post(self, soft=True):
        """Post nothing that differs from the ledger, whatever has changed it.

        :raises BusinessRuleError: ``rated_line``
        """
        lines = self.line_ids._fc_get_rated()
        lines._fc_check_rated_amount()
        lines._fc_check_rated_currency()
        lines._fc_check_rated_booking()
        return super()._post(soft)
