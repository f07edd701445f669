# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tests import tagged

from .common import BillingHttpCase
from .editions import only_on
from .payments import DemoPayments


@tagged("post_install", "-at_install")
class TestPaymentPage(DemoPayments, BillingHttpCase):
    """Customers read what it means to have payment details saved, before they have them saved."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_demo()
        cls.demo.is_published = True
        cls.env["ir.config_parameter"].set_param("account_payment.enable_portal_payment", True)

    def _open_page(self, record):
        response = self.url_open(record.get_portal_url())
        self.assertEqual(response.status_code, 200)
        return response.text

    def test_an_invoice_says_what_saved_details_will_pay(self):
        order = self._create_subscription()
        invoice = self._invoice_on(order, "2026-02-01")
        for automatic in self._by_edition((True, False), (False,)):
            with self.subTest(automatic=automatic):
                self.plan.automatic_payment = automatic
                page = self._open_page(invoice)
                self.assertIn("o_payment_form", page)
                self.assertEqual("x_fc_saved_for_subscription" in page, automatic)
                self.assertEqual(f"the next invoices of {order.name}" in page, automatic)

    @only_on("community")
    def test_a_quotation_says_what_saved_details_will_pay(self):
        self.plan.automatic_payment = True
        order = self._create_subscription(confirm=False, require_payment=True, require_signature=False)
        order.action_quotation_sent()
        page = self._open_page(order)
        self.assertIn("o_payment_form", page)
        self.assertIn(f"the invoices of {order.name}", page)
