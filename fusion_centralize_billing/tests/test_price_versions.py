# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import BillingCase


@tagged("post_install", "-at_install")
class TestPriceVersions(BillingCase):
    """A new price leaves begun periods alone, unless it is said to apply from an earlier day."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with trap_jobs():
            cls.order = cls._create_subscription()
        cls.charge = cls._create_charge()

    def _change_price(self, on, price, **values):
        with self._on(on):
            self.charge.write({"price_per_unit": price, **values})

    def _get_amounts(self):
        return {start: amount for start, _sequence, _state, amount in self._get_ledger(self.order)}

    def test_a_begun_period_keeps_its_price_and_the_next_one_has_the_new(self):
        self._use(self.order, 3, "2026-01-10")
        self._use(self.order, 3, "2026-02-10")
        self._change_price("2026-01-15", 2)
        self._invoice_on(self.order, "2026-02-01")
        self._rate(self.order, "2026-02-20")
        self.assertEqual(self._get_amounts(), {"2026-01-01": 3, "2026-02-01": 6})

    def test_a_period_that_was_not_rated_before_the_change_keeps_its_price_too(self):
        self._change_price("2026-01-02", 2)
        self._use(self.order, 3)
        self._rate(self.order)
        self.assertEqual(self._get_amounts(), {"2026-01-01": 3})

    def test_a_price_that_applies_from_an_earlier_day_changes_the_begun_period(self):
        self._use(self.order, 3)
        self._rate(self.order)
        self._change_price("2026-01-15", 2, price_effective_from="2026-01-01")
        self.assertTrue(self._get_changes(self.order), "nobody would rate the subscription again")
        self._rate(self.order)
        self.assertEqual(self._get_amounts(), {"2026-01-01": 6})

    def test_a_price_of_the_future_waits_for_its_day(self):
        self._change_price("2026-01-15", 2, price_effective_from="2026-03-01")
        for day in ("2026-01-10", "2026-02-10", "2026-03-10"):
            self._use(self.order, 3, day)
        for day in ("2026-02-01", "2026-03-01"):
            self._invoice_on(self.order, day)
        self._rate(self.order, "2026-03-20")
        self.assertEqual(self._get_amounts(), {"2026-01-01": 3, "2026-02-01": 3, "2026-03-01": 6})

    def test_the_price_saved_last_counts_from_its_day_on(self):
        self._change_price("2026-01-15", 2, price_effective_from="2026-03-01")
        self._change_price("2026-01-16", 5)
        terms = {day: self.charge._get_price_terms(day).terms.price_per_unit for day in map(_day, (1, 2, 3))}
        self.assertEqual([terms[_day(month)] for month in (1, 2, 3)], [1, 5, 5])

    def test_an_invoiced_period_keeps_its_price_also_for_late_usage(self):
        self._use(self.order, 3)
        self._invoice_on(self.order, "2026-02-01")
        self._change_price("2026-02-02", 2, price_effective_from="2026-01-01")
        self._use(self.order, 1, "2026-01-11")
        self._rate(self.order, "2026-02-20")
        self.assertEqual(
            self._get_ledger(self.order)[:2], [("2026-01-01", 0, "billed", 3), ("2026-01-01", 1, "open", 1)]
        )

    def test_without_subscriptions_a_price_is_corrected_for_all_periods(self):
        charge = self._create_charge(self._create_plan())
        charge.price_per_unit = 2
        self.assertEqual(charge._get_price_terms(_day(1)).terms.price_per_unit, 2)

    def test_a_charge_that_left_its_plan_keeps_its_price_in_the_periods_it_has_begun(self):
        self._use(self.order, 3)
        self._rate(self.order)
        self.charge.plan_code = self._create_plan().code
        self._change_price("2026-01-21", 7)
        self._rate(self.order, "2026-01-22")
        self.assertEqual(self._get_amounts(), {"2026-01-01": 3})

    def test_a_charge_that_has_rated_keeps_its_metric(self):
        metric = self._create_metric()
        unused = self._create_charge()
        unused.metric_id = metric
        self._use(self.order, 3)
        self._invoice_on(self.order, "2026-02-01")
        with self.assertRaises(UserError):
            self.charge.metric_id = metric
        self.charge.write({"metric_id": self.metric.id, "name": "Other"})

    def test_tiers_and_filters_are_part_of_the_price(self):
        charge = self._create_charge(charge_model="graduated", tiers=[{"price_per_unit": 1}])
        before = charge._get_price_terms(_day(1))
        with self._on("2026-01-15"):
            charge.tier_ids.price_per_unit = 7
            charge.filter_ids = [Command.create({"name": "region", "value": "eu"})]
        self.assertEqual(charge._get_price_terms(_day(1)), before)
        after = charge._get_price_terms(_day(2))
        self.assertEqual(after.terms.tiers[0].price_per_unit, 7)
        self.assertEqual(after.filters, (("region", ("eu",)),))

    def test_a_change_of_the_name_makes_no_version(self):
        self.charge.name = "Other"
        self.assertEqual(len(self.charge.version_ids), 1)

    def test_the_history_says_what_held_from_when(self):
        self._change_price("2026-01-15", 2.5)
        first, newest = self.charge.version_ids.sorted("id")
        self.assertFalse(first.effective_from)
        self.assertEqual(str(newest.effective_from), "2026-01-16")
        self.assertIn("2.5", newest.summary)

    def test_a_charge_that_begins_later_leaves_earlier_periods_alone(self):
        self._create_charge(name="Later", price_per_unit=10, price_effective_from="2026-02-01")
        self._use(self.order, 1, "2026-01-10")
        self._use(self.order, 1, "2026-02-10")
        self._invoice_on(self.order, "2026-02-01")
        self._rate(self.order, "2026-02-20")
        self.assertEqual(sorted(rating.amount for rating in self._get_ratings(self.order)), [1, 1, 10])

    def test_a_charge_that_has_ended_leaves_later_periods_alone(self):
        self.charge.effective_until = "2026-02-01"
        self._use(self.order, 1, "2026-01-10")
        self._use(self.order, 1, "2026-02-10")
        self._invoice_on(self.order, "2026-02-01")
        self._rate(self.order, "2026-02-20")
        self.assertEqual(self._get_amounts(), {"2026-01-01": 1})


def _day(month):
    return datetime.date(2026, month, 1)
