# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..api.errors import BusinessRuleError


class AccountMove(models.Model):
    """Void invoices: reversed in full, with all that they billed billed anew."""

    _inherit = "account.move"

    # === FIELDS === #

    x_fc_void_reason = fields.Char(
        string="Voided Because", readonly=True, copy=False, help="Set: the invoice was reversed, its usage billed anew."
    )

    # === ACTIONS === #

    def button_draft(self):
        # sudo: the ledger decides, whoever asks.
        if any(move.x_fc_void_reason or move.reversed_entry_id.x_fc_void_reason for move in self.sudo()):
            raise UserError(
                self.env._("The usage of a void invoice is billed anew: neither it nor its reversal can be reopened.")
            )
        return super().button_draft()

    # === BUSINESS === #

    def _fc_void(self, reason):
        """Reverse a posted invoice that nothing was paid of, and give back what it billed to be billed anew.

        Usage and minimum commitment; fees and one-off lines by the rules of the edition.

        :raises BusinessRuleError: ``invoice_not_posted``, ``invoice_void``, ``invoice_credited``, ``invoice_paid``,
            ``payment_in_progress``
        """
        self.ensure_one()
        self._fc_lock_move()
        self._fc_check_voidable()
        today = fields.Date.context_today(self)
        ref = self.env._("Void: %(invoice)s, %(reason)s", invoice=self.name, reason=reason)
        values = {"date": today, "invoice_date": today, "ref": ref, "x_fc_credit_reason": reason}
        self._reverse_moves([values], cancel=True)
        self.write({"x_fc_void_reason": reason, "x_fc_next_payment_at": False})
        # sudo: whoever may void the invoice gives its usage back; the ledger has no other writer.
        self.sudo().x_fc_rating_ids._cancel()
        self.env["sale.order"]._edition_give_back(self)
        self._fc_emit("invoice.voided")

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        # Without it a void invoice could be posted again, with usage that was billed anew.
        return super()._fc_get_guarded_fields() | {"x_fc_void_reason"}

    def _fc_check_voidable(self):
        self._fc_check_posted_invoice()
        if self.x_fc_void_reason:
            raise BusinessRuleError(self.env._("The invoice is void."), code="invoice_void", path="invoice_id")
        if self._fc_get_credit_notes():
            raise BusinessRuleError(
                self.env._("The invoice has credit notes: credit the rest of it instead."),
                code="invoice_credited",
                path="invoice_id",
            )
        # An invoice of nothing counts as paid, and there is nothing in it to reverse.
        if self.payment_state not in ("not_paid", "blocked") or self.currency_id.compare_amounts(
            self.amount_residual, self.amount_total
        ):
            raise BusinessRuleError(
                self.env._("Something was paid of the invoice: credit it instead."),
                code="invoice_paid",
                path="invoice_id",
            )
        # sudo: payments are for accountants; here they only count.
        if self.sudo()._fc_get_payments_under_way():
            raise BusinessRuleError(
                self.env._("A payment of the invoice is under way."), code="payment_in_progress", path="invoice_id"
            )

    def _fc_check_posted_invoice(self):
        if self.move_type != "out_invoice" or self.state != "posted":
            raise BusinessRuleError(
                self.env._("The document is no valid invoice."), code="invoice_not_posted", path="invoice_id"
            )

    def _fc_lock_move(self):
        """Let changes of this invoice come one after the other.

        By writing the row, not only locking it: whoever comes late then gets a serialization failure, is run
        again, and sees what was done, even if that left the invoice as it was.
        """
        self.env.cr.execute(
            SQL("UPDATE account_move SET write_date = write_date WHERE id = %s", self.id), log_exceptions=False
        )
