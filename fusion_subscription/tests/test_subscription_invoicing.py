# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import date
from unittest.mock import patch

from psycopg2.errors import CheckViolation, UniqueViolation

from odoo.exceptions import ConcurrencyError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionInvoicing(SubscriptionCommon):
    # === THE RECURRING RUN === #

    def test_the_invoice_of_a_boundary_bills_the_period_before_it(self):
        order = self._create_subscription()
        move = self._invoice_on(order, "2026-02-03")
        self.assertRecordValues(
            move,
            [
                {
                    "state": "posted",
                    "move_type": "out_invoice",
                    "amount_untaxed": 100.0,
                    "invoice_date": date(2026, 2, 1),
                    "invoice_origin": order.name,
                }
            ],
        )
        self.assertEqual(self._get_periods(order), [("2026-01-01", "2026-02-01", 100.0)])
        self.assertDates(order, last_invoice_date="2026-02-01", next_invoice_date="2026-03-01")

    def test_an_invoice_without_payment_terms_is_due_on_its_date_however_late_it_is_made(self):
        order = self._create_subscription(payment_term_id=False)
        move = self._invoice_on(order, "2026-02-20")
        receivable = move.line_ids.filtered(lambda line: line.display_type == "payment_term")
        self.assertEqual([move.invoice_date_due, receivable.date_maturity], [date(2026, 2, 1)] * 2)

    def test_nothing_is_invoiced_before_the_boundary(self):
        order = self._create_subscription()
        self.assertFalse(self._invoice_on(order, "2026-01-31"))
        self.assertFalse(order.x_fc_period_ids)

    def test_missed_periods_are_caught_up_one_invoice_each(self):
        order = self._create_subscription(start_date="2025-12-31")
        moves = self._invoice_on(order, "2026-04-01")
        self.assertEqual(
            self._get_periods(order),
            [
                ("2025-12-31", "2026-01-31", 100.0),
                ("2026-01-31", "2026-02-28", 100.0),
                ("2026-02-28", "2026-03-31", 100.0),
            ],
        )
        self.assertEqual([str(day) for day in moves.mapped("invoice_date")], ["2026-01-31", "2026-02-28", "2026-03-31"])
        self.assertDates(order, next_invoice_date="2026-04-30")

    def test_a_second_run_invoices_nothing(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        self.assertFalse(self._invoice_on(order, "2026-02-01"))
        self.assertEqual(len(order.invoice_ids), 1)

    def test_each_subscription_of_a_run_has_its_own_invoice(self):
        orders = self._create_subscription() | self._create_subscription()
        moves = self._invoice_on(orders, "2026-02-01")
        self.assertEqual(moves.mapped("invoice_origin"), orders.mapped("name"))

    def test_the_whole_quantity_price_discount_and_taxes_are_billed(self):
        order = self._create_subscription(
            lines=[
                {
                    "product_id": self.fee.id,
                    "product_uom_qty": 3,
                    "price_unit": 50,
                    "discount": 10,
                    "tax_ids": [Command.set(self.tax_sale_a.ids)],
                }
            ]
        )
        line = self._invoice_on(order, "2026-02-01").invoice_line_ids
        self.assertRecordValues(
            line,
            [
                {
                    "quantity": 3,
                    "price_unit": 50,
                    "discount": 10,
                    "price_subtotal": 135.0,
                    "tax_ids": self.tax_sale_a.ids,
                }
            ],
        )

    def test_a_delivered_quantity_policy_does_not_matter_for_recurring_lines(self):
        self.fee.invoice_policy = "delivery"
        order = self._create_subscription()
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 100.0)

    def test_the_fiscal_position_and_terms_of_the_order_are_applied(self):
        self.fee.taxes_id = self.tax_sale_a
        order = self._create_subscription(partner_id=self.partner_b.id)
        move = self._invoice_on(order, "2026-02-01")
        self.assertEqual(move.invoice_line_ids.tax_ids, self.tax_sale_b)
        self.assertEqual(move.fiscal_position_id, self.fiscal_pos_a)
        self.assertEqual(move.invoice_payment_term_id, self.pay_terms_b)

    def test_the_currency_of_the_order_is_the_currency_of_the_invoice(self):
        currency = self.setup_other_currency("CAD")
        pricelist = self.env["product.pricelist"].create({"name": "CAD", "currency_id": currency.id})
        order = self._create_subscription(pricelist_id=pricelist.id)
        self.assertEqual(self._invoice_on(order, "2026-02-01").currency_id, currency)

    def test_a_price_change_counts_from_the_next_period_on(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        with self._on("2026-02-01"):
            order.order_line.price_unit = 120
        self._invoice_on(order, "2026-04-01")
        self.assertEqual([amount for *_days, amount in self._get_periods(order)], [100.0, 100.0, 120.0])

    def test_the_line_names_its_period_with_the_last_day_included(self):
        order = self._create_subscription()
        line = self._invoice_on(order, "2026-02-01").invoice_line_ids
        self.assertIn("01/01/2026 to 01/31/2026", line.name)

    def test_the_line_names_its_period_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.partner_a.lang = "fr_FR"
        order = self._create_subscription(start_date="2026-01-13")
        line = self._invoice_on(order, "2026-02-13").invoice_line_ids
        self.assertIn("13/01/2026", line.name)
        self.assertIn("12/02/2026", line.name)

    # === ONE-OFF LINES === #

    def test_a_one_off_line_is_invoiced_once(self):
        order = self._create_subscription(lines=[{"product_id": self.fee.id}, {"product_id": self.setup.id}])
        self._invoice_on(order, "2026-03-01")
        self.assertEqual([amount for *_days, amount in self._get_periods(order)], [130.0, 100.0])

    def test_a_line_added_to_a_running_subscription_is_on_the_next_invoice(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        order.order_line = [Command.create({"product_id": self.setup.id})]
        self._invoice_on(order, "2026-04-01")
        self.assertEqual([amount for *_days, amount in self._get_periods(order)], [100.0, 130.0, 100.0])

    def test_a_negative_total_becomes_a_credit_note(self):
        order = self._create_subscription(
            lines=[
                {"product_id": self.fee.id},
                {"product_id": self.setup.id, "price_unit": -250},
            ]
        )
        move = self._invoice_on(order, "2026-02-01")
        self.assertRecordValues(move, [{"move_type": "out_refund", "state": "posted", "amount_untaxed": 150.0}])
        self.assertEqual(self._get_periods(order), [("2026-01-01", "2026-02-01", -150.0)])

    def test_a_down_payment_is_deducted_once(self):
        order = self._create_subscription()
        with self._on("2026-01-10"):
            self._create_down_payment_invoice(order, "fixed", 40.0, post=True)
        self._invoice_on(order, "2026-03-01")
        self.assertEqual([amount for *_days, amount in self._get_periods(order)], [60.0, 100.0])

    # === NOTHING TO INVOICE === #

    def test_a_due_period_without_amount_is_recorded_without_invoice(self):
        table = {
            "no lines": [],
            "zero quantity": [{"product_id": self.fee.id, "product_uom_qty": 0}],
            "zero price": [{"product_id": self.fee.id, "price_unit": 0}],
            "full discount": [{"product_id": self.fee.id, "discount": 100}],
            "text only": [{"display_type": "line_note", "name": "Thank you"}],
        }
        for reason, lines in table.items():
            with self.subTest(reason):
                order = self._create_subscription(lines=lines)
                self.assertFalse(self._invoice_on(order, "2026-02-01"))
                self.assertEqual(self._get_periods(order), [("2026-01-01", "2026-02-01", None)])
                self.assertDates(order, last_invoice_date="2026-02-01", next_invoice_date="2026-03-01")

    # === THE NATIVE BUTTON === #

    def test_the_native_button_bills_the_due_period(self):
        order = self._create_subscription()
        with self._on("2026-02-01"):
            self.assertTrue(order.x_fc_has_due_period)
            self.env["sale.advance.payment.inv"].with_context(active_ids=order.ids).create({}).create_invoices()
            self.assertFalse(order.x_fc_has_due_period)
        self.assertRecordValues(order.invoice_ids, [{"state": "draft", "amount_untaxed": 100.0}])
        self.assertDates(order, last_invoice_date="2026-02-01", next_invoice_date="2026-03-01")
        self.assertEqual(order.x_fc_period_ids.invoice_id, order.invoice_ids)

    def test_the_native_button_bills_one_period_at_a_time(self):
        order = self._create_subscription()
        with self._on("2026-03-01"):
            order._create_invoices()
            self.assertDates(order, last_invoice_date="2026-02-01", next_invoice_date="2026-03-01")
            order._create_invoices()
        self.assertDates(order, last_invoice_date="2026-03-01")

    def test_the_native_button_bills_only_one_off_lines_before_the_boundary(self):
        order = self._create_subscription(lines=[{"product_id": self.fee.id}, {"product_id": self.setup.id}])
        with self._on("2026-01-20"):
            move = order._create_invoices()
        self.assertEqual(move.amount_untaxed, 30.0)
        self.assertFalse(move.invoice_date)
        self.assertFalse(order.x_fc_period_ids)
        self.assertDates(order, last_invoice_date=False, next_invoice_date="2026-02-01")

    def test_the_native_button_without_anything_to_invoice_says_so(self):
        order = self._create_subscription()
        with self._on("2026-01-20"), self.assertRaises(UserError):
            order._create_invoices()

    def test_orders_invoiced_together_are_kept_apart_from_subscriptions(self):
        due, other = self._create_subscription(), self._create_subscription()
        not_due = self._create_subscription(start_date="2026-01-20")
        ordinary = self.env["sale.order"]
        for _number in range(2):
            ordinary |= self._create_subscription(
                lines=[{"product_id": self.setup.id}], plan_id=False, start_date=False
            )
        with self._on("2026-02-01"):
            moves = (ordinary[0] | due | not_due | other | ordinary[1])._create_invoices()
        self.assertEqual(sorted(moves.mapped("amount_untaxed")), [60.0, 100.0, 100.0])
        self.assertEqual(len(due.x_fc_period_ids | other.x_fc_period_ids), 2)
        self.assertFalse(not_due.x_fc_period_ids)

    def test_a_new_day_while_invoicing_starts_the_transaction_again(self):
        order = self._create_subscription(lines=[{"product_id": self.fee.id}, {"product_id": self.setup.id}])
        today = [date(2026, 1, 31)]
        create = type(order)._create_account_invoices

        def create_at_midnight(orders, invoice_vals_list, final):
            today[0] = date(2026, 2, 1)
            return create(orders, invoice_vals_list, final)

        with (
            patch.object(type(order), "_get_subscription_today", lambda self: today[0]),
            patch.object(type(order), "_create_account_invoices", create_at_midnight),
            self.assertRaises(ConcurrencyError),
        ):
            order._create_invoices()

    # === INVOICE STATUS === #

    def test_recurring_lines_never_make_the_order_to_invoice_or_to_upsell(self):
        order = self._create_subscription()
        self.assertEqual(order.invoice_status, "no")
        order.order_line.qty_delivered = 5
        self.assertEqual(order.invoice_status, "no")
        self._invoice_on(order, "2026-03-01")
        self.assertRecordValues(
            order.order_line,
            [
                {
                    "invoice_status": "no",
                    "qty_to_invoice": 0,
                    "qty_invoiced": 2,
                    "amount_to_invoice": 0,
                    "untaxed_amount_to_invoice": 0,
                }
            ],
        )

    def test_one_off_lines_make_the_order_to_invoice(self):
        order = self._create_subscription(lines=[{"product_id": self.fee.id}, {"product_id": self.setup.id}])
        self.assertEqual(order.invoice_status, "to invoice")
        self._invoice_on(order, "2026-02-01")
        self.assertEqual(order.invoice_status, "no")

    def test_a_credit_note_does_not_make_the_period_billable_again(self):
        order = self._create_subscription()
        move = self._invoice_on(order, "2026-02-01")
        with self._on("2026-02-02"):
            move._reverse_moves(cancel=True)
            self.assertFalse(order._create_recurring_invoice())
        self.assertEqual(order.invoice_status, "no")
        self._invoice_on(order, "2026-03-01")
        self.assertEqual([amount for *_days, amount in self._get_periods(order)], [100.0, 100.0])

    def test_a_deleted_draft_leaves_the_period_recorded(self):
        order = self._create_subscription()
        with self._on("2026-02-01"):
            order._create_invoices().unlink()
        self.assertEqual(self._get_periods(order), [("2026-01-01", "2026-02-01", None)])
        self.assertDates(order, last_invoice_date="2026-02-01")

    # === SECTIONS AND NOTES === #

    def test_sections_and_notes_stay_with_their_lines(self):
        order = self._create_subscription(
            lines=[
                {"display_type": "line_section", "name": "Platform", "sequence": 1},
                {"product_id": self.fee.id, "sequence": 2},
                {"display_type": "line_note", "name": "per month", "sequence": 3},
                {"display_type": "line_section", "name": "Once", "sequence": 4},
                {"product_id": self.setup.id, "sequence": 5},
            ]
        )
        moves = self._invoice_on(order, "2026-03-01")
        first, second = ([line.name.split("\n")[0] for line in move.invoice_line_ids] for move in moves)
        self.assertEqual(first, ["Platform", "Platform fee", "per month", "Once", "Setup"])
        self.assertEqual(second, ["Platform", "Platform fee", "per month"])

    def test_sections_of_recurring_lines_are_left_out_when_no_period_is_due(self):
        order = self._create_subscription(
            lines=[
                {"display_type": "line_section", "name": "Platform", "sequence": 1},
                {"product_id": self.fee.id, "sequence": 2},
                {"display_type": "line_section", "name": "Once", "sequence": 3},
                {"product_id": self.setup.id, "sequence": 4},
            ]
        )
        with self._on("2026-01-10"):
            move = order._create_invoices()
        self.assertEqual([line.name for line in move.invoice_line_ids], ["Once", "Setup"])

    # === EXACTLY ONCE === #

    def test_the_database_refuses_to_bill_a_period_twice(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        table = {"same start": ("2026-01-01", "2026-01-15"), "same end": ("2026-01-10", "2026-02-01")}
        for reason, days in table.items():
            with (
                self.subTest(reason),
                mute_logger("odoo.sql_db"),
                self.assertRaises(UniqueViolation),
                self.cr.savepoint(),
            ):
                self._create_period(order, *days)

    def test_the_database_refuses_an_empty_period(self):
        order = self._create_subscription()
        with mute_logger("odoo.sql_db"), self.assertRaises(CheckViolation), self.cr.savepoint():
            self._create_period(order, "2026-01-01", "2026-01-01")

    def test_periods_of_one_subscription_cannot_overlap(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        with self.assertRaises(ValidationError):
            self._create_period(order, "2026-01-15", "2026-02-15")
        self._create_period(order, "2026-02-01", "2026-03-01")

    def test_an_invoice_is_not_created_for_a_period_on_record(self):
        order = self._create_subscription()
        self._create_period(order, "2026-01-01", "2026-02-01")
        with mute_logger("odoo.sql_db"), self.assertRaises(UniqueViolation), self.cr.savepoint():
            self._invoice_on(order, "2026-02-01")
        self.assertFalse(order.invoice_ids)

    # === HOOKS === #

    def test_lines_completed_by_the_hook_are_on_the_invoice_of_their_period(self):
        order = self._create_subscription()

        def _prepare_due_period(self, period_start, period_end):
            self.order_line = [
                Command.create({"product_id": setup.id, "name": f"{period_start} {period_end}", "price_unit": 5})
            ]

        setup = self.setup
        with patch.object(type(order), "_prepare_due_period", _prepare_due_period):
            moves = self._invoice_on(order, "2026-03-01")
        self.assertEqual([amount for *_days, amount in self._get_periods(order)], [105.0, 105.0])
        for move, period in zip(moves, ("2026-01-01 2026-02-01", "2026-02-01 2026-03-01"), strict=True):
            self.assertIn(period, move.invoice_line_ids[-1].name)

    # === HELPERS === #

    def _create_period(self, order, period_start, period_end):
        return (
            self.env["fusion.subscription.period"]
            .sudo()
            .create(
                {
                    "order_id": order.id,
                    "period_start": period_start,
                    "period_end": period_end,
                }
            )
        )
