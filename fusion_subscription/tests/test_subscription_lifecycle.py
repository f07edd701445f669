# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from psycopg2.errors import CheckViolation

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionLifecycle(SubscriptionCommon):
    def test_an_order_with_a_plan_is_a_subscription(self):
        order = self._create_subscription(confirm=False)
        self.assertTrue(order.is_subscription)
        self.assertEqual(order.subscription_state, "1_draft")
        self.assertFalse(order.next_invoice_date)

    def test_an_order_without_a_plan_is_none(self):
        order = self._create_subscription(plan_id=False, start_date=False)
        self.assertFalse(order.is_subscription)
        self.assertFalse(order.subscription_state)
        self.assertFalse(order.next_invoice_date)

    def test_the_flag_may_be_given_together_with_the_plan(self):
        order = self._create_subscription(is_subscription=True)
        self.assertTrue(order.is_subscription)
        self.assertEqual(order.subscription_state, "3_progress")

    def test_a_subscription_without_a_plan_cannot_be_confirmed(self):
        with self.assertRaises(UserError):
            self._create_subscription(plan_id=False, is_subscription=True)

    def test_confirmation_starts_today_by_default(self):
        with self._on("2026-01-31"):
            order = self._create_subscription(start_date=False)
        self.assertEqual(order.subscription_state, "3_progress")
        self.assertDates(order, start_date="2026-01-31", next_invoice_date="2026-02-28", last_invoice_date=False)

    def test_the_first_boundary_is_one_period_after_the_start(self):
        table = [
            # value, unit, start, first boundary
            (1, "month", "2026-01-31", "2026-02-28"),
            (1, "month", "2024-01-31", "2024-02-29"),
            (3, "month", "2026-01-01", "2026-04-01"),
            (2, "week", "2026-01-01", "2026-01-15"),
            (1, "year", "2024-02-29", "2025-02-28"),
        ]
        for value, unit, start, expected in table:
            with self.subTest(value=value, unit=unit, start=start), self._on("2024-01-01"):
                plan = self._create_plan(billing_period_value=value, billing_period_unit=unit)
                order = self._create_subscription(plan_id=plan.id, start_date=start)
                self.assertDates(order, start_date=start, next_invoice_date=expected)

    def test_an_end_within_the_first_period_is_the_boundary(self):
        order = self._create_subscription(end_date="2026-01-20")
        self.assertDates(order, next_invoice_date="2026-01-20")

    def test_the_end_date_may_be_moved_while_the_subscription_runs(self):
        order = self._create_subscription()
        for end_date, boundary in (("2026-01-20", "2026-01-20"), ("2026-06-01", "2026-02-01"), (False, "2026-02-01")):
            with self.subTest(end_date=end_date):
                order.end_date = end_date
                self.assertDates(order, next_invoice_date=boundary)

    def test_an_end_before_the_start_or_before_what_is_billed_is_refused(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        for end_date in ("2025-12-31", "2026-01-31"):
            with (
                self.subTest(end_date=end_date),
                mute_logger("odoo.sql_db"),
                self.assertRaises(CheckViolation),
                self.cr.savepoint(),
            ):
                order.end_date = end_date
                order.flush_recordset()

    def test_plan_and_start_of_a_confirmed_subscription_are_fixed(self):
        order = self._create_subscription()
        for values in (
            {"plan_id": self._create_plan().id},
            {"plan_id": False},
            {"start_date": "2026-01-02"},
            {"is_subscription": False},
        ):
            with self.subTest(values=values), self.assertRaises(UserError):
                order.write(values)
        order.write({"plan_id": self.plan_month.id, "start_date": "2026-01-01"})

    def test_a_confirmed_ordinary_order_cannot_become_a_subscription(self):
        order = self._create_subscription(plan_id=False, start_date=False)
        with self.assertRaises(UserError):
            order.plan_id = self.plan_month

    def test_a_copy_keeps_the_plan_and_nothing_of_the_history(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        copy = order.copy()
        self.assertEqual(copy.plan_id, self.plan_month)
        self.assertEqual(copy.subscription_state, "1_draft")
        self.assertDates(copy, start_date=False, next_invoice_date=False, last_invoice_date=False)

    def test_cancelling_ends_the_subscription_without_another_invoice(self):
        order = self._create_subscription()
        with self._on("2026-01-10"):
            order.action_cancel()
        self.assertEqual(order.subscription_state, "6_churn")
        self.assertDates(order, end_date="2026-01-10", next_invoice_date=False)
        self.assertFalse(self._invoice_on(order, "2026-06-01"))

    def test_a_cancelled_quotation_stays_a_draft_subscription(self):
        order = self._create_subscription(confirm=False)
        order.action_cancel()
        self.assertEqual(order.subscription_state, "1_draft")
        self.assertFalse(order.end_date)

    def test_a_cancelled_subscription_can_be_reopened_while_nothing_is_billed(self):
        order = self._create_subscription()
        with self._on("2026-01-10"):
            order.action_cancel()
            order.action_draft()
            self.assertEqual(order.subscription_state, "1_draft")
            self.assertDates(order, end_date=False)
            order.action_confirm()
        self.assertEqual(order.subscription_state, "3_progress")
        self.assertDates(order, next_invoice_date="2026-02-01")

    def test_a_billed_subscription_can_neither_be_reopened_nor_deleted(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        order.action_cancel()
        with self.assertRaises(UserError):
            order.action_draft()
        with self.assertRaises(UserError):
            order.unlink()

    def test_the_end_of_a_churned_subscription_is_fixed(self):
        order = self._create_subscription()
        with self._on("2026-01-10"):
            order.action_close()
        with self.assertRaises(UserError):
            order.end_date = "2027-01-01"

    def test_a_combo_cannot_be_recurring(self):
        with self.assertRaises(ValidationError):
            self.env["product.template"].create(
                {
                    "name": "Bundle",
                    "type": "combo",
                    "recurring_invoice": True,
                    "combo_ids": [(0, 0, {"name": "Choice", "combo_item_ids": [(0, 0, {"product_id": self.fee.id})]})],
                }
            )

    def test_a_line_keeps_what_it_was_when_the_product_changes(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-03-01")
        self.fee.recurring_invoice = False
        self.assertTrue(order.order_line.x_fc_is_recurring)
        self.assertEqual(order.order_line.qty_to_invoice, 0)

    def test_a_quotation_follows_the_product_until_it_is_confirmed(self):
        order = self._create_subscription(confirm=False)
        self.assertTrue(order.order_line.x_fc_is_recurring)
        self.fee.recurring_invoice = False
        order.action_confirm()
        self.assertFalse(order.order_line.x_fc_is_recurring)
