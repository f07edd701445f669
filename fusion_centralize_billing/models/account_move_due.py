# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models


class AccountMove(models.Model):
    """When invoices and credit notes of subscriptions are due that have no payment terms: on their date.

    Odoo takes the day on which the document is made, and periods are often invoiced later than they end.
    """

    _inherit = "account.move"

    # === COMPUTE === #

    @api.depends("needed_terms")
    def _compute_invoice_date_due(self):
        new = self.filtered(lambda move: move._fc_is_due_on_its_date() and not move.invoice_date_due)
        super()._compute_invoice_date_due()
        for move in new.filtered("invoice_date"):
            move.invoice_date_due = move.invoice_date

    # === CRUD === #

    def write(self, vals):
        """Move the due date along with the date, unless somebody has set a later one."""
        day = "invoice_date_due" not in vals and fields.Date.to_date(vals.get("invoice_date"))
        following = self.filtered(lambda move: move._fc_is_due_with(day)) if day else self.browse()
        result = super().write(vals)
        for move in following.filtered(lambda move: move._fc_is_due_on_its_date()):
            move.invoice_date_due = day
        return result

    # === HELPERS === #

    def _fc_is_due_on_its_date(self):
        return bool(self.x_fc_subscription_ids and self.is_sale_document() and not self.invoice_payment_term_id)

    def _fc_is_due_with(self, day):
        """Tell whether the due date is to follow the date of the document to another day."""
        return not self.invoice_date_due or self.invoice_date_due == self.invoice_date or self.invoice_date_due < day
