# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .payments import PaymentCase


@tagged("post_install", "-at_install", "community")
class TestPaymentSchedule(PaymentCase):
    """When a failed payment is tried again, and what comes after the last failure."""

    def setUp(self):
        super().setUp()
        self.token = self._create_token("error")

    def _fail_to_the_end(self, **values):
        """Invoice on February 1 and fail three times: then, a day later, and three days after that."""
        self.plan.write(values)
        invoice = self._create_invoice(run_jobs=True)
        self._sweep("2026-02-02")
        self._sweep("2026-02-05")
        return invoice

    # === DAYS === #

    def test_each_failure_is_followed_by_its_days(self):
        self.plan.payment_retry_days = "1, 3,5,7"
        invoice = self._create_invoice(run_jobs=True)
        timeline = [
            # day, attempts so far, next attempt, state
            ("2026-02-01", 1, "2026-02-02", "waiting_retry"),
            ("2026-02-02", 2, "2026-02-05", "waiting_retry"),
            ("2026-02-04", 2, "2026-02-05", "waiting_retry"),
            ("2026-02-05", 3, "2026-02-10", "waiting_retry"),
            ("2026-02-12", 4, "2026-02-19", "waiting_retry"),  # two days late: counted from the failure
            ("2026-02-19", 5, None, "failed"),
            ("2026-03-31", 5, None, "failed"),
        ]
        for day, attempts, next_at, state in timeline:
            with self.subTest(day):
                self._sweep(day)
                self.assertPayment(invoice, state, attempts=attempts, next_at=next_at, payment_state="not_paid")

    def test_a_retry_that_succeeds_ends_the_schedule(self):
        invoice = self._create_invoice(run_jobs=True)
        self.token.demo_simulated_state = "done"
        self._sweep("2026-02-02")
        self.assertPayment(invoice, "paid", attempts=2, payment_state="paid")
        self.assertFalse(invoice.x_fc_payment_error)
        self._sweep("2026-03-01")
        self.assertEqual(len(self._get_sent(invoice)), 2)

    def test_an_invoice_paid_otherwise_is_not_tried_again(self):
        invoice = self._create_invoice(run_jobs=True)
        wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
        wizard.create({})._create_payments()
        self.assertPayment(invoice, "none", payment_state="paid")
        self._sweep("2026-02-02")
        self.assertEqual(len(self._get_sent(invoice)), 1)

    def test_a_plan_without_retries_fails_at_once(self):
        self.plan.payment_retry_days = False
        invoice = self._create_invoice(run_jobs=True)
        self.assertPayment(invoice, "failed", attempts=1)

    def test_a_manual_attempt_uses_up_no_step(self):
        invoice = self._create_invoice(run_jobs=True)
        with self._working("2026-02-01"):
            invoice._fc_retry_payment()
        self.assertPayment(invoice, "waiting_retry", attempts=2, next_at="2026-02-02")
        self._sweep("2026-02-02")
        self.assertPayment(invoice, "waiting_retry", attempts=3, next_at="2026-02-05")

    def test_manual_attempts_after_the_last_failure_start_nothing_anew(self):
        invoice = self._fail_to_the_end(payment_failure_action="pause")
        invoice.x_fc_subscription_id._resume_subscription()
        with self._working("2026-02-06"):
            invoice._fc_retry_payment()
        self.assertPayment(invoice, "failed", attempts=4)
        self.assertEqual(invoice.x_fc_subscription_id.subscription_state, "3_progress")

    def test_a_retry_without_payment_method_is_a_failure(self):
        self._listen()
        invoice = self._create_invoice(run_jobs=True)
        self.token.active = False
        self._sweep("2026-02-02")
        self.assertEqual(invoice.x_fc_payment_failures, 2)
        self.assertPayment(invoice, "waiting_retry", attempts=1, next_at="2026-02-05")
        self.assertEqual(len(self._get_events(self.service, "invoice.payment_failed")), 2)

    def test_a_payment_method_saved_later_is_charged_on_request(self):
        self.token.active = False
        invoice = self._create_invoice(run_jobs=True)
        self.assertPayment(invoice, "no_token")
        self._create_token("done")
        with self._working("2026-02-03"):
            invoice._fc_retry_payment()
        self.assertPayment(invoice, "paid", attempts=1)

    def test_a_retry_waits_for_a_payment_under_way(self):
        invoice = self._create_invoice(run_jobs=True)
        self.token.demo_simulated_state = "pending"
        with self._working("2026-02-01"):
            invoice._fc_retry_payment()
        self._sweep("2026-02-02")
        self.assertEqual(len(invoice.x_fc_charge_ids), 2)
        self.assertPayment(invoice, "in_progress", attempts=2, next_at="2026-02-02")

    def test_days_are_whole_positive_numbers(self):
        for days, expected in (("1,3,5,7", [1, 3, 5, 7]), (" 2 , 10 ", [2, 10]), ("14", [14]), ("", []), (False, [])):
            with self.subTest(days):
                self.plan.payment_retry_days = days
                self.assertEqual(self.plan._get_payment_retry_days(), expected)
        for days in ("0", "1,,2", "-1", "1.5", "one", "1;2", "1000", "1,"):
            with self.subTest(days), self.assertRaises(ValidationError):
                self.plan.payment_retry_days = days

    # === SWEEPER === #

    def test_a_due_retry_has_one_job(self):
        invoice = self._create_invoice(run_jobs=True)
        with self._on("2026-02-02"), trap_jobs() as trap:
            self.env["account.move"]._cron_retry_payments()
            trap.assert_jobs_count(1, only=invoice._job_retry_payment)
        with self._on("2026-02-01"), trap_jobs() as trap:
            self.env["account.move"]._cron_retry_payments()
            trap.assert_jobs_count(0, only=invoice._job_retry_payment)

    def test_a_retry_that_is_not_due_is_not_made(self):
        invoice = self._create_invoice(run_jobs=True)
        with self._working("2026-02-01"):
            invoice._job_retry_payment()
        self.assertEqual(len(invoice.x_fc_charge_ids), 1)

    def test_a_charge_that_lost_its_job_gets_another_one(self):
        charge = self._create_invoice().x_fc_charge_ids
        for age, jobs in (("1 minute", 0), ("10 minutes", 1)):
            with self.subTest(age):
                self.env.cr.execute(
                    "UPDATE payment_transaction SET create_date = now() - %s::interval WHERE id = %s",
                    [age, charge.id],
                )
                with trap_jobs() as trap:
                    self.env["payment.transaction"]._cron_resume_charges()
                    trap.assert_jobs_count(jobs, only=charge._job_charge)

    # === AFTER THE LAST FAILURE === #

    def test_the_subscription_becomes_what_the_plan_says(self):
        cases = [("none", "3_progress"), ("pause", "4_paused"), ("close", "6_churn")]
        for action, state in cases:
            with self.subTest(action):
                invoice = self._fail_to_the_end(payment_failure_action=action)
                self.assertPayment(invoice, "failed", attempts=3)
                self.assertEqual(invoice.x_fc_subscription_id.subscription_state, state)

    def test_it_becomes_so_although_the_job_is_lost_and_once(self):
        with patch.object(self.registry["account.move"], "_schedule_failure_action", lambda moves: None):
            invoice = self._fail_to_the_end(payment_failure_action="pause")
        order = invoice.x_fc_subscription_id
        self.assertEqual(order.subscription_state, "3_progress")
        self._sweep("2026-02-06")
        self.assertEqual(order.subscription_state, "4_paused")
        with self._on("2026-02-07"):
            self._resume(order)
        self._sweep("2026-02-07")
        self.assertEqual(order.subscription_state, "3_progress")

    def test_a_paid_invoice_closes_nothing_although_the_job_is_lost(self):
        with patch.object(self.registry["account.move"], "_schedule_failure_action", lambda moves: None):
            invoice = self._fail_to_the_end(payment_failure_action="close")
        self._pay(invoice)
        self._sweep("2026-02-06")
        self.assertEqual(invoice.x_fc_subscription_id.subscription_state, "3_progress")

    def test_before_the_last_failure_nothing_happens_to_it(self):
        self.plan.payment_failure_action = "close"
        invoice = self._create_invoice(run_jobs=True)
        self._sweep("2026-02-02")
        self.assertEqual(invoice.x_fc_subscription_id.subscription_state, "3_progress")

    def test_the_owner_of_the_service_has_one_activity(self):
        invoice = self._fail_to_the_end()
        with self._working("2026-02-05"):
            invoice._job_act_on_failure()
        [activity] = self.service.activity_ids
        self.assertEqual(activity.user_id, self.service.owner_id)
        self.assertIn(invoice.name, activity.summary)

    def test_the_service_hears_of_the_end(self):
        self._listen()
        invoice = self._fail_to_the_end(payment_failure_action="close")
        self.assertEqual(len(self._get_events(self.service, "subscription.terminated")), 1)
        told = [event.payload for event in self._get_events(self.service, "invoice.payment_failed")]
        payments = [payload["payment"] for payload in told if payload["invoice"]["invoice_id"] == invoice.id]
        self.assertEqual(
            [(payment["payment_state"], payment["attempts"], payment["next_retry_at"]) for payment in payments],
            [
                ("waiting_retry", 1, "2026-02-02T12:00:00Z"),
                ("waiting_retry", 2, "2026-02-05T12:00:00Z"),
                ("failed", 3, None),
            ],
        )

    def test_a_subscription_that_is_closed_already_stays_so(self):
        self.plan.payment_failure_action = "pause"
        invoice = self._create_invoice(run_jobs=True)
        with self._on("2026-02-01"), trap_jobs():
            invoice.x_fc_subscription_id._close_subscription()
        self._sweep("2026-02-02")
        self._sweep("2026-02-05")
        self.assertEqual(invoice.x_fc_subscription_id.subscription_state, "6_churn")
        self.assertIn("stays as it is", self.service.activity_ids.note)

    def test_what_the_edition_refuses_is_told_to_the_owner(self):
        orders = self.registry["sale.order"]
        with patch.object(orders, "_pause_subscription", side_effect=UserError("Not on Sundays.")):
            self._fail_to_the_end(payment_failure_action="pause")
        self.assertIn("Not on Sundays.", self.service.activity_ids.note)
