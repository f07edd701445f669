# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import date
from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import tagged

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionGrace(SubscriptionCommon):
    def _is_enqueued(self, order):
        with trap_jobs() as trap, patch.object(self.registry["ir.cron"], "_commit_progress", lambda *a, **k: 1.0):
            self.env["sale.order"].sudo()._cron_create_recurring_invoices()
            return order.id in [job.recordset.id for job in trap.enqueued_jobs]

    def test_a_period_is_due_after_the_grace_period(self):
        table = [
            # grace, day, due
            (0, "2026-01-31", False),
            (0, "2026-02-01", True),
            (5, "2026-02-01", False),
            (5, "2026-02-05", False),
            (5, "2026-02-06", True),
            (27, "2026-02-27", False),
            (27, "2026-02-28", True),
        ]
        for grace, day, due in table:
            with self.subTest(grace=grace, day=day):
                order = self._create_subscription(x_fc_grace_days=grace)
                self.assertDates(order, next_invoice_date="2026-02-01")
                with self._on(day):
                    self.assertEqual(order._get_due_period(), (date(2026, 1, 1), date(2026, 2, 1)) if due else None)
                    self.assertEqual(order.x_fc_has_due_period, due)
                    self.assertEqual(self._is_enqueued(order), due)
                    self.assertEqual(len(order._create_recurring_invoice()), due)

    def test_the_invoice_is_dated_when_the_grace_period_ends_and_the_boundaries_stay(self):
        order = self._create_subscription(x_fc_grace_days=10)
        self._invoice_on(order, "2026-03-20")
        self.assertEqual(self._get_invoices(order), [("2026-02-11", 100.0), ("2026-03-11", 100.0)])
        self.assertEqual(
            self._get_periods(order), [("2026-01-01", "2026-02-01", 100.0), ("2026-02-01", "2026-03-01", 100.0)]
        )
        self.assertDates(
            order, last_invoice_date="2026-03-01", next_invoice_date="2026-04-01", x_fc_invoice_on="2026-04-11"
        )

    def test_fees_in_advance_do_not_wait(self):
        order = self._create_subscription(
            [{"product_id": self.fee.id}, {"product_id": self.setup.id}],
            x_fc_grace_days=5,
            x_fc_fee_timing="advance",
        )
        expected = [("2026-01-01", 100.0), ("2026-02-01", 100.0), ("2026-02-06", 30.0), ("2026-03-01", 100.0)]
        for day, count in (
            ("2026-01-01", 1),
            ("2026-02-01", 2),
            ("2026-02-05", 2),
            ("2026-02-06", 3),
            ("2026-03-01", 4),
        ):
            with self.subTest(day):
                self._invoice_on(order, day)
                self.assertEqual(self._get_invoices(order), expected[:count])

    def test_missed_fees_and_periods_are_caught_up_in_the_order_of_their_days(self):
        week = self._create_plan(billing_period_unit="week")
        order = self._create_subscription(
            [{"product_id": self.fee.id, "price_unit": 7}, {"product_id": self.setup.id}],
            plan_id=week.id,
            x_fc_grace_days=10,
            x_fc_fee_timing="advance",
        )
        moves = self._invoice_on(order, "2026-01-22")
        self.assertEqual(
            [(str(move.invoice_date), move.amount_untaxed) for move in moves.sorted("id")],
            [("2026-01-01", 7.0), ("2026-01-08", 7.0), ("2026-01-15", 7.0), ("2026-01-18", 30.0), ("2026-01-22", 7.0)],
        )

    def test_a_fee_of_the_day_on_which_the_grace_period_ends_is_on_the_same_invoice(self):
        week = self._create_plan(billing_period_unit="week")
        order = self._create_subscription(
            [{"product_id": self.fee.id, "price_unit": 7}, {"product_id": self.setup.id}],
            plan_id=week.id,
            x_fc_grace_days=7,
            x_fc_fee_timing="advance",
        )
        self._invoice_on(order, "2026-01-15")
        self.assertEqual(self._get_invoices(order), [("2026-01-01", 7.0), ("2026-01-08", 7.0), ("2026-01-15", 37.0)])

    # === CLOSING === #

    def test_the_last_period_waits_too_but_the_subscription_is_closed_at_once(self):
        order = self._create_subscription(x_fc_grace_days=5)
        with self._on("2026-01-10"), trap_jobs() as trap:
            order.action_close()
            trap.assert_jobs_count(0, only=order._job_create_recurring_invoice)
        self.assertEqual(order.subscription_state, "6_churn")
        order.sudo().order_line = [Command.create({"product_id": self.setup.id})]
        for day, due in (("2026-01-14", False), ("2026-01-15", True)):
            with self.subTest(day), self._on(day):
                self.assertEqual(self._is_enqueued(order), due)
        self._invoice_on(order, "2026-01-15")
        self.assertEqual(self._get_invoices(order), [("2026-01-15", 130.0)])
        self.assertDates(order, last_invoice_date="2026-01-10", next_invoice_date=False)

    def test_an_agreed_end_closes_on_its_day_and_bills_after_the_grace_period(self):
        order = self._create_subscription(x_fc_grace_days=10, end_date="2026-02-05")
        with self._on("2026-02-05"):
            self.assertTrue(self._is_enqueued(order))
            order.sudo()._job_create_recurring_invoice()
            self.assertEqual(order.subscription_state, "6_churn")
            self.assertFalse(self._is_enqueued(order), "not once an hour until the grace period ends")
        self._invoice_on(order, "2026-02-15")
        self.assertEqual(self._get_invoices(order), [("2026-02-11", 100.0), ("2026-02-15", 100.0)])

    def test_unused_days_are_credited_after_the_grace_period(self):
        order = self._create_subscription(x_fc_grace_days=10, x_fc_fee_timing="advance", x_fc_proration="day")
        self._invoice_on(order, "2026-02-01")
        with self._on("2026-02-05"), trap_jobs():
            order.action_close()
        self._invoice_on(order, "2026-02-14")
        self.assertEqual(self._get_invoices(order), [("2026-01-01", 100.0), ("2026-02-01", 100.0)])
        self._invoice_on(order, "2026-02-15")
        self.assertEqual(self._get_invoices(order)[2:], [("2026-02-15", -85.71)])
