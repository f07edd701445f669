# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from .common import GraphqlCase, unique

_UPSERT = """mutation($input: UpsertCustomerInput!) { upsertCustomer(input: $input) {
    customer { externalId name email } userErrors { code } } }"""
_EVERYTHING = """{
    customers(first: 9) { nodes { externalId name email partnerId
        subscriptions(first: 9) { nodes { number lines { name } attention { message } customer { name email } } }
        invoices(first: 9) { nodes { number lines(first: 9) { nodes { description } } } } } }
    subscriptions(first: 9) { nodes { number customer { name email } } }
    invoices(first: 9) { nodes { number voidReason creditReason } }
    webhookDeliveries(first: 9) { nodes { payload } }
}"""


@tagged("post_install", "-at_install")
class TestToldOfCustomers(GraphqlCase):
    """A service that shares a contact reads of it what it has said itself."""

    def test_nothing_is_told_of_a_contact_that_the_service_did_not_make(self):
        email = f"{unique('mail')}@example.com"
        contact = {"name": "Secret Name", "email": email, "street": "Secret Street", "phone": "555-SECRET"}
        stranger = self.env["res.partner"].create(contact)
        self._listen()
        self._create_charge()
        given = {"input": {"externalId": "victim", "email": email}}
        with trap_jobs():
            answered = self._ask(_UPSERT, given)["upsertCustomer"]["customer"]
            order = self._create_subscription(partner_id=stranger.id)
            self._use(order, 5)
            self._invoice_first_period(order)
        self.assertEqual(answered, {"externalId": "victim", "name": None, "email": email})
        told = self._ask(_EVERYTHING)
        [victim] = [node for node in told["customers"]["nodes"] if node["externalId"] == "victim"]
        self.assertEqual((victim["partnerId"], len(victim["invoices"]["nodes"])), (stranger.id, 1))
        self.assertNotIn("secret", json.dumps(told, default=str).lower())
