# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import itertools
import json
import random
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from odoo.tests import tagged

from ..models.usage_row import UsageRow
from ..models.usage_window import WHOLE, UsageWindow
from ..rating import AGGREGATIONS, StoredRow, Terms, Tier, Usage, aggregate, price
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

    def test_sql_and_python_agree_on_filters_groups_and_prices(self):
        """One query serves windows of two periods, with and without filters and groups, as rating asks for them."""
        generator = random.Random(20260201)
        for aggregation in AGGREGATIONS:
            with self.subTest(aggregation):
                self._check_random_windows(generator, aggregation)

    def _check_random_windows(self, generator, aggregation):
        metric = self._create_metric(aggregation)
        orders = self._create_subscription(), self._create_subscription()
        # Of counters in one batch, the one with the greater key is stored later.
        counters = [
            self._make_counter(generator, generator.choice(orders), metric, f"{metric.code}:{number:04}")
            for number in range(240)
        ]
        usage = self.env["fusion.billing.usage"]
        usage._upsert(self.service, counters)
        voided = {counter.idempotency_key for counter in counters if generator.random() < 0.1}
        usage.search([("idempotency_key", "in", list(voided))])._void("Counted twice")
        standing = [(number, each) for number, each in enumerate(counters) if each.idempotency_key not in voided]
        filters = [(), (("region", ("eu",)),), (("region", ("eu", "us")), ("tier", ("gpu",))), (("zone", ("a",)),)]
        groups = [(), ("region",), ("region", "tier"), ("zone",)]
        windows = [
            UsageWindow(order, metric, start, end, accepted, group_by)
            for order, (start, end), accepted, group_by in itertools.product(
                orders, pairwise([_START, _END, datetime(2026, 3, 1)]), filters, groups
            )
        ]
        generator.shuffle(windows)
        totals, singles = usage._aggregate_windows(windows), usage._get_quantities_of_windows(windows)
        seen = 0
        for window in windows:
            expected = self._aggregate_in_python(window, standing)
            self.assertEqual(self._price_all(window, totals[window], singles[window]), expected, window)
            seen += len(expected)
        self.assertGreater(seen, 3 * len(windows) / 2, "too few groups to prove anything")

    def _make_counter(self, generator, order, metric, key):
        quantity = Decimal(generator.randrange(10**6)).scaleb(-generator.randrange(19))
        start = _START + generator.randrange(59 * 86400 * 10**6) * _MICROSECOND
        start = generator.choice([start, start, _START, _END, _END - _MICROSECOND])
        longest = 40 * 86400 * 10**6
        least = 1 if metric.aggregation == "weighted_sum" else 0
        end = start + generator.choice([least, 1, generator.randrange(1, longest)]) * _MICROSECOND
        properties = {
            name: value
            for name, value in (
                ("region", generator.choice(["eu", "us", "EU", None])),
                ("tier", generator.choice(["gpu", 'c"pu', None])),
            )
            if value
        }
        return UsageRow(order.id, metric.id, quantity, start, end, key, properties or None)

    def _aggregate_in_python(self, window, counters):
        """Return ``{values of the group: amount}`` of a window, with the pure core only."""
        by_group = {} if window.group_by else {(): []}
        for number, counter in counters:
            row = StoredRow(number, counter.quantity, counter.period_start, counter.period_end)
            properties = counter.properties or {}
            inside = (
                counter.subscription_id == window.subscription.id and window.start <= row.attributed_at < window.end
            )
            if inside and all(properties.get(name) in accepted for name, accepted in window.filters):
                by_group.setdefault(tuple(map(properties.get, window.group_by)), []).append(row)
        return {group: self._price_rows(window, rows) for group, rows in by_group.items()}

    def _price_rows(self, window, rows):
        ordered = sorted(rows, key=lambda row: (row.attributed_at, row.sequence))
        total = aggregate(window.metric.aggregation, rows, (window.start, window.end))
        return _price(total, tuple(row.quantity for row in ordered))

    def _price_all(self, window, totals, singles):
        amounts = {}
        for group, total in totals.items():
            values = tuple(map(json.loads(group).get, window.group_by)) if group else ()
            amounts[values] = _price(total, singles.get(group, ()))
        return amounts


def _price(total, quantities):
    """Return a graduated price of the total and, as percentages need them, a fee for each row over 1000."""
    tiers = (Tier(Decimal(1000), Decimal("0.01"), Decimal(1)), Tier(None, Decimal("0.001"), Decimal(2)))
    amount = price("graduated", Terms(tiers=tiers), Usage(total)).amount
    fees = price("percentage", Terms(fixed_fee="0.1", row_maximum=2, rate=1), Usage(sum(quantities), quantities)).amount
    return total, quantities, amount, fees
