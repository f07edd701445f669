# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from ..models.usage_row import UsageRow, naive_utc
from .common import BillingCase

_JAN = ("2026-01-01", "2026-02-01")


@tagged("post_install", "-at_install")
class TestDimensions(BillingCase):
    """Charges price the counters with certain properties, or each group of properties apart."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with trap_jobs():
            cls.order = cls._create_subscription()

    def _use_with(self, quantity, at="2026-01-10", idem=None, **properties):
        instant = naive_utc(at)
        row = UsageRow(self.order.id, self.metric.id, Decimal(quantity), instant, instant, idem, properties or None)
        self.env["fusion.billing.usage"]._upsert(self.service, [row])

    def _create_filtered(self, *conditions, **values):
        filters = [Command.create({"name": name, "value": value}) for name, value in conditions]
        return self._create_charge(filter_ids=filters, **values)

    def _get_amounts(self):
        return {rating.dimensions: rating.amount for rating in self._get_ratings(self.order)}

    # === FILTERS === #

    def test_a_filter_takes_the_counters_with_its_properties(self):
        self._use_with(1)
        self._use_with(2, region="eu")
        self._use_with(4, region="us")
        self._use_with(8, region="eu", tier="gpu")
        self._use_with(16, region="ap", tier="gpu")
        cases = [
            ([], 31, "without a filter every counter counts"),
            ([("region", "eu")], 10, "those of one region"),
            ([("region", "eu"), ("region", "us")], 14, "one of two regions"),
            ([("region", "eu"), ("tier", "gpu")], 8, "both properties are needed"),
            ([("tier", "gpu")], 24, "whatever the region"),
            ([("region", "EU")], 0, "values are compared as they are written"),
            ([("zone", "eu")], 0, "no counter has the property"),
        ]
        for conditions, expected, reason in cases:
            with self.subTest(reason):
                charge = self._create_filtered(*conditions, is_additional=True)
                self.assertEqual(self.order._fc_rate_usage(charge, *_JAN), expected)

    def test_several_charges_share_a_metric(self):
        self._use_with(10, region="eu")
        self._use_with(5, region="us")
        self._create_filtered(("region", "eu"), name="EU", price_per_unit=1)
        self._create_filtered(("region", "us"), name="US", price_per_unit=3)
        [invoice] = self._invoice_on(self.order, "2026-02-01")
        self.assertEqual(sorted(invoice.invoice_line_ids.mapped("price_subtotal")), [10, 15, 20])

    def test_a_rating_leads_to_the_counters_that_it_priced(self):
        self._use_with(1, region="eu")
        self._use_with(2, region="us")
        charge = self._create_filtered(("region", "us"))
        self.order._fc_rate_usage(charge, *_JAN)
        counters = self._get_ratings(self.order)._get_counters()
        self.assertEqual([counter["quantity"] for counter in counters], [2])

    # === GROUPS === #

    def test_each_group_is_priced_by_itself_with_the_whole_quota(self):
        self._create_charge(group_by="region", included_quota=10)
        self._use_with(15, region="eu")
        self._use_with(12, region="us")
        self._use_with(3, region="us")
        self._use_with(11)
        self._rate(self.order)
        self.assertEqual(self._get_amounts(), {"region: eu": 5, "region: us": 5, "region: -": 1})

    def test_each_group_has_an_invoice_line_that_names_it(self):
        self._create_charge(name="Calls", group_by="region, tier")
        self._use_with(1, region="eu", tier="cpu")
        self._use_with(2, region="eu", tier="gpu")
        [invoice] = self._invoice_on(self.order, "2026-02-01")
        titles = {name: line.price_subtotal for line in invoice.invoice_line_ids for name in line.name.split("\n")}
        self.assertEqual(titles["Calls (region: eu, tier: cpu)"], 1)
        self.assertEqual(titles["Calls (region: eu, tier: gpu)"], 2)

    def test_a_group_leads_to_its_counters(self):
        self._create_charge(group_by="region")
        for quantity, region in ((1, "eu"), (2, "us"), (4, "us")):
            self._use_with(quantity, region=region)
        self._use_with(8)
        self._rate(self.order)
        found = {
            rating.dimensions: sum(counter["quantity"] for counter in rating._get_counters())
            for rating in self._get_ratings(self.order)
        }
        self.assertEqual(found, {"region: eu": 1, "region: us": 6, "region: -": 8})

    def test_a_counter_that_moves_to_another_group_leaves_nothing_behind(self):
        self._create_charge(group_by="region", charge_model="graduated", tiers=[{"price_per_unit": 1, "flat_fee": 2}])
        self._use_with(5, idem="k", region="eu")
        self._rate(self.order)
        self._use_with(5, idem="k", region="us")
        self._rate(self.order)
        self.assertEqual(self._get_amounts(), {"region: eu": 0, "region: us": 7})

    def test_late_usage_of_a_new_group_is_billed_with_the_next_invoice(self):
        self._create_charge(group_by="region")
        self._use_with(5, region="eu")
        self._invoice_on(self.order, "2026-02-01")
        self._use_with(3, region="us")
        self._use_with(1, region="eu")
        [invoice] = self._invoice_on(self.order, "2026-03-01")
        self.assertEqual(sorted(invoice.invoice_line_ids.mapped("price_subtotal")), [1, 3, 20])

    def test_late_usage_of_a_period_without_any_group_is_billed_once(self):
        # (usage in time, late usage, what the next invoice adds to the fee of 20)
        cases = [
            ({}, {"us": 3}, [3], "the period had no usage at all"),
            ({}, {"us": 3, "eu": 1}, [1, 3], "several groups come late"),
            ({"eu": 5}, {"us": 3}, [3], "another group had usage"),
        ]
        for in_time, late, expected, reason in cases:
            with self.subTest(reason), trap_jobs():
                plan = self._create_plan()
                self._create_charge(plan, group_by="region")
                self.order = self._create_subscription(plan)
                for region, quantity in in_time.items():
                    self._use_with(quantity, region=region)
                self._invoice_on(self.order, "2026-02-01")
                for region, quantity in late.items():
                    self._use_with(quantity, region=region)
                for day, added in (("2026-03-01", expected), ("2026-04-01", [])):
                    [invoice] = self._invoice_on(self.order, day)
                    self.assertEqual(sorted(invoice.invoice_line_ids.mapped("price_subtotal")), [*added, 20])

    def test_properties_of_the_greatest_length_are_billed(self):
        names = "abcde"
        self._create_charge(group_by=",".join(names))
        # Letters that neither UTF-8 nor PostgreSQL makes short.
        values = {
            name: "".join(chr(0x4E00 + (7919 * number * (ord(name) + number)) % 20000) for number in range(255))
            for name in names
        }
        self._use_with(3, **values)
        self._use_with(4, **{**values, "e": "other"})
        moves = self._invoice_on(self.order, "2026-02-01")
        self.assertEqual(sorted(moves.invoice_line_ids.mapped("price_subtotal")), [3, 4, 20])

    def test_a_rating_of_many_groups_takes_no_more_queries_than_one_of_few(self):
        self._create_charge(group_by="region")
        queries = {}
        for count in (5, 60):
            for number in range(count):
                self._use_with(1, idem=f"{count}-{number}", region=f"{count}-{number}")
            self._rate(self.order)
            self.env.flush_all()
            self._use_with(1, region=f"{count}-0")
            before = self.env.cr.sql_log_count
            self._rate(self.order)
            self.env.flush_all()
            queries[count] = self.env.cr.sql_log_count - before
        self.assertEqual(len(self._get_ratings(self.order)), 65)
        self.assertLess(queries[60], queries[5] + 20)

    def test_the_current_usage_tells_the_groups_apart(self):
        self._create_charge(group_by="region")
        self._use_with(5, region="eu")
        self._use_with(3, region="us")
        with self._on("2026-01-20"):
            current = self.order._fc_get_current_usage()[self.order]
        found = [(item["dimensions"], item["amount"]) for item in current]
        self.assertEqual(found, [({"region": "eu"}, 5), ({"region": "us"}, 3)])

    def test_rows_of_a_percentage_are_priced_by_group(self):
        self._create_charge(
            charge_model="percentage", price_per_unit=0, rate=10, fixed_fee=1, free_rows=1, group_by="region"
        )
        for quantity, region in ((100, "eu"), (50, "eu"), (10, "us")):
            self._use_with(quantity, region=region)
        self._rate(self.order)
        self.assertEqual(self._get_amounts(), {"region: eu": 16, "region: us": 1})

    # === MISTAKES === #

    def test_a_property_named_twice_is_refused(self):
        for text in ("region, region", "a, b, c, d, e, f"):
            with self.subTest(text), self.assertRaises(ValidationError):
                self._create_charge(group_by=text)

    def test_a_property_with_quotes_is_data_and_nothing_else(self):
        self._create_charge(group_by='it\'s "x"')
        self._use_with(4, **{'it\'s "x"': "'; DROP TABLE fusion_billing_usage; --"})
        self._rate(self.order)
        self.assertEqual(list(self._get_amounts().values()), [4])
