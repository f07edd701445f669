# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from psycopg2.errors import CheckViolation

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionPlan(SubscriptionCommon):
    def test_a_plan_is_monthly_by_default(self):
        self.assertRecordValues(
            self.plan_month,
            [
                {
                    "billing_period_value": 1,
                    "billing_period_unit": "month",
                    "billing_period_display": "1 Months",
                    "active": True,
                }
            ],
        )

    def test_a_period_has_a_length(self):
        for value in (0, -1):
            with (
                self.subTest(value),
                mute_logger("odoo.sql_db"),
                self.assertRaises(CheckViolation),
                self.cr.savepoint(),
            ):
                self._create_plan(billing_period_value=value)

    def test_the_period_of_a_plan_in_use_cannot_change(self):
        self._create_subscription()
        with self.assertRaises(UserError):
            self.plan_month.billing_period_unit = "year"
        with self.assertRaises(UserError):
            self.plan_month.billing_first_day = True
        self.plan_month.write({"name": "Renamed", "billing_period_unit": "month"})
        self.assertEqual(self.plan_month.name, "Renamed")

    def test_the_period_of_a_plan_of_quotations_can_change(self):
        self._create_subscription(confirm=False)
        self.plan_month.billing_period_value = 3
        self.assertEqual(self.plan_month.billing_period_display, "3 Months")

    def test_the_plan_of_a_subscription_with_unused_days_to_credit_cannot_change(self):
        order = self._create_subscription(x_fc_fee_timing="advance", x_fc_proration="day")
        self._invoice_on(order, "2026-01-01")
        self._close(order, "2026-01-01")
        self.assertDates(order, next_invoice_date=False, x_fc_fee_due_on="2026-01-01")
        with self.assertRaises(UserError):
            self.plan_month.billing_period_value = 2
        self._invoice_on(order, "2026-01-01")
        self.plan_month.billing_period_value = 2
