# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from itertools import pairwise

from odoo import fields
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import tagged

from .common import BillingCase
from .editions import only_on


@tagged("post_install", "-at_install")
class TestInvoicing(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.charge = cls._create_charge()

    def _get_billed_periods(self, order):
        """Return (first day, first day after, untaxed amount) of each invoice, oldest first."""
        return [
            (str(move.x_fc_period_start), str(move.x_fc_period_end), move.amount_untaxed)
            for move in order.invoice_ids.sorted("x_fc_period_start")
        ]

    def _get_usage_invoice_lines(self, moves):
        return moves.invoice_line_ids.filtered(lambda line: line.product_id == self.usage_product)

    # === PERIODS === #

    def test_each_period_bills_the_usage_of_its_own_days_once(self):
        cases = [
            ("2026-01-01", ["2026-02-01", "2026-03-01", "2026-04-01"]),
            ("2026-01-15", ["2026-02-15", "2026-03-15", "2026-04-15"]),
            # Whether Enterprise keeps the 31st is its own affair.
            *self._by_edition([("2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30"])], []),
        ]
        for start, boundaries in cases:
            with self.subTest(start=start):
                self._check_periods(start, boundaries)

    def _check_periods(self, start, boundaries):
        order = self._create_subscription(start_date=start)
        edges = [start, *boundaries]
        for number, (first, after) in enumerate(pairwise(edges)):
            last_instant = fields.Datetime.to_datetime(after) - fields.Datetime.to_datetime("2026-01-01").resolution
            self._use(order, 10**number, first)
            self._use(order, 10**number, last_instant)
        for boundary in boundaries:
            self.assertEqual(len(self._invoice_on(order, boundary)), 1)
            self.assertFalse(self._invoice_on(order, boundary))
        expected = [(first, after, 20 + 2 * 10**number) for number, (first, after) in enumerate(pairwise(edges))]
        self.assertEqual(self._get_billed_periods(order), expected)
        self.assertEqual(str(order.x_fc_billed_until), boundaries[-1])

    def test_missed_periods_are_caught_up_with_the_usage_of_each(self):
        order = self._create_subscription()
        for number, day in enumerate(("2026-01-10", "2026-02-10", "2026-03-10", "2026-04-10")):
            self._use(order, 10**number, day)
        self._invoice_on(order, "2026-04-05")
        self.assertEqual(
            self._get_billed_periods(order),
            [("2026-01-01", "2026-02-01", 21), ("2026-02-01", "2026-03-01", 30), ("2026-03-01", "2026-04-01", 120)],
        )

    def test_usage_after_the_boundary_waits_for_the_next_period(self):
        order = self._create_subscription()
        self._use(order, 5, "2026-02-01")
        self.assertEqual(self._invoice_on(order, "2026-02-03").amount_untaxed, 20)
        self.assertEqual(self._invoice_on(order, "2026-03-03").amount_untaxed, 25)

    def test_usage_after_the_boundary_is_rated_again_soon(self):
        order = self._create_subscription()
        self._use(order, 5, "2026-02-01")
        self._rate(order, "2026-02-02")
        self._invoice_on(order, "2026-02-03")
        self.assertTrue(self._get_changes(order))

    def test_a_period_without_anything_to_bill_is_closed_without_invoice(self):
        order = self._create_subscription(with_fee=False)
        self.assertFalse(self._invoice_on(order, "2026-02-01"))
        self.assertEqual(self._get_ledger(order), [("2026-01-01", 0, "billed", 0)])
        self.assertEqual(str(order.x_fc_billed_until), "2026-02-01")

    def test_usage_is_rated_when_it_is_invoiced_without_a_job_before(self):
        order = self._create_subscription()
        self._use(order, 5)
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 25)
        self.assertEqual(self._get_ledger(order), [("2026-01-01", 0, "billed", 5)])

    def test_the_invoice_of_a_paused_subscription_waits(self):
        order = self._create_subscription()
        self._use(order, 5)
        with self._on("2026-01-20"):
            self._pause(order)
        self.assertFalse(self._invoice_on(order, "2026-02-01"))
        with self._on("2026-02-10"):
            self._resume(order)
        self.assertEqual(self._invoice_on(order, "2026-02-10").amount_untaxed, 25)

    # === BY HAND === #

    def test_create_invoice_bills_the_usage_so_far_and_the_recurring_run_the_difference(self):
        order = self._create_subscription()
        self._use(order, 5)
        early = self._create_native_invoice_on(order, "2026-01-20")
        self.assertEqual((early.state, early.amount_untaxed), ("draft", 5))
        self._use(order, 3, "2026-01-25")
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 23)
        self.assertEqual(self._get_ledger(order), [("2026-01-01", 0, "billed", 5), ("2026-01-01", 1, "billed", 3)])

    def test_create_invoice_does_not_move_the_boundary(self):
        order = self._create_subscription()
        self._use(order, 5)
        before = order.x_fc_billed_until
        move = self._create_native_invoice_on(order, "2026-01-20")
        self.assertEqual(order.x_fc_billed_until, before)
        self.assertFalse(move.x_fc_period_start)

    def test_the_quota_counts_once_for_a_period_in_two_invoices(self):
        self.charge.included_quota = 4
        order = self._create_subscription()
        self._use(order, 5)
        self.assertEqual(self._create_native_invoice_on(order, "2026-01-20").amount_untaxed, 1)
        self._use(order, 3, "2026-01-25")
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 23)

    def test_create_invoice_on_the_boundary_is_the_recurring_invoice(self):
        order = self._create_subscription()
        self._use(order, 5)
        move = self._create_native_invoice_on(order, "2026-02-01")
        self.assertEqual(move.amount_untaxed, 25)
        self.assertFalse(self._invoice_on(order, "2026-02-01"))

    # === WHAT THE INVOICE TELLS === #

    def test_the_invoice_names_subscription_service_and_period(self):
        order = self._create_subscription()
        self._use(order, 5)
        self.assertRecordValues(
            self._invoice_on(order, "2026-02-01"),
            [
                {
                    "x_fc_subscription_id": order.id,
                    "x_fc_service_id": self.service.id,
                    "x_fc_period_start": fields.Date.to_date("2026-01-01"),
                    "x_fc_period_end": fields.Date.to_date("2026-02-01"),
                    "currency_id": self.plan.currency_id.id,
                }
            ],
        )

    def test_every_usage_line_leads_to_its_rating_and_usage(self):
        order = self._create_subscription()
        usage = self._use(order, 5)
        move = self._invoice_on(order, "2026-02-01")
        line = self._get_usage_invoice_lines(move)
        rating = move.x_fc_rating_ids
        self.assertRecordValues(
            rating, [{"invoice_line_id": line.id, "invoice_id": move.id, "amount": line.price_subtotal}]
        )
        self.assertEqual(self.env["fusion.billing.rating"].search(move.action_view_x_fc_ratings()["domain"]), rating)
        self.assertEqual([counter["counter_id"] for counter in rating._get_counters()], usage.ids)

    def test_the_invoiced_amount_is_the_sum_of_the_ledger(self):
        self._create_charge(charge_model="package", price_per_unit=2, unit_batch=3, is_additional=True)
        order = self._create_subscription(with_fee=False)
        self._use(order, 7)
        move = self._invoice_on(order, "2026-02-01")
        self.assertEqual(move.amount_untaxed, 7 + 6)
        self.assertEqual(sum(move.x_fc_rating_ids.mapped("amount")), move.amount_untaxed)

    def test_subscriptions_of_one_customer_have_invoices_of_their_own(self):
        orders = self._create_subscription() | self._create_subscription()
        moves = self._invoice_on(orders, "2026-02-01")
        self.assertEqual(moves.x_fc_subscription_id, orders)

    def test_an_ordinary_order_is_invoiced_as_ever(self):
        order = self.env["sale.order"].create(
            {"partner_id": self.partner.id, "order_line": [(0, 0, {"product_id": self.usage_product.id})]}
        )
        order.action_confirm()
        move = order._create_invoices()
        self.assertFalse(move.x_fc_subscription_id or move.x_fc_service_id or self._get_ratings(order))

    def test_a_copy_without_its_lines_belongs_to_no_subscription(self):
        order = self._create_subscription()
        self._use(order, 5)
        copy = self._invoice_on(order, "2026-02-01").copy({"line_ids": [Command.clear()]})
        self.assertFalse(
            copy.x_fc_subscription_id or copy.x_fc_service_id or copy.x_fc_period_start or copy.x_fc_rating_ids
        )

    # === EVENTS === #

    def test_a_start_is_told(self):
        self._listen()
        order = self._create_subscription()
        event = self._get_events(self.service, "subscription.started")
        told = event.payload["subscription"]
        self.assertEqual(
            told,
            {
                "subscription_id": order.id,
                "external_id": order.x_fc_external_id,
                "external_customer_id": self.link.external_id,
                "plan_code": self.plan.code,
                "subscription_state": "3_progress",
                "start_date": "2026-01-01",
                "next_invoice_date": self._by_edition("2026-02-01", "2026-01-01"),
                "ended_on": None,
            },
        )

    def test_an_end_is_told(self):
        self._listen()
        order = self._create_subscription()
        with self._on("2026-01-20"):
            self._close(order)
        [event] = self._get_events(self.service, "subscription.terminated")
        self.assertEqual(event.payload["subscription"]["ended_on"], "2026-01-20")
        self.assertEqual(event.payload["subscription"]["subscription_state"], "6_churn")

    @only_on("community")
    def test_an_end_has_what_is_left_rated_and_invoiced(self):
        order = self._create_subscription()
        with self._on("2026-01-20"), trap_jobs() as trap:
            self._close(order)
            trap.assert_jobs_count(1, only=order._job_create_recurring_invoice)
        self.assertEqual(self._invoice_on(order, "2026-01-20").amount_untaxed, 20)

    def test_an_end_rates_what_is_left_where_nothing_else_is_due(self):
        order = self._create_subscription(**self._by_edition({"x_fc_grace_days": 5}, {}))
        with self._on("2026-01-20"), trap_jobs() as trap:
            self._close(order)
            trap.assert_jobs_count(1, only=order._job_rate)

    def test_an_invoice_is_told_when_it_is_posted(self):
        self._listen()
        order = self._create_subscription()
        self._use(order, 5)
        draft = self._create_native_invoice_on(order, "2026-02-01")
        self.assertFalse(self._get_events(self.service, "invoice.finalized"))
        draft.action_post()
        [event] = self._get_events(self.service, "invoice.finalized")
        told = event.payload["invoice"]
        expected = {
            "invoice_id": draft.id,
            "number": draft.name,
            "type": "invoice",
            "state": "posted",
            "currency": "CAD",
            "amount_untaxed": "25.00",
            "amount_tax": "0.00",
            "amount_total": "25.00",
            "amount_residual": "25.00",
            "period_start": "2026-01-01",
            "period_end": "2026-02-01",
            "subscription_id": order.id,
            "subscription_external_id": order.x_fc_external_id,
            "external_customer_id": self.link.external_id,
        }
        self.assertEqual({name: told[name] for name in expected}, expected)

    def test_amounts_are_told_in_the_decimals_of_the_currency(self):
        self._listen()
        for currency, text in (("JPY", "5"), ("KWD", "5.000")):
            plan = self._create_plan(currency)
            self._create_charge(plan=plan)
            order = self._create_subscription(plan=plan, with_fee=False)
            self._use(order, 5)
            self._invoice_on(order, "2026-02-01")
            told = self._get_events(self.service, "invoice.finalized")[-1].payload["invoice"]
            self.assertEqual((told["amount_total"], told["currency"]), (text, currency))

    def test_a_credit_note_is_told_as_such(self):
        self._listen()
        order = self._create_subscription(with_fee=False)
        self._use(order, 5, idem="k")
        self._invoice_on(order, "2026-02-01")
        self._use(order, 1, idem="k")
        self._invoice_on(order, "2026-03-01")
        told = self._get_events(self.service, "invoice.finalized")[-1].payload["invoice"]
        self.assertEqual((told["type"], told["amount_total"]), ("credit_note", "4.00"))

    def test_a_service_without_address_hears_nothing(self):
        order = self._create_subscription()
        self._use(order, 5)
        self._invoice_on(order, "2026-02-01")
        self.assertFalse(self._get_events())

    def test_invoices_without_service_are_told_to_nobody(self):
        self._listen()
        order = self._create_subscription(x_fc_service_id=False, x_fc_external_id=False)
        self._invoice_on(order, "2026-02-01")
        self.assertFalse(self._get_events())

    def test_every_event_names_itself_its_time_and_the_service(self):
        self._listen()
        with self._on("2026-01-05"):
            self._create_subscription()
        payload = self._get_events().payload
        self.assertEqual(payload["event_type"], "subscription.started")
        self.assertEqual((payload["occurred_at"], payload["service"]), ("2026-01-05T12:00:00Z", self.service.code))
        self.assertEqual(len(payload["event_id"]), 36)


@tagged("post_install", "-at_install")
class TestPaymentEvents(BillingCase):
    """Payments through the demo provider; without it there is nothing to pay with."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider = cls.env["payment.provider"].search(
            [("code", "=", "demo"), ("company_id", "=", cls.company.id)], limit=1
        )
        if "demo_simulated_state" not in cls.env["payment.token"]._fields or not cls.provider:
            cls.skipTest(cls, "payment_demo is not installed for this company")
        cls.provider.state = "test"
        cls._listen()
        cls.order = cls._create_subscription()

    def _pay(self, simulated_state):
        move = self._invoice_on(self.order, "2026-02-01")
        method = self.provider.payment_method_ids[:1]
        token = self.env["payment.token"].create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": method.id,
                "partner_id": self.partner.id,
                "provider_ref": "token",
                "demo_simulated_state": simulated_state,
            }
        )
        transactions = self.env["payment.transaction"]
        transaction = transactions.create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": method.id,
                "token_id": token.id,
                "operation": "offline",
                "amount": move.amount_total,
                "currency_id": move.currency_id.id,
                "partner_id": self.partner.id,
                "invoice_ids": [(6, 0, move.ids)],
                "reference": transactions._compute_reference(self.provider.code, prefix=move.name),
            }
        )
        transaction._charge_with_token()
        transaction._post_process()
        return move

    def test_a_payment_is_told(self):
        move = self._pay("done")
        self.assertIn(move.payment_state, ("paid", "in_payment"))
        [event] = self._get_events(self.service, "invoice.paid")
        self.assertEqual(event.payload["invoice"]["invoice_id"], move.id)
        self.assertEqual(event.payload["invoice"]["amount_residual"], "0.00")
        self.assertFalse(self._get_events(self.service, "invoice.payment_failed"))

    def test_a_failed_payment_is_told(self):
        move = self._pay("error")
        [event] = self._get_events(self.service, "invoice.payment_failed")
        self.assertEqual(event.payload["invoice"]["invoice_id"], move.id)
        self.assertFalse(self._get_events(self.service, "invoice.paid"))

    def test_a_pending_payment_is_not_told(self):
        self._pay("pending")
        self.assertFalse(self._get_events(self.service, "invoice.paid", "invoice.payment_failed"))

    def test_a_resumed_subscription_is_not_announced_as_started_again(self):
        self._listen()
        order = self._create_subscription()
        announced = self._get_events(self.service, "subscription.started")
        self._pause(order)
        self._resume(order)
        self.assertEqual(self._get_events(self.service, "subscription.started"), announced)
