# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from .common import BillingCase, unique


@tagged("post_install", "-at_install")
class TestToldOfCustomers(BillingCase):
    """A service that shares a contact is told of it what it has said itself, in no answer and no webhook more.

    PDFs are the customer's documents, with name and address as the law wants them.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._listen()
        cls._create_charge()
        cls.email = f"{unique('mail')}@example.com"
        cls.stranger = cls.env["res.partner"].create(
            {
                "name": "Secret Name",
                "email": cls.email,
                "street": "Secret Street",
                "city": "Secret City",
                "phone": "555-SECRET",
                "vat": "SECRET-VAT",
                "ref": "Secret Ref",
            }
        )

    def _ask_everything(self):
        """Return what the service is answered, from the customer to the credit note, and what it hears."""
        ask = self.service
        answers = [ask._api_upsert_customer({"external_id": "victim", "email": self.email})]
        request = {"external_customer_id": "victim", "external_id": "s-1", "plan_code": self.plan.code}
        answers.append(ask._api_create_subscription({**request, "start_date": "2026-01-01"}))
        order = self.env["sale.order"].browse(answers[-1]["subscription_id"])
        self._begin_first_period(order)
        self._use(order, 5)
        invoice = self._invoice_on(order, "2026-02-01")
        named, of_invoice = {"subscription_external_id": "s-1"}, {"invoice_id": invoice.id}
        return [
            *answers,
            ask._api_get_customer({"external_id": "victim"}),
            ask._api_list_customers(),
            ask._api_get_subscription(named),
            ask._api_list_subscriptions(),
            ask._api_preview_invoice(named),
            ask._api_list_invoices(),
            ask._api_get_invoice(of_invoice),
            ask._api_list_invoice_ratings(of_invoice),
            ask._api_create_credit_note({**of_invoice, "reason": "Goodwill"}),
            ask._api_list_credit_notes(),
            ask._api_terminate_subscription({**named, "end_date": "2026-03-01"}),
            *self._get_events().mapped("payload"),
        ]

    def test_no_answer_and_no_webhook_tells_of_a_contact_that_the_service_did_not_make(self):
        with trap_jobs():
            told = self._ask_everything()
        self.assertEqual(self.env["sale.order"].search([("x_fc_external_id", "=", "s-1")]).partner_id, self.stranger)
        self.assertGreater(len(told), 13)
        for answer in told:
            self.assertNotIn("secret", json.dumps(answer).lower())
