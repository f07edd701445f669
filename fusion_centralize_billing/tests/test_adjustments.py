# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..api.errors import BusinessRuleError
from .common import BillingCase
from .editions import only_on


@tagged("post_install", "-at_install")
class TestAdjustments(BillingCase):
    """What becomes of usage whose invoice exists already, and of invoices that are undone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.charge = cls._create_charge()
        # Of a period that was cut short: Enterprise has billed it when the period began, see _begin_first_period.
        cls._last_fee = cls._by_edition(20, 0)

    def _bill_january(self, quantity=10, **values):
        """Return a subscription whose January is invoiced, and that invoice."""
        order = self._create_subscription(**values)
        if quantity:
            self._use(order, quantity, idem="k")
        return order, self._invoice_on(order, "2026-02-01")

    def _change_january(self, order, quantity):
        self._use(order, quantity, idem="k")
        self._rate(order, "2026-02-10")

    def _get_billed_usage(self, order):
        """Return what all posted invoices and credit notes of the order bill for usage."""
        lines = order.invoice_ids.filtered(lambda move: move.state == "posted").invoice_line_ids
        return -sum(lines.filtered(lambda line: line.product_id == self.usage_product).mapped("amount_currency"))

    # === AFTER THE INVOICE === #

    def test_an_unchanged_period_is_not_rated_again(self):
        order, _move = self._bill_january()
        self._rate(order, "2026-02-10")
        january = [row for row in self._get_ledger(order) if row[0] == "2026-01-01"]
        self.assertEqual(january, [("2026-01-01", 0, "billed", 10)])

    def test_more_usage_is_billed_on_the_next_invoice(self):
        order, move = self._bill_january()
        self._change_january(order, 14)
        self.assertEqual(self._get_ledger(order)[:2], [("2026-01-01", 0, "billed", 10), ("2026-01-01", 1, "open", 4)])
        adjustment = self._get_ratings(order)[1]
        self.assertTrue(adjustment.is_adjustment)
        self.assertEqual(adjustment.period_amount, 14)
        self.assertIn("adjustment", adjustment.order_line_id.name)
        self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, 24)
        self.assertEqual((move.amount_untaxed, self._get_billed_usage(order)), (30, 14))

    def test_less_usage_is_given_back_on_the_next_invoice(self):
        order, _move = self._bill_january()
        self._change_january(order, 4)
        self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, 14)
        self.assertEqual(self._get_billed_usage(order), 4)

    def test_a_change_back_leaves_nothing_to_adjust(self):
        order, _move = self._bill_january()
        self._change_january(order, 14)
        self._change_january(order, 10)
        self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, 20)
        self.assertEqual(self._get_billed_usage(order), 10)

    def test_several_adjustments_of_a_period_add_up(self):
        order, _move = self._bill_january()
        for day, quantity in (("2026-03-01", 14), ("2026-04-01", 6), ("2026-05-01", 9)):
            self._change_january(order, quantity)
            self._invoice_on(order, day)
        rows = [row for row in self._get_ledger(order) if row[0] == "2026-01-01"]
        self.assertEqual([row[3] for row in rows], [10, 4, -8, 3])
        self.assertEqual({row[2] for row in rows}, {"billed"})
        self.assertEqual(self._get_billed_usage(order), 9)

    def test_usage_that_is_first_told_after_the_invoice_is_billed(self):
        order, _move = self._bill_january(quantity=0)
        self._change_january(order, 5)
        self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, 25)

    def test_more_given_back_than_billed_is_a_credit_note(self):
        order, _move = self._bill_january(quantity=50, with_fee=False)
        self._change_january(order, 10)
        move = self._invoice_on(order, "2026-03-01")
        self.assertRecordValues(move, [{"move_type": "out_refund", "amount_untaxed": 40, "state": "posted"}])
        self.assertEqual(self._get_billed_usage(order), 10)
        self.assertEqual([row[2] for row in self._get_ledger(order) if row[0] == "2026-01-01"], ["billed", "billed"])

    def test_a_counter_that_moves_to_another_period_changes_both(self):
        order, _move = self._bill_january()
        self._use(order, 10, "2026-02-05", idem="k")
        self._rate(order, "2026-02-10")
        self.assertEqual(
            self._get_ledger(order),
            [("2026-01-01", 0, "billed", 10), ("2026-01-01", 1, "open", -10), ("2026-02-01", 0, "open", 10)],
        )

    def test_a_billed_period_keeps_the_terms_it_was_billed_with(self):
        order, _move = self._bill_january()
        self.charge.price_per_unit = 7
        self._change_january(order, 11)
        self.assertEqual(self._get_ledger(order)[1], ("2026-01-01", 1, "open", 1))

    def test_a_billed_period_keeps_its_charge_model(self):
        self.charge.write({"charge_model": "percentage", "price_per_unit": 0, "rate": 50, "fixed_fee": 1})
        order, _move = self._bill_january()
        self.charge.write({"charge_model": "standard", "price_per_unit": 7, "rate": 0, "fixed_fee": 0})
        self._change_january(order, 20)
        self.assertEqual(self._get_ledger(order)[1], ("2026-01-01", 1, "open", 5))

    def test_a_billed_row_never_changes(self):
        order, _move = self._bill_january()
        rating = self._get_ratings(order)[0]
        before = rating.read(["total_quantity", "period_amount", "amount", "breakdown", "rated_at", "invoice_line_id"])
        self._change_january(order, 14)
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(rating.read([*before[0]][1:]), before)

    # === UNDONE INVOICES === #

    def _assert_billed_again(self, order, day="2026-02-10", amount=10, fees=None):
        """Check that January's usage was given back, and is billed once more, with the fees that are left to bill."""
        fees = fees or self._by_edition(40, 20)  # Enterprise bills no fee of a void invoice anew
        self._rate(order, day)
        self.assertEqual(
            self._get_ledger(order)[:2], [("2026-01-01", 0, "cancelled", amount), ("2026-01-01", 1, "open", amount)]
        )
        self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, fees + amount)
        self.assertEqual(self._get_billed_usage(order), amount)

    def test_a_deleted_draft_gives_its_usage_back_once(self):
        order, move = self._bill_january()
        move.button_draft()
        move.unlink()
        self._assert_billed_again(order)

    def test_a_cancelled_invoice_gives_its_usage_back_once(self):
        order, move = self._bill_january()
        move.button_draft()
        move.button_cancel()
        self._assert_billed_again(order)

    def test_an_invoice_that_is_cancelled_and_deleted_gives_its_usage_back_once(self):
        order, move = self._bill_january()
        move.button_draft()
        move.button_cancel()
        self._rate(order, "2026-02-10")
        move.unlink()
        self._assert_billed_again(order)

    def test_a_usage_line_deleted_from_a_draft_gives_its_usage_back(self):
        order, move = self._bill_january()
        move.button_draft()
        move.invoice_line_ids.filtered(lambda line: line.product_id == self.usage_product).unlink()
        move.action_post()
        self._assert_billed_again(order, fees=20)

    def test_a_cancelled_invoice_cannot_bill_its_usage_a_second_time(self):
        order, move = self._bill_january()
        move.button_draft()
        move.button_cancel()
        self._rate(order, "2026-02-10")
        try:
            move.button_draft()
            move.action_post()
        except UserError:
            pass  # refusing to reopen it is as good
        self._rate(order, "2026-02-10")
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(self._get_billed_usage(order), 10)

    def test_a_draft_that_is_posted_again_stays_billed(self):
        order, move = self._bill_january()
        move.button_draft()
        move.action_post()
        self._rate(order, "2026-02-10")
        self.assertEqual(self._get_ledger(order)[0], ("2026-01-01", 0, "billed", 10))
        self.assertEqual(self._get_billed_usage(order), 10)

    def test_a_credit_note_does_not_bill_the_usage_again(self):
        order, move = self._bill_january()
        refund = move._reverse_moves(cancel=True)
        self._rate(order, "2026-02-10")
        self.assertEqual(refund.state, "posted")
        self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, 20)
        self.assertEqual(self._get_usage_lines(order).mapped("qty_to_invoice"), [0])

    def test_a_change_after_a_credit_note_bills_the_difference_to_the_ledger(self):
        order, move = self._bill_january()
        move._reverse_moves(cancel=True)
        self._change_january(order, 14)
        self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, 24)

    # === AFTER THE END === #

    def test_usage_of_the_last_period_is_billed_when_the_subscription_ends(self):
        order = self._create_subscription(with_fee=False)
        self._use(order, 5)
        with self._on("2026-01-20"):
            self._close(order)
        self._run_closing_jobs(order, "2026-01-20")
        self.assertRecordValues(order.invoice_ids, [{"state": "posted", "amount_untaxed": 5}])

    def test_usage_acknowledged_before_the_end_was_known_is_billed_with_the_last_period(self):
        # (end, when it was told, usage, expected of usage, reason)
        cases = [
            ("2026-01-20", {"2026-01-20": 5}, 5, "on the day of the end"),
            ("2026-01-20", {"2026-01-10": 1, "2026-01-25": 2, "2026-03-01": 4}, 7, "days after it"),
            ("2026-02-01", {"2026-02-01": 3}, 3, "the end is a boundary"),
        ]
        for end, counters, expected, reason in cases:
            with self.subTest(reason):
                order = self._create_subscription()
                for day, quantity in counters.items():
                    self._use(order, quantity, day)
                with self._on(end), trap_jobs():
                    order._fc_terminate()
                self._invoice_on(order, end)
                self._run_closing_jobs(order, end)
                self.assertEqual(order.subscription_state, "6_churn")
                self.assertEqual(sum(self._get_ratings(order).mapped("amount")), expected)
                self.assertEqual(sum(order.invoice_ids.mapped("amount_untaxed")), self._last_fee + expected)
                counters = self._get_ratings(order)[-1:]._get_counters()
                self.assertEqual(
                    sum(counter["quantity"] for counter in counters),
                    expected,
                    "the ledger does not lead to the counters",
                )

    def test_usage_that_slips_in_while_a_subscription_ends_is_billed(self):
        order = self._create_subscription()
        with self._on("2026-01-20"), trap_jobs():
            order._fc_terminate()
        self._invoice_on(order, "2026-01-20")
        self._run_closing_jobs(order, "2026-01-20")
        self._use(order, 5, "2026-01-20")  # its request saw the subscription before it ended
        self._run_closing_jobs(order, "2026-01-21")
        self.assertEqual(sum(order.invoice_ids.mapped("amount_untaxed")), self._last_fee + 5)

    def test_a_subscription_with_usage_covers_its_first_day(self):
        order = self._create_subscription(start_date="2026-01-20")
        self._use(order, 5, "2026-01-20")
        with self._on("2026-01-20"), trap_jobs():
            with self.assertRaises(BusinessRuleError) as caught:
                order._fc_terminate(datetime.date(2026, 1, 20))
            self.assertEqual(caught.exception.code, "usage_after_end")
            order._fc_terminate()
        self._invoice_on(order, "2026-01-21")
        self._run_closing_jobs(order, "2026-01-21")
        self.assertEqual(sum(order.invoice_ids.mapped("amount_untaxed")), self._last_fee + 5)

    @only_on("community")
    def test_a_subscription_with_usage_can_be_closed_on_its_first_day_and_before_it(self):
        for day in ("2026-01-20", "2026-01-10"):
            order = self._create_subscription(start_date="2026-01-20")
            self._use(order, 5, "2026-01-20")
            with self.subTest(day), self._on(day), trap_jobs():
                self._close(order)
                self.assertEqual(str(order.end_date), "2026-01-21")
            self._invoice_on(order, "2026-01-21")
            self._run_closing_jobs(order, "2026-01-21")
            self.assertEqual(sum(order.invoice_ids.mapped("amount_untaxed")), self._last_fee + 5)

    def test_a_subscription_with_usage_can_be_cancelled_on_its_first_day(self):
        order = self._create_subscription(start_date="2026-01-20")
        self._use(order, 5, "2026-01-20")
        with self._on("2026-01-20"), trap_jobs():
            order._action_cancel()
        self._run_closing_jobs(order, "2026-02-01")
        self.assertEqual((order.state, order.invoice_ids.ids), ("cancel", []))

    def test_late_usage_of_an_ended_subscription_is_billed_by_the_closing_job(self):
        order = self._create_subscription()
        with self._on("2026-01-20"):
            self._close(order)
        self._run_closing_jobs(order, "2026-01-20")
        self.assertFalse(self._get_billed_usage(order))
        self._invoice_on(order, "2026-01-20")
        self._use(order, 5, "2026-01-19 23:00:00")
        self._run_closing_jobs(order, "2026-01-22")
        self.assertEqual(self._get_billed_usage(order), 5)
        self.assertEqual(order.invoice_ids.sorted("id")[-1].amount_untaxed, 5)

    def test_usage_of_a_period_that_begins_with_the_end_is_billed_once_although_it_was_rated(self):
        # (first day not covered, reason): 10 are used in January, then 5 and 7 in February
        cases = [
            ("2026-02-01", "the end is the boundary"),
            ("2026-02-11", "the end lies within the period"),
        ]
        for end, reason in cases:
            with self.subTest(reason):
                order = self._create_subscription(with_fee=False)
                self._use(order, 10)
                self._invoice_on(order, "2026-02-01")
                self._use(order, 5, "2026-02-05")
                self._use(order, 7, "2026-02-15")
                self._rate(order, "2026-02-20")
                with self._on("2026-02-20"), trap_jobs():
                    order._fc_terminate(datetime.date.fromisoformat(end))
                self._run_closing_jobs(order, "2026-02-20")
                self._invoice_on(order, "2026-02-20")
                self._run_closing_jobs(order, "2026-02-20")
                self.assertEqual(self._get_billed_usage(order), 22)
                self._use(order, 1, "2026-02-16")
                self._run_closing_jobs(order, "2026-02-21")
                self.assertEqual(self._get_billed_usage(order), 23, "late usage after the end")

    def test_what_was_invoiced_of_a_period_that_begins_with_the_end_moves_to_the_last_period(self):
        order, _move = self._bill_january(with_fee=False)
        self._use(order, 5, "2026-02-05")
        self._create_native_invoice_on(order, "2026-02-20").action_post()
        self.assertEqual(self._get_billed_usage(order), 15)
        with self._on("2026-02-20"), trap_jobs():
            order._fc_terminate(datetime.date(2026, 2, 1))
        self._run_closing_jobs(order, "2026-02-20")
        self.assertEqual(self._get_billed_usage(order), 15)
        amounts = {}
        for rating in self._get_ratings(order):
            month = rating.period_start.month
            amounts[month] = amounts.get(month, 0) + rating.amount
        self.assertEqual(amounts, {1: 15, 2: 0})

    def test_the_last_period_ends_with_the_subscription(self):
        # Not every edition shortens the next invoice date when a subscription ends.
        order = self._create_subscription()
        ended = "UPDATE sale_order SET x_fc_ended_on = '2026-01-20', subscription_state = '6_churn' WHERE id = %s"
        order.flush_recordset()
        self.env.cr.execute(ended, [order.id])
        order.invalidate_recordset()
        self.assertEqual(
            [str(instant.date()) for instant in order._fc_get_current_period()], ["2026-01-01", "2026-01-20"]
        )

    def test_the_closing_job_run_twice_bills_once(self):
        order = self._create_subscription(with_fee=False)
        self._use(order, 5)
        with self._on("2026-01-20"):
            self._close(order)
        for _time in range(2):
            self._run_closing_jobs(order, "2026-01-20")
            with self._on("2026-01-20"):
                order._job_invoice_remaining_usage()
        self.assertEqual(self._get_billed_usage(order), 5)

    def test_less_usage_of_an_ended_subscription_is_a_credit_note(self):
        order, _move = self._bill_january(with_fee=False)
        with self._on("2026-02-01"):
            self._close(order)
        self._run_closing_jobs(order, "2026-02-01")
        self._use(order, 4, idem="k")
        self._run_closing_jobs(order, "2026-02-02")
        self.assertEqual(order.invoice_ids.sorted("id")[-1].move_type, "out_refund")
        self.assertEqual(self._get_billed_usage(order), 4)

    def test_the_closing_job_leaves_a_running_subscription_alone(self):
        order = self._create_subscription()
        self._use(order, 5)
        self._rate(order)
        with self._on("2026-01-20"):
            order._job_invoice_remaining_usage()
        self.assertFalse(order.invoice_ids)

    def test_a_cancelled_subscription_is_rated_without_an_invoice(self):
        order = self._create_subscription()
        self._use(order, 5)
        with self._on("2026-01-20"):
            order._action_cancel()
        self._run_closing_jobs(order, "2026-01-20")
        self.assertFalse(order.invoice_ids)
