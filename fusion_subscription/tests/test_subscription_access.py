# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionAccess(SubscriptionCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesman, cls.manager, cls.biller, cls.auditor, cls.employee = (
            new_test_user(cls.env, login=f"subscription_{group}", groups=f"base.group_user,{group}")
            for group in (
                "sales_team.group_sale_salesman",
                "sales_team.group_sale_manager",
                "account.group_account_invoice",
                "account.group_account_readonly",
                "base.group_user",
            )
        )
        cls.order = cls._create_subscription(user_id=cls.salesman.id)

    def test_rights_on_the_models(self):
        models = ("sale.subscription.plan", "fusion.subscription.period", "fusion.subscription.pause")
        models += ("fusion.subscription.fee",)
        operations = ("read", "write", "create", "unlink")
        table = [
            # user, allowed on plan, period, pause and fee
            (self.salesman, "read", "read", "read", "read"),
            (self.manager, "read write create unlink", "read", "read", "read"),
            (self.biller, "read", "read", "read", "read"),
            (self.auditor, "read", "read", "read", "read"),
            (self.employee, "", "", "", ""),
        ]
        for user, *allowed in table:
            for model, expected in zip(models, allowed, strict=True):
                with self.subTest(user=user.login, model=model):
                    records = self.env[model].with_user(user)
                    self.assertEqual(" ".join(o for o in operations if records.has_access(o)), expected)

    def test_a_salesperson_pauses_resumes_and_closes(self):
        order = self.order.with_user(self.salesman)
        with self._on("2026-01-10"):
            order.action_pause()
            order.action_resume()
            with trap_jobs() as trap:
                order.action_close()
                trap.assert_jobs_count(1, only=order._job_create_recurring_invoice)
                self.assertTrue(trap.enqueued_jobs[0].recordset.env.su, "the job may post, whoever closed")
                trap.perform_enqueued_jobs()
        self.assertEqual(self.order.invoice_ids.state, "posted")

    def test_readers_can_change_nothing(self):
        for action in ("action_pause", "action_close"):
            for user in (self.auditor, self.employee):
                with self.subTest(action, user=user.login), self.assertRaises(AccessError):
                    getattr(self.order.with_user(user), action)()

    def test_a_salesperson_may_invoice_with_the_native_button(self):
        with self._on("2026-02-01"):
            self.order.with_user(self.salesman)._create_invoices()
        self.assertEqual(self._get_periods(self.order), [("2026-01-01", "2026-02-01", 100.0)])

    def test_an_accountant_may_invoice_with_the_native_button(self):
        with self._on("2026-02-01"):
            self.order.with_user(self.biller)._create_invoices()
        self.assertEqual(self._get_periods(self.order), [("2026-01-01", "2026-02-01", 100.0)])

    def test_who_may_invoice_may_invoice_and_credit_fees_in_advance(self):
        for user in (self.salesman, self.biller):
            with self.subTest(user=user.login):
                order = self._create_subscription(
                    user_id=self.salesman.id, x_fc_fee_timing="advance", x_fc_proration="day"
                )
                with self._on("2026-01-01"):
                    order.with_user(user)._create_invoices()
                self._close(order, "2026-01-16")
                with self._on("2026-01-16"):
                    order.with_user(user)._create_invoices()
                self.assertEqual(order.x_fc_period_ids.invoice_id.move_type, "out_refund")
                self.assertEqual(self._get_invoices(order), [("2026-01-01", 100.0), ("2026-01-16", -51.61)])

    def test_salespeople_see_the_fees_of_their_own_orders(self):
        own = self._create_subscription(user_id=self.salesman.id, x_fc_fee_timing="advance")
        other = self._create_subscription(user_id=self.manager.id, x_fc_fee_timing="advance")
        self._invoice_on(own | other, "2026-01-01")
        fees = self.env["fusion.subscription.fee"]
        self.assertEqual(fees.with_user(self.salesman).search([]).order_id, own)
        self.assertIn(other, fees.with_user(self.manager).search([]).order_id.sudo(False))
        self.assertIn(other, fees.with_user(self.biller).search([]).order_id)

    def test_a_reader_may_not_invoice(self):
        for day in ("2026-01-10", "2026-02-01"):
            with self.subTest(day), self._on(day), self.assertRaises(AccessError):
                self.order.with_user(self.auditor)._create_invoices()
        self.assertFalse(self.order.x_fc_period_ids)

    def test_salespeople_see_the_periods_of_their_own_orders(self):
        other = self._create_subscription(user_id=self.manager.id)
        self._invoice_on(self.order | other, "2026-02-01")
        periods = self.env["fusion.subscription.period"]
        self.assertEqual(periods.with_user(self.salesman).search([]).order_id, self.order)
        self.assertIn(other, periods.with_user(self.manager).search([]).order_id.sudo(False))
        self.assertIn(other, periods.with_user(self.biller).search([]).order_id)

    def test_plans_and_periods_of_other_companies_are_hidden(self):
        other_company = self.env["res.company"].sudo().create({"name": "Elsewhere"})
        shared, own = self._create_plan(), self._create_plan(company_id=self.env.company.id)
        foreign = self.env["sale.subscription.plan"].sudo().create({"name": "Foreign", "company_id": other_company.id})
        visible = self.env["sale.subscription.plan"].with_user(self.salesman).search([])
        self.assertEqual(visible & (shared | own | foreign), shared | own)

        self._invoice_on(self.order, "2026-02-01")
        self.order.x_fc_period_ids.sudo().write({"company_id": other_company.id})
        self.assertFalse(
            self.env["fusion.subscription.period"].with_user(self.manager).search([("order_id", "=", self.order.id)])
        )
