# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import date

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestGivenBack(SubscriptionCommon):
    """Voiding, cancelling or deleting an invoice gives back all that it billed; crediting gives back nothing."""

    def _open(self, **values):
        return self._create_subscription([{"product_id": self.fee.id}, {"product_id": self.setup.id}], **values)

    def _void(self, move):
        """Do what a void of the billing addon does."""
        move._reverse_moves(cancel=True)
        move._give_back_to_subscriptions()

    def _delete_draft(self, move):
        move.button_draft()
        move.unlink()

    def _delete_lines(self, move):
        move.button_draft()
        move.invoice_line_ids.unlink()

    def _cancel(self, move):
        move.button_draft()
        move.button_cancel()

    @property
    def _ways(self):
        return {
            "voided": self._void,
            "cancelled": self._cancel,
            "draft deleted": self._delete_draft,
            "lines deleted": self._delete_lines,
        }

    def _get_valid(self, order):
        """Return (invoice date, untaxed amount) of what counts in the end, oldest first."""
        moves = order.invoice_ids.filtered(
            lambda move: (
                move.state == "posted" and not move.x_fc_is_given_back and not move.reversed_entry_id.x_fc_is_given_back
            )
        )
        return [
            (str(move.invoice_date), -move.amount_untaxed * move.direction_sign)
            for move in moves.sorted(lambda move: (move.invoice_date, move.id))
        ]

    # === GIVEN BACK === #

    def test_the_next_invoice_bears_what_was_given_back_with_the_terms_it_had(self):
        for timing in ("arrears", "advance"):
            for reason, give_back in self._ways.items():
                with self.subTest(reason, timing=timing):
                    order = self._open(x_fc_fee_timing=timing)
                    self._invoice_on(order, "2026-02-01")
                    with self._on("2026-02-10"), trap_jobs():
                        order.order_line[:1].price_unit = 500
                        for move in order.invoice_ids:
                            give_back(move)
                    self._invoice_on(order, "2026-03-01")
                    expected = 100 + 30 + 100 + (500 if timing == "advance" else 0)
                    self.assertEqual(self._get_valid(order), [("2026-03-01", expected)])
                    self._invoice_on(order, "2026-04-01")
                    self.assertEqual(self._get_valid(order)[1:], [("2026-04-01", 500)])

    def test_of_an_ended_subscription_it_is_invoiced_at_once(self):
        for reason, give_back in self._ways.items():
            with self.subTest(reason):
                order = self._open()
                self._close(order, "2026-02-01")
                self._invoice_on(order, "2026-02-01")
                with self._on("2026-02-10"), trap_jobs() as trap:
                    give_back(order.invoice_ids)
                    due = self.env["sale.order"].search(order._get_due_subscriptions_domain())
                    self.assertIn(order, due, "the hourly run finds it, whatever became of the job")
                    trap.assert_jobs_count(1, only=order.sudo()._job_create_recurring_invoice)
                    order.sudo()._job_create_recurring_invoice()
                self.assertEqual(self._get_valid(order), [("2026-02-10", 130)])
                self.assertFalse(order.x_fc_rest_due_on)

    def test_what_was_given_back_counts_once_in_its_own_period(self):
        order = self._open()
        move = self._invoice_on(order, "2026-02-01")
        january, february, march = (date(2026, month, 1) for month in (1, 2, 3))
        with self._on("2026-02-10"), trap_jobs():
            self._void(move)
            self.assertEqual(order._get_recurring_fee(january, february), 100)
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(order._get_recurring_fee(january, february), 100)
        self.assertEqual(order._get_recurring_fee(february, march), 100)

    def test_a_cancelled_invoice_of_which_fees_were_given_back_stays_cancelled(self):
        order = self._open()
        move = self._invoice_on(order, "2026-02-01")
        with self._on("2026-02-10"):
            self._cancel(move)
            with self.assertRaises(UserError):
                move.button_draft()

    def test_a_given_back_credit_is_credited_again(self):
        order = self._open(x_fc_fee_timing="advance", x_fc_proration="day")
        self._invoice_on(order, "2026-01-01")
        self._close(order, "2026-01-11")
        with self._on("2026-01-11"):
            note = order._create_invoices(final=True)
            self.assertRecordValues(note, [{"move_type": "out_refund", "amount_untaxed": 37.74}])
        with self._on("2026-01-12"), trap_jobs():
            note.unlink()
        self._invoice_on(order, "2026-01-12")
        self.assertEqual(self._get_valid(order), [("2026-01-01", 100), ("2026-01-12", -37.74)])

    def test_an_invoice_of_before_the_ledger_gives_its_fee_back_as_it_stands_on_it(self):
        order = self._open()
        move = self._invoice_on(order, "2026-02-01")
        move.sudo().invoice_line_ids.x_fc_fee_id = False
        order.sudo().x_fc_fee_ids.unlink()
        with self._on("2026-02-10"), trap_jobs():
            self._cancel(move)
            move.line_ids._give_back_fees()
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(self._get_valid(order), [("2026-03-01", 230)])

    def test_a_fee_of_before_the_end_names_the_days_that_it_bills(self):
        table = [
            ("day", "2026-01-11", "it was to 01/10, beside a credit of the rest"),
            ("none", "2026-01-01", "no days"),
        ]
        for rule, closed_on, reason in table:
            with self.subTest(reason):
                order = self._create_subscription(x_fc_fee_timing="advance", x_fc_proration=rule)
                move = self._invoice_on(order, "2026-01-01")
                text = move.invoice_line_ids.name
                self.assertIn("01/01/2026 to 01/31/2026", text)
                self._close(order, closed_on)
                self._invoice_on(order, closed_on)
                with self._on(closed_on), trap_jobs():
                    self._void(move)
                again = self._invoice_on(order, closed_on)
                self.assertEqual(again.invoice_line_ids.name, text)

    # === CREDITED === #

    def test_crediting_gives_nothing_back(self):
        for amount in (None, 10):
            with self.subTest(amount=amount):
                order = self._open()
                move = self._invoice_on(order, "2026-02-01")
                with self._on("2026-02-10"):
                    note = move._reverse_moves()
                    if amount:
                        note.invoice_line_ids.write({"price_unit": amount})
                    note.action_post()
                    self.assertFalse(order._create_recurring_invoice())
                self.assertEqual(order.invoice_status, "no")
                self._invoice_on(order, "2026-03-01")
                self.assertEqual(self._get_invoices(order)[-1], ("2026-03-01", 100), "the set-up fee was billed again")

    def test_a_fee_that_holds_again_bears_what_people_have_not_credited(self):
        order = self._create_subscription(x_fc_fee_timing="advance", x_fc_grace_days=5)
        line = order.order_line
        self._invoice_on(order, "2026-02-10")
        february = order.x_fc_fee_ids.filtered(lambda fee: fee.date_from == date(2026, 2, 1))
        with self._on("2026-02-12"):
            note = february.invoice_id._reverse_moves()
            note.invoice_line_ids.price_unit = 10
            note.action_post()
            order._change_recurring_lines({line: {"product_uom_qty": 2}}, date(2026, 2, 1))
        # 90 of February back, 200 for it and for March
        self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, 310)
        with self._on("2026-03-03"):
            order._change_recurring_lines({line: {"product_uom_qty": 1}}, date(2026, 2, 1))
        self._invoice_on(order, "2026-03-06")
        self.assertEqual(self._get_invoices(order)[-1], ("2026-03-06", 90 + 100 - 2 * 200), "it was 100 + 100 - 400")

    def test_a_lowered_quantity_of_a_one_off_line_is_credited_once(self):
        table = [
            # credited by hand of 3, lowered to, next invoice, reason
            (0, 2, [100 - 30], "the run credits one"),
            (1, 2, [100], "it was credited by hand"),
            (1, 1, [100 - 30], "one by hand, one by the run"),
            (3, 3, [100], "crediting is no reason to bill again"),
        ]
        for credited, ordered, expected, reason in table:
            with self.subTest(reason):
                order = self._open()
                setup = order.order_line[1:]
                setup.product_uom_qty = 3
                move = self._invoice_on(order, "2026-02-01")
                with self._on("2026-02-10"):
                    if credited:
                        note = move._reverse_moves()
                        note.invoice_line_ids.filtered(lambda line: line.product_id == self.fee).unlink()
                        note.invoice_line_ids.quantity = credited
                        note.action_post()
                    setup.product_uom_qty = ordered
                moves = self._invoice_on(order, "2026-03-01")
                self.assertEqual(moves.mapped("amount_untaxed"), expected)

    def test_a_down_payment_is_deducted_again_after_a_void_and_not_after_a_credit(self):
        for is_void, expected in ((True, [160]), (False, [100])):
            with self.subTest(is_void=is_void):
                order = self._create_subscription()
                with self._on("2026-01-10"):
                    wizard = self.env["sale.advance.payment.inv"].with_context(active_ids=order.ids)
                    values = {"advance_payment_method": "fixed", "fixed_amount": 40}
                    wizard.create(values)._create_invoices(order).action_post()
                move = self._invoice_on(order, "2026-02-01")
                self.assertEqual(move.amount_untaxed, 60)
                with self._on("2026-02-10"), trap_jobs():
                    self._void(move) if is_void else move._reverse_moves(cancel=True)
                self.assertEqual(self._invoice_on(order, "2026-03-01").mapped("amount_untaxed"), expected)

    def test_lines_of_ordinary_orders_are_invoiced_as_ever(self):
        order = self._create_subscription([{"product_id": self.setup.id}], plan_id=False, start_date=False)
        move = order._create_invoices()
        move.action_post()
        move._reverse_moves(cancel=True)
        self.assertEqual(order.order_line.qty_to_invoice, 1)

    def test_an_added_line_of_an_ended_subscription_is_found(self):
        order = self._open()
        self._close(order, "2026-02-01")
        self._invoice_on(order, "2026-02-01")
        self.assertFalse(order.x_fc_rest_due_on)
        order.order_line = [Command.create({"product_id": self.setup.id, "price_unit": 0})]
        self.assertFalse(order.x_fc_rest_due_on, "there is nothing to invoice")
        order.order_line = [Command.create({"product_id": self.setup.id, "price_unit": 7})]
        self._invoice_on(order, "2026-02-05")
        self.assertEqual(self._get_invoices(order)[-1], ("2026-02-05", 7))
