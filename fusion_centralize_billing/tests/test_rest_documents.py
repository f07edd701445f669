# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged

from .common import BillingHttpCase

_PDF = b"%PDF-1.7 a document"


@tagged("post_install", "-at_install")
class TestRestDocuments(BillingHttpCase):
    """Invoices, credit notes and their PDFs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        tax = cls.env["account.tax"].create({"name": "GST 5%", "amount": 5})
        line = {"product_id": cls.fee.id, "price_unit": 20, "tax_ids": [Command.set(tax.ids)]}
        cls.order = cls._create_subscription(order_line=[Command.create(line)])

    def setUp(self):
        super().setUp()
        self._use(self.order, 10)
        self.invoice = self._invoice_on(self.order, "2026-02-01")

    def _state(self, state):
        return patch.object(self.registry["ir.actions.report"], "get_wkhtmltopdf_state", lambda report: state)

    def _rendering(self, *results):
        return patch.object(
            self.registry["ir.actions.report"], "_render_qweb_pdf", side_effect=[(result, "pdf") for result in results]
        )

    # === INVOICES === #

    def test_an_invoice_tells_every_cent(self):
        answer = self._call(f"/invoices/{self.invoice.id}").json()
        expected = {
            "number": self.invoice.name,
            "state": "posted",
            "payment_state": "not_paid",
            "invoice_date": "2026-02-01",
            "period_start": "2026-01-01",
            "period_end": "2026-02-01",
            "currency": "CAD",
            "amount_untaxed": "30.00",
            "amount_tax": "1.00",
            "amount_total": "31.00",
            "amount_residual": "31.00",
            "subscription_external_id": self.order.x_fc_external_id,
            "external_customer_id": self.link.external_id,
            "reason": None,
            "taxes": [{"name": "GST 5%", "base": "20.00", "amount": "1.00"}],
        }
        self.assertEqual({name: answer[name] for name in expected}, expected)
        fee, usage = answer["lines"]
        self.assertEqual((fee["subtotal"], fee["total"], fee["taxes"]), ("20.00", "21.00", ["GST 5%"]))
        self.assertEqual((fee["charge"], fee["rating_ids"]), (None, []))
        self.assertEqual((usage["subtotal"], usage["quantity"], usage["unit_price"]), ("10.00", "1", "10"))
        self.assertEqual((usage["charge"], usage["metric_code"]), ("Charge", self.metric.code))
        self.assertEqual((usage["period_start"], usage["period_end"]), ("2026-01-01", "2026-02-01"))
        self.assertEqual(usage["rating_ids"], self.order.x_fc_rating_ids.filtered("invoice_id").ids)

    def test_a_credit_note_tells_its_taxes_with_the_right_sign(self):
        fee = self._get_line(self.invoice, self.fee)
        lines = [{"invoice_line_id": fee.id, "amount": "10.00"}]
        answer = self._call("/credit_notes", {"invoice_id": self.invoice.id, "reason": "Late", "lines": lines}).json()
        expected = {
            "invoice_id": self.invoice.id,
            "reason": "Late",
            "state": "posted",
            "amount_untaxed": "10.00",
            "amount_tax": "0.50",
            "amount_total": "10.50",
            "taxes": [{"name": "GST 5%", "base": "10.00", "amount": "0.50"}],
        }
        self.assertEqual({name: answer[name] for name in expected}, expected)
        self.assertEqual(self._call(f"/credit_notes/{answer['credit_note_id']}").json(), answer)
        self.assertEqual(self._call(f"/invoices/{self.invoice.id}").json()["amount_residual"], "20.50")

    def test_a_void_invoice_tells_why(self):
        answer = self._call(f"/invoices/{self.invoice.id}/void", {"reason": "Wrong customer"}).json()
        self.assertEqual((answer["reason"], answer["payment_state"]), ("Wrong customer", "reversed"))
        self.assertEqual(answer["amount_residual"], "0.00")

    # === PDF === #

    def test_a_pdf_is_sent_as_a_file(self):
        with self._state("ok"), self._rendering(_PDF):
            response = self._call(f"/invoices/{self.invoice.id}/pdf")
        self.assertEqual(response.status_code, 200)
        self.assertEqual((response.headers["Content-Type"], response.content), ("application/pdf", _PDF))
        self.assertIn("attachment", response.headers["Content-Disposition"])
        self.assertIn(self.invoice.name.replace("/", "_"), response.headers["Content-Disposition"])

    def test_the_report_of_the_back_office_is_rendered(self):
        # In tests Odoo stops before the program that makes a PDF of the page.
        with self._state("ok"):
            page = self._call(f"/invoices/{self.invoice.id}/pdf").text
        self.assertIn(self.invoice.name, page)
        self.assertIn("Platform fee", page)

    def test_the_document_that_was_sent_is_the_document(self):
        attachment = {"res_model": "account.move", "res_id": self.invoice.id, "res_field": "invoice_pdf_report_file"}
        self.env["ir.attachment"].create({"name": "sent.pdf", "raw": b"%PDF sent", **attachment})
        self.invoice.invalidate_recordset()
        with self._state("install"):
            self.assertEqual(self._call(f"/invoices/{self.invoice.id}/pdf").content, b"%PDF sent")

    def test_without_the_program_the_answer_says_so(self):
        for state in ("install", "broken"):
            with self.subTest(state), self._state(state):
                self.assertRefused(self._call(f"/invoices/{self.invoice.id}/pdf"), 503, "pdf_unavailable")

    def test_a_cancelled_invoice_has_no_pdf(self):
        self.invoice.button_cancel()
        response = self._call(f"/invoices/{self.invoice.id}/pdf")
        self.assertRefused(response, 422, "invoice_not_posted", "invoice_id")

    # === PREVIEW === #

    def test_a_preview_leaves_nothing(self):
        self._use(self.order, 7, "2026-02-03")
        before = (self.order.invoice_ids, self._get_ledger(self.order), self.order.next_invoice_date)
        with self._on("2026-02-10"):
            response = self._call(f"/subscriptions/{self.order.x_fc_external_id}/preview", {"at": "period_end"})
        answer = response.json()
        self.assertEqual((answer["amount_untaxed"], answer["amount_total"]), ("27.00", "28.00"))
        self.env.invalidate_all()
        self.assertEqual((self.order.invoice_ids, self._get_ledger(self.order), self.order.next_invoice_date), before)
