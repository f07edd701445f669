# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import contextlib
import unittest

from odoo.addons.queue_job.tests.common import trap_jobs

from .common import BillingCase


class DemoPayments:
    """Odoo's demo provider, whose tokens know how they will end.

    payment_demo and payment_stripe have to be installed, as in the databases of scripts/test; elsewhere, such as
    on a sandbox, their tests are skipped.
    """

    @classmethod
    def _set_up_demo(cls):
        missing = {"payment_demo", "payment_stripe"} - set(cls.env.registry._init_modules)
        if missing:
            raise unittest.SkipTest(f"not installed: {', '.join(sorted(missing))}")
        cls.demo = cls._get_provider("demo", cls.company)
        cls.demo_method = cls.env.ref("payment_demo.payment_method_demo")
        cls.demo_method.active = True

    @classmethod
    def _get_provider(cls, code, company):
        """Return a company's provider in test mode, whatever payments it was made for."""
        providers = cls.env["payment.provider"].sudo().search([("code", "=", code)])
        provider = providers.filtered(lambda provider: provider.company_id == company)[:1]
        if not provider:
            provider = providers[:1].copy({"company_id": company.id, "state": "disabled"})
        provider.write({"state": "test"})
        return provider

    @classmethod
    def _create_token(cls, state="done", partner=None, provider=None, **values):
        """Save a payment method whose charges end in ``state``: done, pending, cancel or error."""
        return cls.env["payment.token"].create(
            {
                "provider_id": (provider or cls.demo).id,
                "payment_method_id": cls.demo_method.id,
                "partner_id": (partner or cls.partner).id,
                "provider_ref": "demo",
                "payment_details": "1234",
                "demo_simulated_state": state,
                **values,
            }
        )


class PaymentCase(DemoPayments, BillingCase):
    """A plan with automatic payments, and the demo provider."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls._is_enterprise():  # which charges cards itself
            cls.plan.write({"automatic_payment": True, "payment_retry_days": "1,3", "payment_failure_action": "none"})
        cls._set_up_demo()

    def setUp(self):
        super().setUp()
        # The right to call a provider is committed by a cursor of its own: here, one on the test's cursor.
        self.registry_enter_test_mode()

    # === CREATORS === #

    @classmethod
    def _create_token(cls, state="done", partner=None, chosen=True, **values):
        """Save a payment method and choose it, unless told not to, for the customer of the class's service."""
        token = super()._create_token(state, partner, **values)
        links = cls.env["fusion.billing.account.link"].search(
            [("service_id", "=", cls.service.id), ("partner_id", "=", token.partner_id.id)]
        )
        if chosen:
            links.filtered(lambda link: link._fc_fits(token)).payment_token_id = token
        return token

    def _create_invoice(self, day="2026-02-01", run_jobs=False, **values):
        """Bill the first month of a new subscription on a day: 20.00, posted."""
        return self._invoice(self._create_subscription(**values), day, run_jobs)

    def _invoice(self, order, day="2026-02-01", run_jobs=False):
        with self._on(day), trap_jobs() as trap:
            invoice = self._bill_what_is_due(order)
            if run_jobs:
                self._run_jobs(trap)
        return invoice

    # === JOBS === #

    def _run_jobs(self, trap):
        """Run the trapped jobs of payments, and those that they enqueue, until none is left."""
        ran = []
        while trap.enqueued_jobs:
            jobs, trap.enqueued_jobs = trap.enqueued_jobs, []
            for job in jobs:
                if job.channel == "root.billing.payment" or job.method_name == "_job_create_recurring_invoice":
                    record = self.env[job.model_name].browse(job.recordset.ids).sudo()
                    getattr(record.with_company(record.company_id), job.method_name)()
                    self.env.flush_all()
                    self.env.invalidate_all()
                    ran.append(job.method_name)
        return ran

    @contextlib.contextmanager
    def _working(self, day="2026-02-01"):
        """Run the block on a day, and then the jobs that it has enqueued."""
        with self._on(day), trap_jobs() as trap:
            yield
            self._run_jobs(trap)

    def _sweep(self, at):
        """Run the retries that are due at noon of a day, with all that follows."""
        with self._working(at):
            self.env["account.move"]._cron_retry_payments()

    # === WHAT CAME OF IT === #

    def _get_sent(self, invoice):
        """Return the charges whose provider was called."""
        return invoice.x_fc_charge_ids.filtered(lambda tx: tx.x_fc_charge_state in ("answered", "unclear"))

    def assertPayment(self, invoice, state, attempts=None, next_at=None, payment_state=None):
        self.assertEqual(invoice.x_fc_payment_state, state)
        if attempts is not None:
            self.assertEqual(invoice.x_fc_payment_attempts, attempts)
        self.assertEqual(str(invoice.x_fc_next_payment_at or "")[:10], next_at or "")
        if payment_state:
            self.assertEqual(invoice.payment_state, payment_state)
