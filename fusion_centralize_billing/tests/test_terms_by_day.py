# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import tagged

from .common import BillingCase, unique
from .editions import only_on


@tagged("post_install", "-at_install")
class TestTermsByDay(BillingCase):
    """A fee of 20.00 a month; usage at 1.00. What prices a period is known by day, and each line has its own role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.commitment_product = cls._create_product(name="Commitment")

    def _open(self, plan, start_date="2026-01-01", **values):
        """Open a subscription over the API."""
        payload = {
            "external_customer_id": self.link.external_id,
            "external_id": unique("subscription"),
            "plan_code": plan.code,
            "start_date": start_date,
            **values,
        }
        with trap_jobs():
            answer = self.service._api_create_subscription(payload)
        order = self.env["sale.order"].browse(answer["subscription_id"])
        self._begin_first_period(order)
        return order

    def _commit(self, minimum=100, **values):
        return self._create_plan(minimum_commitment=minimum, commitment_product_id=self.commitment_product.id, **values)

    def _get_amounts(self, order, product=None):
        """Return the amounts of the invoices, or of what they bill of a product, oldest first."""
        moves = order.invoice_ids.sorted(lambda move: (move.invoice_date, move.id))
        if not product:
            return moves.mapped("amount_untaxed")
        return [line.price_subtotal for move in moves for line in self._get_line(move, product)]

    # === THE ROLE OF A LINE === #

    @only_on("community")
    def test_the_fee_recurs_whatever_its_product_says(self):
        for is_recurring in (True, False):
            with self.subTest(is_recurring=is_recurring):
                product = self._create_product(name="Fee", recurring_invoice=is_recurring)
                order = self._open(self._create_plan(product_id=product.id))
                self._invoice_on(order, "2026-04-01")
                self.assertEqual(self._get_amounts(order), [20, 20, 20], "it was billed in the first month only")

    @only_on("community")
    def test_a_commitment_is_billed_once_whatever_its_product_says(self):
        self.commitment_product.recurring_invoice = True
        order = self._open(self._commit(30))
        self._invoice_on(order, "2026-04-01")
        self.assertEqual(self._get_amounts(order), [30, 30, 30], "what was missing in January was repeated")

    @only_on("community")
    def test_usage_is_billed_once_whatever_its_product_says_later(self):
        plan = self._create_plan()
        self._create_charge(plan)
        order = self._open(plan)
        self._use(order, 7)
        self.usage_product.recurring_invoice = True
        self._invoice_on(order, "2026-04-01")
        self.assertEqual(self._get_amounts(order), [27, 20, 20], "the usage of January was repeated")

    # === AGREED PRICES === #

    @only_on("community")
    def test_the_fee_of_a_plan_is_not_discounted_by_its_pricelist(self):
        self.env.ref("base.group_user").implied_ids |= self.env.ref("sale.group_discount_per_so_line")
        rules = [
            {"compute_price": "percentage", "percent_price": 10},
            {"compute_price": "formula", "price_discount": 10},
            {"compute_price": "fixed", "fixed_price": 3},
        ]
        for rule in rules:
            with self.subTest(rule=rule):
                plan = self._create_plan()
                plan.pricelist_id.item_ids = [Command.create({"applied_on": "3_global", **rule})]
                order = self._open(plan)
                self.assertRecordValues(order.order_line, [{"price_unit": 20, "discount": 0}])
                with self._on("2026-01-10"):
                    order.order_line.product_uom_qty = 2
                    order.action_update_prices()
                self._invoice_on(order, "2026-03-01")
                self.assertEqual(self._get_amounts(order), [20, 40])

    # === COMMITMENT: TRIAL AND PAUSES === #

    @only_on("community")
    def test_the_minimum_has_the_share_of_the_fee(self):
        table = [
            # terms, paused and resumed on, fees and minimums of January and February, reason
            ({"trial_days": 14}, [], [10.97, 20], [54.84, 100], "17/31 after the trial: it was 100, as without one"),
            ({"trial_days": 14, "proration": "day"}, [], [10.97, 20], [54.84, 100], "the same by day"),
            ({"trial_days": 31}, [], [0, 20], [0, 100], "a period within the trial: it was 100"),
            ({}, ["2026-01-01", "2026-02-01"], [0, 20], [0, 100], "a paused period: it was 100"),
            ({}, ["2026-01-01", "2026-01-09", "2026-01-09", "2026-02-01"], [0, 20], [0, 100], "two pauses that meet"),
            ({}, ["2026-01-02", "2026-02-01"], [20, 20], [100, 100], "it ran for a day"),
        ]
        for terms, pauses, fees, minimums, reason in table:
            with self.subTest(reason):
                order = self._open(self._commit(**terms))
                for number, day in enumerate(pauses):
                    with self._on(day), trap_jobs():
                        self._resume(order) if number % 2 else self._pause(order)
                self._invoice_on(order, "2026-03-01")
                rows = self._get_ratings(order).filtered(lambda row: row.kind == "commitment" and row.amount)
                found = {str(row.period_start.date()): row.amount for row in rows}
                missing = [round(minimum - fee, 2) for fee, minimum in zip(fees, minimums, strict=True)]
                self.assertEqual([found.get(day, 0) for day in ("2026-01-01", "2026-02-01")], missing)
                self.assertEqual(self._get_amounts(order), [amount for amount in minimums if amount])

    @only_on("community")
    def test_a_fee_counts_for_the_minimum_as_it_is_owed_by_day(self):
        order = self._open(self._commit(100, change_timing="by_day"))
        self.assertEqual(order.x_fc_change_timing, "by_day")
        with self._on("2026-01-16"):
            order.order_line.product_uom_qty = 3
        self._invoice_on(order, "2026-02-01")
        # 15/31 x 20 and 16/31 x 60 come to 40.65.
        self.assertEqual(self._get_amounts(order, self.commitment_product), [59.35])
        self.assertEqual(self._get_amounts(order), [100])

    def test_a_void_invoice_is_billed_anew_with_its_minimum(self):
        order = self._open(self._commit(50))
        invoice = self._invoice_on(order, "2026-02-01")
        with self._on("2026-02-10"), trap_jobs():
            order.order_line[:1].product_uom_qty = 9
            invoice._fc_void("Wrong address")
        self._rate(order, "2026-02-10")
        again = self._invoice_on(order, "2026-03-01")
        # Enterprise changes quantities at once, and bills no fee of a void invoice anew.
        amounts = self._by_edition([20, 20, 30, 30], [30, 180])
        self.assertEqual(sorted(again.invoice_line_ids.mapped("price_subtotal")), amounts)
