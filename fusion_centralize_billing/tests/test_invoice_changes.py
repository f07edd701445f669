# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo import fields
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from ..api.errors import BillingError
from .editions import only_on
from .payments import PaymentCase


class _Case(PaymentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan.automatic_payment = False
        cls._create_charge()
        cls._listen()

    def _bill_january(self, **values):
        """Return an order and its invoice of a fee of 20 and 10 units at 1."""
        order = self._create_subscription(**values)
        self._use(order, 10, idem=f"{order.id}")
        return order, self._invoice_on(order, "2026-02-01")

    def _refuse(self, code, path, method, *args):
        with self.assertRaises(BillingError) as caught, self.env.cr.savepoint():
            method(*args)
        self.assertEqual((caught.exception.code, caught.exception.errors[0].path), (code, path))

    def _get_event_types(self):
        return self._get_events().mapped("event_type")


@tagged("post_install", "-at_install")
class TestVoidInvoice(_Case):
    def test_a_void_invoice_is_reversed_and_owed_no_more(self):
        _order, invoice = self._bill_january()
        invoice._fc_void("Wrong price")
        self.assertRecordValues(
            invoice,
            [{"state": "posted", "payment_state": "reversed", "amount_residual": 0, "x_fc_void_reason": "Wrong price"}],
        )
        reversal = invoice.reversal_move_ids
        self.assertRecordValues(
            reversal,
            [{"state": "posted", "move_type": "out_refund", "amount_total": 30, "x_fc_service_id": self.service.id}],
        )

    def test_the_usage_and_the_fee_of_a_void_invoice_are_billed_on_the_next_one(self):
        order, invoice = self._bill_january()
        invoice._fc_void("Wrong price")
        self._rate(order, "2026-02-10")
        self.assertEqual(
            self._get_ledger(order)[:2], [("2026-01-01", 0, "cancelled", 10), ("2026-01-01", 1, "open", 10)]
        )
        again = self._invoice_on(order, "2026-03-01")
        # The fee of February, fee and usage of January; Enterprise bills no fee of a void invoice anew.
        self.assertEqual(again.amount_untaxed, self._by_edition(50, 30))
        self.assertEqual(self._get_line(again, self.usage_product).price_subtotal, 10)
        self.assertEqual(self._get_line(again, self.fee).mapped("price_subtotal"), self._by_edition([20, 20], [20]))

    @only_on("community")
    def test_a_void_invoice_of_an_ended_subscription_is_billed_anew_at_once_and_whole(self):
        setup = {"product_id": self._create_product(name="Set-up").id, "price_unit": 99}
        order = self._create_subscription()
        order.order_line = [Command.create(setup)]
        self._use(order, 10)
        with self._on("2026-02-01"), trap_jobs():
            order._fc_terminate()
        invoice = self._invoice_on(order, "2026-02-01")
        self.assertEqual(invoice.amount_untaxed, 129)
        with self._on("2026-02-05"), trap_jobs() as trap:
            invoice._fc_void("Wrong address")
            trap.assert_jobs_count(1, only=order.sudo()._job_create_recurring_invoice)
            order.sudo()._job_create_recurring_invoice()
        self.assertEqual(order.invoice_ids.sorted("id")[-1].amount_untaxed, 129)
        self._run_closing_jobs(order, "2026-02-05")
        self.assertEqual(sum(order.invoice_ids.mapped("amount_untaxed_signed")), 129)

    def test_a_credited_set_up_fee_is_not_billed_again(self):
        setup = {"product_id": self._create_product(name="Set-up").id, "price_unit": 99}
        fee = {"product_id": self.fee.id, "price_unit": 20}
        for way in self._by_edition(("_reverse_moves", "_fc_credit"), ("_fc_credit",)):
            with self.subTest(way):
                order = self._create_subscription(order_line=[Command.create(fee), Command.create(setup)])
                invoice = self._invoice_on(order, "2026-02-01")
                with self._on("2026-02-05"), trap_jobs():
                    invoice._fc_credit("Goodwill") if way == "_fc_credit" else invoice._reverse_moves(cancel=True)
                self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, 20)

    def test_usage_corrected_after_the_void_is_billed_as_it_is(self):
        order, invoice = self._bill_january()
        invoice._fc_void("Wrong usage")
        order.x_fc_usage_ids._amend(Decimal(4), "Counted twice")
        self._rate(order, "2026-02-10")
        self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, self._by_edition(44, 24))

    def test_an_invoice_is_void_once(self):
        _order, invoice = self._bill_january()
        invoice._fc_void("Wrong price")
        self._refuse("invoice_void", "invoice_id", invoice._fc_void, "Again")
        self._refuse("invoice_void", "invoice_id", invoice._fc_credit, "Again")
        self.assertEqual(len(invoice.reversal_move_ids), 1)

    def test_an_invoice_of_which_something_was_paid_is_not_voided(self):
        for amount in (None, 0.01):
            with self.subTest(amount):
                order, invoice = self._bill_january()
                self._pay(invoice, amount)
                self._refuse("invoice_paid", "invoice_id", invoice._fc_void, "Too late")
                self.assertEqual(self._get_ledger(order)[0][2], "billed")

    def test_an_invoice_with_a_credit_note_is_not_voided(self):
        _order, invoice = self._bill_january()
        invoice._fc_credit("Goodwill", [(invoice.invoice_line_ids[0].id, Decimal(1))])
        self._refuse("invoice_credited", "invoice_id", invoice._fc_void, "Too late")

    def test_an_invoice_whose_payment_is_under_way_is_not_voided(self):
        _order, invoice = self._bill_january()
        for state in ("pending", "authorized", "draft"):
            transaction = self._create_transaction(invoice, state=state)
            self._refuse("payment_in_progress", "invoice_id", invoice._fc_void, "Too late")
            transaction.state = "cancel"
        invoice._fc_void("Not paid after all")

    def test_a_void_invoice_is_not_charged_any_more(self):
        _order, invoice = self._bill_january()
        invoice.x_fc_next_payment_at = "2026-02-04"
        invoice._fc_void("Wrong customer")
        self.assertFalse(invoice.x_fc_next_payment_at)

    def test_what_is_no_posted_invoice_is_not_voided(self):
        _order, invoice = self._bill_january()
        note = invoice._fc_credit("Goodwill")
        self._refuse("invoice_not_posted", "invoice_id", note._fc_void, "No invoice")
        _order, invoice = self._bill_january()
        invoice.button_cancel()
        self._refuse("invoice_not_posted", "invoice_id", invoice._fc_void, "Cancelled")

    def test_neither_a_void_invoice_nor_its_reversal_is_reopened(self):
        # Either would ask the customer for what is billed anew.
        _order, invoice = self._bill_january()
        invoice._fc_void("Wrong price")
        for move in (invoice, invoice.reversal_move_ids):
            with self.subTest(move.move_type), self.assertRaises(UserError):
                move.button_draft()

    def test_the_service_hears_of_it(self):
        _order, invoice = self._bill_january()
        invoice._fc_void("Wrong price")
        self.assertIn("invoice.voided", self._get_event_types())
        self.assertNotIn("invoice.paid", self._get_event_types())

    def _create_transaction(self, invoice, **values):
        """Create a payment that a customer has begun on a page of the demo provider."""
        return self.env["payment.transaction"].create(
            {
                "provider_id": self._get_provider("demo", self.company).id,
                "payment_method_id": self.env.ref("payment_demo.payment_method_demo").id,
                "amount": invoice.amount_residual,
                "currency_id": invoice.currency_id.id,
                "partner_id": invoice.partner_id.id,
                "invoice_ids": [Command.set(invoice.ids)],
                "last_state_change": fields.Datetime.now(),
                **values,
            }
        )


@tagged("post_install", "-at_install")
class TestCreditNote(_Case):
    def _credit(self, invoice, *amounts):
        """Credit amounts of the fee, then of the usage."""
        lines = [self._get_line(invoice, product) for product in (self.fee, self.usage_product)]
        pairs = [(line.id, Decimal(amount)) for line, amount in zip(lines, amounts, strict=False) if amount]
        return invoice._fc_credit("Goodwill", pairs)

    def _get_left(self, invoice):
        whole, by_line = invoice._fc_get_creditable()
        return str(whole), [str(amount) for amount in by_line.values()]

    def test_a_credit_note_takes_the_named_amounts_off_what_is_due(self):
        _order, invoice = self._bill_january()
        note = self._credit(invoice, "2.50", "10")
        self.assertRecordValues(
            note, [{"state": "posted", "move_type": "out_refund", "amount_untaxed": 12.5, "payment_state": "paid"}]
        )
        self.assertRecordValues(invoice, [{"amount_residual": 17.5, "payment_state": "partial"}])
        self.assertEqual(sorted(note.invoice_line_ids.mapped("price_subtotal")), [2.5, 10])

    def test_a_credit_note_without_lines_credits_all_that_is_left(self):
        _order, invoice = self._bill_january()
        self._credit(invoice, "2.50")
        note = invoice._fc_credit("The rest")
        self.assertEqual(note.amount_untaxed, 27.5)
        self.assertRecordValues(invoice, [{"amount_residual": 0, "payment_state": "reversed"}])

    def test_never_more_is_credited_than_was_billed(self):
        _order, invoice = self._bill_january()
        fee, usage = (self._get_line(invoice, product) for product in (self.fee, self.usage_product))
        cases = [
            ([(usage.id, "10.01")], "lines.0.amount", "more than the line"),
            ([(fee.id, "20"), (usage.id, "10.01")], "lines.1.amount", "more than the second line"),
            ([(fee.id, "30")], "lines.0.amount", "more than the line, not more than the invoice"),
        ]
        for amounts, path, reason in cases:
            with self.subTest(reason):
                pairs = [(line, Decimal(amount)) for line, amount in amounts]
                self._refuse("credit_exceeds_invoice", path, invoice._fc_credit, "Too much", pairs)
        self._credit(invoice, "15", "10")
        self._refuse("credit_exceeds_invoice", "lines.0.amount", self._credit, invoice, "5.01")
        self._credit(invoice, "5")
        self._refuse("credit_exceeds_invoice", "invoice_id", invoice._fc_credit, "Nothing left")
        self.assertEqual(sum(invoice.reversal_move_ids.mapped("amount_untaxed")), 30)

    def test_credit_notes_of_the_back_office_count_also_as_drafts(self):
        _order, invoice = self._bill_january()
        reversal = invoice._reverse_moves([{}])
        self.assertEqual(reversal.state, "draft")
        self._refuse("credit_exceeds_invoice", "lines.0.amount", self._credit, invoice, "1")
        reversal.invoice_line_ids.filtered(lambda line: line.product_id == self.fee).unlink()
        self._refuse("credit_lines_needed", "lines", invoice._fc_credit, "The rest")
        self.assertEqual(self._credit(invoice, "20").amount_untaxed, 20)
        self._refuse("credit_exceeds_invoice", "lines.0.amount", self._credit, invoice, None, "1")

    def test_a_cancelled_credit_note_counts_no_more(self):
        _order, invoice = self._bill_january()
        self._credit(invoice, "20", "10").button_cancel()
        self.assertEqual(self._get_left(invoice), ("30.0", ["20.0", "10.0"]))

    def test_what_was_paid_stays_with_the_customer_as_credit(self):
        _order, invoice = self._bill_january()
        self._pay(invoice)
        note = self._credit(invoice, "5")
        self.assertRecordValues(note, [{"state": "posted", "amount_residual": 5, "payment_state": "not_paid"}])
        self.assertIn(invoice.payment_state, ("paid", "in_payment"))

    def test_a_credited_usage_is_not_billed_again(self):
        order, invoice = self._bill_january()
        invoice._fc_credit("Goodwill")
        self._rate(order, "2026-02-10")
        self.assertEqual(self._get_ledger(order)[0], ("2026-01-01", 0, "billed", 10))
        self.assertEqual(self._invoice_on(order, "2026-03-01").amount_untaxed, 20)

    def test_a_credited_one_off_product_is_not_billed_again(self):
        setup = {"product_id": self._create_product(name="Set-up").id, "price_unit": 99}
        order = self._create_subscription(order_line=[Command.create(setup)])
        invoice = self._invoice_on(order, "2026-02-01")
        self.assertEqual(invoice.amount_untaxed, 99)
        invoice._fc_credit("Goodwill", [(invoice.invoice_line_ids.id, Decimal(40))])
        self.assertEqual(order.order_line.mapped("qty_to_invoice"), [0])
        self.assertFalse(self._invoice_on(order, "2026-03-01"))

    def test_tax_follows_the_credited_amount(self):
        cases = [
            (False, "15", "3.33", "0.50", "a tax on top, rounded half up"),
            (False, "15", "20", "3.00", "the whole line"),
            (True, "25", "8.00", "2.00", "a tax within the price of 20, of which 16 are untaxed"),
            (True, "25", "16.00", "4.00", "the whole line with its tax"),
        ]
        for included, rate, amount, tax_amount, reason in cases:
            with self.subTest(reason):
                tax = self.env["account.tax"].create(
                    {
                        "name": f"{reason}",
                        "amount": float(rate),
                        "price_include_override": "tax_included" if included else "tax_excluded",
                    }
                )
                line = {"product_id": self.fee.id, "price_unit": 20, "tax_ids": [Command.set(tax.ids)]}
                order = self._create_subscription(order_line=[Command.create(line)])
                invoice = self._invoice_on(order, "2026-02-01")
                note = invoice._fc_credit("Goodwill", [(invoice.invoice_line_ids.id, Decimal(amount))])
                self.assertEqual(
                    (f"{note.amount_untaxed:.2f}", f"{note.amount_tax:.2f}"),
                    (
                        f"{Decimal(amount):.2f}",
                        tax_amount,
                    ),
                )

    def test_a_negative_line_is_part_of_the_rest_only(self):
        discount = {"product_id": self._create_product(name="Rebate", recurring_invoice=True).id, "price_unit": -5}
        fee = {"product_id": self.fee.id, "price_unit": 20}
        order = self._create_subscription(order_line=[Command.create(fee), Command.create(discount)])
        invoice = self._invoice_on(order, "2026-02-01")
        self.assertEqual(invoice.amount_untaxed, 15)
        self._refuse("credit_exceeds_invoice", "lines.0.amount", self._credit, invoice, "15.01")
        self.assertEqual(invoice._fc_credit("All").amount_untaxed, 15)

    def test_the_currency_decides_which_amounts_there_are(self):
        _order, invoice = self._bill_january()
        self._refuse("invalid_amount", "lines.0.amount", self._credit, invoice, "0.005")

    def test_a_credit_note_of_the_back_office_belongs_to_the_service_too(self):
        order, invoice = self._bill_january()
        note = invoice._reverse_moves(cancel=True)
        self.assertRecordValues(
            note, [{"x_fc_service_id": self.service.id, "x_fc_subscription_id": order.id, "x_fc_void_reason": False}]
        )
