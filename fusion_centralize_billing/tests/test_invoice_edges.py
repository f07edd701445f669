# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo import Command
from odoo.tests import tagged

from ..api.errors import BusinessRuleError
from .common import BillingCase


class _Case(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        cls.order = cls._create_subscription()

    def _bill_january(self, day="2026-02-01"):
        """Return the invoice of a fee of 20 and 10 units at 1."""
        self._use(self.order, 10)
        return self._invoice_on(self.order, day)

    def _refuse(self, code, method, *args):
        with self.assertRaises(BusinessRuleError) as caught, self.env.cr.savepoint():
            method(*args)
        self.assertEqual(caught.exception.code, code)
        return str(caught.exception)


@tagged("post_install", "-at_install")
class TestDueDate(_Case):
    """A document without payment terms is due on its date, whenever it was made."""

    def _get_dates(self, move):
        receivable = move.line_ids.filtered(lambda line: line.display_type == "payment_term")
        return [str(day) for day in (move.invoice_date, move.invoice_date_due, *receivable.mapped("date_maturity"))]

    def test_an_invoice_that_is_made_late_is_due_on_its_date(self):
        cases = [("2026-02-01", "on its day"), ("2026-11-24", "ten months later")]
        for day, reason in cases:
            with self.subTest(reason), self.env.cr.savepoint() as savepoint:
                dates = [self._by_edition("2026-02-01", day)] * 3
                self.assertEqual(self._get_dates(self._bill_january(day)[:1]), dates)
                savepoint.rollback()

    def test_payment_terms_decide_where_there_are_some(self):
        days = {"value": "percent", "value_amount": 100, "nb_days": 30}
        self.order.payment_term_id = self.env["account.payment.term"].create(
            {"name": "30 days", "line_ids": [Command.create(days)]}
        )
        dates = self._by_edition(("2026-02-01", "2026-03-03"), ("2026-11-24", "2026-12-24"))
        self.assertEqual(self._get_dates(self._bill_january("2026-11-24")[:1]), [dates[0], dates[1], dates[1]])

    def test_a_draft_that_is_dated_anew_is_due_on_the_new_date(self):
        invoice = self._create_native_invoice_on(self.order, "2026-02-01")
        invoice.invoice_date = "2026-02-10"
        self.assertEqual(str(invoice.invoice_date_due), "2026-02-10")
        with self._on("2026-02-12"):
            invoice.action_post()
        self.assertEqual(self._get_dates(invoice), ["2026-02-10"] * 3)

    def test_a_draft_without_a_date_is_due_on_the_day_on_which_it_is_posted(self):
        self._use(self.order, 10)
        with self._on("2026-01-20"):
            draft = self.order._create_invoices()
        self.assertFalse(draft.invoice_date)
        with self._on("2026-01-25"):
            draft.action_post()
        self.assertEqual(self._get_dates(draft), ["2026-01-25"] * 3)

    def test_a_later_day_that_somebody_has_set_stays(self):
        invoice = self._create_native_invoice_on(self.order, "2026-02-01")
        invoice.invoice_date_due = "2026-03-31"
        invoice.invoice_date = "2026-02-10"
        self.assertEqual(str(invoice.invoice_date_due), "2026-03-31")

    def test_a_credit_note_is_due_on_its_date(self):
        invoice = self._bill_january()
        [given] = invoice._reverse_moves([{"invoice_date": datetime.date(2026, 2, 3), "date": "2026-02-03"}])
        given.action_post()
        self.assertEqual(self._get_dates(given), ["2026-02-03"] * 3)

    def test_an_invoice_of_no_subscription_is_due_as_odoo_has_it(self):
        line = Command.create({"product_id": self.usage_product.id, "price_unit": 5, "tax_ids": False})
        values = {"move_type": "out_invoice", "partner_id": self.partner.id, "invoice_line_ids": [line]}
        with self._on("2026-02-05"):
            invoice = self.env["account.move"].create({**values, "invoice_date": "2026-02-01"})
        self.assertEqual(str(invoice.invoice_date_due), "2026-02-05")


@tagged("post_install", "-at_install")
class TestCopiedInvoice(_Case):
    """Nobody bills usage by hand with a copy of what the ledger has billed."""

    def _reverse(self, move):
        wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=move.ids)
        return wizard.create({"journal_id": move.journal_id.id, "reason": "Wrong"})

    def test_an_invoice_is_not_replaced_by_a_new_one(self):
        invoice = self._bill_january()
        message = self._refuse("reversal_refused", self._reverse(invoice).modify_moves)
        self.assertIn(invoice.name, message)
        self.assertFalse(invoice.reversal_move_ids)

    def test_an_invoice_is_reversed_without_a_new_one(self):
        invoice = self._bill_january()
        self._reverse(invoice).refund_moves()
        note = invoice.reversal_move_ids
        self.assertEqual((note.move_type, note.amount_untaxed), ("out_refund", 30))
        self.assertEqual(note.x_fc_subscription_id, self.order)

    def test_documents_of_a_subscription_are_not_duplicated(self):
        invoice = self._bill_january()
        self._reverse(invoice).refund_moves()
        for move in invoice | invoice.reversal_move_ids:
            with self.subTest(move.move_type):
                for default in (None, {"ref": "Copy"}, {"reversed_entry_id": move.id}, {"invoice_line_ids": []}):
                    self._refuse("copy_refused", move.copy, default)

    def test_an_ordinary_invoice_is_replaced_and_duplicated(self):
        line = Command.create({"product_id": self.usage_product.id, "price_unit": 5, "tax_ids": False})
        values = {"move_type": "out_invoice", "partner_id": self.partner.id, "invoice_line_ids": [line]}
        invoice = self.env["account.move"].create({**values, "invoice_date": "2026-02-01"})
        invoice.action_post()
        self.assertEqual(invoice.copy().amount_untaxed, 5)
        self._reverse(invoice).modify_moves()
        self.assertEqual(invoice.reversal_move_ids.amount_untaxed, 5)
