# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import date

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import TransactionCase, new_test_user, tagged

from .common import unique
from .enterprise import EnterpriseMixin
from .payments import DemoPayments


@tagged("post_install", "-at_install", "enterprise")
class TestEnterpriseFacts(EnterpriseMixin, TransactionCase):
    """What is publicly known of Enterprise's subscriptions, each with what it means for billing.

    Boundaries, renewals and ends have stories of their own: test_enterprise_boundaries.py and its neighbours.
    """

    leaves_out_first_fee = False

    def test_subscriptions_that_are_invoiced_together_keep_their_own_usage(self):
        """Consolidated billing: the ledger's link from invoice line to subscription does not rest on the invoice."""
        self.env["ir.config_parameter"].set_param("sale_subscription.invoice_consolidation", "True")
        orders = [self._open(), self._open()]
        both = orders[0] | orders[1]
        for day in ("2026-01-01", "2026-02-01"):
            with self._on(day), trap_jobs():
                both._create_recurring_invoice()
            for order, quantity in zip(orders, (130, 170), strict=True):
                self._use(order, quantity, "2026-01-10") if day == "2026-01-01" else None
        for order, amount in zip(orders, (30.0, 70.0), strict=True):
            [row] = self._get_ratings(order).filtered("amount")
            self.assertEqual((row.state, row.amount), ("billed", amount))
            self.assertEqual(row.invoice_line_id.sale_line_ids.order_id, order)
            self.assertEqual(row.invoice_line_id.price_subtotal, amount)
            self.assertEqual(order.x_fc_billed_until, date(2026, 2, 1))

    def test_a_late_payment_reopens_what_was_closed_for_not_paying_and_its_period_goes_on(self):
        """An order is closed automatically, and can be reopened when its invoice is paid later."""
        self.recurrence.auto_close_limit = 15
        self._create_charge(included_quota=100)
        order = self._open(self.plan)
        self._run_on("2026-01-01", order)
        unpaid = order.invoice_ids
        self._use(order, 150, "2026-01-10")
        with self._on("2026-01-16"), trap_jobs():
            self.env["sale.order"]._close_expired_subscriptions()
        self._run_closing_jobs(order, "2026-01-16")
        self.assertEqual((order.subscription_state, order.x_fc_ended_on), ("6_churn", date(2026, 1, 16)))
        with self._on("2026-01-25"), trap_jobs():
            self._pay(unpaid)
        self.assertEqual((order.subscription_state, order.x_fc_ended_on), ("3_progress", False))
        self._use(order, 30, "2026-01-28")
        # A quota of 100 for 180, of which 50 was billed; and the fee of February.
        self.assertEqual(self._run_on("2026-02-01", order), [20.0 + 30.0])

    def test_a_customer_who_closes_by_himself_is_billed_to_that_day(self):
        """Self-service: a plan may let customers close their subscriptions."""
        self.recurrence.user_closable = True
        self._listen()
        customer = new_test_user(self.env, login=unique("portal"), groups="base.group_portal")
        order = self._open()
        self._run_on("2026-01-01", order)
        self._use(order, 120, "2026-01-10")
        with self._on("2026-01-20"), trap_jobs():
            # As a portal does: with the customer's user, and the rights of the system.
            order.with_user(customer).sudo().set_close()
        self._run_closing_jobs(order, "2026-01-20")
        self.assertEqual(order.invoice_ids.mapped("amount_untaxed"), [20.0])
        self.assertEqual(len(self._get_events(self.service, "subscription.terminated")), 1)

    def test_another_recurring_plan_changes_the_periods_from_the_next_boundary_on(self):
        """People change the recurring plan on the order: (from, to) -> invoiced with 150 used in each month."""
        quarterly = self.env["sale.subscription.plan"].create({"name": "Quarterly", "billing_period_value": 3})
        table = [
            (self.recurrence, quarterly, ["2026-02-01", "2026-05-01"], [50.0, 350.0], "then a quota for three months"),
            (quarterly, self.recurrence, ["2026-04-01", "2026-05-01"], [150.0, 50.0], "a quota for each month"),
        ]
        for before, after, days, expected, reason in table:
            with self.subTest(reason=reason):
                order = self._open(plan_id=before.id)
                self._run_on("2026-01-01", order)
                with self._on("2026-01-05"), trap_jobs():
                    order.plan_id = after
                for month in (1, 2, 3, 4):
                    self._use(order, 150, f"2026-0{month}-10")
                self.assertEqual([sum(self._run_on(day, order)) for day in days], expected)

    def test_a_product_of_usage_cannot_become_recurring(self):
        """Recurring lines: the product says so. It is checked when either is changed."""
        with self.assertRaisesRegex(ValidationError, "recurring"):
            self.usage_product.recurring_invoice = True

    def test_a_line_that_does_not_recur_is_invoiced_once(self):
        """One-off lines are invoiced once, beside usage that is billed in each period."""
        setup = self._create_product(name="Setup", list_price=100)
        self._create_charge()
        lines = [{"product_id": self.fee.id, "price_unit": 20}, {"product_id": setup.id, "price_unit": 100}]
        order = self._open(self.plan, order_line=[Command.create(line) for line in lines])
        self.assertEqual(self._run_on("2026-01-01", order), [120.0])
        self._use(order, 5, "2026-01-10")
        self.assertEqual(self._run_on("2026-02-01", order), [25.0])
        self._use(order, 7, "2026-02-10")
        self.assertEqual(self._run_on("2026-03-01", order), [27.0])

    def test_the_log_of_recurring_revenue_has_no_usage(self):
        """Enterprise writes an MRR log per change: its amounts must not contain usage."""
        self._create_charge()
        order = self._open(self.plan)
        self._run_on("2026-01-01", order)
        self._use(order, 500, "2026-01-10")
        self._rate(order, "2026-01-20")
        self._run_on("2026-02-01", order)
        self.assertEqual(order.order_log_ids.mapped("amount_signed"), [20.0])


@tagged("post_install", "-at_install", "enterprise")
class TestEnterpriseTokens(DemoPayments, EnterpriseMixin, TransactionCase):
    """A payment token on the subscription, which Enterprise's own run charges."""

    leaves_out_first_fee = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_up_demo()

    def test_usage_comes_back_if_the_run_deletes_an_invoice_that_could_not_be_paid(self):
        """Failing payments are retried by Enterprise: what the deleted draft billed is billed on the next one."""
        order = self._open()
        order.payment_token_id = self._create_token("error")
        self._run_on("2026-01-01", order)
        self._use(order, 150, "2026-01-10")
        with self._on("2026-02-01"), trap_jobs():
            self.assertFalse(order._create_recurring_invoice())
        self.assertFalse(order.invoice_ids)
        self._use(order, 110, "2026-02-02")
        order.payment_token_id = self._create_token("done")
        self.assertEqual(self._run_on("2026-02-03", order), [50.0])
        self.assertEqual(self._run_on("2026-03-01", order), [10.0])
