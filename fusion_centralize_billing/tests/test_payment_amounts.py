# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import contextlib
from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import tagged

from ..api.errors import BusinessRuleError
from .payments import PaymentCase

_ASKED = {"amount": 20, "currency_code": "CAD"}
_LESS = {"amount": 15, "currency_code": "CAD"}


@tagged("post_install", "-at_install", "community")
class TestOtherAmount(PaymentCase):
    """Providers that answer with another amount or currency than the 20.00 Canadian dollars they were asked for.

    With Odoo's demo provider, whose answers tell no amount: ``_extract_amount_data`` is patched to tell one.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls._create_user("account.group_account_invoice")

    @contextlib.contextmanager
    def _telling(self, amount_data):
        with patch.object(self.registry["payment.transaction"], "_extract_amount_data", lambda tx, data: amount_data):
            yield

    def _charge(self, answer, state="done"):
        """Bill 20.00, charge them on February 1, and return the invoice."""
        self._create_token(state)
        invoice = self._create_invoice()
        with self._telling(answer), self._working():
            invoice.x_fc_charge_ids._job_charge()
        return invoice

    def _receive(self, charge, answer, state="done", day="2026-02-01"):
        """Do what the controller of a provider's webhook does."""
        data = {"reference": charge.reference, "simulated_state": state}
        with self._telling(answer), self._working(day):
            self.env["payment.transaction"].sudo()._process("demo", data)

    def _settle(self, charge, action, day="2026-02-01"):
        with self._working(day):
            getattr(charge.with_user(self.accountant), action)()

    def _sweep_twice(self, day):
        """Run the schedule, and again when what it has postponed is due."""
        with self._telling(_ASKED):
            self._sweep(day)
            self.env["account.move"].search([("x_fc_next_payment_at", "!=", False)]).x_fc_next_payment_at = day
            self._sweep(day)

    def assertUnclear(self, invoice, attempts=1):
        """Check that nobody charges the invoice, by schedule, by a button or by another run of the job."""
        self.env.invalidate_all()
        self.assertEqual(invoice.x_fc_payment_state, "unclear")
        charges = invoice.x_fc_charge_ids
        called = []
        send = patch.object(
            self.registry["payment.transaction"],
            "_send_payment_request",
            lambda charge: called.append(charge.x_fc_invoice_id),
        )
        with send:
            self._sweep_twice("2026-02-20")
            with self._working("2026-02-21"):
                for charge in charges:
                    charge._job_charge()
                self.env["payment.transaction"]._cron_resume_charges()
            with self.assertRaises(BusinessRuleError) as caught, trap_jobs():
                invoice._fc_retry_payment()
        self.assertNotIn(invoice, called)
        self.assertEqual(caught.exception.code, "payment_in_progress")
        self.assertEqual((invoice.x_fc_payment_state, invoice.x_fc_payment_attempts), ("unclear", attempts))
        self.assertFalse(charges.payment_id)
        self.assertFalse(invoice._has_to_be_paid(), "The payment page is open.")

    # === WHAT IS UNCLEAR === #

    def test_another_amount_or_currency_is_unclear_whatever_the_answer_says(self):
        cases = [
            # answer, state, payment state, reason
            (_ASKED, "done", "paid", "what was asked for"),
            (None, "done", "paid", "the provider tells no amount"),
            (_ASKED, "error", "waiting_retry", "a refusal"),
            (_LESS, "done", "unclear", "less"),
            ({**_ASKED, "amount": 19.99}, "done", "unclear", "a cent less"),
            ({**_ASKED, "amount": 20.01}, "done", "unclear", "a cent more"),
            ({**_ASKED, "amount": 2000}, "done", "unclear", "in another unit"),
            ({**_ASKED, "currency_code": "USD"}, "done", "unclear", "another currency"),
            ({**_ASKED, "amount": 0}, "done", "unclear", "no amount"),
            ({**_ASKED, "currency_code": None}, "done", "unclear", "no currency"),
            (_LESS, "pending", "unclear", "less is announced"),
            (_LESS, "error", "unclear", "a refusal of something else"),
            (_LESS, "cancel", "unclear", "something else is cancelled"),
        ]
        for answer, state, payment_state, reason in cases:
            with self.subTest(reason):
                invoice = self._charge(answer, state)
                next_at = "2026-02-02" if payment_state == "waiting_retry" else None
                self.assertPayment(invoice, payment_state, attempts=1, next_at=next_at)
                if payment_state == "unclear":
                    self.assertUnclear(invoice)

    def test_finance_people_are_told_what_to_do(self):
        self._listen()
        invoice = self._charge(_LESS)
        charge = invoice.x_fc_charge_ids
        [activity] = self.service.activity_ids
        for text in (charge.reference, self.demo.name, "20.00", "not charged", "give it back"):
            self.assertIn(text, activity.note)
            self.assertIn(text, invoice.message_ids[0].body)
        self.assertIn("20.00", charge.state_message)
        self.assertEqual(invoice._fc_describe_payment()["last_error"], charge.state_message)
        self.assertFalse(self._get_events(self.service, "invoice.payment_failed"), "Nobody knows that.")

    def test_a_webhook_that_repeats_the_other_amount_changes_nothing(self):
        invoice = self._charge(_LESS)
        before = len(invoice.message_ids)
        for _repetition in range(2):
            self._receive(invoice.x_fc_charge_ids, _LESS)
        self.assertEqual(len(invoice.message_ids), before)
        self.assertUnclear(invoice)

    def test_another_amount_of_a_pending_payment_is_unclear(self):
        for action, state in (("action_x_fc_note_charged", "paid"), ("action_x_fc_note_not_charged", "waiting_retry")):
            with self.subTest(action):
                invoice = self._charge(_ASKED, "pending")
                self.assertPayment(invoice, "in_progress")
                charge = invoice.x_fc_charge_ids
                self._receive(charge, _LESS)
                self.assertEqual(charge.state, "pending")
                self.assertUnclear(invoice)
                self._settle(charge, action)
                self.assertEqual(invoice.x_fc_payment_state, state)

    def test_another_amount_of_a_failed_payment_stops_its_retries(self):
        for state in ("error", "cancel"):
            for action, ended_as in (("action_x_fc_note_charged", "paid"), ("action_x_fc_note_not_charged", state)):
                with self.subTest(action, state=state):
                    invoice = self._charge(_ASKED, state)
                    self.assertPayment(invoice, "waiting_retry", next_at="2026-02-02")
                    charge = invoice.x_fc_charge_ids
                    self._receive(charge, _LESS)
                    self.assertUnclear(invoice)
                    self._settle(charge, action, "2026-02-22")
                    self.assertEqual(invoice.x_fc_payment_failures, 0 if ended_as == "paid" else 1)
                    self.env["payment.token"].search([]).demo_simulated_state = "done"
                    self._sweep_twice("2026-02-23")
                    self.assertEqual(invoice.payment_state, "paid")
                    states = ["done"] if ended_as == "paid" else [state, "done"]
                    self.assertEqual(invoice.x_fc_charge_ids.sorted("id").mapped("state"), states)

    def test_a_queued_retry_is_not_sent_when_the_first_attempt_becomes_unclear(self):
        invoice = self._charge(_ASKED, "error")
        with self._on("2026-02-02"), trap_jobs():
            invoice._fc_begin_payment(automatic=True)
        first, second = invoice.x_fc_charge_ids.sorted("id")
        self._receive(first, _LESS)
        with self._working("2026-02-02"):
            second._job_charge()
        self.assertEqual(second.x_fc_charge_state, "withdrawn")
        self.assertUnclear(invoice)

    def test_a_payment_that_is_done_stays_done(self):
        invoice = self._charge(_ASKED)
        self._receive(invoice.x_fc_charge_ids, _LESS)
        self.assertPayment(invoice, "paid", attempts=1, payment_state="paid")
        self.assertEqual(len(invoice.x_fc_charge_ids.payment_id), 1)

    def _pay_on_page(self, invoice):
        return self.env["payment.transaction"].create(
            {
                "provider_id": self.demo.id,
                "payment_method_id": self.demo_method.id,
                "amount": invoice.amount_total,
                "currency_id": invoice.currency_id.id,
                "partner_id": self.partner.id,
                "invoice_ids": [Command.set(invoice.ids)],
                "operation": "online_direct",
            }
        )

    def test_a_payment_page_that_took_another_amount_stops_the_schedule_too(self):
        for action, payment_state in (
            ("action_x_fc_note_charged", "paid"),
            ("action_x_fc_note_not_charged", "not_paid"),
        ):
            with self.subTest(action):
                invoice = self._charge(_ASKED, "error")
                self.assertPayment(invoice, "waiting_retry", next_at="2026-02-02")
                tx = self._pay_on_page(invoice)
                self._receive(tx, _LESS)
                self.assertRecordValues(tx, [{"state": "draft", "x_fc_charge_state": "unclear"}])
                self.assertUnclear(invoice)
                self.assertIn(tx.reference, invoice.message_ids[0].body)
                self._settle(tx, action)
                tx.sudo()._post_process()
                self.assertEqual(invoice.payment_state, payment_state)

    def test_payments_of_other_invoices_are_left_to_odoo(self):
        line = {"product_id": self.fee.id, "price_unit": 20}
        values = {"move_type": "out_invoice", "partner_id": self.partner.id, "invoice_line_ids": [Command.create(line)]}
        invoice = self.env["account.move"].create({**values, "currency_id": self._get_currency("CAD").id})
        invoice.action_post()
        tx = self._pay_on_page(invoice)
        self._receive(tx, _LESS)
        self.assertRecordValues(tx, [{"state": "error", "x_fc_charge_state": False}])

    # === HOW IT ENDS === #

    def test_an_answer_that_fits_ends_it(self):
        cases = [("done", "paid", None), ("error", "waiting_retry", "2026-02-02"), ("pending", "in_progress", None)]
        for state, payment_state, next_at in cases:
            with self.subTest(state):
                invoice = self._charge(_LESS)
                self._receive(invoice.x_fc_charge_ids, _ASKED, state)
                self.assertPayment(invoice, payment_state, attempts=1, next_at=next_at)

    def test_a_person_ends_it(self):
        for action, state, next_at in (
            ("action_x_fc_note_charged", "paid", None),
            ("action_x_fc_note_not_charged", "waiting_retry", "2026-02-02"),
        ):
            with self.subTest(action):
                invoice = self._charge(_LESS)
                self._settle(invoice.x_fc_charge_ids, action)
                self.assertPayment(invoice, state, attempts=1, next_at=next_at)

    def test_what_was_taken_is_registered_and_only_the_rest_is_charged(self):
        invoice = self._charge(_LESS)
        self._pay_part(invoice, 15)
        self.assertUnclear(invoice)
        self._settle(invoice.x_fc_charge_ids, "action_x_fc_note_not_charged")
        with self._telling({**_ASKED, "amount": 5}):
            self._sweep("2026-02-02")
        self.assertPayment(invoice, "paid", attempts=2, payment_state="paid")
        self.assertEqual(invoice.x_fc_charge_ids.sorted("id").mapped("amount"), [20, 5])

    def _pay_part(self, invoice, amount):
        wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
        wizard.create({"amount": amount, "payment_difference_handling": "open"})._create_payments()
