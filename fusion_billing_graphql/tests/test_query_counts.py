# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""No list costs more queries because it is longer."""

from odoo.addons.fusion_centralize_billing.models.usage_row import UsageRow
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Datetime
from odoo.tests import tagged

from ..limits.settings import Settings
from .common import GraphqlCase, unique

_PAGES = (10, 100)
_NO_LIMIT = Settings(max_cost=10**9)

_NESTED = """query($n: Int!) { customers(first: $n) { nodes {
    id externalId service { code }
    subscriptions(first: 2) { totalCount nodes {
        externalId endDate currency customer { externalId } service { name }
        currentUsage { metric { code } chargeName quantity included billable amount currency breakdown { subtotal } }
        usage(first: 2) { nodes { quantity metric { name } } }
        ratings(first: 2) { nodes {
            amount breakdown { units } charge { name tiers { upTo } currency } metric { code }
            counters(first: 2) { totalCount nodes { quantity usageRecord { quantity } } } } }
        invoices(first: 2) { nodes { number amountTotal lines(first: 5) { nodes {
            description ratings(first: 2) { nodes { quantity invoice { number } invoiceLine { description } } } } } } }
    } }
    invoices(first: 2) { totalCount nodes { number subscription { externalId customer { name } } } }
} } }"""

_FLAT = {
    "subscriptions": "externalId endDate currency customer { name } service { code } currentUsage { amount }",
    "usageRecords": "quantity metric { code } subscription { externalId } service { code }",
    "ratings": "amount quantity charge { name metric { code } } invoice { number } subscription { planCode }",
    "invoices": "number amountDue subscription { externalId } ratings(first: 1) { nodes { amount } }",
    "webhookDeliveries": "eventType payload service { code }",
    "plans": "code price currency billingPeriodUnit charges(first: 5) { nodes { name currency tiers { upTo } } }",
    "charges": "name currency metric { name } tiers { pricePerUnit } upcoming { effectiveFrom pricePerUnit }",
}


@tagged("post_install", "-at_install")
class TestQueryCounts(GraphqlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        count = max(_PAGES)
        cls.service = cls._create_service()
        cls._listen()
        cls._create_charge(tiers=[{"up_to": 5, "price_per_unit": 1}, {"price_per_unit": 2}], charge_model="graduated")
        by_row = {"charge_model": "percentage", "price_per_unit": 0, "rate": 1, "fixed_fee": 0.1}
        cls._create_charge(**by_row, row_maximum=5, is_additional=True)
        for _number in range(count):
            plan = cls._create_plan()
            cls._create_charge(plan=plan)
        cls.orders = cls._create_orders(count)
        cls._create_usage(cls.orders)
        with trap_jobs(), cls._on("2026-02-01"):
            cls.orders._create_invoices().action_post()

    @classmethod
    def _create_orders(cls, count):
        partners = cls.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(count)])
        cls.env["fusion.billing.account.link"].create(
            [
                {"service_id": cls.service.id, "external_id": unique("c"), "partner_id": partner.id}
                for partner in partners
            ]
        )
        orders = cls.env["sale.order"].union(
            *(cls._create_subscription(partner_id=partner.id, confirm=False) for partner in partners)
        )
        with trap_jobs():
            orders.action_confirm()
            for order in orders:
                cls._begin_first_period(order)
        return orders

    @classmethod
    def _create_usage(cls, orders):
        times = [Datetime.to_datetime(day) for day in ("2026-01-10", "2026-02-10", "2026-02-11")]
        rows = [UsageRow(order.id, cls.metric.id, 3, time, time, None) for order in orders for time in times]
        cls.env["fusion.billing.usage"]._upsert(cls.service, rows)

    def _count(self, query, size):
        """Return (number of SQL queries, data) of a page of a size."""
        self._key()
        self._ask(query, {"n": 1}, settings=_NO_LIMIT)  # fills the caches of the registry
        before = self.env.cr.sql_log_count
        data = self._ask(query, {"n": size}, settings=_NO_LIMIT)
        return self.env.cr.sql_log_count - before, data

    def test_a_page_of_customers_with_all_that_belongs_to_them(self):
        counts = {}
        for size in _PAGES:
            counts[size], data = self._count(_NESTED, size)
            nodes = data["customers"]["nodes"]
            self.assertEqual(len(nodes), size)
            for node in nodes:
                (subscription,) = node["subscriptions"]["nodes"]
                self.assertEqual(subscription["customer"]["externalId"], node["externalId"])
                self.assertEqual(len(subscription["currentUsage"]), 2)
                self.assertEqual(len(subscription["ratings"]["nodes"]), 2)
                (invoice,) = subscription["invoices"]["nodes"]
                self.assertEqual(len(invoice["lines"]["nodes"]), 3)
        self.assertEqual(counts[10], counts[100])
        self.assertLessEqual(counts[100], 70)

    def test_every_list_by_itself(self):
        for name, selection in _FLAT.items():
            query = f"query($n: Int!) {{ {name}(first: $n) {{ totalCount nodes {{ id {selection} }} }} }}"
            counts = {}
            for size in _PAGES:
                counts[size], data = self._count(query, size)
                with self.subTest(name, size=size):
                    self.assertEqual(len(data[name]["nodes"]), size)
            with self.subTest(name):
                self.assertEqual(counts[10], counts[100])

    def test_usage_totals_of_a_page_come_from_one_query(self):
        query = "query($n: Int!) { subscriptions(first: $n) { nodes { currentUsage { quantity } } } }"
        self._count(query, 100)
        logged = []
        original = type(self.env.cr).execute

        def execute(cursor, sql, *args, **kwargs):
            logged.append(str(getattr(sql, "code", sql)))
            return original(cursor, sql, *args, **kwargs)

        self.patch(type(self.env.cr), "execute", execute)
        self._ask(query, {"n": 100}, settings=_NO_LIMIT)
        self.assertEqual(len([sql for sql in logged if "SUM(quantity)" in sql]), 1)

    def test_nodes_by_their_ids(self):
        counts = {}
        for size in _PAGES:
            ids = [self._get_id(order, "Subscription") for order in self.orders[:size]]
            query = """query($ids: [ID!]!) { nodes(ids: $ids) { id
                ... on Subscription { customer { name } currentUsage { amount } } } }"""
            self._ask(query, {"ids": ids})
            before = self.env.cr.sql_log_count
            data = self._ask(query, {"ids": ids})
            counts[size] = self.env.cr.sql_log_count - before
            self.assertEqual([node["id"] for node in data["nodes"]], ids)
        self.assertEqual(counts[10], counts[100])
