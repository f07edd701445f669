# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import Command
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from ..api.errors import BusinessRuleError
from .common import BillingCase, unique


@tagged("post_install", "-at_install")
class TestDoubtfulUsage(BillingCase):
    """Usage that nothing bills, or not for long, is recorded with a warning, or refused by a strict service."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        cls.order = cls._create_subscription()

    def _event(self, day="2026-01-10", order=None, metric=None, **values):
        return {
            "subscription_external_id": (order or self.order).x_fc_external_id,
            "metric_code": (metric or self.metric).code,
            "quantity": 1,
            "period_start": f"{day}T00:00:00Z",
            "period_end": f"{day}T12:00:00Z",
            **values,
        }

    def _record(self, *events, on="2026-01-20", **payload):
        with self._on(on):
            return self.service._api_record_usage({"events": list(events), **payload})

    def _get_warnings(self, *events, **options):
        results = self._record(*events, **options)["results"]
        return [[warning["code"] for warning in result.get("warnings", ())] for result in results]

    # === WARNED OF === #

    def test_usage_that_a_charge_prices_and_that_is_near_has_no_warnings(self):
        self.assertEqual(self._record(self._event())["results"], [{"index": 0, "status": "accepted"}])

    def test_usage_of_a_metric_without_a_charge_is_recorded_with_a_warning(self):
        other = self._create_metric()
        answer = self._record(self._event(), self._event(metric=other))
        self.assertEqual(answer["accepted"], 2)
        first, second = answer["results"]
        self.assertNotIn("warnings", first)
        [warning] = second["warnings"]
        self.assertEqual((second["status"], warning["code"]), ("accepted", "unpriced_metric"))
        self.assertIn("charge", warning["message"])

    def test_a_metric_is_priced_by_the_charges_of_the_subscriptions_plan_and_of_the_period(self):
        late, ended, filtered, foreign = (self._create_metric() for _number in range(4))
        self._create_charge(metric_id=late.id, price_effective_from="2026-02-01")
        self._create_charge(metric_id=ended.id, effective_until="2026-02-01")
        self._create_charge(metric_id=filtered.id, filter_ids=[Command.create({"name": "region", "value": "eu"})])
        self._create_charge(plan=self._create_plan(), metric_id=foreign.id)
        cases = [
            (late, "2026-01-31", {}, True, "the charge begins later"),
            (late, "2026-02-01", {}, False, "the charge has begun"),
            (ended, "2026-01-31", {}, False, "the period began before the charge's end"),
            (ended, "2026-02-01", {}, True, "the charge has ended"),
            (filtered, "2026-01-10", {"properties": {"region": "eu"}}, False, "the charge wants this property"),
            (filtered, "2026-01-10", {"properties": {"region": "us"}}, True, "the charge wants another value"),
            (filtered, "2026-01-10", {}, True, "the charge wants a property"),
            (foreign, "2026-01-10", {}, True, "the charge is another plan's"),
        ]
        for metric, day, values, is_warned, reason in cases:
            with self.subTest(reason):
                expected = ["unpriced_metric"] if is_warned else []
                self.assertEqual(self._get_warnings(self._event(day, metric=metric, **values)), [expected])

    def test_a_charge_that_begins_within_a_period_does_not_price_it(self):
        """The first day of a period decides its prices."""
        metric = self._create_metric()
        self._create_charge(metric_id=metric.id, price_effective_from="2026-01-15")
        self.assertEqual(self._get_warnings(self._event("2026-01-20", metric=metric)), [["unpriced_metric"]])
        self.assertEqual(self._get_warnings(self._event("2026-02-01", metric=metric)), [[]])

    def test_usage_further_ahead_than_the_setting_is_recorded_with_a_warning(self):
        cases = [
            (1, "2026-02-28", False, "the last day of the next period"),
            (1, "2026-03-01", True, "the period after the next one"),
            (0, "2026-01-31", False, "the last day of the running period"),
            (0, "2026-02-01", True, "the next period"),
            (3, "2026-04-30", False, "three periods ahead"),
            (3, "2026-05-01", True, "four periods ahead"),
        ]
        for periods, day, is_warned, reason in cases:
            with self.subTest(reason):
                self.company.x_fc_usage_periods_ahead = periods
                self.assertEqual(self._get_warnings(self._event(day)), [["far_future"] if is_warned else []])

    def test_today_decides_what_is_ahead_not_what_is_invoiced(self):
        self.assertEqual(self._get_warnings(self._event("2026-06-30"), on="2026-05-20"), [[]])
        self.assertEqual(self._get_warnings(self._event("2026-07-01"), on="2026-05-20"), [["far_future"]])

    def test_a_subscription_to_come_counts_from_its_first_period(self):
        order = self._create_subscription(start_date="2026-06-10")
        events = [self._event(day, order) for day in ("2026-08-09", "2026-08-10")]
        self.assertEqual(self._get_warnings(*events), [[], ["far_future"]])

    def test_a_counter_may_have_both_warnings_and_a_duplicate_has_them_again(self):
        event = self._event("2027-01-01", metric=self._create_metric(), idempotency_key=unique("key"))
        for status in ("accepted", "duplicate"):
            [result] = self._record(event)["results"]
            self.assertEqual(result["status"], status)
            self.assertEqual([w["code"] for w in result["warnings"]], ["unpriced_metric", "far_future"])

    def test_a_quotation_without_start_and_plan_code_has_only_the_price_to_warn_of(self):
        order = self._create_subscription(confirm=False, start_date=False, x_fc_plan_code=False)
        self.assertEqual(self._get_warnings(self._event("2027-01-01", order)), [["unpriced_metric"]])

    # === REFUSED === #

    def _refuse(self, code, path, *events):
        with self.assertRaises(BusinessRuleError) as caught, self.env.cr.savepoint():
            self._record(*events)
        self.assertEqual((caught.exception.code, caught.exception.errors[0].path), (code, path))
        return caught.exception

    def test_a_strict_service_refuses_what_others_warn_of(self):
        self.service.strict_usage = True
        unpriced = self._event(metric=self._create_metric())
        self._refuse("unpriced_metric", "events.1.metric_code", self._event(), unpriced)
        self._refuse("far_future", "events.0.period_end", self._event("2026-03-01"), unpriced)
        self.assertFalse(self.order.x_fc_usage_ids)
        self.assertEqual(self._record(self._event())["results"], [{"index": 0, "status": "accepted"}])

    def test_a_strict_service_may_repeat_what_it_was_acknowledged_before(self):
        event = self._event(metric=self._create_metric(), idempotency_key=unique("key"))
        self._record(event)
        self.service.strict_usage = True
        self.assertEqual(
            [result["status"] for result in self._record(event, self._event())["results"]], ["duplicate", "accepted"]
        )
        self._refuse("unpriced_metric", "events.0.metric_code", {**event, "quantity": 8})

    def test_a_strict_service_may_have_the_good_counters_recorded(self):
        self.service.strict_usage = True
        events = [self._event(metric=self._create_metric()), self._event(), self._event("2026-03-01")]
        answer = self._record(*events, error_policy="reject_failed_rows")
        self.assertEqual([result["status"] for result in answer["results"]], ["rejected", "accepted", "rejected"])
        faults = [(fault["path"], fault["code"]) for result in answer["results"] for fault in result.get("errors", ())]
        expected = [("events.0.metric_code", "unpriced_metric"), ("events.2.period_end", "far_future")]
        self.assertEqual((answer["accepted"], faults), (1, expected))

    # === COST === #

    def _count_queries(self, events):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        self._record(*events)
        return self.env.cr.sql_log_count - before

    def test_a_large_batch_needs_no_more_queries_than_a_small_one(self):
        with trap_jobs():
            orders = [self._create_subscription() for _number in range(20)]
        metrics = [self.metric, *(self._create_metric() for _number in range(5))]
        for metric in metrics[1:3]:
            self._create_charge(metric_id=metric.id)
        days = ("2026-01-10", "2026-02-10", "2026-03-10", "2026-12-10")
        events = [self._event(day, order, metric) for order in orders for metric in metrics for day in days]
        self._record(events[0])  # what is read once, such as the technical user's groups
        self.assertEqual(self._count_queries(events), self._count_queries(events[:2]))
