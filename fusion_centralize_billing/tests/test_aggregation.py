# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import random
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from odoo.tests import tagged

from ..models.usage_row import UsageRow
from ..models.usage_window import WHOLE, UsageWindow
from ..rating import AGGREGATIONS, StoredRow, aggregate
from .common import BillingCase

_START, _END = datetime(2026, 1, 1), datetime(2026, 2, 1)
_MICROSECOND = timedelta(microseconds=1)


@tagged("post_install", "-at_install")
class TestAggregation(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_subscription()

    def _aggregate(self, metric=None, start=_START, end=_END, order=None):
        return self.env["fusion.billing.usage"]._aggregate(order or self.order, metric or self.metric, start, end)

    def _use_all(self, quantities, metric=None):
        for day, quantity in enumerate(quantities, 1):
            self._use(self.order, quantity, f"2026-01-{day:02}", metric)

    # === ONE WINDOW === #

    def test_each_aggregation_makes_its_quantity(self):
        cases = [
            ("sum", (10, 20, 30), 60.0),
            ("max", (10, 55, 30), 55.0),
            ("last", (10, 55, 30), 30.0),
            ("unique_count", (10, 55, 10, 30), 3.0),
            ("count", (10, 55, 10, 30), 4.0),
            ("average", (10, 55, 10, 30), 26.25),
        ]
        for aggregation, quantities, expected in cases:
            with self.subTest(aggregation):
                metric = self._create_metric(aggregation)
                self._use_all(quantities, metric)
                self.assertEqual(self._aggregate(metric), expected)

    def test_a_weighted_sum_counts_a_quantity_for_the_time_it_was_held(self):
        metric = self._create_metric("weighted_sum")
        rows = [
            UsageRow(self.order.id, metric.id, Decimal(100), _START, _START + timedelta(days=10)),
            UsageRow(self.order.id, metric.id, Decimal(55), _START + timedelta(days=10), _END),
        ]
        self.env["fusion.billing.usage"]._upsert(self.service, rows)
        found = self.env["fusion.billing.usage"]._aggregate_exactly(self.order, metric, _START, _END)
        # (100 * 10 + 55 * 21) / 31 = 2155 / 31
        self.assertEqual(found, Decimal("69.516129032258064516"))

    def test_no_usage_is_zero(self):
        for aggregation in AGGREGATIONS:
            with self.subTest(aggregation):
                self.assertEqual(self._aggregate(self._create_metric(aggregation)), 0.0)

    def test_the_result_is_a_float(self):
        self._use(self.order, 3)
        self.assertIs(type(self._aggregate()), float)

    def test_every_aggregation_of_a_metric_is_known(self):
        selection = self.env["fusion.billing.metric"]._fields["aggregation"].selection
        self.assertEqual({value for value, _label in selection}, set(AGGREGATIONS))

    def test_the_last_value_is_the_latest_and_not_the_last_sent(self):
        metric = self._create_metric("last")
        self._use(self.order, 7, "2026-01-20", metric)
        self._use(self.order, 5, "2026-01-10", metric)
        self.assertEqual(self._aggregate(metric), 7.0)

    def test_of_values_at_one_instant_the_last_sent_counts(self):
        metric = self._create_metric("last")
        self._use(self.order, 7, "2026-01-20", metric)
        self._use(self.order, 5, "2026-01-20", metric)
        self.assertEqual(self._aggregate(metric), 5.0)

    def test_equal_values_are_one_value_however_written(self):
        metric = self._create_metric("unique_count")
        for text in ("1", "1.0", "1.00"):
            self._use(self.order, Decimal(text), metric=metric)
        self.assertEqual(self._aggregate(metric), 1.0)

    # === WHAT DOES NOT COUNT === #

    def test_other_subscriptions_and_metrics_do_not_count(self):
        self._use(self._create_subscription(), 100)
        self._use(self.order, 100, metric=self._create_metric())
        self._use(self.order, 1)
        self.assertEqual(self._aggregate(), 1.0)

    def test_the_window_holds_its_start_and_not_its_end(self):
        cases = [
            (_START - _MICROSECOND, 0.0),
            (_START, 1.0),
            (_END - _MICROSECOND, 1.0),
            (_END, 0.0),
        ]
        for instant, expected in cases:
            with self.subTest(str(instant)):
                metric = self._create_metric()
                self._use(self.order, 1, instant, metric)
                self.assertEqual(self._aggregate(metric), expected)

    def test_windows_that_meet_share_nothing_and_lose_nothing(self):
        edges = [_START, _START + _MICROSECOND, _START + timedelta(days=3, microseconds=7), _END]
        for instant in (edge + offset * _MICROSECOND for edge in edges for offset in (-1, 0, 1)):
            self._use(self.order, 1, instant)
        parts = [self._aggregate(start=start, end=end) for start, end in pairwise(edges)]
        self.assertEqual(sum(parts), self._aggregate())
        self.assertEqual(parts, [2.0, 4.0, 3.0])

    # === SQL AND PYTHON === #

    def test_sql_and_python_agree_on_random_rows(self):
        generator = random.Random(20260101)
        for aggregation in AGGREGATIONS:
            for _round in range(4):
                self._check_random_rows(generator, aggregation)

    def _check_random_rows(self, generator, aggregation):
        metric, order = self._create_metric(aggregation), self._create_subscription()
        counters, rows = [], []
        for sequence in range(60):
            quantity = Decimal(generator.randrange(10**6)).scaleb(-generator.randrange(19))
            quantity = generator.choice([quantity, Decimal(generator.randrange(5))])
            start = generator.choice([_START, _END]) + generator.choice([-2, -1, 0, 1, 10**6]) * _MICROSECOND
            # A row without a duration has no weighted sum.
            durations = [1, 2, 10**6] if aggregation == "weighted_sum" else [0, 1, 2, 10**6]
            end = start + generator.choice(durations) * _MICROSECOND
            counters.append(UsageRow(order.id, metric.id, quantity, start, end))
            rows.append(StoredRow(sequence, quantity, start, end))
        self.env["fusion.billing.usage"]._upsert(self.service, counters)
        inside = [row for row in rows if _START <= row.attributed_at < _END]
        found = self.env["fusion.billing.usage"]._aggregate_exactly(order, metric, _START, _END)
        self.assertEqual(found, aggregate(aggregation, inside, (_START, _END)), aggregation)

    def test_single_quantities_come_in_order_of_time(self):
        for day, quantity in (("2026-01-20", "3"), ("2026-01-10", "1.50"), ("2026-02-01", "9"), ("2026-01-15", "2")):
            self._use(self.order, Decimal(quantity), day)
        window = UsageWindow(self.order, self.metric, _START, _END)
        quantities = self.env["fusion.billing.usage"]._get_quantities_of_windows([window])
        self.assertEqual(quantities[window][WHOLE], (Decimal("1.5"), Decimal(2), Decimal(3)))
