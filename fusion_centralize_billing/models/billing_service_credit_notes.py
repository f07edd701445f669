# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models

from ..api import invoice_payloads, list_payloads
from ..api.plain_values import text


class BillingService(models.Model):
    """Handlers: credit notes."""

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_create_credit_note(self, payload):
        request = invoice_payloads.CreateCreditNote.parse(payload)
        service = self._as_technical_user()
        invoice = service._get_invoice(request.invoice_id)
        amounts = None if request.lines is None else [(line.invoice_line_id, line.amount) for line in request.lines]
        return service._answer_credit_note(invoice._fc_credit(request.reason, amounts))

    def _api_list_credit_notes(self, payload=None):
        request = list_payloads.ListCreditNotes.parse(payload or {})
        service = self._as_technical_user()
        domain = [("move_type", "=", "out_refund"), *service._get_move_domain(request)]
        if request.invoice_id is not None:
            domain.append(("reversed_entry_id", "=", service._get_invoice(request.invoice_id).id))
        page, cursor = service._read_page(request, service.env["account.move"], domain)
        credit_notes = [service._describe_credit_note(move) for move in page.sudo()]
        return {"status": "ok", "credit_notes": credit_notes, "next_cursor": cursor}

    def _api_get_credit_note(self, payload):
        request = list_payloads.GetCreditNote.parse(payload)
        service = self._as_technical_user()
        return service._answer_credit_note(service._get_credit_note(request.credit_note_id))

    def _api_get_credit_note_pdf(self, payload):
        request = list_payloads.GetCreditNote.parse(payload)
        return self._as_technical_user()._get_credit_note(request.credit_note_id)._fc_get_pdf("credit_note_id")

    # === HELPERS === #

    def _get_credit_note(self, credit_note_id):
        return self._get_move("out_refund", credit_note_id, "credit_note_not_found", "credit_note_id")

    def _answer_credit_note(self, move):
        return {"status": "ok", **self._describe_credit_note(move), **self._describe_lines(move)}

    def _describe_credit_note(self, move):
        return {
            "credit_note_id": move.id,
            "invoice_id": move.reversed_entry_id.id or None,
            **self._describe_move(move),
            "reason": text(move.x_fc_credit_reason),
        }
