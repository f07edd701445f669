# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import base64

from odoo import models

from ..api.errors import BusinessRuleError, UnavailableError

_REPORT = "account.account_invoices"
_CONTENT_TYPE = "application/pdf"


class AccountMove(models.Model):
    """The printed invoice."""

    _inherit = "account.move"

    # === BUSINESS === #

    def _fc_get_pdf(self, path):
        """Return the document as the customer gets it: the one that was sent, or one rendered by Odoo's report.

        :param path: the field of the request that names the invoice
        :raises BusinessRuleError: ``invoice_not_posted``
        :raises UnavailableError: ``pdf_unavailable`` if wkhtmltopdf is not there
        """
        self.ensure_one()
        if self.state != "posted":
            raise BusinessRuleError(
                self.env._("The document is not valid: it has no PDF."), code="invoice_not_posted", path=path
            )
        content = self.invoice_pdf_report_id.raw or self._fc_render_pdf()
        return {
            "status": "ok",
            "filename": f"{self._get_report_base_filename().replace('/', '_')}.pdf",
            "content_type": _CONTENT_TYPE,
            "content_base64": base64.b64encode(content).decode(),
        }

    # === HELPERS === #

    def _fc_render_pdf(self):
        # sudo: the report is for accountants; whoever asks here has been found to own the invoice.
        report = self.env["ir.actions.report"].sudo().with_company(self.company_id)
        if report.get_wkhtmltopdf_state() in ("install", "broken"):
            raise UnavailableError(self.env._("This server cannot render PDFs."), code="pdf_unavailable")
        content, _kind = report._render_qweb_pdf(_REPORT, self.ids)
        return content
