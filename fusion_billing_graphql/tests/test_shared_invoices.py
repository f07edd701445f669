# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tests import tagged

from .common import GraphqlCase

_INVOICES = """{ invoices(first: 5) { nodes { invoiceId periodStart subscription { externalId }
    subscriptions(first: 5) { totalCount nodes { externalId } }
    lines(first: 9) { nodes { subscription { externalId } amountUntaxed } } } } }"""
_OF_SUBSCRIPTION = (
    """query($name: String!) { subscription(externalId: $name) { invoices(first: 5) { nodes { invoiceId } } } }"""
)


@tagged("post_install", "-at_install", "community")
class TestSharedInvoices(GraphqlCase):
    """An invoice of several subscriptions, as REST tells of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.x_fc_invoice_grouping = "customer"
        cls.service = cls._create_service()
        cls._create_link()
        cls._create_charge()
        cls.orders = cls._create_subscription() | cls._create_subscription()
        cls._use(cls(), cls.orders[1], 5)
        cls.invoice = cls._invoice_on(cls(), cls.orders, "2026-02-01")
        cls.names = cls.orders.mapped("x_fc_external_id")

    def test_it_has_all_its_subscriptions_and_each_line_its_own(self):
        [invoice] = self._ask(_INVOICES)["invoices"]["nodes"]
        self.assertEqual((invoice["invoiceId"], invoice["subscription"]), (self.invoice.id, None))
        self.assertEqual([node["externalId"] for node in invoice["subscriptions"]["nodes"]], self.names)
        lines = [(node["subscription"]["externalId"], node["amountUntaxed"]) for node in invoice["lines"]["nodes"]]
        self.assertEqual(lines, [(self.names[0], "20.00"), (self.names[1], "20.00"), (self.names[1], "5.00")])

    def test_it_is_listed_under_each_of_them(self):
        for name in self.names:
            found = self._ask(_OF_SUBSCRIPTION, {"name": name})["subscription"]["invoices"]["nodes"]
            self.assertEqual([node["invoiceId"] for node in found], self.invoice.ids)

    def test_each_of_two_customers_with_one_contact_has_his_own(self):
        other = self._create_link()
        theirs = self._create_subscription(x_fc_account_link_id=other.id)
        move = self._invoice_on(theirs, "2026-02-01")
        query = "query($id: String) { customer(externalId: $id) { invoices(first: 5) { nodes { invoiceId } } } }"
        for link, expected in ((self.orders.x_fc_account_link_id, self.invoice), (other, move)):
            found = self._ask(query, {"id": link.external_id})["customer"]["invoices"]["nodes"]
            self.assertEqual([node["invoiceId"] for node in found], expected.ids)
