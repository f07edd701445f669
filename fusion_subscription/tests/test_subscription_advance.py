# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from collections import defaultdict
from unittest.mock import patch

from psycopg2.errors import CheckViolation, UniqueViolation

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionAdvance(SubscriptionCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan_aligned = cls._create_plan(billing_first_day=True)

    @classmethod
    def _create_advance(cls, lines=None, **values):
        terms = {"x_fc_fee_timing": "advance", "x_fc_proration": "day"}
        return cls._create_subscription(lines, **{**terms, **values})

    def _run_on(self, order, *days):
        for day in days:
            self._invoice_on(order, day)

    def _run_cron(self):
        """Return the orders for which the cron enqueues a job."""
        with trap_jobs() as trap, patch.object(self.registry["ir.cron"], "_commit_progress", lambda *a, **k: 1.0):
            self.env["sale.order"].sudo()._cron_create_recurring_invoices()
            return self.env["sale.order"].union(*(job.recordset for job in trap.enqueued_jobs)).sudo(False)

    # === LIFE === #

    def test_an_aligned_subscription_over_several_months(self):
        order = self._create_advance(
            [{"product_id": self.fee.id}, {"product_id": self.setup.id}],
            plan_id=self.plan_aligned.id,
            start_date="2026-01-15",
        )
        self._run_on(order, "2026-01-15", "2026-01-16", "2026-02-01", "2026-02-02", "2026-03-01")
        self.assertEqual(
            self._get_invoices(order),
            [
                ("2026-01-15", 54.84),  # 17/31, by itself: the one-off line comes at the end of the period
                ("2026-02-01", 130.0),  # with the fee of February
                ("2026-03-01", 100.0),
            ],
        )
        self.assertEqual(
            self._get_periods(order), [("2026-01-15", "2026-02-01", 130.0), ("2026-02-01", "2026-03-01", 100.0)]
        )
        self.assertDates(
            order,
            last_invoice_date="2026-03-01",
            next_invoice_date="2026-04-01",
            x_fc_fee_invoiced_until="2026-04-01",
            x_fc_fee_due_on="2026-04-01",
        )
        self._close(order, "2026-03-11")
        self._run_on(order, "2026-03-11", "2026-06-01")
        self.assertEqual(self._get_invoices(order)[3:], [("2026-03-11", -67.74)])  # 10/31 used: 32.26
        self.assertEqual(order.subscription_state, "6_churn")
        self.assertDates(order, next_invoice_date=False, x_fc_fee_due_on=False, x_fc_fee_invoiced_until="2026-03-11")

    def test_every_fee_is_on_record_with_its_invoice_line(self):
        order = self._create_advance(plan_id=self.plan_aligned.id, start_date="2026-01-15")
        moves = self._invoice_on(order, "2026-02-01")
        fees = order.x_fc_fee_ids.sorted("date_from")
        self.assertEqual(
            [(str(fee.date_from), str(fee.date_to), fee.amount) for fee in fees],
            [("2026-01-15", "2026-02-01", 54.84), ("2026-02-01", "2026-03-01", 100.0)],
        )
        self.assertEqual(fees.invoice_line_ids, moves.invoice_line_ids)
        self.assertIn("02/01/2026 to 02/28/2026", fees[1].invoice_line_ids.name)

    def test_closing_gives_back_the_unused_days(self):
        jan_100 = ("2026-01-01", 100.0)
        table = [
            # reason, terms, price, invoiced on, closed on, invoices in the end
            ("22 of 31 days unused", {}, 100, ["2026-01-01"], "2026-01-10", [jan_100, ("2026-01-10", -70.97)]),
            ("30 days unused", {}, 100, ["2026-01-01"], "2026-01-02", [jan_100, ("2026-01-02", -96.77)]),
            ("all of them", {}, 100, ["2026-01-01"], "2026-01-01", [jan_100, ("2026-01-01", -100.0)]),
            ("none left", {}, 100, ["2026-01-01"], "2026-02-01", [jan_100]),
            (
                "a period just begun and billed",
                {},
                100,
                ["2026-01-01", "2026-02-01"],
                "2026-02-01",
                [jan_100, ("2026-02-01", 100.0), ("2026-02-01", -100.0)],
            ),
            ("in full: nothing", {"x_fc_proration": "none"}, 100, ["2026-01-01"], "2026-01-10", [jan_100]),
            (
                "in full, first day: 0 days are free",
                {"x_fc_proration": "none"},
                100,
                ["2026-01-01"],
                "2026-01-01",
                [jan_100, ("2026-01-01", -100.0)],
            ),
            (
                "in full, on the boundary, after its run: 0 days of February are free",
                {"x_fc_proration": "none"},
                100,
                ["2026-01-01", "2026-02-01"],
                "2026-02-01",
                [jan_100, ("2026-02-01", 100.0), ("2026-02-01", -100.0)],
            ),
            ("within the trial", {"x_fc_trial_days": 10}, 100, ["2026-01-01"], "2026-01-05", []),
            (
                "after the trial: 9/31 used",
                {"x_fc_trial_days": 10},
                100,
                ["2026-01-11"],
                "2026-01-20",
                [("2026-01-11", 67.74), ("2026-01-20", -38.71)],
            ),
            (
                "the day the trial ends",
                {"x_fc_trial_days": 10},
                100,
                ["2026-01-11"],
                "2026-01-11",
                [("2026-01-11", 67.74), ("2026-01-11", -67.74)],
            ),
            (
                "half a cent: used 50.005 is 50.01",
                {"start_date": "2026-02-01"},
                100.01,
                ["2026-02-01"],
                "2026-02-15",
                [("2026-02-01", 100.01), ("2026-02-15", -50.0)],
            ),
            (
                "closed before its first fee was billed: 9/31, then nothing",
                {},
                100,
                [],
                "2026-01-10",
                [("2026-01-01", 29.03)],
            ),
        ]
        for reason, terms, price, days, closed_on, expected in table:
            with self.subTest(reason):
                order = self._create_advance([{"product_id": self.fee.id, "price_unit": price}], **terms)
                self._run_on(order, *days)
                self._close(order, closed_on)
                self._run_on(order, closed_on, "2026-12-01")
                self.assertEqual(self._get_invoices(order), expected)
                self.assertFalse(order.x_fc_fee_due_on)

    def test_a_credit_is_offset_against_what_else_is_billed(self):
        for setup_price, move_type, amount in ((30, "out_refund", -40.97), (100, "out_invoice", 29.03)):
            with self.subTest(move_type):
                order = self._create_advance()
                self._run_on(order, "2026-01-01")
                order.order_line = [Command.create({"product_id": self.setup.id, "price_unit": setup_price})]
                self._close(order, "2026-01-10")
                self._run_on(order, "2026-01-10")
                self.assertEqual(self._get_invoices(order)[-1], ("2026-01-10", amount))
                self.assertEqual(order.x_fc_period_ids.invoice_id.move_type, move_type)

    def test_the_credit_has_the_price_discount_and_taxes_that_were_billed(self):
        order = self._create_advance(
            [
                {
                    "product_id": self.fee.id,
                    "product_uom_qty": 2,
                    "discount": 10,
                    "tax_ids": [Command.set(self.tax_sale_a.ids)],
                }
            ]
        )
        self._run_on(order, "2026-01-01")
        with self._on("2026-01-05"):
            order.order_line.write(
                {"price_unit": 500, "discount": 0, "product_uom_qty": 0, "tax_ids": [Command.set(self.tax_sale_b.ids)]}
            )
        self._close(order, "2026-01-10")
        move = self._invoice_on(order, "2026-01-10")
        self.assertRecordValues(
            move.invoice_line_ids,
            [{"quantity": 1, "price_unit": 127.74, "price_subtotal": 127.74, "tax_ids": self.tax_sale_a.ids}],
        )
        self.assertEqual(
            move.invoice_line_ids.name.split("\n")[1:],
            [
                "Not used: 2 x 100.00, 01/10/2026 to 01/31/2026, 22 of the 31 days of 01/01/2026 to 01/31/2026",
                "10 % discount included",
            ],
        )

    def test_a_fee_that_people_have_credited_is_not_credited_again(self):
        order = self._create_advance()
        move = self._invoice_on(order, "2026-01-01")
        with self._on("2026-01-05"):
            move._reverse_moves(cancel=True)
        self._close(order, "2026-01-10")
        self._run_on(order, "2026-01-10")
        self.assertEqual(len(order.invoice_ids), 2)

    def test_the_fee_of_a_deleted_draft_is_billed_again_as_far_as_it_is_owed(self):
        order = self._create_advance()
        with self._on("2026-01-01"):
            order._create_invoices().unlink()
        self._close(order, "2026-01-10")
        self._run_on(order, "2026-01-10")
        self.assertEqual(self._get_invoices(order), [("2026-01-10", 29.03)])

    def test_an_end_agreed_later_shortens_the_last_fee_or_adds_to_it(self):
        table = [
            # reason, rule, invoiced until, end dates set then, invoices in the end
            ("shortened", "day", "2026-02-01", ["2026-02-15"], [100.0, 100.0, -50.0]),
            ("shortened, in full", "none", "2026-02-01", ["2026-02-15"], [100.0, 100.0]),
            ("shortened and opened again", "day", "2026-02-01", ["2026-02-15", "2026-03-01"], [100.0, 100.0]),
            ("prolonged", "day", None, ["2026-01-11", "2026-01-21"], [32.26, 32.26]),
            ("prolonged, in full", "none", None, ["2026-01-11", "2026-01-21"], [100.0]),
        ]
        for reason, rule, invoiced_until, end_dates, expected in table:
            with self.subTest(reason):
                order = self._create_advance(x_fc_proration=rule)
                if invoiced_until:
                    self._run_on(order, "2026-01-01", invoiced_until)
                for end_date in end_dates:
                    order.end_date = end_date
                    self._run_on(order, invoiced_until or "2026-01-01")
                self._run_on(order, "2026-06-01")
                self.assertEqual([amount for _day, amount in self._get_invoices(order)], expected)

    def test_a_price_change_counts_from_the_next_fee_on(self):
        order = self._create_advance()
        self._run_on(order, "2026-01-01")
        with self._on("2026-01-20"):
            order.order_line.price_unit = 120
        self._run_on(order, "2026-02-01")
        self.assertEqual(self._get_invoices(order), [("2026-01-01", 100.0), ("2026-02-01", 120.0)])

    # === PAUSES === #

    def test_pauses_count_as_in_arrears(self):
        table = [
            # reason, paused and resumed on, fees of January, February, ... net of credits
            ("within periods", ["2026-01-20", "2026-03-10"], {"2026-01-01": 100, "2026-03-01": 100}),
            ("one whole period", ["2026-02-01", "2026-03-01"], {"2026-01-01": 100, "2026-03-01": 100}),
            ("a day less", ["2026-02-02", "2026-03-01"], {"2026-01-01": 100, "2026-02-01": 100, "2026-03-01": 100}),
            ("the first period, already billed", ["2026-01-01", "2026-02-01"], {"2026-02-01": 100, "2026-03-01": 100}),
        ]
        for reason, days, expected in table:
            with self.subTest(reason):
                order = self._create_advance()
                self._run_on(order, "2026-01-01")
                for number, day in enumerate(days):
                    self._run_on(order, day)
                    with self._on(day):
                        order.action_resume() if number % 2 else order.action_pause()
                self._run_on(order, "2026-03-15")
                fees = defaultdict(float)
                for fee in order.x_fc_fee_ids:
                    fees[str(fee.date_from)] += float(fee._get_invoiced_amount())
                self.assertEqual({day: amount for day, amount in fees.items() if amount}, expected)

    def test_nothing_is_invoiced_in_advance_while_paused(self):
        order = self._create_advance()
        self._run_on(order, "2026-01-01")
        with self._on("2026-01-20"):
            order.action_pause()
        with self._on("2026-02-01"):
            self.assertFalse(self._run_cron())
            self.assertFalse(order._create_recurring_invoice())

    def test_both_timings_bill_the_same_over_a_life(self):
        table = [
            # start, aligned, trial, days of pause and resume, closed on
            ("2026-01-01", False, 0, [], "2026-03-20"),
            ("2026-01-15", True, 0, [], "2026-04-01"),
            ("2026-01-15", True, 0, [], "2026-01-15"),
            ("2026-01-31", False, 20, [], "2026-03-05"),
            ("2026-01-10", True, 40, [], "2026-03-30"),
            ("2026-01-01", False, 0, ["2026-01-20", "2026-03-10"], "2026-03-25"),
            ("2026-01-01", False, 0, ["2026-02-01"], "2026-04-10"),
            ("2026-01-15", True, 5, ["2026-02-01", "2026-03-01"], "2026-03-02"),
        ]
        run_days = [f"2026-{month:02}-{day:02}" for month in range(1, 6) for day in (1, 10, 15, 20, 28)]
        for start, aligned, trial, switches, closed_on in table:
            with self.subTest(start=start, trial=trial, switches=switches, closed_on=closed_on):
                totals = {}
                for timing in ("arrears", "advance"):
                    order = self._create_advance(
                        [{"product_id": self.fee.id, "price_unit": 99.99}],
                        plan_id=self.plan_aligned.id if aligned else self.plan_month.id,
                        start_date=start,
                        x_fc_trial_days=trial,
                        x_fc_fee_timing=timing,
                    )
                    for day in sorted({*run_days, *switches, closed_on}):
                        if day == closed_on:
                            self._close(order, day)
                        self._run_on(order, day)
                        if day in switches:
                            with self._on(day):
                                order.action_resume() if switches.index(day) % 2 else order.action_pause()
                    totals[timing] = round(sum(amount for _day, amount in self._get_invoices(order)), 2)
                    self.assertFalse(order.x_fc_fee_due_on or order.next_invoice_date)
                self.assertEqual(totals["advance"], totals["arrears"])

    # === CATCHING UP === #

    def test_three_missed_months_are_invoiced_as_on_their_days(self):
        order = self._create_advance(
            [{"product_id": self.fee.id}, {"product_id": self.setup.id}],
            plan_id=self.plan_aligned.id,
            start_date="2026-01-15",
        )
        moves = self._invoice_on(order, "2026-04-01")
        expected = [("2026-01-15", 54.84), ("2026-02-01", 130.0), ("2026-03-01", 100.0), ("2026-04-01", 100.0)]
        self.assertEqual(self._get_invoices(order), expected)
        self.assertEqual(set(moves.mapped("state")), {"posted"})
        self.assertEqual(
            self._get_periods(order),
            [
                ("2026-01-15", "2026-02-01", 130.0),
                ("2026-02-01", "2026-03-01", 100.0),
                ("2026-03-01", "2026-04-01", 100.0),
            ],
        )
        self.assertFalse(self._invoice_on(order, "2026-04-01"))

    def test_jobs_catch_up_one_period_at_a_time_and_then_do_nothing(self):
        order = self._create_advance(start_date="2026-01-01")
        with self._on("2026-03-05"):
            self.assertEqual(self._run_cron() & order, order)
            for invoices in (2, 3, 3, 3):
                with trap_jobs():
                    order.sudo()._job_create_recurring_invoice()
                self.assertEqual(len(order.invoice_ids), invoices)
            self.assertFalse(self._run_cron() & order)
        self.assertEqual(
            self._get_invoices(order), [("2026-01-01", 100.0), ("2026-02-01", 100.0), ("2026-03-01", 100.0)]
        )

    # === JOBS === #

    def test_confirmation_enqueues_the_first_fee(self):
        order = self._create_advance(confirm=False)
        later = self._create_advance(confirm=False, start_date="2026-01-20")
        with self._on("2026-01-10"), trap_jobs() as trap:
            (order | later).action_confirm()
            self.assertEqual([job.recordset for job in trap.enqueued_jobs], [order])

    def test_the_cron_finds_fees_and_credits(self):
        order = self._create_advance()
        for day, found in (("2025-12-31", False), ("2026-01-01", True)):
            with self.subTest(day), self._on(day):
                self.assertEqual(bool(self._run_cron() & order), found)
        self._run_on(order, "2026-01-01")
        self._close(order, "2026-01-01")
        with self._on("2026-01-01"):
            self.assertTrue(order.x_fc_has_due_period)
            self.assertEqual(self._run_cron() & order, order)
            with trap_jobs():
                order.sudo()._job_create_recurring_invoice()
            self.assertFalse(self._run_cron() & order)
        self.assertEqual(self._get_invoices(order), [("2026-01-01", 100.0), ("2026-01-01", -100.0)])

    def test_a_fee_billed_meanwhile_makes_the_job_try_again(self):
        order = self._create_advance()
        self._create_fee(order, "2026-01-01", "2026-02-01", state="cancelled")
        with (
            # As a run that began before the other one was committed
            patch.object(self.registry["fusion.subscription.fee"], "_get_next_sequence", lambda *args: 0),
            self._on("2026-01-01"),
            mute_logger("odoo.sql_db"),
            self.assertRaises(RetryableJobError),
            self.cr.savepoint(),
        ):
            order.sudo()._job_create_recurring_invoice()
        self.assertFalse(order.invoice_ids)
        self.assertFalse(order.x_fc_fee_invoiced_until)

    def test_the_database_refuses_to_bill_a_fee_twice(self):
        order = self._create_advance()
        self._run_on(order, "2026-01-01")
        self.assertEqual(order.x_fc_fee_ids.sequence, 0)
        table = [("2026-01-01", "2026-01-15", UniqueViolation), ("2026-02-01", "2026-02-01", CheckViolation)]
        for start, end, error in table:
            with self.subTest(error), mute_logger("odoo.sql_db"), self.assertRaises(error), self.cr.savepoint():
                self._create_fee(order, start, end)

    # === THE NATIVE BUTTON === #

    def test_the_native_button_bills_the_due_fee_and_only_that(self):
        order = self._create_advance([{"product_id": self.fee.id}, {"product_id": self.setup.id}])
        with self._on("2026-01-05"):
            move = order._create_invoices()
            self.assertRecordValues(move, [{"state": "draft", "amount_untaxed": 100.0}])
            self.assertFalse(order.x_fc_has_due_period)
            self.assertEqual(order._create_invoices().amount_untaxed, 30.0)

    def test_sections_and_notes_come_with_the_fee(self):
        order = self._create_advance(
            [
                {"display_type": "line_section", "name": "Platform", "sequence": 1},
                {"product_id": self.fee.id, "sequence": 2},
                {"display_type": "line_note", "name": "per month", "sequence": 3},
                {"display_type": "line_section", "name": "Once", "sequence": 4},
                {"product_id": self.setup.id, "sequence": 5},
            ]
        )
        move = self._invoice_on(order, "2026-01-01")
        self.assertEqual(
            [line.name.split("\n")[0] for line in move.invoice_line_ids], ["Platform", "Platform fee", "per month"]
        )

    def test_nothing_is_created_over_zero(self):
        for line in ({"price_unit": 0}, {"discount": 100}, {"price_unit": 0.001}):
            with self.subTest(line=line):
                order = self._create_advance([{"product_id": self.fee.id, **line}])
                self.assertFalse(self._invoice_on(order, "2026-02-01"))
                self.assertDates(order, x_fc_fee_invoiced_until="2026-03-01", last_invoice_date="2026-02-01")

    # === WHAT IS BILLED STAYS === #

    def test_a_subscription_with_a_billed_fee_can_neither_be_reopened_nor_deleted(self):
        order = self._create_advance()
        self._run_on(order, "2026-01-01")
        order.action_cancel()
        self.assertFalse(order.x_fc_fee_due_on)
        with self.assertRaises(UserError):
            order.action_draft()
        with self.assertRaises(UserError):
            order.unlink()

    def test_a_copy_has_no_fees(self):
        order = self._create_advance()
        self._run_on(order, "2026-01-01")
        self.assertRecordValues(order.copy(), [{"x_fc_fee_invoiced_until": False, "x_fc_fee_ids": []}])

    # === HELPERS === #

    def _create_fee(self, order, date_from, date_to, **values):
        fees = self.env["fusion.subscription.fee"].sudo()
        values = {"order_line_id": order.order_line.id, "currency_id": order.currency_id.id, **values}
        return fees.create({**values, "date_from": date_from, "date_to": date_to})
