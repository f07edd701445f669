# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import contextlib
from unittest.mock import patch

from psycopg2.errors import ForeignKeyViolation, UniqueViolation

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged
from odoo.tools import file_open, mute_logger

from .payments import PaymentCase


@tagged("post_install", "-at_install", "community")
class TestPaymentGuards(PaymentCase):
    """What the database refuses. Killed processes and races: tests_integration/test_payments.py."""

    def test_an_invoice_has_one_charge_in_flight(self):
        self._create_token()
        invoice = self._create_invoice()
        first = invoice.x_fc_charge_ids
        for state, refused in (("draft", True), ("pending", True), ("authorized", True), ("error", False)):
            with self.subTest(state):
                first.state = "error" if state == "error" else "draft"
                self.env.cr.execute("UPDATE payment_transaction SET state = %s WHERE id = %s", [state, first.id])
                self.env.invalidate_all()
                with contextlib.ExitStack() as stack:
                    if refused:
                        stack.enter_context(mute_logger("odoo.sql_db"))
                        stack.enter_context(self.assertRaises(UniqueViolation))
                    with self.env.cr.savepoint(), trap_jobs():
                        invoice._fc_begin_payment(automatic=False)
                        self.env.flush_all()

    def test_the_right_to_call_is_given_once(self):
        self._create_token()
        charge = self._create_invoice().x_fc_charge_ids
        calls = self.env["fusion.billing.payment.call"]
        self.assertEqual([calls._take(charge), calls._take(charge), calls._take(charge)], [True, False, False])

    def test_a_run_that_finds_the_right_taken_does_not_call(self):
        self._create_token()
        invoice = self._create_invoice()
        charge = invoice.x_fc_charge_ids
        self.env["fusion.billing.payment.call"]._take(charge)
        with patch.object(self.registry["payment.transaction"], "_send_payment_request") as call, self._working():
            charge._job_charge()
        call.assert_not_called()
        self.assertPayment(invoice, "unclear", attempts=1)
        self.assertEqual(len(self.service.activity_ids), 1)

    def test_no_charge_is_sent_that_could_vanish(self):
        """The right to call needs a committed charge: on a real connection, this test's is not there."""
        self._create_token()
        charge = self._create_invoice().x_fc_charge_ids
        self.env.flush_all()
        self.registry_leave_test_mode()
        self.addCleanup(self.registry_enter_test_mode, register_cleanup=False)
        with (
            patch.object(self.registry["payment.transaction"], "_send_payment_request") as call,
            mute_logger("odoo.sql_db"),
            self.assertRaises(ForeignKeyViolation),
        ):
            charge._job_charge()
        call.assert_not_called()

    def test_what_the_provider_answers_is_committed_apart_from_the_job(self):
        function = self.env["queue.job.function"].search([("method", "=", "_job_charge")])
        self.assertTrue(function.allow_commit)

    def test_the_payment_page_is_closed_while_the_card_may_have_been_charged(self):
        self.env["ir.config_parameter"].set_param("account_payment.enable_portal_payment", True)
        token = self._create_token("error")
        invoice = self._create_invoice()
        self.assertFalse(invoice._has_to_be_paid(), "Queued")
        self.assertIn("being charged", invoice._get_online_payment_error())
        self.env["fusion.billing.payment.call"]._take(invoice.x_fc_charge_ids)
        with self._working():
            invoice.x_fc_charge_ids._job_charge()
        self.assertFalse(invoice._has_to_be_paid(), "Unclear")
        with self._working():
            invoice.x_fc_charge_ids.action_x_fc_note_not_charged()
        self.assertTrue(invoice._has_to_be_paid(), "Not charged, says a person")
        self.assertFalse(invoice._get_online_payment_error())
        self.assertTrue(token.active)

    def test_a_neutralized_copy_charges_nobody(self):
        """Odoo's own neutralization leaves providers in test mode as they are, and all tokens."""
        self._create_token("error")
        queued = self._create_invoice()
        waiting = self._create_invoice(run_jobs=True)
        self.assertEqual((queued.x_fc_payment_state, waiting.x_fc_payment_state), ("scheduled", "waiting_retry"))
        fresh = self._create_subscription()
        self.env.flush_all()
        with file_open("fusion_centralize_billing/data/neutralize.sql") as script:
            self.env.cr.execute(script.read())
        self.env.invalidate_all()
        with patch.object(self.registry["payment.transaction"], "_send_payment_request") as call:
            with self._working("2026-03-01"):
                queued.x_fc_charge_ids._job_charge()
                self.env["payment.transaction"]._cron_resume_charges()
                self.env["account.move"]._cron_retry_payments()
            posted = self._invoice(fresh, run_jobs=True)
        call.assert_not_called()
        self.assertEqual({queued.x_fc_payment_state, waiting.x_fc_payment_state}, {"none", "failed"})
        self.assertEqual(posted.x_fc_payment_state, "none")
