# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from ..api.errors import BusinessRuleError
from .common import BillingCase


class _Case(BillingCase):
    def _open(self, plan, **values):
        with trap_jobs():
            return self._create_subscription(plan, with_fee=False, **values)


@tagged("post_install", "-at_install")
class TestCopiedPlan(_Case):
    """A copied plan bills what the plan bills."""

    def _bill(self, plan, quantity, month="2026-02-01"):
        order = self._open(plan)
        self._use(order, quantity)
        return self._invoice_on(order, month).amount_untaxed

    def test_a_copied_plan_bills_the_same(self):
        tiers = [{"up_to": 10, "price_per_unit": 2}, {"price_per_unit": 1, "flat_fee": 5}]
        us = [Command.create({"name": "region", "value": "us"})]
        # (values of the plan's charges, what 99 units cost, reason)
        cases = [
            ([{}], 99, "a price"),
            ([{"included_quota": 90}], 9, "a quota"),
            ([{"tiers": tiers, "charge_model": "graduated"}], 20 + 89 + 5, "tiers"),
            ([{}, {"filter_ids": us, "is_additional": True}], 99, "a filter that no counter meets"),
            ([{}, {"price_per_unit": 2, "is_additional": True}], 99 + 198, "two prices that are both meant"),
            ([{}, {"price_per_unit": 7, "active": False, "is_additional": True}], 99, "an archived one"),
            ([{"amount_rounding": "charge", "group_by": "region"}], 99, "groups"),
        ]
        for charges, expected, reason in cases:
            with self.subTest(reason):
                plan = self._create_plan()
                for values in charges:
                    self._create_charge(plan, **values)
                self.assertEqual(self._bill(plan, 99), expected)
                self.assertEqual(self._bill(plan.copy(), 99), expected)

    def test_a_copy_has_a_code_of_its_own_each_time(self):
        plan = self._create_plan(name="Pro", code="pro")
        copies = plan.copy() | plan.copy() | plan.copy({"code": "team", "name": "Team"})
        self.assertEqual(copies.mapped("code"), ["pro-copy", "pro-copy-2", "team"])
        self.assertEqual(copies.mapped("name"), ["Pro (copy)", "Pro (copy)", "Team"])

    def test_a_copy_has_todays_prices_and_those_to_come(self):
        plan = self._create_plan()
        charge = self._create_charge(plan)
        self._open(plan)
        with self._on("2026-01-15"):
            charge.write({"price_per_unit": 2, "price_effective_from": "2026-02-01"})
            later = self._create_charge(plan, metric_id=self._create_metric().id, price_effective_from="2026-02-01")
            copy = plan.copy()
        order = self._open(copy)
        for month in (1, 2):
            for metric in (self.metric, later.metric_id):
                self._use(order, 10, f"2026-0{month}-10", metric)
        # The charge that begins with February holds from always on the copy, on which nobody runs.
        invoiced = [self._invoice_on(order, f"2026-0{month}-01").amount_untaxed for month in (2, 3)]
        self.assertEqual(invoiced, [10 + 10, 20 + 10])

    def test_a_charge_that_has_ended_is_not_copied_and_one_that_will_ends_on_the_copy_too(self):
        plan = self._create_plan()
        self._create_charge(plan, effective_until="2026-01-01")
        self._create_charge(plan, effective_until="2026-03-01", price_effective_from="2026-01-01", price_per_unit=2)
        with self._on("2026-01-15"):
            [charge] = plan.copy().charge_ids
        self.assertEqual((str(charge.effective_until), charge.price_per_unit), ("2026-03-01", 2))


@tagged("post_install", "-at_install")
class TestCurrencyOfPlans(_Case):
    """A plan with subscriptions keeps its currency, whatever it comes from."""

    def test_a_running_subscription_takes_no_plan_in_another_currency(self):
        order = self._create_subscription()
        yen = self._create_plan("JPY")
        with self.assertRaises(BusinessRuleError) as caught:
            order.x_fc_plan_code = yen.code
        self.assertEqual(caught.exception.code, "currency_mismatch")
        order.x_fc_plan_code = self._create_plan("CAD").code

    def test_the_currency_of_a_plan_with_subscriptions_stays(self):
        yen = self._create_pricelist("JPY")
        plan, list_less = self._create_plan(), self._create_plan(pricelist_id=False)
        for each in (plan, list_less):
            self._open(each, currency_id=each.currency_id.id)
        # (what is done, reason)
        cases = [
            (lambda: plan.write({"pricelist_id": yen.id}), "another pricelist"),
            (lambda: plan.pricelist_id.write({"currency_id": yen.currency_id.id}), "the pricelist's currency"),
            (lambda: list_less.write({"pricelist_id": yen.id}), "a pricelist instead of none"),
            (lambda: self.company.write({"currency_id": yen.currency_id.id}), "the company's currency"),
        ]
        for act, reason in cases:
            with self.subTest(reason), self.assertRaises(UserError) as caught, self.env.cr.savepoint():
                act()
                self.env.flush_all()
            if reason != "the company's currency":  # which Odoo refuses by itself once there are entries
                self.assertIn("JPY", str(caught.exception))

    def test_a_plan_nobody_runs_on_and_a_pricelist_of_the_same_currency_may_change(self):
        plan, sold = self._create_plan(), self._create_plan()
        self._open(sold)
        sold.pricelist_id = self._create_pricelist("CAD")
        plan.pricelist_id = self._create_pricelist("JPY")
        self.assertEqual((plan.currency_id.name, sold.currency_id.name), ("JPY", "CAD"))

    def test_a_plan_for_a_code_that_is_used_already_keeps_the_currency_of_its_subscriptions(self):
        order = self._open(self._create_plan(pricelist_id=False), x_fc_plan_code="bare", pricelist_id=False)
        self.assertEqual(order.currency_id, self.company.currency_id)
        with self.assertRaisesRegex(UserError, order.name), self.env.cr.savepoint():
            self._create_plan("JPY", code="bare")
        unsold = self._create_plan("JPY")
        with self.assertRaisesRegex(UserError, order.name), self.env.cr.savepoint():
            unsold.code = "bare"
        self._create_plan(code="bare", pricelist_id=False)


@tagged("post_install", "-at_install")
class TestIncompletePlan(_Case):
    """What could not be invoiced is shown before somebody subscribes, and refused afterwards."""

    def test_a_charge_without_product_is_refused_once_subscriptions_run(self):
        plan, other = self._create_plan(), self._create_plan()
        self._open(plan)
        charge = self._create_charge(plan)
        incomplete = self._create_charge(other, product_id=False)
        # (what is done, reason)
        cases = [
            (lambda: self._create_charge(plan, product_id=False, is_additional=True), "made"),
            (lambda: charge.write({"product_id": False}), "its product is taken away"),
            (lambda: incomplete.write({"plan_code": plan.code, "is_additional": True}), "moved to the plan"),
        ]
        for act, reason in cases:
            with self.subTest(reason), self.assertRaisesRegex(ValidationError, "product"), self.env.cr.savepoint():
                act()
        charge.active = False
        charge.product_id = False
        with self.assertRaisesRegex(ValidationError, "product"), self.env.cr.savepoint():
            charge.active = True

    def test_a_commitment_without_product_is_refused_once_subscriptions_run(self):
        plan = self._create_plan()
        order = self._open(plan)
        with self.assertRaisesRegex(ValidationError, "product"), self.env.cr.savepoint():
            plan.minimum_commitment = 100
        with self.assertRaisesRegex(ValidationError, "product"), self.env.cr.savepoint():
            order.x_fc_minimum_commitment = 100
        plan.write({"minimum_commitment": 100, "commitment_product_id": self.usage_product.id})
        order.x_fc_minimum_commitment = 100
        plan.minimum_commitment = 0
        with self.assertRaisesRegex(ValidationError, "product"), self.env.cr.savepoint():
            plan.commitment_product_id = False

    def test_a_plan_shows_what_it_lacks(self):
        plan = self._create_plan()
        self.assertFalse(plan.is_incomplete)
        plan.minimum_commitment = 100
        charge = self._create_charge(plan, name="Calls", product_id=False)
        self.assertTrue(plan.is_incomplete and charge.is_incomplete)
        self.assertEqual(len(plan._get_incomplete_reasons()), 2)
        self.assertIn("Calls", plan.incomplete_reason)
        model = self.env["fusion.billing.plan"]
        self.assertIn(plan, model.search([("is_incomplete", "=", True)]))
        self.assertNotIn(plan, model.search([("is_incomplete", "=", False)]))
        self.assertIn(charge, charge.search([("is_incomplete", "=", True)]))
        plan.commitment_product_id = charge.product_id = self.usage_product
        self.assertFalse(plan.is_incomplete or charge.is_incomplete)
        self.assertNotIn(plan, model.search([("is_incomplete", "=", True)]))

    def test_an_archived_charge_makes_no_plan_incomplete(self):
        plan = self._create_plan()
        self._create_charge(plan, product_id=False, active=False)
        self.assertFalse(plan.is_incomplete)

    def test_a_subscription_of_an_incomplete_plan_runs_and_shows_what_is_missing(self):
        plan = self._create_plan(minimum_commitment=100)
        charge = self._create_charge(plan, name="Calls", product_id=False)
        order = self._open(plan)
        self.assertEqual(order.subscription_state, "3_progress")
        reasons = order._fc_get_incomplete_reasons()
        self.assertEqual(len(reasons), 2)
        self.assertIn("Calls", reasons[0])
        charge.product_id = plan.commitment_product_id = self.usage_product
        self.assertFalse(order._fc_get_incomplete_reasons())

    def test_a_charge_for_a_code_without_a_plan_may_be_bare(self):
        charge = self.env["fusion.billing.charge"].create(
            {"name": "Bare", "plan_code": "no-plan-yet", "metric_id": self.metric.id, "price_per_unit": 2}
        )
        self.assertEqual(charge._compute_billable(3), (3, 6))
        self.assertTrue(charge.is_incomplete)
