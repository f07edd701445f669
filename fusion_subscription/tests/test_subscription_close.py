# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionClose(SubscriptionCommon):
    def _close(self, order, day, end_date=None):
        with self._on(day), trap_jobs() as trap:
            order._close_subscription(end_date)
            return trap.jobs_count(only=order._job_create_recurring_invoice)

    def test_closing_ends_today_and_schedules_the_last_invoice(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        self.assertEqual(self._close(order, "2026-02-10"), 1)
        self.assertEqual(order.subscription_state, "6_churn")
        self.assertDates(order, end_date="2026-02-10", next_invoice_date="2026-02-10")

    def test_the_last_period_is_invoiced_once_and_in_full(self):
        order = self._create_subscription()
        self._close(order, "2026-02-10")
        moves = self._invoice_on(order, "2026-02-10")
        self.assertEqual(
            self._get_periods(order), [("2026-01-01", "2026-02-01", 100.0), ("2026-02-01", "2026-02-10", 100.0)]
        )
        self.assertEqual(len(moves), 2)
        self.assertDates(order, next_invoice_date=False, last_invoice_date="2026-02-10")
        self.assertFalse(self._invoice_on(order, "2026-12-01"))

    def test_closing_on_a_boundary_leaves_no_partial_period(self):
        order = self._create_subscription()
        self._close(order, "2026-02-01")
        self._invoice_on(order, "2026-03-15")
        self.assertEqual(self._get_periods(order), [("2026-01-01", "2026-02-01", 100.0)])

    def test_closing_on_the_first_day_leaves_nothing_to_invoice(self):
        order = self._create_subscription()
        self.assertEqual(self._close(order, "2026-01-01"), 0)
        self.assertEqual(order.subscription_state, "6_churn")
        self.assertDates(order, next_invoice_date=False)

    def test_closing_before_the_start_leaves_nothing_to_invoice(self):
        order = self._create_subscription(start_date="2026-05-01")
        self.assertEqual(self._close(order, "2026-01-10"), 0)
        self.assertEqual(order.subscription_state, "6_churn")
        self.assertDates(order, end_date="2026-05-01", next_invoice_date=False)

    def test_closing_with_an_earlier_day_shortens_the_last_period(self):
        order = self._create_subscription()
        self._close(order, "2026-01-20", end_date="2026-01-10")
        self.assertDates(order, end_date="2026-01-10", next_invoice_date="2026-01-10")

    def test_closing_before_what_is_invoiced_is_refused(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        with self.assertRaises(UserError):
            self._close(order, "2026-02-10", end_date="2026-01-31")

    def test_closing_with_a_later_day_runs_on_until_then(self):
        order = self._create_subscription()
        self.assertEqual(self._close(order, "2026-01-10", end_date="2026-02-15"), 0)
        self.assertEqual(order.subscription_state, "3_progress")
        self._invoice_on(order, "2026-02-14")
        self.assertEqual(order.subscription_state, "3_progress")
        self._invoice_on(order, "2026-02-15")
        self.assertEqual(order.subscription_state, "6_churn")
        self.assertEqual(
            [days for *days, _amount in self._get_periods(order)],
            [
                ["2026-01-01", "2026-02-01"],
                ["2026-02-01", "2026-02-15"],
            ],
        )

    def test_closing_a_paused_subscription_bills_what_ran_before_the_pause(self):
        order = self._create_subscription()
        with self._on("2026-01-20"):
            order.action_pause()
        self._close(order, "2026-03-10")
        self.assertTrue(order.x_fc_pause_ids.date_to)
        self._invoice_on(order, "2026-03-10")
        self.assertEqual(
            self._get_periods(order),
            [
                ("2026-01-01", "2026-02-01", 100.0),
                ("2026-02-01", "2026-03-01", None),
                ("2026-03-01", "2026-03-10", None),
            ],
        )

    def test_a_closed_subscription_cannot_be_closed_again(self):
        order = self._create_subscription()
        self._close(order, "2026-01-10")
        with self.assertRaises(UserError):
            order.action_close()

    def test_the_native_button_bills_the_last_period_of_a_closed_subscription(self):
        order = self._create_subscription()
        self._close(order, "2026-01-10")
        with self._on("2026-01-12"):
            move = order._create_invoices()
        self.assertEqual(str(move.invoice_date), "2026-01-10")
        self.assertDates(order, next_invoice_date=False)

    def test_the_plan_of_a_fully_billed_churned_subscription_can_change(self):
        order = self._create_subscription()
        self._close(order, "2026-01-10")
        with self.assertRaises(UserError):
            self.plan_month.billing_period_value = 2
        self._invoice_on(order, "2026-01-10")
        self.plan_month.billing_period_value = 2
