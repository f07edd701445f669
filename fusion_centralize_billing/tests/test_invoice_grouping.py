# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from .common import BillingCase, load_script
from .payments import PaymentCase


class GroupingCase(BillingCase):
    """Subscriptions of one customer and service share invoices, with 1.00 per unit beside the fee of 20.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.x_fc_invoice_grouping = "customer"
        cls.charge = cls._create_charge()

    def _run_job(self, order, day):
        """Run the invoicing job of one subscription, as the queue does; return the subscriptions of new jobs."""
        with self._on(day), trap_jobs() as trap:
            order.sudo()._job_create_recurring_invoice()
            jobs = [job for job in trap.enqueued_jobs if job.method_name == "_job_create_recurring_invoice"]
        return self.env["sale.order"].union(*(job.recordset for job in jobs))

    def _get_invoices(self, orders):
        """Return the invoices of subscriptions as [(date, names of the subscriptions, untaxed amount)]."""
        moves = self.env["account.move"].search([("x_fc_subscription_ids", "in", orders.ids)], order="invoice_date, id")
        names = {order.id: name for order, name in zip(orders.sorted("id"), "ABCDE", strict=False)}
        return [
            (
                str(move.invoice_date),
                "".join(names[order.id] for order in move.x_fc_subscription_ids.sorted("id")),
                move.amount_untaxed * (-1 if move.move_type == "out_refund" else 1),
            )
            for move in moves
        ]


@tagged("post_install", "-at_install", "community")
class TestWhichSubscriptionsShareAnInvoice(GroupingCase):
    def test_those_that_agree_in_all_that_an_invoice_says_once(self):
        terms = self.env["account.payment.term"].create({"name": "30 days"})
        address = self.env["res.partner"].create({"name": "Accounts", "parent_id": self.partner.id})
        yearly = self.env["sale.subscription.plan"].create(
            {"name": "Yearly", "billing_period_value": 1, "billing_period_unit": "year"}
        )
        other_service = self._create_service()
        self._create_link(other_service)
        cases = [
            ({}, 1, "same customer, service, currency, terms and boundary"),
            ({"x_fc_plan_code": self._create_plan().code}, 1, "the plan does not matter"),
            ({"plan_id": yearly.id, "start_date": "2025-02-01"}, 1, "one boundary at the end of different periods"),
            ({"service": other_service}, 2, "services never share an invoice"),
            ({"partner_id": self.env["res.partner"].create({"name": "Other"}).id}, 2, "another customer"),
            ({"plan": self._create_plan("USD")}, 2, "another currency"),
            ({"payment_term_id": terms.id}, 2, "other payment terms"),
            ({"partner_invoice_id": address.id}, 2, "another invoice address"),
            ({"partner_shipping_id": address.id}, 2, "another delivery address"),
            ({"note": "Other conditions"}, 2, "other terms and conditions, which an invoice prints once"),
            ({"start_date": "2026-01-15"}, 2, "another boundary"),
            ({"x_fc_grace_days": 3}, 2, "another date, after the days of grace"),
            ({"x_fc_billing_tz": "Asia/Tokyo"}, 2, "the day ends at another time"),
            ({"x_fc_fee_timing": "advance", "start_date": "2026-02-01"}, 2, "a fee alone closes no period"),
            (
                {"plan": self._create_plan(automatic_payment=True, payment_retry_days="1")},
                2,
                "paid in another way",
            ),
        ]
        for values, count, reason in cases:
            with self.subTest(reason):
                orders = self._create_subscription() | self._create_subscription(**values)
                with self._on("2026-02-20"), trap_jobs():
                    moves = orders._create_recurring_invoice()
                first = moves.filtered(lambda move, orders=orders: orders[0] in move.x_fc_subscription_ids)
                self.assertEqual(len(first.x_fc_subscription_ids), 3 - count, reason)
                self.assertTrue(
                    all(len(move.invoice_line_ids.x_fc_subscription_id.x_fc_service_id) == 1 for move in moves)
                )

    def test_the_rule_is_that_of_the_service_or_of_its_company(self):
        cases = [
            ("customer", False, 1, "the company's"),
            ("subscription", False, 2, "the company's"),
            ("customer", "subscription", 2, "the service's own"),
            ("subscription", "customer", 1, "the service's own"),
        ]
        for company, service, count, reason in cases:
            with self.subTest(f"{company}, {service}: {reason}"):
                self.company.x_fc_invoice_grouping = company
                self.service.invoice_grouping = service
                orders = self._create_subscription() | self._create_subscription()
                self.assertEqual(len(self._invoice_on(orders, "2026-02-01")), count)

    def test_two_customers_of_a_service_with_one_partner_share_none(self):
        self._create_link()
        orders = self._create_subscription() | self._create_subscription()
        self.assertEqual(len(self._invoice_on(orders, "2026-02-01")), 2)

    def test_what_was_of_another_customer_with_that_partner_is_not_on_the_invoice_of_the_one_who_is_left(self):
        other = self._create_link()
        orders = self._create_subscription(x_fc_account_link_id=self.link.id)
        orders |= self._create_subscription(x_fc_account_link_id=other.id)
        other.unlink()
        self.assertEqual(len(self._invoice_on(orders, "2026-02-01")), 2)

    def test_a_new_company_has_one_per_customer(self):
        self.assertEqual(self.env["res.company"].create({"name": "New"}).x_fc_invoice_grouping, "customer")

    def test_the_button_on_an_order_invoices_that_one_only(self):
        orders = self._create_subscription() | self._create_subscription()
        move = self._create_native_invoice_on(orders[0], "2026-02-01")
        self.assertEqual(move.x_fc_subscription_id, orders[0])
        self._invoice_on(orders, "2026-02-01")
        self.assertEqual(self._get_invoices(orders), [("2026-02-01", "A", 20), ("2026-02-01", "B", 20)])

    def test_people_who_invoice_several_orders_can_have_them_apart(self):
        for consolidated, count in ((True, 1), (False, 2)):
            with self.subTest(consolidated=consolidated):
                orders = self._create_subscription() | self._create_subscription()
                with self._on("2026-02-01"), trap_jobs():
                    moves = orders._create_invoices(grouped=not consolidated)
                self.assertEqual(len(moves), count)

    def test_the_fees_in_advance_of_one_day_share_an_invoice_and_so_do_the_periods(self):
        values = {"x_fc_fee_timing": "advance"}
        orders = self._create_subscription(**values) | self._create_subscription(**values)
        self._use(orders[1], 5)
        self._invoice_on(orders, "2026-02-01")
        self.assertEqual(self._get_invoices(orders), [("2026-01-01", "AB", 40), ("2026-02-01", "AB", 45)])

    def test_the_last_period_of_an_ended_subscription_is_shared_and_what_is_late_is_not(self):
        orders = self._create_subscription() | self._create_subscription()
        with self._on("2026-01-20"), trap_jobs():
            orders[1]._close_subscription("2026-02-01")
        self._invoice_on(orders, "2026-02-01")
        self._use(orders[1], 7, "2026-01-10")
        self._run_closing_jobs(orders[1], "2026-02-05")
        self.assertEqual(self._get_invoices(orders)[0], ("2026-02-01", "AB", 40))
        self.assertEqual([names for _day, names, _amount in self._get_invoices(orders)], ["AB", "B"])

    # === UPGRADE === #

    def test_an_upgrade_keeps_one_invoice_per_subscription_where_subscriptions_run(self):
        order = self._create_subscription()
        move = self._invoice_on(order, "2026-02-01")
        new = self.env["res.company"].create({"name": "New"})
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM fusion_billing_invoice_subscription_rel WHERE move_id = %s", [move.id])
        self.env.cr.execute("UPDATE account_move_line SET x_fc_subscription_id = NULL WHERE move_id = %s", [move.id])
        self.env.invalidate_all()
        load_script("19.0.1.3.0/post-invoice_grouping.py").migrate(self.env.cr, "19.0.1.2.0")
        self.env.invalidate_all()
        self.assertEqual(self.company.x_fc_invoice_grouping, "subscription")
        self.assertEqual(new.x_fc_invoice_grouping, "customer")
        self.assertEqual((move.x_fc_subscription_ids, move.x_fc_subscription_id), (order, order))
        self.assertEqual(move.invoice_line_ids.x_fc_subscription_id, order)
        self.assertFalse((move.line_ids - move.invoice_line_ids).x_fc_subscription_id)


@tagged("post_install", "-at_install", "community")
class TestJobsOfAGroup(GroupingCase):
    def test_the_first_job_takes_the_others_along_and_theirs_find_nothing(self):
        orders = self._create_subscription() | self._create_subscription() | self._create_subscription()
        self._use(orders[2], 5)
        for order in orders[1] | orders[0] | orders[2]:
            self.assertFalse(self._run_job(order, "2026-02-01"))
        self.assertEqual(self._get_invoices(orders), [("2026-02-01", "ABC", 65)])
        self.assertEqual({str(order.x_fc_billed_until) for order in orders}, {"2026-02-01"})

    def test_each_boundary_that_is_caught_up_has_one_invoice(self):
        for first in (0, 1):
            with self.subTest(f"the job of {'AB'[first]} is the first"):
                orders = self._create_subscription() | self._create_subscription(start_date="2026-02-01")
                following = self._run_job(orders[first], "2026-04-01")
                while following:
                    following = self._run_job(following[0], "2026-04-01") | following[1:].filtered(
                        "x_fc_has_due_period"
                    )
                self.assertEqual(
                    self._get_invoices(orders),
                    [("2026-02-01", "A", 20), ("2026-03-01", "AB", 40), ("2026-04-01", "AB", 40)],
                )

    def test_one_that_waits_for_an_older_invoice_with_a_fault_is_invoiced_all_the_same(self):
        plan = self._create_plan()
        charge = self._create_charge(plan)
        orders = self._create_subscription(plan) | self._create_subscription(start_date="2026-02-01")
        self._use(orders[0], 5)
        self.env.flush_all()
        self.env.cr.execute("UPDATE fusion_billing_charge SET product_id = NULL WHERE id = %s", [charge.id])
        self.env.invalidate_all()
        self.assertEqual(self._run_job(orders[1], "2026-03-01"), orders[0])
        self.assertEqual(self._get_invoices(orders), [("2026-03-01", "B", 20)])
        self.assertFalse(orders.x_fc_attention_ids)
        self._run_job(orders[0], "2026-03-01")
        self.assertEqual(orders[0].x_fc_attention_ids.mapped("code"), ["product_missing"])

    def test_a_paused_one_is_left_alone_and_made_up_for_by_itself(self):
        orders = self._create_subscription() | self._create_subscription()
        with self._on("2026-01-20"):
            orders[1].action_pause()
        self._run_job(orders[0], "2026-02-01")
        with self._on("2026-02-10"), trap_jobs():
            orders[1].action_resume()
        self._run_job(orders[1], "2026-02-10")
        self.assertEqual(self._get_invoices(orders), [("2026-02-01", "A", 20), ("2026-02-01", "B", 20)])

    def test_one_with_a_fault_stops_none_of_the_others_and_is_invoiced_when_it_is_mended(self):
        for first in range(3):
            with self.subTest(f"the job of {'ABC'[first]} is the first, B has the fault"):
                plan = self._create_plan()
                charge = self._create_charge(plan)
                orders = self._create_subscription() | self._create_subscription(plan) | self._create_subscription()
                self._use(orders[1], 5)
                self.env.flush_all()
                self.env.cr.execute("UPDATE fusion_billing_charge SET product_id = NULL WHERE id = %s", [charge.id])
                self.env.invalidate_all()
                for order in orders[first] | orders:
                    self._run_job(order, "2026-02-01")
                self.assertEqual(self._get_invoices(orders), [("2026-02-01", "AC", 40)])
                self.assertEqual(orders[1].x_fc_attention_ids.mapped("code"), ["product_missing"])
                self.assertFalse((orders - orders[1]).x_fc_attention_ids)
                charge.product_id = self.usage_product
                self._run_job(orders[1], "2026-02-02")
                self.assertEqual(self._get_invoices(orders)[1:], [("2026-02-01", "B", 25)])
                self.assertFalse(orders.x_fc_attention_ids)
                self._run_job(orders[1], "2026-03-01")
                self.assertEqual(self._get_invoices(orders)[2:], [("2026-03-01", "ABC", 60)])

    def test_one_that_fails_day_by_day_keeps_no_other_from_its_invoice_for_longer_than_a_day(self):
        orders = self._create_subscription() | self._create_subscription()
        prepare = type(orders)._prepare_invoice

        def fail_for_the_second(order):
            if order == orders[1]:
                raise TypeError("a fault of the program")
            return prepare(order)

        with patch.object(type(orders), "_prepare_invoice", fail_for_the_second):
            for order in orders:
                with self.assertRaises(TypeError):
                    self._run_job(order, "2026-02-01")
                self._note_failed_job(order, "2026-02-01")
            self.assertFalse(self._run_job(orders[0], "2026-02-04"))
        self.assertEqual(self._get_invoices(orders), [("2026-02-01", "A", 20)])
        self._run_job(orders[1], "2026-02-05")
        self.assertEqual(self._get_invoices(orders), [("2026-02-01", "A", 20), ("2026-02-01", "B", 20)])
        self.assertFalse(orders._get_with_failed_job())

    def _note_failed_job(self, order, day):
        with self._on(day):
            order._schedule_recurring_invoice()
        record = self.env["queue.job"].sudo().search([("identity_key", "=", order._get_invoicing_identity_key())])
        job = Job.load(record.env, record.uuid)
        job.set_failed(exc_info="broken")
        job.store()
        record.date_started = f"{day} 12:00:00"


@tagged("post_install", "-at_install", "community")
class TestPaymentOfSharedInvoices(PaymentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.x_fc_invoice_grouping = "customer"

    def _create_orders(self, **values):
        return self._create_subscription() | self._create_subscription(**values)

    def test_those_paid_by_one_card_are_paid_together(self):
        token = self._create_token()
        orders = self._create_orders()
        invoice = self._invoice(orders, run_jobs=True)
        self.assertEqual((invoice.x_fc_subscription_ids, invoice.x_fc_charge_ids.token_id), (orders, token))
        self.assertEqual((invoice.x_fc_charge_ids.amount, invoice.payment_state), (40, "paid"))

    def test_those_paid_by_different_cards_share_no_invoice(self):
        token = self._create_token()
        own = self._create_token(chosen=False)
        invoices = self._invoice(self._create_orders(x_fc_payment_token_id=own.id))
        self.assertEqual(sorted(invoices.x_fc_charge_ids.token_id.ids), [token.id, own.id])
        self.assertEqual(len(invoices), 2)

    def test_a_card_that_is_chosen_later_for_one_of_them_is_not_charged_for_all(self):
        orders = self._create_orders()
        invoice = self._invoice(orders)
        orders[1].x_fc_payment_token_id = self._create_token(chosen=False)
        self.assertFalse(invoice._fc_get_payment_tokens())
        orders[0].x_fc_payment_token_id = orders[1].x_fc_payment_token_id
        self.assertEqual(invoice._fc_get_payment_tokens(), orders[1].x_fc_payment_token_id)

    def test_the_last_failure_concerns_all_of_them(self):
        self.plan.write({"payment_failure_action": "close", "payment_retry_days": False})
        self._create_token("error")
        orders = self._create_orders()
        with self._working():
            invoice = orders._create_recurring_invoice()
        self.assertPayment(invoice, "failed", attempts=1)
        self.assertEqual(orders.mapped("subscription_state"), ["6_churn", "6_churn"])
