# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from ..proof import Scope, prove
from .common import BillingCase
from .editions import only_on


class _Case(BillingCase):
    """A month without a charge's row in the ledger was invoiced; then usage, or a price, reaches into it."""

    def _get_month(self, order, month):
        """Return the ledger of a month of 2026 as [(charge, state, amount)]."""
        rows = self._get_ratings(order).filtered(lambda row: row.period_start.month == month)
        return [(row.charge_id, row.state, row.amount) for row in rows]

    def _get_billed(self, order):
        return sum(order.invoice_ids.mapped("amount_untaxed"))


@tagged("post_install", "-at_install")
class TestUsageOfInvoicedPeriods(_Case):
    def test_a_charge_with_an_earlier_first_day_bills_what_was_used_before_it_was_made(self):
        order = self._create_subscription()
        self._use(order, 7, "2026-01-10")
        self._invoice_on(order, "2026-02-01")
        self.assertEqual(self._get_billed(order), 20, "nothing prices January's usage yet")
        with self._on("2026-02-10"):
            self._create_charge(price_effective_from="2026-01-01")
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(self._get_billed(order), 20 + 20 + 7)

    def test_a_plan_code_that_is_set_later_bills_what_was_used_before(self):
        plan = self._create_plan()
        self._create_charge(plan, price_per_unit=2)
        order = self._create_subscription(x_fc_plan_code=False)
        self._use(order, 7, "2026-01-10")
        self._invoice_on(order, "2026-02-01")
        with self._on("2026-02-10"), trap_jobs():
            order.x_fc_plan_code = plan.code
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(self._get_billed(order), 20 + 20 + 14)
        scope = Scope((self.company.id,), service_id=self.service.id)
        self.assertTrue(prove(self.env, scope).is_balanced)

    def test_such_a_charge_bills_a_counter_of_january_that_comes_later_still(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        with self._on("2026-02-10"):
            charge = self._create_charge(price_effective_from="2026-01-01")
        self._rate(order, "2026-02-10")
        self.assertEqual(self._get_month(order, 1), [], "nothing was used in January")
        self._use(order, 7, "2026-01-10")
        self._rate(order, "2026-02-11")
        self.assertEqual(self._get_month(order, 1), [(charge, "open", 7)])
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(self._get_billed(order), 20 + 20 + 7)

    def test_a_charge_that_begins_later_bills_nothing_of_before(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        with self._on("2026-02-10"):
            self._create_charge(price_effective_from="2026-02-01")
        self._use(order, 7, "2026-01-10")
        self._rate(order, "2026-02-11")
        self.assertEqual(self._get_month(order, 1), [])

    def test_a_restored_charge_bills_the_month_without_it(self):
        charge = self._create_charge()
        order = self._create_subscription()
        self._use(order, 3, "2026-02-10")
        with self._on("2026-01-15"):
            charge.active = False
        for day in ("2026-02-01", "2026-03-01"):
            self._invoice_on(order, day)
        self.assertEqual(self._get_billed(order), 40)
        with self._on("2026-03-10"):
            charge.active = True
        self._invoice_on(order, "2026-04-01")
        self.assertEqual(self._get_billed(order), 60 + 3)

    def test_a_metric_used_for_the_first_time_bills_its_late_counters(self):
        metric = self._create_metric()
        self._create_charge()
        late = self._create_charge(metric_id=metric.id, group_by="region")
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        self._use(order, 4, "2026-01-20", metric)
        self._rate(order, "2026-02-05")
        self.assertIn((late, "open", 4), self._get_month(order, 1))
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(self._get_billed(order), 44)

    def test_counters_of_one_metric_leave_the_charges_of_others_alone(self):
        metric = self._create_metric()
        self._create_charge()
        other = self._create_charge(metric_id=metric.id)
        order = self._create_subscription()
        for used in (self.metric, metric):
            self._use(order, 2, "2026-01-10", used)
        self._invoice_on(order, "2026-02-01")
        before = self._get_ratings(order).filtered(lambda row: row.charge_id == other).mapped("rated_at")
        self._use(order, 3, "2026-01-11")
        with self._on("2026-02-10"):
            # Two charges of February, and the one of January whose metric changed.
            self.assertEqual(order._fc_rate(), 3)
        rows = self._get_ratings(order).filtered(lambda row: row.charge_id == other and row.period_start.month == 1)
        self.assertEqual(rows.mapped("rated_at"), before)

    def test_only_the_months_that_were_touched_are_rated(self):
        self._create_charge()
        order = self._create_subscription()
        for month in range(2, 7):
            self._invoice_on(order, f"2026-0{month}-01")
        self._upsert(
            self.service,
            (order, 1, "2026-01-10", "2026-01-10", None),
            (order, 1, "2026-05-10", "2026-05-10", None),
        )
        with self._on("2026-06-10"):
            self.assertEqual(order._fc_rate(), 3, "January, May and June, which is not invoiced")
        self.assertEqual(
            [row for row in self._get_ledger(order) if row[3]],
            [("2026-01-01", 1, "open", 1), ("2026-05-01", 1, "open", 1)],
        )

    def test_a_closed_period_keeps_the_price_it_was_invoiced_with_although_nothing_was_used(self):
        charge = self._create_charge(group_by="region")
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        with self._on("2026-02-10"):
            charge.write({"price_per_unit": 9, "price_effective_from": "2026-01-01"})
        self._use(order, 1, "2026-01-10")
        self._rate(order, "2026-02-11")
        self.assertIn((charge, "open", 1), self._get_month(order, 1))

    def test_late_usage_of_an_ended_subscription_is_billed_by_a_charge_that_was_added_since(self):
        order = self._create_subscription()
        with self._on("2026-01-20"), trap_jobs():
            self._close(order)
        self._invoice_on(order, "2026-01-20")
        self._use(order, 6, "2026-01-10")
        with self._on("2026-01-25"), trap_jobs():
            self._create_charge(price_effective_from="2026-01-01")
        self._run_closing_jobs(order, "2026-01-25")
        self.assertEqual(self._get_billed(order), self._by_edition(26, 6))


@tagged("post_install", "-at_install")
class TestFlatFeesWithoutUsage(_Case):
    _TIERS = ({"sequence": 1, "up_to": 10, "flat_fee": 5}, {"sequence": 2, "price_per_unit": 1})

    def _create_flat_charge(self, **values):
        return self._create_charge(charge_model="graduated", tiers=self._TIERS, **values)

    def test_a_period_that_was_invoiced_without_them_owes_none_until_it_has_usage(self):
        # (counters of January, told after its invoice, what January costs, reason)
        cases = [
            ([], 0, "no usage: no fee is made up"),
            ([3], 5, "usage: the fee is owed with it"),
            ([13], 5 + 3, "usage above the first tier"),
            ([0], 0, "a counter of nothing"),
        ]
        for quantities, expected, reason in cases:
            with self.subTest(reason):
                plan = self._create_plan()
                order = self._create_subscription(plan)
                self._invoice_on(order, "2026-02-01")
                with self._on("2026-02-10"):
                    self._create_flat_charge(plan=plan, price_effective_from="2026-01-01")
                for quantity in quantities:
                    self._use(order, quantity, "2026-01-10")
                self._rate(order, "2026-02-11")
                self.assertEqual(sum(amount for _charge, _state, amount in self._get_month(order, 1)), expected)
                self.assertEqual(len(self._get_month(order, 1)), len(quantities))

    def test_usage_that_is_taken_back_takes_the_fee_along(self):
        # (is it billed before, reason)
        for is_billed in (False, True):
            with self.subTest(billed=is_billed):
                plan = self._create_plan()
                order = self._create_subscription(plan)
                self._invoice_on(order, "2026-02-01")
                with self._on("2026-02-10"):
                    self._create_flat_charge(plan=plan, price_effective_from="2026-01-01")
                usage = self._use(order, 3, "2026-01-10")
                self._rate(order, "2026-02-11")
                if is_billed:
                    self._invoice_on(order, "2026-03-01")
                usage._void("Wrong customer")
                self._rate(order, "2026-03-10" if is_billed else "2026-02-12")
                self.assertEqual(sum(amount for _charge, _state, amount in self._get_month(order, 1)), 0)

    def test_a_period_that_owes_no_fee_owes_none_of_tiers_without_usage(self):
        # (terms, paused from and resumed on, used, what January's flat charge costs, reason)
        cases = [
            ({}, None, 0, 5, "an ordinary month"),
            ({"x_fc_trial_days": 31}, None, 0, 0, "the trial covers it"),
            ({"x_fc_trial_days": 31}, None, 2, 5, "usage in the trial is no gift"),
            ({"x_fc_trial_days": 14}, None, 0, 5, "the trial covers a part of it"),
            ({}, ("2026-01-01", "2026-02-01"), 0, self._by_edition(0, 5), "paused all the time"),
            ({}, ("2026-01-01", "2026-02-01"), 2, 5, "used although it was paused"),
            ({}, ("2026-01-02", "2026-02-01"), 0, 5, "it ran for a day"),
        ]
        for terms, pause, used, expected, reason in filter(lambda case: self._knows(case[0]), cases):
            with self.subTest(reason):
                plan = self._create_plan()
                self._create_flat_charge(plan=plan)
                order = self._create_subscription(plan, **terms)
                if used:
                    self._use(order, used, "2026-01-10")
                if pause:
                    with self._on(pause[0]), trap_jobs():
                        self._pause(order)
                    with self._on(pause[1]), trap_jobs():
                        self._resume(order)
                self._invoice_on(order, "2026-02-01")
                self.assertEqual(sum(amount for _charge, _state, amount in self._get_month(order, 1)), expected)

    @only_on("community")
    def test_what_is_shown_of_the_current_period_is_what_will_be_billed(self):
        self._create_flat_charge()
        order = self._create_subscription(x_fc_trial_days=31)
        [usage] = order._fc_get_current_usage()[order]
        self.assertEqual((usage["rated"].total, usage["amount"]), (0, 0))


@tagged("post_install", "-at_install")
class TestQuotasOfPartialPeriods(_Case):
    def test_an_early_invoice_and_an_end_that_moves_leave_the_quota_in_step_with_the_period(self):
        """31 a month free, 1.00 a unit; 32 used by the 5th, and 1.00 invoiced by hand on the 10th.

        The end then moves to the 16th: 15 of the 31 days, so 15 are free, and 17 cost. A price that was changed
        meanwhile does not touch what was invoiced.
        """
        # (proration, price changed, what the usage costs, reason)
        cases = [
            ("day", False, 17, "by day: 15 of 31 are free"),
            ("day", True, 17, "the price of the invoice stays"),
            ("none", False, 1, "in full: all 31 are free"),
        ]
        for proration, changes, expected, reason in cases:
            with self.subTest(reason):
                plan = self._create_plan()
                charge = self._create_charge(plan=plan, included_quota=31)
                order = self._create_subscription(plan, x_fc_proration=proration, with_fee=False)
                self._use(order, 32, "2026-01-05")
                self._create_native_invoice_on(order, "2026-01-10").action_post()
                self.assertEqual(self._get_billed(order), 1, "billed early, with the quota of a whole month")
                if changes:
                    with self._on("2026-01-10"):
                        charge.write({"price_per_unit": 7, "price_effective_from": "2026-01-01"})
                with self._on("2026-01-16"), trap_jobs():
                    order._fc_terminate()
                self._invoice_on(order, "2026-01-16")
                self._run_closing_jobs(order, "2026-01-16")
                self.assertEqual(self._get_billed(order), expected)

    def test_pauses_and_trials_leave_the_quota_whole(self):
        for terms in filter(self._knows, ({"x_fc_trial_days": 14}, {"x_fc_trial_days": 31}, {})):
            with self.subTest(**terms):
                plan = self._create_plan()
                self._create_charge(plan=plan, included_quota=31)
                order = self._create_subscription(plan, x_fc_proration="day", **terms)
                self._use(order, 32, "2026-01-05")
                if not terms:
                    with self._on("2026-01-10"), trap_jobs():
                        self._pause(order)
                    with self._on("2026-01-20"), trap_jobs():
                        self._resume(order)
                self._invoice_on(order, "2026-02-01")
                self.assertEqual([row[3] for row in self._get_ledger(order) if row[0] == "2026-01-01"], [1])
