# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tests import tagged

from .common import GraphqlCase

_QUERY = """query($id: String) { subscription(externalId: $id) {
    currency currentPeriodStart currentPeriodEnd
    currentUsage {
        metric { code } chargeName chargeModel periodStart periodEnd quantity included billable amount currency
        breakdown { tier units price basis flatFee subtotal batches unitBatch above upTo }
    } } }"""


@tagged("post_install", "-at_install")
class TestCurrentUsage(GraphqlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_subscription()

    def _get(self):
        return self._ask(_QUERY, {"id": self.order.x_fc_external_id})["subscription"]

    def test_it_is_priced_as_it_will_be_billed(self):
        self._create_charge(included_quota=100, price_per_unit=0.1, unit_batch=1000)
        self._use(self.order, 600.5)
        self._use(self.order, 500)
        found = self._get()
        self.assertEqual(found["currentPeriodStart"], "2026-01-01T00:00:00Z")
        (item,) = found["currentUsage"]
        (line,) = item.pop("breakdown")
        self.assertEqual(
            item,
            {
                "metric": {"code": self.metric.code},
                "chargeName": "Charge",
                "chargeModel": "STANDARD",
                "periodStart": "2026-01-01T00:00:00Z",
                "periodEnd": "2026-02-01T00:00:00Z",
                "quantity": "1100.5",
                "included": "100",
                "billable": "1000.5",
                "amount": "0.20",
                "currency": "CAD",
            },
        )
        self.assertEqual((line["batches"], line["basis"], line["subtotal"]), ("2", "BATCH", "0.2"))
        self._rate(self.order)
        (rating,) = self._get_ratings(self.order)
        self.assertEqual(rating.amount, 0.20)

    def test_a_service_is_told_of_flat_fees(self):
        """Whether a period owes any is read where a service's technical user may not look."""
        tiers = [{"up_to": 10, "price_per_unit": 1, "flat_fee": 2}, {"price_per_unit": 1}]
        self._create_charge(charge_model="graduated", tiers=tiers)
        self._use(self.order, 5)
        self.assertEqual(self._get()["currentUsage"][0]["amount"], "7.00")

    def test_asking_writes_nothing(self):
        self._create_charge()
        self._use(self.order, 5)
        self._key()
        self.env.flush_all()
        tables = ("fusion_billing_rating", "sale_order_line", "fusion_billing_usage_change", "queue_job")
        before = [self._count_rows(table) for table in tables]
        for _time in range(2):
            self.assertEqual(self._get()["currentUsage"][0]["amount"], "5.00")
        self.assertEqual([self._count_rows(table) for table in tables], before)

    def _count_rows(self, table):
        self.env.cr.execute(f"SELECT COUNT(*), MAX(xmin::text::bigint) FROM {table}")
        return self.env.cr.fetchone()

    def test_a_charge_by_row_prices_each_row(self):
        self._create_charge(charge_model="percentage", price_per_unit=0, rate=10, fixed_fee=0.5, row_maximum=3)
        for quantity in (10, 100):
            self._use(self.order, quantity)
        (item,) = self._get()["currentUsage"]
        self.assertEqual((item["quantity"], item["amount"]), ("110", "4.50"))

    def test_without_charges_or_period_there_is_none(self):
        self.assertEqual(self._get()["currentUsage"], [])
        draft = self._create_subscription(confirm=False, start_date=False)
        self._create_charge()
        found = self._ask(_QUERY, {"id": draft.x_fc_external_id})["subscription"]
        self.assertEqual((found["currentUsage"], found["currentPeriodStart"]), ([], None))

    def test_yen_have_no_decimals(self):
        plan = self._create_plan(currency="JPY")
        self._create_charge(plan=plan, price_per_unit=0.7)
        self.order = self._create_subscription(plan=plan, with_fee=False)
        self._use(self.order, 2)
        (item,) = self._get()["currentUsage"]
        self.assertEqual((item["amount"], item["currency"]), ("1", "JPY"))

    def test_large_and_fine_quantities_are_exact(self):
        self._create_charge()
        self.env["fusion.billing.usage"]._record_usage(
            self.order, self.metric.code, "12345678901234567.123456789", "2026-01-10", "2026-01-10"
        )
        self.assertEqual(self._get()["currentUsage"][0]["quantity"], "12345678901234567.123456789")
        query = "{ usageRecords(last: 1) { nodes { quantity } } }"
        found = self._ask(query)["usageRecords"]["nodes"]
        self.assertEqual(found, [{"quantity": "12345678901234567.123456789"}])

    def test_one_request_shows_a_whole_customer(self):
        self._create_charge()
        service = self._create_service()
        world = self._create_billed_customer(service=service)
        query = """query($id: String) { customer(externalId: $id) { subscriptions(first: 1) { nodes {
            currentUsage { metric { code } quantity included billable amount }
            ratings(first: 5) { nodes { state quantity amount periodStart invoice { number } } }
            invoices(first: 5) { nodes {
                number state amountTotal periodStart lines(first: 5) { nodes { amountUntaxed quantity } } } }
        } } } }"""
        customer = self._ask(query, {"id": world["Customer"].external_id}, key=self._create_key(service))["customer"]
        (subscription,) = customer["subscriptions"]["nodes"]
        self.assertEqual(
            subscription["currentUsage"],
            [
                {
                    "metric": {"code": self.metric.code},
                    "quantity": "5",
                    "included": "0",
                    "billable": "5",
                    "amount": "5.00",
                }
            ],
        )
        number = world["Invoice"].name
        self.assertEqual(
            subscription["ratings"]["nodes"],
            [
                {
                    "state": "BILLED",
                    "quantity": "10",
                    "amount": "10.00",
                    "periodStart": "2026-01-01T00:00:00Z",
                    "invoice": {"number": number},
                }
            ],
        )
        (invoice,) = subscription["invoices"]["nodes"]
        lines = [(line["amountUntaxed"], line["quantity"]) for line in invoice.pop("lines")["nodes"]]
        self.assertEqual(sorted(lines), [("10.00", "1"), ("20.00", "1")])
        self.assertEqual(
            invoice, {"number": number, "state": "POSTED", "amountTotal": "30.00", "periodStart": "2026-01-01"}
        )
