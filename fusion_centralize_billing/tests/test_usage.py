# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from psycopg2.errors import CheckViolation, ForeignKeyViolation

from odoo import fields
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..api.errors import ConflictError, NotFoundError
from .common import BillingCase

_JAN = (datetime(2026, 1, 1), datetime(2026, 2, 1))
_FEB = (datetime(2026, 2, 1), datetime(2026, 3, 1))


@tagged("post_install", "-at_install")
class TestUsage(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_subscription()

    def _record(self, quantity=1, start="2026-01-10", end="2026-01-11", idem=None, order=None, metric=None):
        metric = metric or self.metric
        return self.env["fusion.billing.usage"]._record_usage(
            order or self.order, metric.code, quantity, start, end, idem
        )

    def _sum(self, window, order=None):
        return self.env["fusion.billing.usage"]._aggregate_exactly(order or self.order, self.metric, *window)

    def _get_spans(self, order=None):
        return [(str(change.from_at), str(change.to_at)) for change in self._get_changes(order or self.order)]

    def _clear_changes(self):
        self.env["fusion.billing.usage.change"]._take(self.order)

    # === RECORDING === #

    def test_a_counter_is_stored_as_it_came(self):
        usage = self._record(12.5)
        self.assertRecordValues(
            usage,
            [
                {
                    "subscription_id": self.order.id,
                    "metric_id": self.metric.id,
                    "quantity": 12.5,
                    "period_start": datetime(2026, 1, 10),
                    "period_end": datetime(2026, 1, 11),
                    "source": "push",
                    "service_id": self.service.id,
                    "idempotency_key": False,
                }
            ],
        )

    def test_an_unknown_metric_is_an_error(self):
        with self.assertRaises(NotFoundError) as caught:
            self.env["fusion.billing.usage"]._record_usage(self.order, "unknown", 1, "2026-01-10", "2026-01-11")
        self.assertEqual(caught.exception.code, "metric_not_found")

    def test_an_archived_metric_is_unknown(self):
        self.metric.active = False
        with self.assertRaises(NotFoundError):
            self._record()

    def test_times_with_a_zone_are_stored_in_utc(self):
        start = datetime(2026, 1, 10, 1, tzinfo=timezone(timedelta(hours=2)))
        self.assertEqual(self._record(start=start, end=start).period_start, datetime(2026, 1, 9, 23))

    @mute_logger("odoo.sql_db")
    def test_the_database_refuses_impossible_counters(self):
        insert = (
            "INSERT INTO fusion_billing_usage"
            " (subscription_id, metric_id, period_start, period_end, attributed_at, quantity, source)"
            " VALUES (%s, %s, %s, %s, %s, %s::numeric, 'push')"
        )
        rows = [
            ("a negative quantity", ("2026-01-10", "2026-01-11", "2026-01-10 23:59:59.999999", "-1")),
            ("NaN", ("2026-01-10", "2026-01-11", "2026-01-10 23:59:59.999999", "NaN")),
            ("infinity", ("2026-01-10", "2026-01-11", "2026-01-10 23:59:59.999999", "Infinity")),
            ("an end before the start", ("2026-01-11", "2026-01-10", "2026-01-11", "1")),
            ("another attribution", ("2026-01-10", "2026-01-11", "2026-01-11", "1")),
        ]
        for reason, values in rows:
            with self.subTest(reason), self.assertRaises(CheckViolation), self.env.cr.savepoint():
                self.env.cr.execute(insert, (self.order.id, self.metric.id, *values))

    # === IDEMPOTENCY === #

    def test_the_last_value_of_a_key_wins(self):
        first = self._record(100, idem="k")
        second = self._record(175, idem="k")
        self.assertEqual((second, second.quantity), (first, 175))
        self.assertEqual(self._sum(_JAN), 175)

    def test_the_last_value_of_a_key_wins_inside_a_batch(self):
        day = ("2026-01-10", "2026-01-11")
        outcomes = self._upsert(
            self.service, (self.order, 1, *day, "k"), (self.order, 5, *day, None), (self.order, 2, *day, "k")
        )
        self.assertEqual(outcomes, ["accepted", "accepted", "updated"])
        self.assertEqual(self._sum(_JAN), 7)

    def test_counters_without_key_are_all_kept(self):
        for _time in range(2):
            self._record(3)
        self.assertEqual(self._sum(_JAN), 6)

    def test_an_empty_key_is_no_key(self):
        self._record(1, idem="")
        self._record(2, idem="")
        self.assertEqual(self._sum(_JAN), 3)

    def test_a_key_of_another_subscription_is_a_conflict_and_changes_nothing(self):
        other = self._create_subscription()
        self._record(100, idem="k")
        self._clear_changes()
        with self.assertRaises(ConflictError) as caught:
            self._record(999, idem="k", order=other)
        self.assertEqual(caught.exception.code, "idempotency_conflict")
        self.assertEqual((self._sum(_JAN), self._sum(_JAN, other)), (100, 0))
        self.assertFalse(self._get_changes(self.order) | self._get_changes(other))

    def test_a_key_of_another_metric_is_a_conflict_and_changes_nothing(self):
        self._record(100, idem="k")
        with self.assertRaises(ConflictError):
            self._record(999, idem="k", metric=self._create_metric())
        self.assertEqual(self._sum(_JAN), 100)

    def test_a_conflict_inside_a_batch_keeps_the_whole_batch_out(self):
        other, day = self._create_subscription(), ("2026-01-10", "2026-01-11")
        with self.assertRaises(ConflictError) as caught:
            self._upsert(self.service, (self.order, 7, *day, None), (self.order, 1, *day, "k"), (other, 2, *day, "k"))
        self.assertEqual([fault.path for fault in caught.exception.errors], ["events.2.idempotency_key"])
        self.assertEqual((self._sum(_JAN), self._sum(_JAN, other)), (0, 0))

    def test_keys_are_unique_per_service_only(self):
        other_service = self._create_service()
        other = self._create_subscription(service=other_service)
        self._record(100, idem="k")
        self._record(5, idem="k", order=other)
        self.assertEqual((self._sum(_JAN), self._sum(_JAN, other)), (100, 5))

    def test_the_back_office_has_keys_of_its_own(self):
        own = self._create_subscription(x_fc_service_id=False, x_fc_external_id=False)
        self._record(100, idem="k")
        self._record(5, idem="k", order=own)
        self._record(6, idem="k", order=own)
        self.assertEqual((self._sum(_JAN), self._sum(_JAN, own)), (100, 6))

    # === ATTRIBUTION === #

    def test_a_counter_belongs_to_the_period_of_its_last_instant(self):
        cases = [
            ("ends at the boundary", "2026-01-31 00:00:00", "2026-02-01 00:00:00", (1, 0)),
            ("straddles the boundary", "2026-01-31 23:00:00", "2026-02-01 01:00:00", (0, 1)),
            ("straddles it by a microsecond", "2026-01-31 23:00:00", "2026-02-01 00:00:00.000001", (0, 1)),
            ("begins at the boundary", "2026-02-01 00:00:00", "2026-02-01 01:00:00", (0, 1)),
            ("is an instant just before it", "2026-01-31 23:59:59.999999", "2026-01-31 23:59:59.999999", (1, 0)),
            ("is an instant on it", "2026-02-01 00:00:00", "2026-02-01 00:00:00", (0, 1)),
            ("covers a whole period and more", "2025-12-31 00:00:00", "2026-02-02 00:00:00", (0, 1)),
        ]
        for reason, start, end, expected in cases:
            with self.subTest(reason):
                order = self._create_subscription()
                self._upsert(self.service, (order, 1, start, end, None))
                self.assertEqual((self._sum(_JAN, order), self._sum(_FEB, order)), expected)

    def test_a_counter_typed_by_hand_is_attributed_alike(self):
        values = {"subscription_id": self.order.id, "metric_id": self.metric.id, "quantity": 1}
        usage = self.env["fusion.billing.usage"].create(
            {**values, "period_start": "2026-01-31 00:00:00", "period_end": "2026-02-01 00:00:00"}
        )
        self.assertEqual((self._sum(_JAN), self._sum(_FEB)), (1, 0))
        usage.period_end = "2026-02-01 00:00:01"
        self.assertEqual((self._sum(_JAN), self._sum(_FEB)), (0, 1))
        self.assertEqual(usage.service_id, self.service)

    # === QUANTITIES === #

    def test_quantities_are_exact(self):
        tiny = Decimal("0.000000000000000001")
        large = Decimal("99999999999999999999.123456789012345678")
        self._upsert(
            self.service,
            *(
                (self.order, quantity, "2026-01-10", "2026-01-10", None)
                for quantity in (large, tiny, Decimal("0.1"), tiny)
            ),
        )
        self.assertEqual(self._sum(_JAN), Decimal("99999999999999999999.223456789012345680"))

    def test_ten_tenths_are_one(self):
        for _time in range(10):
            self._record(0.1)
        self.assertEqual(self._sum(_JAN), Decimal(1))

    # === CHANGE FEED === #

    def test_a_batch_leaves_one_change_per_subscription_and_month(self):
        other = self._create_subscription()
        self._upsert(
            self.service,
            (self.order, 1, "2026-01-20", "2026-01-20", None),
            (self.order, 1, "2026-12-20", "2026-12-20", None),
            (self.order, 1, "2026-01-05", "2026-01-05", None),
            (other, 1, "2026-01-07", "2026-01-07", None),
        )
        december = ("2026-12-20 00:00:00", "2026-12-20 00:00:00")
        self.assertEqual(self._get_spans(), [("2026-01-05 00:00:00", "2026-01-20 00:00:00"), december])
        self.assertEqual(self._get_spans(other), [("2026-01-07 00:00:00", "2026-01-07 00:00:00")])

    def test_a_batch_leaves_a_change_for_each_metric(self):
        metric = self._create_metric()
        self._record(1)
        self._record(1, metric=metric)
        self.assertEqual(self._get_changes(self.order).metric_id, self.metric | metric)

    def test_a_counter_that_moves_names_both_periods(self):
        self._record(1, idem="k")
        self._clear_changes()
        self._record(1, start="2026-03-05", end="2026-03-05", idem="k")
        self.assertEqual(
            self._get_spans(),
            [
                ("2026-01-10 23:59:59.999999", "2026-01-10 23:59:59.999999"),
                ("2026-03-05 00:00:00", "2026-03-05 00:00:00"),
            ],
        )

    def test_editing_and_deleting_by_hand_are_changes(self):
        usage = self._record(1)
        self._clear_changes()
        usage.quantity = 2
        self.assertTrue(self._get_changes(self.order))
        self._clear_changes()
        usage.unlink()
        self.assertTrue(self._get_changes(self.order))

    def test_a_counter_stays_with_its_subscription_metric_and_key(self):
        usage = self._record(1)
        metric = self.env["fusion.billing.metric"].create({"name": "Other", "code": "other_metric"})
        service = self.env["fusion.billing.service"].create({"name": "Other", "code": "other-service"})
        for values in (
            {"subscription_id": self._create_subscription().id},
            {"metric_id": metric.id},
            {"service_id": service.id},
            {"idempotency_key": "other"},
        ):
            with self.subTest(**values), self.assertRaises(UserError):
                usage.write(values)

    def test_taking_the_changes_empties_the_feed(self):
        self._record(1)
        changes = self.env["fusion.billing.usage.change"]
        [(metric_id, *instants)] = changes._take(self.order)
        self.assertEqual(metric_id, self.metric.id)
        self.assertEqual([str(instant.date()) for instant in instants], ["2026-01-10"] * 2)
        self.assertEqual(changes._take(self.order), [])

    def test_what_is_taken_is_one_change_per_metric_and_month_however_many_came(self):
        for day in ("2026-01-10", "2026-01-20", "2026-03-05", "2026-01-15"):
            self._record(1, start=day, end=day)
        changes = self.env["fusion.billing.usage.change"]._take(self.order)
        spans = [(str(change.from_at.date()), str(change.to_at.date())) for change in changes]
        self.assertEqual(spans, [("2026-01-10", "2026-01-20"), ("2026-03-05", "2026-03-05")])

    def test_the_cron_enqueues_one_job_per_touched_subscription(self):
        other, untouched = self._create_subscription(), self._create_subscription()
        for order in (self.order, self.order, other):
            self._record(1, order=order)
        with self._commits_ignored(), trap_jobs() as trap:
            self.env["fusion.billing.usage"]._cron_rate_open_periods()
            for order, count in ((self.order, 1), (other, 1), (untouched, 0)):
                trap.assert_jobs_count(count, only=order._job_rate)
            trap.assert_enqueued_job(
                self.order._job_rate,
                properties={"identity_key": f"fusion_centralize_billing.rating.{self.order.id}"},
            )

    def test_the_cron_runs_as_scheduled(self):
        self._record(1)
        cron = self.env.ref("fusion_centralize_billing.ir_cron_rate_open_periods").sudo()
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        domain = [("identity_key", "=", f"fusion_centralize_billing.rating.{self.order.id}")]
        self.assertEqual(self.env["queue.job"].search(domain).channel, "root.billing.rating")

    # === SUBSCRIPTIONS === #

    def test_a_deleted_quotation_takes_its_usage_along(self):
        quotation = self._create_subscription(confirm=False)
        usage = self._record(1, order=quotation)
        quotation.unlink()
        self.assertFalse(usage.exists())

    def test_a_used_metric_cannot_be_deleted(self):
        self._record(1)
        with mute_logger("odoo.sql_db"), self.assertRaises(ForeignKeyViolation), self.env.cr.savepoint():
            self.metric.unlink()

    def test_a_used_metric_keeps_its_aggregation(self):
        self._record(1)
        with self.assertRaises(ValidationError):
            self.metric.aggregation = "max"

    def test_a_subscription_cannot_start_after_its_usage(self):
        quotation = self._create_subscription(confirm=False, start_date="2026-01-15")
        self._record(1, order=quotation)
        with self.assertRaises(UserError):
            quotation.action_confirm()
        quotation.start_date = "2026-01-10"
        quotation.action_confirm()
        self.assertEqual(quotation.subscription_state, "3_progress")

    def test_usage_of_a_quotation_is_billed_once_it_started(self):
        self._create_charge()
        quotation = self._create_subscription(confirm=False, start_date=False, with_fee=False)
        with self._on("2026-01-05"):
            self._record(4, order=quotation, start=fields.Datetime.now(), end=fields.Datetime.now())
            quotation.action_confirm()
        self.assertEqual(self._invoice_on(quotation, "2026-02-05").amount_untaxed, 4)
