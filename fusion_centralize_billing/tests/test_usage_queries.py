# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from odoo.tests import tagged

from ..api.errors import BillingError
from ..models import sale_order_pricing
from .common import BillingCase

_JANUARY = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}


@tagged("post_install", "-at_install")
class TestUsageQueries(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_subscription()

    def _query(self, **values):
        """Return rows (from, to, quantity, counters) of a query."""
        answer = self.service._api_query_usage({"subscription_external_id": self.order.x_fc_external_id, **values})
        return [(row["from"], row["to"], row["quantity"], row["rows"]) for row in answer["usage"]]

    def _refuse(self, code, path, **values):
        with self.assertRaises(BillingError) as caught:
            self._query(**values)
        self.assertEqual((caught.exception.code, caught.exception.errors[0].path), (code, path))

    def test_each_metric_is_added_up_as_it_says(self):
        cases = {"sum": "6", "max": "3", "last": "1", "unique_count": "4", "count": "4", "average": "1.5"}
        for aggregation, quantity in cases.items():
            with self.subTest(aggregation):
                metric = self._create_metric(aggregation)
                for day, value in ((10, 3), (11, 2), (12, 0), (13, 1)):
                    self._use(self.order, value, f"2026-01-{day}", metric=metric)
                (row,) = self._query(metric_code=metric.code, **_JANUARY)
                self.assertEqual(row, ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", quantity, 4))

    def test_a_query_agrees_with_the_bill(self):
        charge = self._create_charge()
        for quantity in (0.1, 0.2, 1200):
            self._use(self.order, quantity)
        self._rate(self.order)
        (row,) = self._query(**_JANUARY)
        self.assertEqual(row[2], "1200.3")
        self.assertEqual(self._get_ratings(self.order).total_quantity, float(row[2]))
        self.assertEqual(self._get_ratings(self.order).charge_id, charge)

    def test_days_and_months_are_utc_and_cut_to_what_was_asked_for(self):
        for instant, value in (("2026-01-30 23:59:59", 1), ("2026-01-31", 2), ("2026-02-01", 4), ("2026-02-02", 8)):
            self._use(self.order, value, instant)
        window = {"from": "2026-01-30T12:00:00Z", "to": "2026-02-01T12:00:00Z"}
        days = [
            ("2026-01-30T12:00:00Z", "2026-01-31T00:00:00Z", "1", 1),
            ("2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z", "2", 1),
            ("2026-02-01T00:00:00Z", "2026-02-01T12:00:00Z", "4", 1),
        ]
        months = [
            ("2026-01-30T12:00:00Z", "2026-02-01T00:00:00Z", "3", 2),
            ("2026-02-01T00:00:00Z", "2026-02-01T12:00:00Z", "4", 1),
        ]
        self.assertEqual(self._query(**window, group_by="day"), days)
        self.assertEqual(self._query(**window, group_by="month"), months)
        self.assertEqual(self._query(**window), [(*window.values(), "7", 3)])

    def test_counters_are_grouped_by_a_property(self):
        for region, quantity in (("eu", 1), ("us", 2), ("eu", 4), (None, 8)):
            properties = {"region": region} if region else None
            event = {"subscription_external_id": self.order.x_fc_external_id, "metric_code": self.metric.code}
            times = {"period_start": "2026-01-10", "period_end": "2026-01-10"}
            self.service._api_record_usage(
                {"events": [{**event, **times, "quantity": quantity, "properties": properties}]}
            )
        request = {"subscription_external_id": self.order.x_fc_external_id, "group_by": "properties.region"}
        rows = self.service._api_query_usage({**request, **_JANUARY})["usage"]
        found = {row["properties"]["region"]: (row["quantity"], row["rows"]) for row in rows}
        self.assertEqual(found, {"eu": ("5", 2), "us": ("2", 1), None: ("8", 1)})

    def _use_groups(self, count):
        for number in range(count):
            self._use(self.order, number, idem=f"group-{number}").properties = {"user": str(number)}

    def test_groups_come_in_pages(self):
        self._use_groups(5)
        other = self._create_metric()
        self._use(self.order, 9, metric=other)
        request = {"subscription_external_id": self.order.x_fc_external_id, "group_by": "properties.user", **_JANUARY}
        whole = self.service._api_query_usage(request)
        self.assertEqual((len(whole["usage"]), whole["next_cursor"]), (6, None))
        for limit in (1, 2, 3, 5, 6):
            with self.subTest(limit=limit):
                found, cursor, pages = [], None, 0
                while cursor or not pages:
                    page = {**request, "limit": limit} | ({"cursor": cursor} if cursor else {})
                    answer = self.service._api_query_usage(page)
                    self.assertLessEqual(len(answer["usage"]), limit)
                    found, cursor, pages = found + answer["usage"], answer["next_cursor"], pages + 1
                self.assertEqual(pages, -(-6 // limit))
                self.assertCountEqual(map(str, found), map(str, whole["usage"]))

    def test_a_cursor_is_of_its_question(self):
        self._use_groups(2)
        asked = {"group_by": "properties.user", "limit": 1, **_JANUARY}
        request = {"subscription_external_id": self.order.x_fc_external_id, **asked}
        cursor = self.service._api_query_usage(request)["next_cursor"]
        self._refuse("invalid_cursor", "cursor", **{**asked, "group_by": "properties.region"}, cursor=cursor)
        self._refuse("invalid_cursor", "cursor", **asked, cursor=cursor[:-1])
        self._refuse("invalid_cursor", "cursor", **asked, cursor=cursor + "0")

    def test_the_current_usage_of_too_many_groups_is_not_shown(self):
        self._create_charge(group_by="user")
        self._use_groups(3)
        with self._on("2026-01-20"), patch.object(sale_order_pricing, "MAX_GROUPS", 3):
            self.assertEqual(len(self.order._fc_get_current_usage()[self.order]), 3)
        with self._on("2026-01-20"), patch.object(sale_order_pricing, "MAX_GROUPS", 2):
            with self.assertRaises(BillingError) as caught:
                self.order._fc_get_current_usage()
            self.assertEqual(caught.exception.code, "too_many_groups")

    def test_what_is_void_does_not_count(self):
        self._use(self.order, 5, idem="void")._void("Test")
        self._use(self.order, 1)
        self.assertEqual(self._query(**_JANUARY)[0][2:], ("1", 1))

    def test_the_open_period_is_meant_by_default(self):
        self._use(self.order, 5)
        self._invoice_on(self.order, "2026-02-01")
        self._use(self.order, 7, "2026-02-10")
        self.assertEqual(self._query(), [("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", "7", 1)])

    def test_without_usage_there_is_no_row(self):
        self.assertEqual(self._query(**_JANUARY, group_by="day"), [])

    def test_an_ended_subscription_has_no_open_period(self):
        with self._on("2026-01-20"):
            self.order._fc_terminate()
        self._invoice_on(self.order, "2026-01-20")
        self._run_closing_jobs(self.order, "2026-01-20")
        self._refuse("no_billing_period", "from")

    def test_an_answer_has_a_size(self):
        self._use(self.order, 5)
        self._refuse("too_many_windows", "group_by", **{"from": "2023-01-01", "to": "2027-01-01"}, group_by="day")
        self.assertTrue(self._query(**{"from": "2024-06-01", "to": "2027-01-01"}, group_by="day"))

    def test_a_total_never_tells_what_another_service_has_counted(self):
        order = self._create_subscription(x_fc_service_id=False, x_fc_external_id=False)
        other = self._create_service()
        self._create_link(other, self.partner)
        event = {"subscription_external_id": str(order.id), "metric_code": self.metric.code, "quantity": 5}
        event |= {"period_start": "2026-01-10", "period_end": "2026-01-10"}
        self.service._api_record_usage({"events": [event]})
        request = {"subscription_external_id": str(order.id), **_JANUARY}
        self.assertEqual(self.service._api_query_usage(request)["usage"][0]["quantity"], "5")
        other._api_record_usage({"events": [event]})
        for service in (self.service, other):
            with self.assertRaises(BillingError) as caught:
                service._api_query_usage(request)
            self.assertEqual(caught.exception.code, "shared_usage")
