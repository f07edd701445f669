# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tests import tagged

from .common import GraphqlCase, unique
from .test_customer_tokens import CustomerTokenCase


@tagged("post_install", "-at_install")
class TestWhoseSubscriptionsAre(GraphqlCase):
    """Which of its service's customers a subscription is of."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls.env["res.partner"].create({"name": unique("shared")})

    def _link(self, **values):
        return self._create_link(partner=self.customer, **values)

    def _open(self, **values):
        return self._create_subscription(partner_id=self.customer.id, **values)

    def test_the_service_says_it_when_it_opens_one(self):
        first, second = self._link(), self._link()
        service = self.service._as_technical_user()
        asked = {"external_customer_id": second.external_id, "external_id": unique("s"), "plan_id": self.recurrence.id}
        line = {"product_id": self.fee.id, "quantity": 1}
        answer = service._api_create_subscription({**asked, "lines": [line]})
        order = self.env["sale.order"].browse(answer["subscription_id"])
        self.assertEqual(order.x_fc_account_link_id, second)
        self.assertEqual(answer["external_customer_id"], second.external_id)
        listed = {
            link: service._api_list_subscriptions({"external_customer_id": link.external_id})["subscriptions"]
            for link in (first, second)
        }
        self.assertEqual([len(listed[first]), len(listed[second])], [0, 1])

    def test_what_the_back_office_opens_is_of_the_only_customer_if_there_is_one(self):
        before = self._open()
        self.assertFalse(before.x_fc_account_link_id)
        first = self._link()
        self.assertEqual(before.x_fc_account_link_id, first)
        self.assertEqual(self._open().x_fc_account_link_id, first)
        self._link()
        self.assertFalse(self._open().x_fc_account_link_id)
        self.assertEqual(before.x_fc_account_link_id, first)

    def test_another_contact_or_service_makes_it_another_one_s(self):
        link, order = self._link(), self._open()
        self.assertEqual(order.x_fc_account_link_id, link)
        order.partner_id = self.env["res.partner"].create({"name": "Another"})
        self.assertFalse(order.x_fc_account_link_id)
        order.partner_id = self.customer
        self.assertEqual(order.x_fc_account_link_id, link)
        order.x_fc_service_id = self._create_service()
        self.assertFalse(order.x_fc_account_link_id)


@tagged("post_install", "-at_install")
class TestWhoseInvoicesAre(CustomerTokenCase):
    """Two customers of a service that share a contact, as the service itself sees them."""

    def test_a_service_lists_the_invoices_of_each_apart(self):
        service = self.service._as_technical_user()
        for world in (self.mine, self.twin):
            customer = world["Customer"].external_id
            [invoice] = service._api_list_invoices({"external_customer_id": customer})["invoices"]
            with self.subTest(customer):
                self.assertEqual(invoice["invoice_id"], world["Invoice"].id)
                self.assertEqual(invoice["external_customer_id"], customer)
                query = "query($id: String) { customer(externalId: $id) { invoices(first: 5) { nodes { number } } } }"
                found = self._ask(query, {"id": customer}, key=self._key())["customer"]
                self.assertEqual(found["invoices"]["nodes"], [{"number": world["Invoice"].name}])
