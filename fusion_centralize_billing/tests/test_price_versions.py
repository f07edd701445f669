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

    def test_a_charge_of_running_subscriptions_keeps_its_plan(self):
        plan = self._create_plan()
        for attempt in (
            lambda: self.charge.write({"plan_code": plan.code}),
            self.charge.unlink,
        ):
            with self.assertRaisesRegex(UserError, self.charge.name):
                attempt()
        self.charge.write({"plan_code": self.plan.code, "name": "Other"})

    def test_a_charge_that_has_rated_keeps_its_plan_also_when_its_subscriptions_have_ended(self):
        self._use(self.order, 3)
        self._rate(self.order)
        with self._on("2026-01-21"), trap_jobs():
            self.order._fc_terminate()
        with self.assertRaises(UserError):
            self.charge.plan_code = self._create_plan().code

    def test_a_charge_without_subscriptions_may_move_and_go(self):
        charge = self._create_charge(self._create_plan())
        charge.plan_code = self._create_plan().code
        charge.unlink()
        self.assertFalse(charge.exists())

    def test_a_plan_with_subscriptions_keeps_its_code(self):
        for attempt in (lambda: self.plan.write({"code": "renamed"}), self.plan.unlink):
            with self.assertRaisesRegex(UserError, self.plan.name):
                attempt()
        unsold = self._create_plan()
        unsold.code = "renamed"
        unsold.unlink()

    def test_a_charge_that_has_rated_keeps_its_metric(self):
        metric = self._create_metric()
        unused = self._create_charge(is_additional=True)
        unused.metric_id = metric
        self._use(self.order, 3)
        self._invoice_on(self.order, "2026-02-01")
        with self.assertRaises(UserError):
            self.charge.metric_id = metric
        self.charge.write({"metric_id": self.metric.id, "name": "Other"})

    def test_tiers_and_filters_are_part_of_the_price(self):
        charge = self._create_charge(charge_model="graduated", tiers=[{"price_per_unit": 1}], is_additional=True)
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
        self.assertEqual([str(first.effective_from), str(newest.effective_from)], ["2000-01-01", "2026-01-16"])
        self.assertIn("2.5", newest.summary)

    def test_a_charge_that_begins_later_leaves_earlier_periods_alone(self):
        self._create_charge(name="Later", price_per_unit=10, price_effective_from="2026-02-01", is_additional=True)
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

    # === ARCHIVED === #

    def _archive_on(self, day, **values):
        with self._on(day):
            self.charge.write({"active": False, **values})

    def test_an_archived_charge_bills_the_begun_period_whether_it_was_rated_before_or_not(self):
        for rated_before in (True, False):
            with self.subTest(rated_before=rated_before):
                order = self._create_subscription()
                self._use(order, 3)
                if rated_before:
                    self._rate(order)
                self._archive_on("2026-01-20")
                self._use(order, 4, "2026-01-25")
                self._use(order, 5, "2026-02-10")
                self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 27)
                self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, 20)
                self.charge.active = True

    def test_usage_that_comes_late_for_an_archived_charge_is_adjusted(self):
        self._use(self.order, 3)
        self._archive_on("2026-01-20")
        self._invoice_on(self.order, "2026-02-01")
        self._use(self.order, 2, "2026-01-11")
        self.assertEqual(self._invoice_on(self.order, "2026-03-01").amount_untaxed, 22)

    def test_a_charge_that_is_archived_with_an_earlier_end_is_taken_out_of_the_begun_period(self):
        self._use(self.order, 3)
        self._rate(self.order)
        self._archive_on("2026-01-20", effective_until="2026-01-01")
        self.assertTrue(self._get_changes(self.order), "nobody would rate the subscription again")
        self._rate(self.order)
        self.assertEqual(self._get_amounts(), {"2026-01-01": 0})
        self.assertFalse(self._preview_amounts(self.order))
        self.assertEqual(self._invoice_on(self.order, "2026-02-01").amount_untaxed, 20)

    def test_archiving_ends_a_charge_on_the_next_day_and_no_later(self):
        cases = [
            (False, "2026-01-21", "no end before"),
            ("2026-06-01", "2026-01-21", "a later end"),
            ("2026-01-15", "2026-01-15", "an earlier end"),
        ]
        for before, expected, reason in cases:
            with self.subTest(reason):
                charge = self._create_charge(effective_until=before, is_additional=True)
                with self._on("2026-01-20"):
                    charge.active = False
                self.assertEqual(str(charge.effective_until), expected)

    def test_a_charge_that_is_used_again_has_no_end(self):
        self._archive_on("2026-01-20")
        with self._on("2026-01-22"):
            self.charge.active = True
        self.assertFalse(self.charge.effective_until)
        self._use(self.order, 5, "2026-02-10")
        self._invoice_on(self.order, "2026-02-01")
        self.assertEqual(self._invoice_on(self.order, "2026-03-01").amount_untaxed, 25)

    def test_a_copy_of_an_archived_charge_charges_nothing(self):
        self._archive_on("2026-01-20")
        self.charge.copy({"name": "Copy"})
        self._use(self.order, 3)
        self._rate(self.order)
        self.assertEqual(self._get_amounts(), {"2026-01-01": 3})

    def _preview_amounts(self, order):
        with self._on("2026-01-20"):
            return [entry["amount"] for entry in order._fc_get_current_usage()[order]]


def _day(month):
    return datetime.date(2026, month, 1)
