# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import importlib.util
from datetime import date
from pathlib import Path
from unittest.mock import patch

from odoo import fields
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import BillingCase, BillingHttpCase
from .editions import only_on

TORONTO, KOLKATA, LORD_HOWE, APIA = "America/Toronto", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"
KIRITIMATI = "Pacific/Kiritimati"
_MIGRATIONS = Path(__file__).parents[1] / "migrations" / "19.0.1.1.0"


def _run_migration(cr, name):
    spec = importlib.util.spec_from_file_location(name, _MIGRATIONS / f"{name}.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.migrate(cr, "19.0.1.0.0")


@tagged("post_install", "-at_install")
class TestTimeZones(BillingCase):
    """Billing periods are days of the subscription's time zone, wherever its customer lives."""

    def _open(self, zone, **values):
        return self._create_subscription(x_fc_billing_tz=zone, with_fee=False, **values)

    # === WHICH PERIOD === #

    def test_a_counter_belongs_to_the_period_of_its_local_day(self):
        table = [
            # zone, last instant of the counter (UTC), first day of its period, why
            ("UTC", "2026-01-31 23:59:59", "2026-01-01", "UTC is its own zone"),
            ("UTC", "2026-02-01 00:00:00", "2026-02-01", "the next day has begun"),
            (TORONTO, "2026-02-01 03:00:00", "2026-01-01", "10 p.m. of January 31 in Toronto"),
            (TORONTO, "2026-02-01 05:00:00", "2026-02-01", "midnight in Toronto"),
            (TORONTO, "2026-04-01 03:59:59", "2026-03-01", "in summer the day begins at 04:00 UTC"),
            (TORONTO, "2026-04-01 04:00:00", "2026-04-01", "in summer the day begins at 04:00 UTC"),
            (KOLKATA, "2026-01-31 18:29:59", "2026-01-01", "half an hour matters"),
            (KOLKATA, "2026-01-31 18:30:00", "2026-02-01", "half an hour matters"),
            (LORD_HOWE, "2026-03-31 12:59:59", "2026-03-01", "eleven hours ahead until April 5"),
            (LORD_HOWE, "2026-04-30 13:29:59", "2026-04-01", "ten and a half hours ahead in winter"),
            (LORD_HOWE, "2026-04-30 13:30:00", "2026-05-01", "ten and a half hours ahead in winter"),
            (APIA, "2026-01-31 11:00:00", "2026-02-01", "thirteen hours ahead"),
        ]
        charge = self._create_charge()
        for zone, at, expected, reason in table:
            with self.subTest(zone=zone, at=at):
                order = self._open(zone)
                self._use(order, 7, at)
                with self._on("2026-06-10", zone), trap_jobs():
                    invoices = self._bill_what_is_due(order)
                billed = invoices.filtered(lambda move: move.amount_untaxed == 7)
                self.assertEqual(str(billed.x_fc_period_start), expected, reason)
                row = order.x_fc_rating_ids.filtered(lambda row: row.amount == 7)
                self.assertEqual((row.charge_id, str(row.first_day)), (charge, expected), reason)

    def test_a_day_without_a_time_is_local_midnight_and_a_time_without_a_zone_is_utc(self):
        self._create_charge()
        order = self._open(TORONTO)
        row = self.env["fusion.billing.usage"]._record_usage(
            order, self.metric.code, 5, date(2026, 1, 31), date(2026, 2, 1)
        )
        self.assertEqual((str(row.period_start), str(row.period_end)), ("2026-01-31 05:00:00", "2026-02-01 05:00:00"))
        row = self._use(order, 5, "2026-01-31 00:00:00")
        self.assertEqual(str(row.period_start), "2026-01-31 00:00:00")
        with self._on("2026-02-01", TORONTO), trap_jobs():
            self.assertEqual(self._bill_what_is_due(order).amount_untaxed, 10)

    def test_lines_and_ledger_name_local_days(self):
        self._create_charge()
        order = self._open(APIA)
        self._use(order, 5, "2026-01-05 00:00:00")
        with self._on("2026-02-01", self._by_edition(APIA, "UTC")), trap_jobs():
            invoice = self._bill_what_is_due(order)
        self.assertIn("2026-01-01 - 2026-01-31", invoice.invoice_line_ids.name)
        self.assertEqual((str(invoice.x_fc_period_start), str(invoice.x_fc_period_end)), ("2026-01-01", "2026-02-01"))
        row = order.x_fc_rating_ids.filtered("amount")
        self.assertEqual((str(row.first_day), str(row.last_day)), ("2026-01-01", "2026-01-31"))
        self.assertEqual(str(row.period_start), "2025-12-31 11:00:00")

    def test_a_quantity_is_weighted_by_the_real_duration_of_days_and_periods(self):
        table = [
            # zone, start, end, quantity, weighted quantity of March, why
            (TORONTO, "2026-03-01", "2026-04-01", 743, 743, "held for the whole month, whose days are 743 hours"),
            (TORONTO, "2026-03-08", "2026-03-09", 743, 23, "the day on which the clocks go forward has 23 hours"),
            (TORONTO, "2026-03-09", "2026-03-10", 743, 24, "the day after it has 24"),
            ("UTC", "2026-03-08", "2026-03-09", 744, 24, "UTC knows no daylight saving"),
        ]
        metric = self._create_metric("weighted_sum")
        self._create_charge(metric_id=metric.id)
        for zone, start, end, quantity, expected, reason in table:
            with self.subTest(zone=zone, start=start):
                order = self._open(zone, start_date="2026-03-01")
                days = map(date.fromisoformat, (start, end))
                self.env["fusion.billing.usage"]._record_usage(order, metric.code, quantity, *days)
                with self._on("2026-04-01", zone), trap_jobs():
                    self.assertEqual(self._bill_what_is_due(order).amount_untaxed, expected, reason)

    # === WHEN === #

    @only_on("community")
    def test_a_period_is_due_when_its_last_day_is_over_where_the_customer_is(self):
        table = [
            # zone, clock (UTC), due, why
            (TORONTO, "2026-02-01 04:59:00", False, "11:59 p.m. of January 31 in Toronto"),
            (TORONTO, "2026-02-01 05:00:00", True, "midnight in Toronto"),
            (KIRITIMATI, "2026-01-31 09:59:00", False, "the first zone to see a day, not yet"),
            (KIRITIMATI, "2026-01-31 10:00:00", True, "where the day begins first"),
            ("UTC", "2026-01-31 23:59:00", False, "UTC is its own zone"),
            ("UTC", "2026-02-01 00:00:00", True, "UTC is its own zone"),
        ]
        for zone, clock, due, reason in table:
            with self.subTest(zone=zone, clock=clock):
                order = self._open(zone)
                now = fields.Datetime.to_datetime(clock)
                with (
                    patch.object(fields.Datetime, "now", lambda *args, now=now: now),
                    patch.object(fields.Date, "today", lambda *args, now=now: now.date()),
                    self._commits_ignored(),
                    trap_jobs() as trap,
                ):
                    self.env.invalidate_all()
                    self.env["sale.order"]._cron_create_recurring_invoices()
                enqueued = [job for job in trap.enqueued_jobs if job.recordset == order]
                self.assertEqual(bool(enqueued), due, reason)

    def test_a_lock_date_locks_local_days(self):
        order = self._open(TORONTO)
        self.company.x_fc_usage_lock_date = "2026-02-01"
        with self.assertRaisesRegex(UserError, "locked"):
            self._use(order, 1, "2026-02-01 04:59:59")
        self.assertTrue(self._use(order, 1, "2026-02-01 05:00:00"))

    # === WHOSE === #

    def test_the_zone_is_that_of_the_plan_the_service_the_company_or_its_contact(self):
        sources = [
            (self.company.partner_id, "tz", "Europe/Paris", "the company's contact comes last"),
            (self.company, "x_fc_billing_tz", KOLKATA, "then the company"),
            (self.service, "billing_tz", TORONTO, "then the service"),
            (self.plan, "billing_tz", APIA, "the plan first"),
        ]
        self.company.partner_id.tz = False
        self.assertEqual(self._create_subscription().x_fc_billing_tz, "UTC")
        for record, field, zone, reason in sources:
            record[field] = zone
            with self.subTest(zone):
                self.assertEqual(self._create_subscription().x_fc_billing_tz, zone, reason)

    def test_the_zone_is_fixed_when_the_subscription_starts(self):
        order = self._create_subscription(confirm=False)
        self.plan.billing_tz = TORONTO
        order.x_fc_plan_code = self.plan.code
        order.x_fc_billing_tz = KOLKATA
        order.action_confirm()
        with self.assertRaisesRegex(UserError, "time zone"):
            order.x_fc_billing_tz = TORONTO
        self.service.billing_tz = APIA
        self.assertEqual(order.x_fc_billing_tz, KOLKATA)

    # === BEFORE THE UPGRADE === #

    def test_subscriptions_of_before_keep_utc_and_get_their_closed_periods(self):
        self.company.x_fc_billing_tz = TORONTO
        self._create_charge()
        order = self._create_subscription(x_fc_billing_tz="UTC")
        self._use(order, 5)
        self._invoice_on(order, "2026-03-01")
        periods = self.env["fusion.billing.period"]
        closed = periods.search([("subscription_id", "=", order.id)])
        known = [(period.start_on, period.end_on, period.start_at, period.end_at) for period in closed]
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM fusion_billing_period WHERE subscription_id = %s", [order.id])
        self.env.cr.execute("UPDATE sale_order SET x_fc_billing_tz = NULL WHERE id = %s", [order.id])
        _run_migration(self.env.cr, "pre-time_zones")
        _run_migration(self.env.cr, "post-closed_periods")
        self.env.invalidate_all()
        self.assertEqual(order.x_fc_billing_tz, "UTC")
        closed = periods.search([("subscription_id", "=", order.id)])
        self.assertEqual([(each.start_on, each.end_on, each.start_at, each.end_at) for each in closed], known)
        self.assertEqual(len(known), 2)


@tagged("post_install", "-at_install")
class TestTimeZonesOverHttp(BillingHttpCase):
    def setUp(self):
        super().setUp()
        self._create_charge()
        self.order = self._create_subscription(x_fc_billing_tz=TORONTO)
        self.external_id = self.order.x_fc_external_id

    def _record(self, **times):
        return self._call("/usage", {"events": [self._event(self.order, quantity=2, **times)]})

    def test_a_subscription_tells_its_time_zone(self):
        self.assertEqual(self._call(f"/subscriptions/{self.external_id}").json()["time_zone"], TORONTO)

    def test_days_without_times_are_local_days(self):
        self.assertEqual(self._record(period_start="2026-01-31", period_end="2026-02-01").status_code, 202)
        usage = self.env["fusion.billing.usage"].search([("subscription_id", "=", self.order.id)])
        self.assertEqual(
            (str(usage.period_start), str(usage.period_end)), ("2026-01-31 05:00:00", "2026-02-01 05:00:00")
        )
        answer = self._call(
            "/usage",
            params={
                "subscription_external_id": self.external_id,
                "from": "2026-01-30",
                "to": "2026-02-02",
                "group_by": "day",
            },
        ).json()
        self.assertEqual(
            [(row["from"], row["to"], row["quantity"]) for row in answer["usage"]],
            [("2026-01-31T05:00:00Z", "2026-02-01T05:00:00Z", "2")],
        )

    def test_counters_are_listed_by_local_days_if_a_subscription_is_named(self):
        self._record(period_start="2026-02-01T02:00:00Z", period_end="2026-02-01T02:00:00Z")
        days = {"from": "2026-01-01", "to": "2026-02-01"}
        for named, expected in (({"subscription_external_id": self.external_id}, 1), ({}, 0)):
            with self.subTest(named):
                answer = self._call("/usage/events", params={**days, **named}).json()
                self.assertEqual(len(answer["usage"]), expected, "9 p.m. of January 31 in Toronto")

    def test_an_end_before_the_start_is_refused_also_where_one_is_a_day(self):
        table = [
            ({"period_start": "2026-01-31", "period_end": "2026-01-30"}, 400),
            ({"period_start": "2026-01-31", "period_end": "2026-01-31T04:59:59Z"}, 422),
            ({"period_start": "2026-01-31T05:00:01Z", "period_end": "2026-01-31"}, 422),
        ]
        for times, status in table:
            with self.subTest(times):
                answer = self._record(**times)
                self.assertEqual(answer.status_code, status, answer.text)
                self.assertEqual(answer.json()["errors"][0]["path"], "events.0.period_end")
                self.assertEqual(answer.json()["errors"][0]["code"], "end_before_start")

    def test_what_is_neither_a_day_nor_a_time_is_refused(self):
        for text in ("2026-02-30", "2026-1-1", "31.01.2026", "1999-12-31"):
            with self.subTest(text):
                answer = self._record(period_start=text, period_end="2026-03-01")
                self.assertRefused(answer, 400, "invalid_payload", "events.0.period_start")
