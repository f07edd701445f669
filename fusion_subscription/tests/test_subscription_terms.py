# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import date, datetime
from fractions import Fraction

from psycopg2.errors import CheckViolation

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import SubscriptionCommon

ADVANCE = {"x_fc_fee_timing": "advance"}
DAY = {"x_fc_proration": "day"}


def _trial(days):
    return {"x_fc_trial_days": days}


@tagged("post_install", "-at_install")
class TestSubscriptionTerms(SubscriptionCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan_aligned = cls._create_plan(billing_first_day=True)

    def _check_invoices(self, table):
        for reason, values, day, expected in table:
            with self.subTest(reason):
                order = self._create_subscription(**values)
                self._invoice_on(order, day)
                self.assertEqual(self._get_invoices(order), expected)

    # === AMOUNTS === #

    def test_fees_in_arrears(self):
        aligned = {"plan_id": self.plan_aligned.id}
        from_15 = {**aligned, "start_date": "2026-01-15"}
        feb_100 = ("2026-03-01", 100.0)
        self._check_invoices(
            [
                # reason, terms (else since January 1, in full, no trial), invoiced on, invoices
                ("in full", {}, "2026-03-01", [("2026-02-01", 100.0), feb_100]),
                ("whole periods by day", DAY, "2026-03-01", [("2026-02-01", 100.0), feb_100]),
                ("aligned, in full", from_15, "2026-03-01", [("2026-02-01", 100.0), feb_100]),
                ("aligned: 17/31", {**from_15, **DAY}, "2026-03-01", [("2026-02-01", 54.84), feb_100]),
                ("aligned since the 1st", {**aligned, **DAY}, "2026-02-01", [("2026-02-01", 100.0)]),
                (
                    "aligned, one day: 1/31",
                    {**aligned, **DAY, "start_date": "2026-01-31"},
                    "2026-02-01",
                    [("2026-02-01", 3.23)],
                ),
                (
                    "aligned, leap day: 1/29",
                    {**aligned, **DAY, "start_date": "2024-02-29"},
                    "2024-03-01",
                    [("2024-03-01", 3.45)],
                ),
                (
                    "aligned, begins and ends within a month: 10/31",
                    {**from_15, **DAY, "end_date": "2026-01-25"},
                    "2026-03-01",
                    [("2026-01-25", 32.26)],
                ),
                (
                    "ends within the period: 9/28",
                    {**DAY, "end_date": "2026-02-10"},
                    "2026-03-01",
                    [("2026-02-01", 100.0), ("2026-02-10", 32.14)],
                ),
                (
                    "ends within the period, in full",
                    {"end_date": "2026-02-10"},
                    "2026-03-01",
                    [("2026-02-01", 100.0), ("2026-02-10", 100.0)],
                ),
                ("ends on a boundary", {**DAY, "end_date": "2026-02-01"}, "2026-03-01", [("2026-02-01", 100.0)]),
                (
                    "since the 31st, ends a day after a boundary: 1/31",
                    {**DAY, "start_date": "2026-01-31", "end_date": "2026-03-01"},
                    "2026-03-01",
                    [("2026-02-28", 100.0), ("2026-03-01", 3.23)],
                ),
                ("trial within the period, in full: 21/31", _trial(10), "2026-02-01", [("2026-02-01", 67.74)]),
                ("trial of 14 days, in full: 17/31", _trial(14), "2026-02-01", [("2026-02-01", 54.84)]),
                ("trial of the whole period, in full", _trial(31), "2026-03-01", [feb_100]),
                ("trial a day longer, in full: 27/28", _trial(32), "2026-03-01", [("2026-03-01", 96.43)]),
                ("trial a day shorter, in full: 1/31", _trial(30), "2026-02-01", [("2026-02-01", 3.23)]),
                (
                    "trial in a partial period, in full: 3 of its 17 days",
                    {**from_15, **_trial(14)},
                    "2026-02-01",
                    [("2026-02-01", 17.65)],
                ),
                (
                    "ends after the trial, in full: 17/31",
                    {**_trial(14), "end_date": "2026-01-20"},
                    "2026-02-01",
                    [("2026-01-20", 54.84)],
                ),
                ("trial within the period: 21/31", {**DAY, **_trial(10)}, "2026-02-01", [("2026-02-01", 67.74)]),
                ("trial a day shorter: 1/31", {**DAY, **_trial(30)}, "2026-02-01", [("2026-02-01", 3.23)]),
                ("trial of the whole period, by day", {**DAY, **_trial(31)}, "2026-03-01", [feb_100]),
                ("trial into the second period: 14/28", {**DAY, **_trial(45)}, "2026-03-01", [("2026-03-01", 50.0)]),
                (
                    "trial in a partial period: 3/31",
                    {**from_15, **DAY, **_trial(14)},
                    "2026-02-01",
                    [("2026-02-01", 9.68)],
                ),
                ("ends within the trial", {**DAY, **_trial(60), "end_date": "2026-02-10"}, "2026-03-01", []),
                ("ends within the trial, in full", {**_trial(60), "end_date": "2026-02-10"}, "2026-03-01", []),
                (
                    "trial and end in one period: Feb 6 to Feb 9, 4/28",
                    {**DAY, **_trial(36), "end_date": "2026-02-10"},
                    "2026-03-01",
                    [("2026-02-10", 14.29)],
                ),
            ]
        )

    def test_fees_in_advance(self):
        from_15 = {**ADVANCE, "plan_id": self.plan_aligned.id, "start_date": "2026-01-15"}
        jan_100, feb_100 = ("2026-01-01", 100.0), ("2026-02-01", 100.0)
        self._check_invoices(
            [
                # reason, terms (else since January 1, in full, no trial), invoiced on, invoices
                ("nothing before the start", ADVANCE, "2025-12-31", []),
                ("on the first day", ADVANCE, "2026-01-01", [jan_100]),
                ("not before the boundary", ADVANCE, "2026-01-31", [jan_100]),
                ("on the boundary", ADVANCE, "2026-02-01", [jan_100, feb_100]),
                ("aligned, in full", from_15, "2026-02-01", [("2026-01-15", 100.0), feb_100]),
                ("aligned: 17/31", {**from_15, **DAY}, "2026-02-01", [("2026-01-15", 54.84), feb_100]),
                (
                    "agreed end within the period: 9/28",
                    {**ADVANCE, **DAY, "end_date": "2026-02-10"},
                    "2026-03-01",
                    [jan_100, ("2026-02-01", 32.14)],
                ),
                (
                    "agreed end within the period, in full",
                    {**ADVANCE, "end_date": "2026-02-10"},
                    "2026-03-01",
                    [jan_100, feb_100],
                ),
                ("agreed end on the boundary", {**ADVANCE, "end_date": "2026-02-01"}, "2026-03-01", [jan_100]),
                ("no fee during the trial", {**ADVANCE, **DAY, **_trial(10)}, "2026-01-10", []),
                (
                    "fee when the trial ends: 21/31",
                    {**ADVANCE, **DAY, **_trial(10)},
                    "2026-01-11",
                    [("2026-01-11", 67.74)],
                ),
                (
                    "fee when the trial ends, in full: 21/31",
                    {**ADVANCE, **_trial(10)},
                    "2026-01-11",
                    [("2026-01-11", 67.74)],
                ),
                (
                    "whole fees after the trial",
                    {**ADVANCE, **DAY, **_trial(10)},
                    "2026-02-01",
                    [("2026-01-11", 67.74), feb_100],
                ),
                ("trial of the whole period, in full", {**ADVANCE, **_trial(31)}, "2026-02-01", [feb_100]),
                ("trial of the whole period, by day", {**ADVANCE, **DAY, **_trial(31)}, "2026-02-01", [feb_100]),
                (
                    "trial into the second period: 14/28",
                    {**ADVANCE, **DAY, **_trial(45)},
                    "2026-02-15",
                    [("2026-02-15", 50.0)],
                ),
                ("ends within the trial", {**ADVANCE, **_trial(60), "end_date": "2026-02-10"}, "2026-03-01", []),
                (
                    "fees do not wait for the grace period",
                    {**ADVANCE, "x_fc_grace_days": 5},
                    "2026-02-01",
                    [jan_100, feb_100],
                ),
            ]
        )

    def test_partial_fees_by_plan(self):
        table = [
            # value, unit, start, price, end of the partial period, amount, reason
            (1, "week", "2026-01-01", 100, "2026-01-05", 57.14, "4/7, Thursday to Sunday"),
            (2, "week", "2026-01-11", 100, "2026-01-19", 57.14, "8/14, Sunday and a week"),
            (3, "month", "2026-02-15", 300, "2026-05-01", 252.81, "75/89"),
            (1, "year", "2026-07-01", 1200, "2027-01-01", 604.93, "184/365"),
            (1, "year", "2024-02-29", 366, "2025-01-01", 307.0, "307/366"),
        ]
        for value, unit, start, price, end, amount, reason in table:
            for timing, invoice_date in (("arrears", end), ("advance", start)):
                with self.subTest(reason, timing=timing):
                    plan = self._create_plan(
                        billing_period_value=value, billing_period_unit=unit, billing_first_day=True
                    )
                    order = self._create_subscription(
                        lines=[{"product_id": self.fee.id, "price_unit": price}],
                        plan_id=plan.id,
                        start_date=start,
                        x_fc_proration="day",
                        x_fc_fee_timing=timing,
                    )
                    self._invoice_on(order, invoice_date)
                    self.assertEqual(self._get_invoices(order), [(invoice_date, amount)])

    def test_partial_fees_are_right_to_the_smallest_coin(self):
        """Half of February: 14/28."""
        table = [
            # currency, quantity, price, discount, expected, reason
            ("USD", 1, 100.01, 0, 50.01, "50.005"),
            ("USD", 1, 0.01, 0, 0.01, "0.005"),
            ("USD", 3, 50, 10, 67.5, "135 / 2"),
            ("USD", 1, 100.02, 50, 25.01, "25.005"),
            ("USD", 1, 33.33, 33.33, 11.11, "11.1105"),
            ("USD", 0.5, 99.99, 0, 25.0, "24.9975"),
            ("JPY", 1, 101, 0, 51, "50.5"),
            ("JPY", 1, 1001, 15, 425, "425.425"),
            ("JPY", 3, 333, 0, 500, "499.5"),
            ("KWD", 1, 10.001, 0, 5.001, "5.0005"),
            ("KWD", 1, 1.234, 5, 0.586, "0.58615"),
            ("KWD", 7, 0.333, 12.5, 1.02, "1.0198125"),
        ]
        for code, quantity, price, discount, expected, reason in table:
            currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", code)])
            currency.active = True
            pricelist = self.env["product.pricelist"].create({"name": code, "currency_id": currency.id})
            line = {
                "product_id": self.fee.id,
                "product_uom_qty": quantity,
                "price_unit": price,
                "discount": discount,
            }
            for timing in ("arrears", "advance"):
                with self.subTest(reason, code=code, timing=timing):
                    order = self._create_subscription(
                        lines=[line],
                        plan_id=self.plan_aligned.id,
                        start_date="2026-02-15",
                        pricelist_id=pricelist.id,
                        x_fc_proration="day",
                        x_fc_fee_timing=timing,
                        end_date="2026-03-01",
                    )
                    move = self._invoice_on(order, "2026-03-01")
                    self.assertEqual(move.currency_id, currency)
                    self.assertRecordValues(
                        move.invoice_line_ids,
                        [{"quantity": 1, "discount": 0, "price_unit": expected, "price_subtotal": expected}],
                    )

    def test_taxes_are_computed_on_the_partial_fee(self):
        self.fee.taxes_id = self.tax_sale_a
        order = self._create_subscription(plan_id=self.plan_aligned.id, start_date="2026-02-15", x_fc_proration="day")
        move = self._invoice_on(order, "2026-03-01")
        self.assertRecordValues(move, [{"amount_untaxed": 50.0, "amount_tax": 7.5}])

    # === TEXT === #

    def test_the_line_says_which_days_of_which_period_it_bills(self):
        order = self._create_subscription(
            lines=[{"product_id": self.fee.id, "discount": 12.5}],
            plan_id=self.plan_aligned.id,
            start_date="2026-01-15",
            x_fc_proration="day",
        )
        partial, whole = self._invoice_on(order, "2026-03-01").invoice_line_ids
        self.assertEqual(
            partial.name.split("\n")[1:],
            [
                "1 x 100.00, 01/15/2026 to 01/31/2026, 17 of the 31 days of 01/01/2026 to 01/31/2026",
                "12.5 % discount included",
            ],
        )
        self.assertEqual(whole.name.split("\n")[1:], ["02/01/2026 to 02/28/2026"])

    def test_days_of_the_trial_are_not_named(self):
        order = self._create_subscription(x_fc_proration="day", x_fc_trial_days=10)
        line = self._invoice_on(order, "2026-02-01").invoice_line_ids
        self.assertIn("01/11/2026 to 01/31/2026, 21 of the 31 days", line.name)

    # === ONE-OFF LINES === #

    def test_the_trial_does_not_make_other_lines_free(self):
        lines = [{"product_id": self.fee.id}, {"product_id": self.setup.id}]
        for terms in ({}, ADVANCE, DAY):
            with self.subTest(terms=terms):
                order = self._create_subscription(lines, x_fc_trial_days=45, **terms)
                self._invoice_on(order, "2026-02-01")
                self.assertEqual(self._get_invoices(order), [("2026-02-01", 30.0)])

    # === FRACTION === #

    def test_the_fraction_of_a_period_does_not_depend_on_the_rule(self):
        for rule in ("none", "day"):
            with self.subTest(rule):
                order = self._create_subscription(
                    plan_id=self.plan_aligned.id, start_date="2026-01-15", x_fc_proration=rule
                )
                self.assertEqual(
                    order._get_period_fraction(date(2026, 1, 15), date(2026, 2, 1)),
                    Fraction(17, 31),
                )
                self.assertEqual(order._get_period_fraction(date(2026, 2, 1), date(2026, 3, 1)), 1)

    # === WHAT WAS AGREED STAYS === #

    def test_terms_of_a_confirmed_subscription_are_fixed(self):
        order = self._create_subscription()
        for values in (
            {"x_fc_proration": "day"},
            {"x_fc_fee_timing": "advance"},
            {"x_fc_trial_days": 5},
            {"x_fc_grace_days": 5},
        ):
            with self.subTest(values=values), self.assertRaises(UserError):
                order.write(values)
        order.write({"x_fc_proration": "none", "x_fc_trial_days": 0})

    def test_terms_of_a_quotation_can_change_and_are_copied(self):
        order = self._create_subscription(confirm=False)
        terms = {"x_fc_proration": "day", "x_fc_fee_timing": "advance", "x_fc_trial_days": 5, "x_fc_grace_days": 3}
        order.write(terms)
        self.assertRecordValues(order.copy(), [terms])

    def test_days_out_of_range_are_refused(self):
        for values in (
            {"x_fc_trial_days": -1},
            {"x_fc_trial_days": 4000},
            {"x_fc_trial_days": 2000000000},
            {"x_fc_grace_days": -1},
            {"x_fc_grace_days": 28},
        ):
            order = self._create_subscription(confirm=False)
            with (
                self.subTest(values=values),
                mute_logger("odoo.sql_db"),
                self.assertRaises(CheckViolation),
                self.cr.savepoint(),
            ):
                order.write(values)
                order.flush_recordset()

    def test_the_trial_ends_so_many_days_after_the_start(self):
        order = self._create_subscription(x_fc_trial_days=14, start_date="2026-02-20")
        self.assertDates(order, x_fc_trial_end_date="2026-03-06")
        self.assertDates(self._create_subscription(), x_fc_trial_end_date=False)

    def test_a_first_aligned_boundary_is_the_next_invoice_date(self):
        order = self._create_subscription(plan_id=self.plan_aligned.id, start_date="2026-01-15")
        self.assertDates(order, next_invoice_date="2026-02-01")
        self._invoice_on(order, "2026-02-01")
        self.assertEqual(self._get_periods(order), [("2026-01-15", "2026-02-01", 100.0)])
        self.assertDates(order, last_invoice_date="2026-02-01", next_invoice_date="2026-03-01")

    # === ANOTHER DAY, FOR PREVIEWS === #

    def test_a_preview_sees_the_invoice_of_a_later_day_and_leaves_nothing(self):
        order = self._create_subscription()
        with self._on("2026-01-20"):
            savepoint = self.cr.savepoint(flush=True)
            preview = order.with_context(fusion_subscription_today=date(2026, 2, 1))
            self.assertTrue(preview.x_fc_has_due_period)
            self.assertFalse(order.x_fc_has_due_period)
            move = preview._create_invoices(final=True)
            self.assertRecordValues(move, [{"amount_untaxed": 100.0, "invoice_date": date(2026, 2, 1)}])
            savepoint.close(rollback=True)
            self.env.invalidate_all()
        self.assertFalse(order.invoice_ids)
        self.assertDates(order, last_invoice_date=False, next_invoice_date="2026-02-01")

    def test_a_client_cannot_choose_the_day(self):
        order = self._create_subscription()
        from_clients = ("2026-02-01", datetime(2026, 2, 1), True)
        with self._on("2026-01-20"):
            for value in from_clients:
                with self.subTest(value=value):
                    self.assertFalse(order.with_context(fusion_subscription_today=value)._get_due_period())
