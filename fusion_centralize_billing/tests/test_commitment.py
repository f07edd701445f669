# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import date

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import tagged

from .common import BillingCase
from .editions import only_on


@tagged("post_install", "-at_install")
class TestCommitment(BillingCase):
    """A billing period costs at least the minimum commitment; a line adds what is missing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.commitment_product = cls._create_product(name="Commitment")
        cls.plan.write({"minimum_commitment": 100, "commitment_product_id": cls.commitment_product.id})
        cls._create_charge()
        with trap_jobs():
            cls.order = cls._create_subscription()

    def _set_minimum(self, order, amount, day):
        with self._on(day):
            order.x_fc_minimum_commitment = amount

    def _get_true_up(self, moves):
        lines = moves.invoice_line_ids.filtered(lambda line: line.product_id == self.commitment_product)
        return lines.mapped("price_subtotal")

    def test_what_is_missing_is_added_at_the_end_of_the_period(self):
        # The fixed fee is 20 and a unit costs 1.
        cases = [
            (0, [80], "the fixed fee counts"),
            (30, [50], "usage counts"),
            (79, [1], "a unit is missing"),
            (80, [], "the commitment is reached"),
            (81, [], "the commitment is exceeded"),
        ]
        for quantity, expected, reason in cases:
            with self.subTest(reason):
                order = self._create_subscription()
                if quantity:
                    self._use(order, quantity)
                moves = self._invoice_on(order, "2026-02-01")
                self.assertEqual(self._get_true_up(moves), expected)
                self.assertEqual(moves.amount_untaxed, max(100, 20 + quantity))

    def test_nothing_is_added_before_the_period_has_ended(self):
        self._use(self.order, 10)
        self._rate(self.order, "2026-01-31")
        self.assertEqual(self._get_ratings(self.order).mapped("kind"), ["usage"])

    def test_late_usage_takes_the_place_of_what_was_added(self):
        self._use(self.order, 30)
        self._invoice_on(self.order, "2026-02-01")
        self._use(self.order, 20)
        moves = self._invoice_on(self.order, "2026-03-01")
        # February: fee 20, true-up 80. January: 20 more of usage, 20 less of true-up.
        self.assertEqual(sorted(moves.invoice_line_ids.mapped("price_subtotal")), [-20, 20, 20, 80])
        self.assertEqual(moves.amount_untaxed, 100)

    def test_usage_taken_back_is_made_up_for(self):
        self._use(self.order, 90, idem="k")
        self._invoice_on(self.order, "2026-02-01")
        self._use(self.order, 50, idem="k")
        moves = self._invoice_on(self.order, "2026-03-01")
        # January: 40 less of usage, and 30 to the commitment.
        self.assertEqual(sorted(moves.invoice_line_ids.mapped("price_subtotal")), [-40, 20, 30, 80])

    def test_a_subscription_keeps_the_commitment_it_was_opened_with(self):
        self.plan.minimum_commitment = 500
        self.assertEqual(self._invoice_on(self.order, "2026-02-01").amount_untaxed, 100)
        order = self._create_subscription()
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 500)

    def test_an_invoiced_period_keeps_its_fee_when_quantities_change_later(self):
        self._use(self.order, 30)
        self._invoice_on(self.order, "2026-02-01")
        with self._on("2026-02-01"):
            self.order.order_line.filtered(lambda line: line.product_id == self.fee).write(
                {"product_uom_qty": 3, "price_unit": 20}
            )
        self._use(self.order, 1, "2026-01-11")
        self._invoice_on(self.order, "2026-03-01")
        january = self._get_ratings(self.order).filtered(
            lambda row: row.kind == "commitment" and str(row.period_start.date()) == "2026-01-01"
        )
        # 20 of fee, 30 + 1 of usage: 1 of the 50 that were added is given back.
        self.assertEqual(january.mapped("amount"), [50, -1])

    @only_on("community")
    def test_a_fee_billed_in_advance_counts_as_it_was_billed(self):
        self.plan.fee_timing = "advance"
        with trap_jobs(), self._on("2026-01-01"):
            order = self._create_subscription()
        self._invoice_on(order, "2026-01-01")
        with self._on("2026-01-20"):
            order.order_line.write({"product_uom_qty": 3, "price_unit": 20})
        moves = self._invoice_on(order, "2026-02-01")
        self.assertEqual(self._get_true_up(moves), [80], "20 were billed for January, and 60 for February")
        self.assertEqual(self._get_true_up(self._invoice_on(order, "2026-03-01")), [40])

    def test_a_minimum_agreed_later_leaves_invoiced_periods_alone(self):
        self._set_minimum(self.order, 0, "2025-12-01")
        self._use(self.order, 30)
        self._invoice_on(self.order, "2026-02-01")
        self._set_minimum(self.order, 100, "2026-01-20")
        self._use(self.order, 1, "2026-01-11")
        moves = self._invoice_on(self.order, "2026-03-01")
        self.assertEqual(sorted(moves.invoice_line_ids.mapped("price_subtotal")), [1, 20, 80], "only February's 80")

    @only_on("community")
    def test_a_period_has_the_minimum_of_its_days(self):
        table = [
            # rule, change on, new minimum, invoices of January to March, reason
            ("next_period", "2026-02-03", 300, [100, 100, 300], "it was 300 for January, in its days of grace"),
            ("by_day", "2026-02-15", 300, [100, 200, 300], "14 days of each"),
            ("by_day", "2026-01-31", 0, [96.77, 20, 20], "30 days of 100"),
            ("next_period", "2026-01-31", 0, [100, 20, 20], "it was given up for January, too"),
        ]
        for rule, day, amount, expected, reason in table:
            with self.subTest(reason):
                order = self._create_subscription(x_fc_change_timing=rule, x_fc_grace_days=5)
                self._set_minimum(order, amount, day)
                moves = self._invoice_on(order, "2026-04-10")
                self.assertEqual(moves.sorted("invoice_date").mapped("amount_untaxed"), expected)

    def test_who_agreed_on_a_minimum_is_on_record(self):
        self._set_minimum(self.order, 150, "2026-01-10")
        self.assertRecordValues(
            self.order.x_fc_commitment_ids.sorted("id"),
            [
                {"effective_from": False, "amount": 100, "create_uid": self.env.uid},
                {"effective_from": date(2026, 2, 1), "amount": 150, "create_uid": self.env.uid},
            ],
        )

    def test_the_line_says_what_was_agreed_and_what_is_missing(self):
        moves = self._invoice_on(self.order, "2026-02-01")
        [text] = moves.invoice_line_ids.filtered(lambda line: line.product_id == self.commitment_product).mapped("name")
        self.assertIn("100.00", text)
        self.assertIn("80.00", text)
        self.assertIn("2026-01-01 - 2026-01-31", text)

    def test_a_cancelled_invoice_gives_its_true_up_back_once(self):
        moves = self._invoice_on(self.order, "2026-02-01")
        moves.button_draft()
        moves.button_cancel()
        moves = self._invoice_on(self.order, "2026-03-01")
        self.assertEqual(sorted(self._get_true_up(moves)), [80, 80])

    def test_currencies_have_their_own_decimals(self):
        cases = [("JPY", 1000, 980), ("KWD", 100.125, 80.125)]
        for currency, minimum, missing in cases:
            with self.subTest(currency):
                values = {"minimum_commitment": minimum, "commitment_product_id": self.commitment_product.id}
                order = self._create_subscription(self._create_plan(currency, **values))
                self.assertEqual(self._get_true_up(self._invoice_on(order, "2026-02-01")), [missing])

    # === A RECURRING DISCOUNT ABOVE THE FEE === #

    def _create_discounted(self, discount=30, minimum=50, **values):
        """Return a subscription of a fee of 20 and a recurring discount, agreed with a minimum."""
        product = self._create_product(name="Discount", recurring_invoice=True)
        lines = [
            Command.create({"product_id": self.fee.id, "price_unit": 20}),
            Command.create({"product_id": product.id, "price_unit": -discount}),
        ]
        return self._create_subscription(order_line=lines, x_fc_minimum_commitment=minimum, **values)

    def _get_minimum_rows(self, order):
        """Return (first day, amount) of the true-ups and their adjustments, oldest first."""
        rows = self._get_ratings(order).filtered(lambda row: row.kind == "commitment")
        return [(str(row.period_start.date()), row.amount) for row in rows]

    def test_the_minimum_makes_up_for_a_discount_above_the_fee(self):
        cases = [
            # discount, minimum, usage, true-up, total, reason
            (30, 50, 0, [60], 50, "the period came to -10"),
            (30, 50, 4, [56], 50, "usage counts"),
            (30, 50, 10, [50], 50, "the period came to nothing"),
            (30, 50, 59, [1], 50, "a unit is missing"),
            (30, 50, 60, [], 50, "the minimum is reached"),
            (30, 50, 61, [], 51, "the minimum is exceeded"),
            (20, 50, 0, [50], 50, "fee and discount cancel out"),
            (30.01, 0.01, 0, [10.02], 0.01, "cents"),
            (500, 50, 0, [530], 50, "a discount far above everything"),
        ]
        for discount, minimum, quantity, true_up, total, reason in cases:
            with self.subTest(reason):
                order = self._create_discounted(discount, minimum)
                if quantity:
                    self._use(order, quantity)
                moves = self._invoice_on(order, "2026-02-01")
                self.assertRecordValues(
                    moves, [{"move_type": "out_invoice", "state": "posted", "amount_untaxed": total}]
                )
                self.assertEqual(self._get_true_up(moves), true_up)

    def test_without_a_minimum_a_discount_above_the_fee_is_a_credit_note(self):
        order = self._create_discounted(minimum=0)
        moves = self._invoice_on(order, "2026-02-01")
        self.assertRecordValues(moves, [{"move_type": "out_refund", "state": "posted", "amount_untaxed": 10}])
        self.assertFalse(self._get_minimum_rows(order))

    @only_on("community")
    def test_a_minimum_that_is_given_up_before_the_invoice_makes_up_for_nothing(self):
        order = self._create_discounted()
        self._rate(order, "2026-02-01")
        self.assertEqual(self._get_minimum_rows(order), [("2026-01-01", 60)])
        with self._on("2026-02-01"):
            order.with_context(fusion_subscription_change_day=date(2026, 1, 1)).x_fc_minimum_commitment = 0
        moves = self._invoice_on(order, "2026-02-01")
        self.assertRecordValues(moves, [{"move_type": "out_refund", "state": "posted", "amount_untaxed": 10}])
        self.assertEqual(self._get_minimum_rows(order), [("2026-01-01", 0)])

    def test_late_usage_takes_the_place_of_what_made_up_for_a_discount(self):
        cases = [
            # late usage of January, its adjustment, what it adds to February's invoice of 50, reason
            (4, -4, 0, "still below zero"),
            (10, -10, 0, "fee, discount and usage come to nothing"),
            (25, -25, 0, "above zero, below the minimum"),
            (60, -60, 0, "the minimum is just reached"),
            (75, -60, 15, "the minimum is exceeded"),
        ]
        for quantity, adjustment, added, reason in cases:
            with self.subTest(reason):
                order = self._create_discounted()
                self._invoice_on(order, "2026-02-01")
                self._use(order, quantity, "2026-01-15")
                moves = self._invoice_on(order, "2026-03-01")
                self.assertEqual(moves.amount_untaxed, 50 + added)
                rows = [("2026-01-01", 60), ("2026-01-01", adjustment), ("2026-02-01", 60)]
                self.assertEqual(self._get_minimum_rows(order), rows)
                self.assertEqual(sum(order.invoice_ids.mapped("amount_untaxed")), max(50, quantity - 10) + 50)

    def test_usage_taken_back_late_is_made_up_for_below_zero(self):
        order = self._create_discounted()
        self._use(order, 65, idem="below-zero")
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 55)
        self._use(order, 3, idem="below-zero")
        moves = self._invoice_on(order, "2026-03-01")
        # January: 62 less of usage, and 57 to the minimum. February: 50.
        self.assertEqual(moves.amount_untaxed, 45)
        self.assertEqual(self._get_minimum_rows(order), [("2026-01-01", 0), ("2026-01-01", 57), ("2026-02-01", 60)])

    @only_on("community")
    def test_a_discount_billed_in_advance_counts_for_its_period(self):
        self.plan.fee_timing = "advance"
        with trap_jobs(), self._on("2026-01-01"):
            order = self._create_discounted()
        fees = self._invoice_on(order, "2026-01-01")
        self.assertRecordValues(fees, [{"move_type": "out_refund", "amount_untaxed": 10}])
        moves = self._invoice_on(order, "2026-02-01")
        self.assertEqual(self._get_true_up(moves), [60])
