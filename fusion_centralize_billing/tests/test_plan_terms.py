# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from .common import BillingCase
from .editions import only_on


@tagged("post_install", "-at_install")
class TestPlanTerms(BillingCase):
    """Terms of a plan that decide when a period is invoiced, and what a part of one costs."""

    def _open(self, plan, **values):
        with trap_jobs(), self._on(values.get("start_date", "2026-01-01")):
            return self._create_subscription(plan, **values)

    def _get_invoices(self, order):
        return [
            (str(move.invoice_date), sorted(move.invoice_line_ids.mapped("price_subtotal")))
            for move in order.invoice_ids.sorted(lambda move: (move.invoice_date, move.id))
        ]

    # === PRORATION === #

    def test_a_part_of_a_period_has_its_part_of_quota_fee_and_commitment(self):
        aligned = self.recurrence.copy({"billing_first_day": True})
        product = self._create_product(name="Commitment")
        # From the 17th on: 15 of the 31 days of January. The quota of 310 becomes 150, the fee of 20 becomes 9.68.
        # The fee on Enterprise's invoice is that of February, which begins.
        fee = self._by_edition(9.68, 20)
        cases = [
            ("none", 310, 400, [20, 90], "nothing is prorated"),
            ("day", 310, 400, [fee, 250], "400 used, 150 included"),
            ("day", 310, 150, [fee], "the whole prorated quota"),
            ("day", 310, 151, [1, fee], "one more"),
            ("day", 100, 50, [1.612903, fee], "a quota of 48.387097"),
        ]
        for proration, quota, quantity, expected, reason in cases:
            with self.subTest(reason):
                plan = self._create_plan(plan_id=aligned.id, proration=proration)
                self._create_charge(plan, included_quota=quota)
                order = self._open(plan, plan_id=aligned.id, start_date="2026-01-17")
                self._use(order, quantity, "2026-01-20")
                invoice = self._invoice_on(order, "2026-02-01")
                found = sorted(invoice.invoice_line_ids.mapped("price_subtotal"))
                self.assertEqual(found, sorted(round(amount, 2) for amount in expected))
        plan = self._create_plan(
            plan_id=aligned.id, proration="day", minimum_commitment=310, commitment_product_id=product.id
        )
        order = self._open(plan, plan_id=aligned.id, start_date="2026-01-17")
        invoice = self._invoice_on(order, "2026-02-01")
        self.assertEqual(sorted(invoice.invoice_line_ids.mapped("price_subtotal")), [fee, 140.32])

    def test_a_period_cut_by_the_end_is_rated_with_its_part_of_the_quota(self):
        plan = self._create_plan(proration="day")
        self._create_charge(plan, included_quota=310)
        order = self._open(plan)
        self._use(order, 300, "2026-01-05")
        self._rate(order, "2026-01-08")
        self.assertEqual(self._get_ledger(order), [("2026-01-01", 0, "open", 0)])
        with self._on("2026-01-11"), trap_jobs():
            order._fc_terminate()
        self._run_closing_jobs(order, "2026-01-11")
        self._invoice_on(order, "2026-01-11")
        # 10 of 31 days: a quota of 100, a fee of 6.45.
        self.assertEqual(sum(order.invoice_ids.mapped("amount_untaxed")), self._by_edition(206.45, 200))
        self.assertEqual(str(self._get_ratings(order).period_end.date()), "2026-01-11")

    # === ADVANCE === #

    @only_on("community")
    def test_a_fee_in_advance_comes_with_the_usage_of_the_period_before(self):
        plan = self._create_plan(fee_timing="advance")
        self._create_charge(plan)
        order = self._open(plan)
        self._invoice_on(order, "2026-01-01")
        self._use(order, 7, "2026-01-10")
        self._invoice_on(order, "2026-02-01")
        self._use(order, 3, "2026-02-10")
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(
            self._get_invoices(order),
            [("2026-01-01", [20]), ("2026-02-01", [7, 20]), ("2026-03-01", [3, 20])],
        )
        self.assertEqual(str(order.x_fc_billed_until), "2026-03-01")

    @only_on("community")
    def test_a_fee_invoice_closes_no_period_also_when_months_are_caught_up(self):
        plan = self._create_plan(fee_timing="advance")
        self._create_charge(plan)
        order = self._open(plan)
        for quantity, day in ((7, "2026-01-10"), (3, "2026-02-10"), (5, "2026-03-02")):
            self._use(order, quantity, day)
        self._invoice_on(order, "2026-03-05")
        self.assertEqual(
            self._get_invoices(order),
            [("2026-01-01", [20]), ("2026-02-01", [7, 20]), ("2026-03-01", [3, 20])],
        )
        periods = [str(move.x_fc_period_start) for move in order.invoice_ids.sorted("invoice_date")]
        self.assertEqual(periods, ["2026-01-01", "2026-01-01", "2026-02-01"])

    @only_on("community")
    def test_the_unused_days_of_a_fee_are_credited_with_the_last_usage(self):
        plan = self._create_plan(fee_timing="advance", proration="day", price=31)
        self._create_charge(plan)
        order = self._open(plan, with_fee=False, order_line=[(0, 0, {"product_id": self.fee.id, "price_unit": 31})])
        self._invoice_on(order, "2026-01-01")
        self._use(order, 4, "2026-01-05")
        with self._on("2026-01-11"), trap_jobs():
            order._fc_terminate()
        self._run_closing_jobs(order, "2026-01-11")
        self._invoice_on(order, "2026-01-11")
        signed = sum(order.invoice_ids.mapped("amount_untaxed_signed"))
        self.assertEqual(signed, 10 + 4)

    # === TRIAL === #

    @only_on("community")
    def test_usage_of_the_trial_is_billed_and_the_fee_is_not(self):
        plan = self._create_plan(trial_days=31)
        self._create_charge(plan)
        order = self._open(plan)
        self._use(order, 5, "2026-01-10")
        self._use(order, 6, "2026-02-10")
        for day in ("2026-02-01", "2026-03-01"):
            self._invoice_on(order, day)
        self.assertEqual(self._get_invoices(order), [("2026-02-01", [5]), ("2026-03-01", [6, 20])])

    def test_a_subscription_older_than_usage_billing_is_invoiced_by_day(self):
        order = self._open(self._create_plan(proration="day"))
        self._invoice_on(order, "2026-02-01")
        # As it was, if nobody billed usage then.
        order.x_fc_billed_until = False
        self.env["fusion.billing.period"].search([("subscription_id", "=", order.id)]).unlink()
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(self._get_invoices(order), [("2026-02-01", [20]), ("2026-03-01", [20])])

    # === GRACE === #

    @only_on("community")
    def test_usage_that_comes_within_the_days_of_grace_is_on_the_invoice_of_its_period(self):
        plan = self._create_plan(grace_days=3)
        self._create_charge(plan)
        order = self._open(plan)
        self._use(order, 5, "2026-01-31")
        self.assertFalse(self._invoice_on(order, "2026-02-03"))
        self._use(order, 2, "2026-01-31")
        self._use(order, 100, "2026-02-02")
        self._invoice_on(order, "2026-02-04")
        self.assertEqual(self._get_invoices(order), [("2026-02-04", [7, 20])])
        self._invoice_on(order, "2026-03-04")
        self.assertEqual(self._get_invoices(order)[1:], [("2026-03-04", [20, 100])])

    # === THE PLAN AND ITS SUBSCRIPTIONS === #

    @only_on("community")
    def test_a_subscription_keeps_the_terms_it_was_opened_with(self):
        plan = self._create_plan(proration="day", trial_days=5, grace_days=2, fee_timing="advance")
        order = self._open(plan)
        plan.write({"proration": "none", "trial_days": 0, "grace_days": 0, "fee_timing": "arrears"})
        terms = (order.x_fc_proration, order.x_fc_trial_days, order.x_fc_grace_days, order.x_fc_fee_timing)
        self.assertEqual(terms, ("day", 5, 2, "advance"))

    def test_writing_the_plan_code_that_a_subscription_has_leaves_its_terms(self):
        product = self._create_product()
        plan = self._create_plan(minimum_commitment=50, commitment_product_id=product.id)
        order = self._open(plan)
        plan.minimum_commitment = 500
        order.x_fc_plan_code = plan.code
        self.assertEqual(order.x_fc_minimum_commitment, 50)

    @only_on("community")
    def test_terms_of_its_own_win_over_those_of_the_plan(self):
        order = self._open(self._create_plan(grace_days=2), x_fc_grace_days=9)
        self.assertEqual(order.x_fc_grace_days, 9)
