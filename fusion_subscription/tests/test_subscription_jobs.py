# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from unittest.mock import patch

from psycopg2.errors import UniqueViolation

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import ConcurrencyError, LockError
from odoo.fields import Datetime
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionJobs(SubscriptionCommon):
    def _run_cron(self):
        """Run the cron method without its commits, which a test transaction refuses."""
        with patch.object(self.registry["ir.cron"], "_commit_progress", lambda *args, **kwargs: 1.0):
            self.env["sale.order"].sudo()._cron_create_recurring_invoices()

    def _get_orders_enqueued_on(self, day):
        with self._on(day), trap_jobs() as trap:
            self._run_cron()
            return self.env["sale.order"].union(*(job.recordset for job in trap.enqueued_jobs)).ids

    # === CRON === #

    def test_the_cron_enqueues_one_job_for_each_due_subscription(self):
        due = self._create_subscription() | self._create_subscription()
        self._create_subscription(start_date="2026-01-15")
        self._create_subscription(confirm=False)
        with self._on("2026-02-01"), trap_jobs() as trap:
            self._run_cron()
            trap.assert_jobs_count(2)
            for order in due:
                trap.assert_jobs_count(1, only=order._job_create_recurring_invoice)
                trap.assert_enqueued_job(
                    order._job_create_recurring_invoice,
                    properties={
                        "identity_key": f"fusion_subscription.recurring_invoice.{order.id}",
                    },
                )

    def test_the_cron_passes_over_paused_and_cancelled_subscriptions(self):
        paused, cancelled = self._create_subscription(), self._create_subscription()
        with self._on("2026-01-10"):
            paused.action_pause()
            cancelled.action_cancel()
        self.assertEqual(self._get_orders_enqueued_on("2026-06-01"), [])

    def test_the_cron_finds_the_last_period_of_a_churned_subscription(self):
        order = self._create_subscription()
        with self._on("2026-01-10"), trap_jobs():
            order.action_close()
        self.assertEqual(self._get_orders_enqueued_on("2026-01-10"), order.ids)

    def test_the_cron_tries_a_subscription_whose_job_failed_again_a_day_later_or_when_people_close_the_job(self):
        failed, other = self._create_subscription(), self._create_subscription()
        with self._on("2026-02-01"):
            failed._schedule_recurring_invoice()
            record = self.env["queue.job"].sudo().search([("identity_key", "=", failed._get_invoicing_identity_key())])
            job = Job.load(record.env, record.uuid)
            job.set_failed(exc_info="broken")
            job.store()
            record.date_started = Datetime.now()
        self.assertEqual(self._get_orders_enqueued_on("2026-02-01"), other.ids)
        self.assertEqual(self._get_orders_enqueued_on("2026-02-03"), (failed | other).ids)
        record.button_done()
        self.assertEqual(self._get_orders_enqueued_on("2026-02-01"), (failed | other).ids)

    def test_the_cron_runs_as_scheduled(self):
        self._create_subscription()
        cron = self.env.ref("fusion_subscription.ir_cron_create_recurring_invoices").sudo()
        with self._on("2026-02-01"), self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.assertTrue(
            self.env["queue.job"]
            .sudo()
            .search_count(
                [("method_name", "=", "_job_create_recurring_invoice"), ("channel", "=", "root.billing.invoice")]
            )
        )

    def test_a_subscription_that_waits_is_not_enqueued_again(self):
        order = self._create_subscription()
        order._schedule_recurring_invoice()
        order._schedule_recurring_invoice()
        self.assertEqual(
            self.env["queue.job"].sudo().search_count([("identity_key", "=", order._get_invoicing_identity_key())]), 1
        )

    # === JOB === #

    def test_the_job_bills_the_oldest_period_and_enqueues_itself_for_the_next(self):
        order = self._create_subscription()
        with self._on("2026-04-01"), trap_jobs() as trap:
            for done in (1, 2, 3):
                order.sudo()._job_create_recurring_invoice()
                self.assertEqual(len(order.x_fc_period_ids), done)
            trap.assert_jobs_count(1, only=order._job_create_recurring_invoice)
            self.assertEqual(len(trap.calls), 2)
        self.assertEqual(set(order.invoice_ids.mapped("state")), {"posted"})

    def test_a_job_that_runs_again_does_nothing(self):
        order = self._create_subscription()
        with self._on("2026-02-01"), trap_jobs() as trap:
            order.sudo()._job_create_recurring_invoice()
            order.sudo()._job_create_recurring_invoice()
            trap.assert_jobs_count(0)
        self.assertEqual(len(order.invoice_ids), 1)

    def test_the_job_locks_the_order_before_it_writes_anything(self):
        order = self._create_subscription()
        queries = []
        execute = type(self.env.cr).execute

        def spy(cr, query, *args, **kwargs):
            queries.append(query if isinstance(query, str) else query.code)
            return execute(cr, query, *args, **kwargs)

        self.env.flush_all()
        with self._on("2026-01-02"), patch.object(type(self.env.cr), "execute", spy):
            order.sudo()._job_create_recurring_invoice()
        writes = [query for query in queries if not query.lstrip().startswith("SELECT")]
        self.assertIn("FOR NO KEY UPDATE", writes[0])

    def test_the_job_of_a_deleted_order_ends_quietly(self):
        order = self._create_subscription(confirm=False)
        order.unlink()
        self.assertTrue(order.sudo()._job_create_recurring_invoice())

    def test_a_period_billed_meanwhile_makes_the_job_try_again(self):
        order = self._create_subscription()
        self.env["fusion.subscription.period"].sudo().create(
            {"order_id": order.id, "period_start": "2026-01-01", "period_end": "2026-02-01"}
        )
        with (
            self._on("2026-02-01"),
            mute_logger("odoo.sql_db"),
            self.assertRaises(RetryableJobError) as caught,
            self.cr.savepoint(),
        ):
            order.sudo()._job_create_recurring_invoice()
        self.assertFalse(order.invoice_ids)
        self.assertRegex(str(caught.exception), "another transaction: unique fusion_subscription_period_[a-z_]+$")

    def test_whatever_shows_another_transaction_makes_the_job_try_again(self):
        order = self._create_subscription()
        for error in (UniqueViolation(), ConcurrencyError("The day changed"), LockError("Locked")):
            with (
                self.subTest(type(error).__name__),
                self._on("2026-02-01"),
                patch.object(type(order), "_invoice_due_period", side_effect=error),
                self.assertRaises(RetryableJobError),
            ):
                order.sudo()._job_create_recurring_invoice()

    def test_a_conflict_of_what_was_not_written_yet_makes_the_job_try_again(self):
        order = self._create_subscription()
        with (
            self._on("2026-02-01"),
            self.assertRaises(RetryableJobError),
            patch.object(type(self.env), "flush_all", side_effect=UniqueViolation()),
        ):
            order.sudo()._job_create_recurring_invoice()

    def test_every_job_runs_again_after_a_conflict(self):
        jobs = {
            f"{parent.__module__}.{name}": method
            for model in self.registry.values()
            for parent in model.__mro__
            if parent.__module__.startswith("odoo.addons.fusion_subscription.")
            for name, method in vars(parent).items()
            if name.startswith("_job_")
        }
        self.assertTrue(jobs)
        for name, method in jobs.items():
            self.assertTrue(getattr(method, "is_repeated_on_conflict", False), name)

    def test_a_failing_subscription_leaves_the_others_alone(self):
        broken, sound = self._create_subscription(), self._create_subscription()
        invoice = type(broken)._invoice_due_period

        def _invoice_due_period(order):
            if order == broken:
                raise ValueError("broken on purpose")
            return invoice(order)

        with (
            self._on("2026-02-01"),
            trap_jobs() as trap,
            patch.object(type(broken), "_invoice_due_period", _invoice_due_period),
        ):
            self._run_cron()
            failures = 0
            for job in trap.enqueued_jobs:
                try:
                    with self.cr.savepoint():
                        job.perform()
                except ValueError:
                    failures += 1
        self.assertEqual(failures, 1)
        self.assertFalse(broken.x_fc_period_ids)
        self.assertDates(broken, next_invoice_date="2026-02-01")
        self.assertEqual(self._get_periods(sound), [("2026-01-01", "2026-02-01", 100.0)])

    # === END DATE === #

    def test_reaching_the_end_date_closes_after_the_last_invoice(self):
        order = self._create_subscription(end_date="2026-02-15")
        with self._on("2026-02-20"), trap_jobs():
            order.sudo()._job_create_recurring_invoice()
            self.assertEqual(order.subscription_state, "3_progress")
            order.sudo()._job_create_recurring_invoice()
        self.assertEqual(order.subscription_state, "6_churn")
        self.assertDates(order, last_invoice_date="2026-02-15", next_invoice_date=False)

    def test_an_end_on_the_last_invoiced_boundary_closes_without_another_invoice(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        order.end_date = "2026-02-01"
        self.assertEqual(self._get_orders_enqueued_on("2026-02-01"), order.ids)
        with self._on("2026-02-01"):
            order.sudo()._job_create_recurring_invoice()
        self.assertEqual(order.subscription_state, "6_churn")
        self.assertEqual(len(order.invoice_ids), 1)

    def test_an_end_reached_while_paused_closes_and_bills_what_is_left(self):
        order = self._create_subscription(end_date="2026-02-15")
        with self._on("2026-01-20"):
            order.action_pause()
        self.assertEqual(self._get_orders_enqueued_on("2026-02-15"), order.ids)
        with self._on("2026-02-15"), trap_jobs():
            order.sudo()._job_create_recurring_invoice()
            self.assertEqual(order.subscription_state, "6_churn")
            order.sudo()._job_create_recurring_invoice()
        self.assertEqual(
            self._get_periods(order),
            [
                ("2026-01-01", "2026-02-01", 100.0),
                ("2026-02-01", "2026-02-15", None),
            ],
        )
