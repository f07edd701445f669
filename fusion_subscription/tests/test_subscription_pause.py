# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionPause(SubscriptionCommon):
    def _pause(self, order, *days):
        """Pause and resume in turn on the given days."""
        for number, day in enumerate(days):
            with self._on(day):
                order.action_resume() if number % 2 else order.action_pause()

    def test_nothing_is_invoiced_while_paused(self):
        order = self._create_subscription()
        self._pause(order, "2026-01-20")
        self.assertEqual(order.subscription_state, "4_paused")
        self.assertFalse(self._invoice_on(order, "2026-06-01"))
        with self._on("2026-06-01"), self.assertRaises(UserError):
            order._create_invoices()

    def test_recurring_lines_are_left_out_of_periods_wholly_within_the_pause(self):
        table = [
            # paused and resumed on, invoiced on, amounts of the periods of January, February, ...
            (["2026-01-20", "2026-03-10"], "2026-04-01", [100.0, None, 100.0]),
            (["2026-02-01", "2026-03-01"], "2026-04-01", [100.0, None, 100.0]),
            (["2026-02-02", "2026-03-01"], "2026-04-01", [100.0, 100.0, 100.0]),
            (["2026-02-01", "2026-02-28"], "2026-04-01", [100.0, 100.0, 100.0]),
            (["2026-01-10", "2026-01-12"], "2026-02-01", [100.0]),
            (["2026-01-01", "2026-02-20"], "2026-03-01", [None, 100.0]),
            (["2026-01-10", "2026-03-10", "2026-03-20", "2026-05-02"], "2026-06-01", [100.0, None, 100.0, None, 100.0]),
        ]
        for days, invoiced_on, expected in table:
            with self.subTest(days=days):
                order = self._create_subscription()
                self._pause(order, *days)
                self._invoice_on(order, invoiced_on)
                self.assertEqual([amount for *_days, amount in self._get_periods(order)], expected)

    def test_the_boundaries_are_the_same_after_a_pause(self):
        order = self._create_subscription(start_date="2025-12-31")
        self._pause(order, "2026-01-10", "2026-03-15")
        self.assertDates(order, next_invoice_date="2026-01-31")
        self._invoice_on(order, "2026-03-31")
        self.assertEqual(
            [days for *days, _amount in self._get_periods(order)],
            [
                ["2025-12-31", "2026-01-31"],
                ["2026-01-31", "2026-02-28"],
                ["2026-02-28", "2026-03-31"],
            ],
        )

    def test_one_off_lines_of_a_paused_period_are_billed_after_the_resume(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        self._pause(order, "2026-02-01", "2026-03-05")
        order.order_line = [Command.create({"product_id": self.setup.id})]
        self._invoice_on(order, "2026-03-05")
        self.assertEqual(self._get_periods(order)[-1], ("2026-02-01", "2026-03-01", 30.0))

    def test_only_what_runs_can_be_paused_and_only_what_is_paused_resumed(self):
        order = self._create_subscription(confirm=False)
        for action in (order.action_pause, order.action_resume, order.action_close):
            with self.subTest(action.__name__), self.assertRaises(UserError):
                action()
        order.action_confirm()
        with self.assertRaises(UserError):
            order.action_resume()
        order.action_pause()
        with self.assertRaises(UserError):
            order.action_pause()

    def test_a_cancelled_subscription_cannot_be_resumed(self):
        order = self._create_subscription()
        order.action_pause()
        order.action_cancel()
        self.assertTrue(order.x_fc_pause_ids.date_to)
        with self.assertRaises(UserError):
            order.action_resume()

    def test_a_pause_may_follow_another_one_at_once(self):
        order = self._create_subscription()
        with self._on("2026-01-20"):
            order.action_pause()
            order.action_resume()
            order.action_pause()
        self.assertEqual(order.subscription_state, "4_paused")

    def test_a_pause_is_recorded_with_its_days(self):
        order = self._create_subscription()
        self._pause(order, "2026-01-20", "2026-03-10", "2026-04-02")
        self.assertEqual(
            [(str(pause.date_from), pause.date_to and str(pause.date_to)) for pause in order.x_fc_pause_ids],
            [("2026-04-02", False), ("2026-01-20", "2026-03-10")],
        )
