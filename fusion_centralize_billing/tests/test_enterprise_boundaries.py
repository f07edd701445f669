# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import date
from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase, tagged

from .enterprise import EnterpriseMixin


@tagged("post_install", "-at_install", "enterprise")
class TestEnterpriseBoundaries(EnterpriseMixin, TransactionCase):
    """Enterprise's subscriptions: whatever moves the next invoice date on ends a billing period."""

    # === FREE RENEWALS === #

    def test_each_period_has_its_own_quota_although_no_invoice_was_made_of_the_first(self):
        """(used in January, used in February, how the date moves) -> invoiced on March 1."""
        table = [
            ((60, 60), "written", [], "each within its quota of 100: 60 + 60 as one period would cost 20"),
            ((100, 160), "written", [60.0], "January 0, February 60: as one period 160"),
            ((60, 60), "computed", [], "the same if nobody calls write()"),
            ((100, 160), "computed", [60.0], "the same if nobody calls write()"),
        ]
        for (first, second), how, expected, reason in table:
            with self.subTest(used=(first, second), how=how, reason=reason):
                self._switch("next_invoice_date", how)
                order = self._open()
                self.assertEqual(self._run_on("2026-01-01", order), [])
                self._use(order, first, "2026-01-10")
                self.assertEqual(self._run_on("2026-02-01", order), [])
                self._use(order, second, "2026-02-10")
                self.assertEqual(self._run_on("2026-03-01", order), expected)
                self.assertEqual(
                    [(str(row.first_day), row.amount) for row in self._get_ratings(order)][:2],
                    [("2026-01-01", 0.0), ("2026-02-01", max(0, second - 100))],
                )

    def test_overage_makes_a_renewal_cost_something_in_its_own_month(self):
        order = self._open()
        self._run_on("2026-01-01", order)
        self._use(order, 380, "2026-01-10")
        self.assertEqual(self._run_on("2026-02-01", order), [280.0])
        self._use(order, 300, "2026-02-10")
        self.assertEqual(self._run_on("2026-03-01", order), [200.0])

    def test_a_minimum_without_a_fee_is_billed_in_every_period(self):
        plan = self._create_plan(
            product_id=False, price=0, minimum_commitment=50, commitment_product_id=self.usage_product.id
        )
        self._create_charge(plan)
        order = self._open(plan)
        self.assertEqual(self._run_on("2026-01-01", order), [])
        self._use(order, 30, "2026-01-10")
        self.assertEqual(self._run_on("2026-02-01", order), [50.0])
        self.assertEqual(self._run_on("2026-03-01", order), [50.0])

    def test_a_minimum_makes_a_period_cost_something_for_a_run_that_asks_nothing_but_that(self):
        plan = self._create_plan(
            product_id=False, price=0, minimum_commitment=50, commitment_product_id=self.usage_product.id
        )
        self._create_charge(plan)
        order = self._open(plan)
        self._run_on("2026-01-01", order)
        asks = patch.object(
            self.registry["sale.order"],
            "_is_free_renewal",
            lambda order: order._invoice_is_considered_free(order.order_line)[0],
        )
        with asks:
            self.assertEqual(self._run_on("2026-02-01", order), [50.0])

    # === MOVED BY HAND === #

    def test_a_date_that_is_moved_by_hand_ends_the_period_and_its_bill_waits_for_the_next_invoice(self):
        order = self._open()
        self._run_on("2026-01-01", order)
        self._use(order, 150, "2026-01-10")
        with self._on("2026-02-01"), trap_jobs():
            order.next_invoice_date = "2026-03-01"
        self.assertEqual(self._get_ledger(order), [("2026-01-01", 0, "open", 50.0)])
        self._use(order, 130, "2026-02-10")
        self.assertEqual(self._run_on("2026-03-01", order), [80.0])
        self.assertEqual(
            self._get_ledger(order), [("2026-01-01", 0, "billed", 50.0), ("2026-02-01", 0, "billed", 30.0)]
        )

    def test_a_date_that_jumps_over_a_boundary_leaves_each_period_its_quota(self):
        for how in ("written", "computed"):
            with self.subTest(how=how):
                order = self._open()
                self._run_on("2026-01-01", order)
                for month in (1, 2, 3):
                    self._use(order, 120, f"2026-0{month}-10")
                with self._on("2026-02-01"), trap_jobs():
                    if how == "written":
                        order.next_invoice_date = "2026-04-01"
                    else:
                        self._set_unseen(order, "2026-04-01")
                self.assertEqual(self._run_on("2026-04-01", order), [60.0])
                periods = self.env["fusion.billing.period"].search(
                    [("subscription_id", "=", order.id)], order="start_on"
                )
                self.assertEqual([str(period.end_on) for period in periods], ["2026-02-01", "2026-03-01", "2026-04-01"])

    def test_a_date_that_moves_before_its_day_ends_the_period_early_and_later_usage_is_adjusted(self):
        order = self._open()
        self._run_on("2026-01-01", order)
        self._use(order, 120, "2026-01-10")
        with self._on("2026-01-20"), trap_jobs():
            order.next_invoice_date = "2026-02-10"
        self._use(order, 5, "2026-01-25")  # still of the period that ended on February 1
        self._use(order, 90, "2026-02-05")
        self.assertEqual(self._run_on("2026-02-10", order), [25.0])

    def test_a_date_that_moves_back_ends_nothing(self):
        order = self._open()
        self._run_on("2026-01-01", order)
        with self._on("2026-01-05"), trap_jobs():
            order.next_invoice_date = "2026-01-20"
        self.assertFalse(self.env["fusion.billing.period"].search([("subscription_id", "=", order.id)]))
        self._use(order, 120, "2026-01-10")
        self.assertEqual(self._run_on("2026-01-20", order), [20.0])

    # === FAULTS === #

    def test_a_subscription_that_cannot_be_rated_keeps_the_run_from_no_other_one(self):
        """(plan, invoiced of it meanwhile, on March 1): its usage waits, each period with its own quota."""
        self._create_charge(self.plan, included_quota=100)
        table = [(self.usage_plan, [], [80.0]), (self.plan, [20.0, 20.0], [100.0])]
        for plan, meanwhile, later in table:
            with self.subTest(plan=plan.price):
                faulty, sound = self._open(plan), self._open()
                for order in (faulty, sound):
                    self._run_on("2026-01-01", order)
                    self._use(order, 150, "2026-01-10")
                self._set_pricelist(faulty, self._create_pricelist("USD"))
                with self._on("2026-02-01"), trap_jobs():
                    (faulty | sound)._create_recurring_invoice()
                self.assertEqual(sound.invoice_ids.mapped("amount_untaxed"), [50.0])
                self.assertEqual(faulty.invoice_ids.mapped("amount_untaxed"), meanwhile)
                self.assertIn("USD", faulty.x_fc_attention)
                self._set_pricelist(faulty, plan.pricelist_id)
                self._use(faulty, 130, "2026-02-10")
                with self._on("2026-02-11"), trap_jobs():
                    faulty._job_rate()
                self.assertFalse(faulty.x_fc_attention)
                self.assertEqual(self._run_on("2026-03-01", faulty), later)

    # === REOPENING === #

    def test_it_goes_on_although_its_end_date_is_taken_back_after_its_state(self):
        order = self._open()
        self._run_on("2026-01-01", order)
        self._run_on("2026-02-01", order)
        self._use(order, 150, "2026-02-03")
        with self._on("2026-02-10"), trap_jobs():
            order.set_close()
        self._run_closing_jobs(order, "2026-02-10")
        with self._on("2026-02-20"), trap_jobs():
            order.subscription_state = "3_progress"
            order.end_date = False
        self._use(order, 90, "2026-02-22")
        self.assertEqual(self._run_on("2026-03-01", order), [90.0])

    def test_a_reopened_subscription_goes_on_with_the_period_that_its_end_had_cut(self):
        """(how the state changes, used before the end, used after reopening) -> invoiced at the end, on March 1."""
        table = [
            ("written", 150, 30, [50.0], [30.0], "one quota: 80 of 180, of which 50 is billed"),
            ("written", 40, 100, [], [40.0], "one quota: 140 used"),
            ("computed", 150, 30, [50.0], [30.0], "the same if nobody calls write()"),
        ]
        for how, before, after, closing, expected, reason in table:
            with self.subTest(how=how, before=before, after=after, reason=reason):
                self._switch("states", how)
                order = self._open()
                self._run_on("2026-01-01", order)
                self._run_on("2026-02-01", order)
                self._use(order, before, "2026-02-03")
                with self._on("2026-02-10"), trap_jobs():
                    order.set_close()
                    self._notice()
                self._run_closing_jobs(order, "2026-02-10")
                self.assertEqual(order.invoice_ids.mapped("amount_untaxed"), closing)
                self.assertEqual(order.x_fc_ended_on, date(2026, 2, 10))
                with self._on("2026-02-20"), trap_jobs():
                    order.reopen_order()
                    self._notice()
                self.assertFalse(order.x_fc_ended_on)
                self._use(order, after, "2026-02-22")
                self.assertEqual(self._run_on("2026-03-01", order), expected)
                self._use(order, 110, "2026-03-10")
                self.assertEqual(self._run_on("2026-04-01", order), [10.0])

    def test_usage_that_comes_late_for_a_reopened_period_has_the_whole_quota(self):
        plan = self._create_plan(product_id=False, price=0, proration="day")
        self._create_charge(plan, included_quota=100)
        order = self._open(plan)
        self._run_on("2026-01-01", order)
        with self._on("2026-01-02"), trap_jobs():
            order.set_close()
        self._run_closing_jobs(order, "2026-01-02")  # a day of January, with its share of the quota
        with self._on("2026-02-01"), trap_jobs():
            order.reopen_order()
        self.assertEqual(self._run_on("2026-02-01", order), [])
        self._use(order, 150, "2026-01-20")
        self.assertEqual(self._run_on("2026-03-01", order), [50.0])

    # === ALIGNMENT === #

    def test_an_aligned_first_period_has_its_share_of_quota_and_minimum_if_the_plan_prorates(self):
        aligned = self.env["sale.subscription.plan"].create({"name": "Aligned", "billing_first_day": True})
        table = [
            ("day", 62, 7.16, "a quota of 54.84 for 17 of 31 days"),
            ("none", 162, 62.0, "the whole quota"),
        ]
        for proration, used, expected, reason in table:
            with self.subTest(proration=proration, reason=reason):
                plan = self._create_plan(product_id=False, price=0, proration=proration, plan_id=aligned.id)
                self._create_charge(plan, included_quota=100)
                order = self._open(plan, plan_id=aligned.id, start_date="2026-01-15")
                self.assertEqual(order.x_fc_proration, proration)
                self._run_on("2026-01-15", order)
                self.assertEqual(order.next_invoice_date, date(2026, 2, 1))
                self._use(order, used, "2026-01-20")
                self.assertEqual(self._run_on("2026-02-01", order), [expected])

    def _set_pricelist(self, order, pricelist):
        """Set the currency of a subscription past what guards it, as an older version may have left it."""
        self.env.flush_all()
        values = (pricelist.id, pricelist.currency_id.id, order.id)
        self.env.cr.execute("UPDATE sale_order SET pricelist_id = %s, currency_id = %s WHERE id = %s", values)
        self.env.invalidate_all()

    def _set_unseen(self, order, day):
        """Move the next invoice date as a computation does: without write()."""
        order.env.cr.execute("UPDATE sale_order SET next_invoice_date = %s WHERE id = %s", (day, order.id))
        order.invalidate_recordset(["next_invoice_date"])
