# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import date

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase, tagged

from ..api.errors import BusinessRuleError
from .enterprise import EnterpriseMixin


@tagged("post_install", "-at_install", "enterprise")
class TestEnterpriseClosing(EnterpriseMixin, TransactionCase):
    """Ends of Enterprise's subscriptions, and what Enterprise does itself."""

    def test_the_api_closes_in_enterprises_own_way_with_a_reason(self):
        table = [
            ("customer_request", "Asked by the customer"),
            ("not_paid", "Not paid"),
            ("replaced", "Replaced by another subscription"),
            ("misuse", "Misuse"),
            ("other", "Another reason"),
            (None, False),
        ]
        for reason, name in table:
            with self.subTest(reason=reason):
                order = self._open(self.plan)
                self._run_on("2026-01-01", order)
                given = {"reason": reason} if reason else {}
                with self._on("2026-01-20"), trap_jobs():
                    answer = self.service._api_terminate_subscription(
                        {"subscription_external_id": order.x_fc_external_id, **given}
                    )
                self.assertEqual(answer["subscription_state"], "6_churn")
                self.assertEqual(answer["end_date"], "2026-01-20")
                self.assertEqual(order.x_fc_close_reason, reason or False)
                self.assertEqual(order.close_reason_id.name, name)
                self.assertEqual(order.order_log_ids.sorted("id")[-1].event_type, "churn")

    def test_a_later_end_is_planned_and_its_last_period_cut_there(self):
        """(meaning of Enterprise's end date) -> what is stored, and what the last period costs."""
        for meaning, parameter, stored in (("first_day_after", "0", "2026-02-15"), ("last_day", "1", "2026-02-14")):
            with self.subTest(meaning=meaning):
                self._switch("end_date", meaning)
                self.env["ir.config_parameter"].set_param("fusion_subscription.end_date_is_last_day", parameter)
                order = self._open()
                self._run_on("2026-01-01", order)
                with self._on("2026-01-20"), trap_jobs():
                    self.service._api_terminate_subscription(
                        {"subscription_external_id": order.x_fc_external_id, "end_date": "2026-02-15"}
                    )
                self.assertEqual(str(order.end_date), stored)
                self.assertEqual(order.subscription_state, "3_progress")
                self._run_on("2026-02-01", order)
                self._use(order, 130, "2026-02-14")
                with self._on("2026-02-15"), trap_jobs():
                    self.env["sale.order"]._close_expired_subscriptions()
                    self._notice()
                self.assertEqual((order.subscription_state, order.x_fc_ended_on), ("6_churn", date(2026, 2, 15)))
                self._run_closing_jobs(order, "2026-02-15")
                self.assertEqual(order.invoice_ids.mapped("amount_untaxed"), [30.0])

    def test_the_last_invoice_has_usage_alone(self):
        order = self._open(self.plan)
        self._create_charge()
        self._run_on("2026-01-01", order)
        self._use(order, 5, "2026-01-10")
        with self._on("2026-01-20"), trap_jobs():
            order.set_close()
            self._notice()
        self._run_closing_jobs(order, "2026-01-20")
        [_first, last] = order.invoice_ids.sorted("id")
        self.assertEqual(last.invoice_line_ids.product_id, self.usage_product)
        self.assertEqual(last.amount_untaxed, 5)
        # Months later nothing is left, and no period is made up.
        self._run_closing_jobs(order, "2026-05-20")
        self.assertEqual(len(order.invoice_ids), 2)
        self.assertEqual(order.x_fc_billed_until, date(2026, 1, 20))

    def test_the_preview_of_a_planned_end_is_the_last_invoice(self):
        """(end date, used) -> invoiced: with a fee of 20 for full periods, in advance, and a minimum of 50."""
        plan = self._create_plan(minimum_commitment=50, commitment_product_id=self.usage_product.id)
        self._create_charge(plan)
        table = [
            ("2026-01-25", 10, 30.0, "10 used, and 20 to the minimum beside the fee"),
            ("2026-02-01", 60, 60.0, "without the fee of the period that does not begin"),
        ]
        for end_date, used, expected, reason in table:
            with self.subTest(end_date=end_date, reason=reason):
                order = self._open(plan)
                self._run_on("2026-01-01", order)
                self._use(order, used, "2026-01-10")
                with self._on("2026-01-20"), trap_jobs() as trap:
                    order.end_date = end_date
                    preview = order._fc_preview_invoice("period_end")
                    trap.assert_jobs_count(0)
                self.assertEqual((order.subscription_state, order.x_fc_ended_on), ("3_progress", False))
                with self._on(end_date), trap_jobs():
                    self.env["sale.order"]._close_expired_subscriptions()
                self._run_closing_jobs(order, end_date)
                last = order.invoice_ids.sorted("id")[-1]
                self.assertEqual(last.amount_untaxed, expected)
                self.assertEqual(preview["amount_untaxed"], f"{expected:.2f}")
                self.assertEqual((str(last.x_fc_period_start), str(last.x_fc_period_end)), ("2026-01-01", end_date))
                self.assertEqual((preview["period_start"], preview["period_end"]), ("2026-01-01", end_date))

    def test_an_end_date_before_what_is_billed_moves_no_money(self):
        """(end date, whether it is taken back) -> invoiced of 150 used in January and February, 120 on March 3."""
        table = [
            ("2026-01-01", True, 120.0, "each month with its quota"),
            ("2026-02-01", True, 120.0, "each month with its quota"),
            ("2026-01-01", False, 220.0, "closed: what came behind the billed months is billed with the last of them"),
            ("2026-02-15", False, 220.0, "the same"),
        ]
        for end_date, is_taken_back, expected, reason in table:
            with self.subTest(end_date=end_date, reason=reason):
                order = self._open()
                self._run_on("2026-01-01", order)
                for day, quantity, boundary in (("01-10", 150, "02-01"), ("02-10", 150, "03-01")):
                    self._use(order, quantity, f"2026-{day}")
                    self._run_on(f"2026-{boundary}", order)
                self._use(order, 120, "2026-03-03")
                with self._on("2026-03-05"), trap_jobs():
                    order.end_date = end_date
                    order._job_rate()
                    self.assertEqual(order._fc_get_running_period(), (date(2026, 3, 1), date(2026, 4, 1)))
                self.assertEqual(self._get_ledger(order)[-1], ("2026-03-01", 0, "open", 20.0))
                self.assertEqual(len(self._get_ledger(order)), 3)
                if is_taken_back:
                    order.end_date = False
                    self._run_on("2026-04-01", order)
                else:
                    with self._on("2026-03-05"), trap_jobs():
                        self.env["sale.order"]._close_expired_subscriptions()
                    self._run_closing_jobs(order, "2026-03-05")
                self.assertEqual(sum(order.invoice_ids.mapped("amount_untaxed_signed")), expected)

    def test_an_end_for_unpaid_invoices_bills_the_usage_until_then(self):
        self.recurrence.auto_close_limit = 15
        order = self._open(self.plan)
        self._create_charge()
        self._run_on("2026-01-01", order)
        self._use(order, 7, "2026-01-10")
        with self._on("2026-01-16"), trap_jobs():
            self.env["sale.order"]._close_expired_subscriptions()
            self._notice()
        self.assertEqual(order.subscription_state, "6_churn")
        self._run_closing_jobs(order, "2026-01-16")
        self.assertEqual(order.invoice_ids.sorted("id")[-1].amount_untaxed, 7)

    def test_what_enterprise_does_itself_is_refused_with_a_code(self):
        table = [
            {"automatic_payment": True},
            {"fee_timing": "advance"},
            {"trial_days": 5},
            {"grace_days": 2},
            {"change_timing": "by_day"},
        ]
        for values in table:
            with self.subTest(values=values), self.assertRaises(BusinessRuleError) as caught:
                self._create_plan(**values)
            [fault] = caught.exception.errors
            self.assertEqual((fault.code, fault.path), ("handled_by_edition", next(iter(values))))
        self.assertEqual(self._create_plan(proration="day").proration, "day")

    def test_a_saved_payment_method_is_not_charged_beside_enterprises_run(self):
        # As an older version had left it.
        self.env.cr.execute("UPDATE fusion_billing_plan SET automatic_payment = TRUE WHERE id = %s", [self.plan.id])
        self.plan.invalidate_recordset()
        order = self._open(self.plan)
        self._run_on("2026-01-01", order)
        invoice = order.invoice_ids
        self.assertEqual(invoice.x_fc_payment_state, "none")
        self.assertFalse(invoice.x_fc_charge_ids)
        with self.assertRaises(BusinessRuleError) as caught:
            self.service._api_retry_payment({"invoice_id": invoice.id})
        self.assertEqual(caught.exception.code, "handled_by_edition")
