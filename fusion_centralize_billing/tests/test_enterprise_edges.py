# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase, tagged

from .enterprise import EnterpriseMixin


@tagged("post_install", "-at_install", "enterprise")
class TestEnterpriseEdges(EnterpriseMixin, TransactionCase):
    """Short stories that random histories of Enterprise's subscriptions have come upon."""

    leaves_out_first_fee = False

    def test_a_date_far_ahead_that_moves_on_again_leaves_each_period_its_quota(self):
        order = self._open()
        self._run_on("2026-01-01", order)
        for day in ("2026-04-01", "2026-05-01"):
            with self._on("2026-01-05"), trap_jobs():
                order.next_invoice_date = day
        for month in (1, 2, 3):
            self._use(order, 120, f"2026-0{month}-10")
        self.assertEqual(self._run_on("2026-05-01", order), [60.0])

    def test_an_end_while_runs_are_late_leaves_each_period_its_quota(self):
        order = self._open()
        self._run_on("2026-01-01", order)
        for day in ("2026-01-10", "2026-02-10", "2026-03-03"):
            self._use(order, 120, day)
        self._close_on(order, "2026-03-05")
        self.assertEqual(sum(order.invoice_ids.mapped("amount_untaxed")), 60)

    def test_usage_of_the_day_of_an_end_on_a_boundary_is_billed_once_after_reopening(self):
        order = self._open()
        self._run_on("2026-01-01", order)
        self._run_on("2026-02-01", order)
        self._use(order, 150, "2026-02-01")
        self._close_on(order, "2026-02-01")
        self.assertEqual(order.invoice_ids.mapped("amount_untaxed"), [50.0])
        with self._on("2026-02-05"), trap_jobs():
            order.reopen_order()
        self._run_on("2026-03-01", order)
        self.assertEqual(self._get_owed(order), {"2026-02-01": 50.0})

    def test_the_fee_of_an_aligned_period_that_an_end_cuts_counts_in_full_towards_the_minimum(self):
        aligned = self.env["sale.subscription.plan"].create({"name": "Aligned", "billing_first_day": True})
        plan = self._create_plan(plan_id=aligned.id, minimum_commitment=50, commitment_product_id=self.usage_product.id)
        self._create_charge(plan)
        order = self._open(plan, plan_id=aligned.id)
        self._run_on("2026-01-01", order)
        self._run_on("2026-02-01", order)
        self._close_on(order, "2026-02-02")
        self.assertEqual(self._get_owed(order), {"2026-01-01": 30.0, "2026-02-01": 30.0})

    def test_usage_of_a_period_that_was_ended_ahead_of_its_day_lowers_what_was_missing_to_its_minimum(self):
        plan = self._create_plan(
            product_id=False, price=0, minimum_commitment=50, commitment_product_id=self.usage_product.id
        )
        self._create_charge(plan)
        order = self._open(plan)
        self._run_on("2026-01-01", order)
        with self._on("2026-01-05"), trap_jobs():
            order.next_invoice_date = "2026-02-10"
        self.assertEqual(self._get_owed(order), {"2026-01-01": 50.0})
        self._use(order, 80, "2026-01-20")
        self._rate(order, "2026-01-20")
        self.assertEqual(self._get_owed(order), {"2026-01-01": 80.0})

    # === HELPERS === #

    def test_an_end_on_the_boundary_that_was_just_billed_owes_nothing_more(self):
        minimum = {"minimum_commitment": 50, "commitment_product_id": self.usage_product.id}
        plan = self._create_plan(product_id=False, price=0, **minimum)
        self._create_charge(plan)
        order = self._open(plan)
        self._run_on("2026-01-01", order)
        self.assertEqual(self._run_on("2026-02-01", order), [50.0])
        order.end_date = "2026-02-01"  # and Enterprise is late to close it
        for day in ("2026-02-02", "2026-04-08"):
            with self._on(day), trap_jobs():
                order._job_rate()
        self._close_on(order, "2026-04-08")
        self.assertEqual(self._get_ledger(order)[-1][:3], ("2026-01-01", 0, "billed"))
        self.assertEqual(order.invoice_ids.mapped("amount_untaxed"), [50.0])

    def test_usage_that_was_there_before_its_period_began_is_rated_soon_after(self):
        order = self._open()
        self._run_on("2026-01-01", order)
        self._use(order, 130, "2026-02-01")
        self._rate(order, "2026-02-01")
        with self._on("2026-02-01"), trap_jobs():
            order.next_invoice_date = "2026-02-06"
            self.assertTrue(self._get_changes(order))
            order._job_rate()
        self.assertEqual(self._get_ledger(order)[-1], ("2026-02-01", 0, "open", 30.0))

    def _close_on(self, order, day):
        with self._on(day), trap_jobs():
            order.set_close()
            self._notice()
        self._run_closing_jobs(order, day)

    def _get_owed(self, order):
        """Return what the ledger has of each period, ``{first day: amount}``."""
        owed = {}
        for row in self._get_ratings(order).filtered(lambda row: row.state != "cancelled"):
            owed[str(row.first_day)] = owed.get(str(row.first_day), 0) + row.amount
        return {day: amount for day, amount in owed.items() if amount}
