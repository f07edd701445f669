# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from pathlib import Path

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.modules.migration import load_script
from odoo.tests import Form, tagged

from .common import BillingCase

_UPGRADE = Path(__file__).parents[1] / "migrations" / "19.0.1.1.0" / "post-second_prices.py"


@tagged("post_install", "-at_install")
class TestSecondPrices(BillingCase):
    """Making a price is a price change, and no customer is charged twice because of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with trap_jobs():
            cls.order = cls._create_subscription(with_fee=False)

    def _make_on(self, day, price=1, **values):
        """Create a charge as people do, without saying when it begins."""
        with self._on(day):
            return self._create_charge(**{"price_per_unit": price, "price_effective_from": False, **values})

    def _archive_on(self, day, charge):
        with self._on(day):
            charge.active = False

    def _use_each_month(self, quantity=1):
        for month in (1, 2, 3):
            self._use(self.order, quantity, f"2026-0{month}-10")

    def _get_invoiced(self):
        """Return what the first three months of the subscription cost."""
        return [self._invoice_on(self.order, f"2026-0{month}-01").amount_untaxed for month in (2, 3, 4)]

    # === WHEN A CHARGE BEGINS === #

    def test_a_charge_of_a_plan_with_subscriptions_begins_with_the_next_period(self):
        # (day it is made, first day it is given, amounts of three months with one unit at 1.00 each, reason)
        cases = [
            ("2026-01-15", False, [0, 1, 1], "in the middle of January"),
            ("2026-01-31", False, [0, 1, 1], "on the last day of January"),
            ("2026-02-01", False, [0, 0, 1], "on the first day of February, which has begun"),
            ("2026-02-03", False, [0, 0, 1], "within the days of grace: January is not invoiced yet"),
            ("2026-01-15", "2026-01-01", [1, 1, 1], "told to begin with January"),
            ("2026-01-15", "2026-03-01", [0, 0, 1], "told to begin with March"),
        ]
        for day, first_day, expected, reason in cases:
            with self.subTest(reason):
                plan = self._create_plan(**self._by_edition({"grace_days": 5}, {}))
                with trap_jobs():
                    self.order = self._create_subscription(plan, with_fee=False)
                self._make_on(day, plan_code=plan.code, price_effective_from=first_day)
                self._use_each_month()
                invoiced = [self._invoice_on(self.order, f"2026-0{month}-06").amount_untaxed for month in (2, 3, 4)]
                self.assertEqual(invoiced, expected)

    def test_without_subscriptions_a_charge_holds_from_always(self):
        plan = self._create_plan()
        self._make_on("2026-03-15", plan_code=plan.code)
        with trap_jobs():
            self.order = self._create_subscription(plan, with_fee=False)
        self._use_each_month()
        self.assertEqual(self._get_invoiced(), [1, 1, 1])

    def test_a_charge_that_is_made_again_at_another_price_leaves_no_month_with_both(self):
        charge = self._make_on("2025-12-01")
        self._archive_on("2026-01-15", charge)
        self._make_on("2026-01-15", 2)
        self._use_each_month()
        self.assertEqual(self._get_invoiced(), [1, 2, 2])

    def test_a_charge_that_is_moved_to_a_plan_or_metric_begins_there_with_the_next_period(self):
        # (charge before, change of January 15th, amounts of three months at 1.00 each, reason)
        metric = self._create_metric()
        cases = [
            ({"plan_code": "nobody"}, {"plan_code": self.plan.code}, [0, 1, 1], "another plan"),
            ({"metric_id": metric.id}, {"metric_id": self.metric.id}, [0, 1, 1], "another metric"),
            (
                {"plan_code": "nobody"},
                {"plan_code": self.plan.code, "price_effective_from": "2026-01-01"},
                [1, 1, 1],
                "told to begin with January",
            ),
        ]
        for before, change, expected, reason in cases:
            with self.subTest(reason), self.env.cr.savepoint() as savepoint:
                charge = self._make_on("2025-12-01", **before)
                with self._on("2026-01-15"):
                    charge.write(change)
                self._use_each_month()
                self.assertEqual(self._get_invoiced(), expected)
                savepoint.rollback()

    def test_the_form_says_when_a_charge_begins(self):
        charge = self._make_on("2026-01-15")
        with self._on("2026-01-15"):
            self.assertEqual(str(charge.prices_from), "2026-01-16")
            self.assertEqual(charge.current_prices, "not charged yet")
        with self._on("2026-01-16"):
            self.assertFalse(charge.prices_from)

    # === SECOND PRICES === #

    def test_a_second_price_of_the_same_counters_is_refused_unless_it_is_meant(self):
        eu, us = ({"filter_ids": [Command.create({"name": "region", "value": code})]} for code in ("eu", "us"))
        gpu = {"filter_ids": [Command.create({"name": "tier", "value": "gpu"})]}
        both = {"filter_ids": [*eu["filter_ids"], *gpu["filter_ids"]]}
        other = {"plan_code": "another-plan"}
        ended, begins = {"effective_until": "2026-03-01"}, {"price_effective_from": "2026-03-01"}
        # (first charge, second one, whether it is refused, reason)
        cases = [
            ({}, {}, True, "the same counters"),
            ({}, eu, True, "all counters and some of them"),
            (eu, eu, True, "the same counters of a region"),
            (eu, us, False, "another region"),
            (eu, gpu, True, "a counter can have both properties"),
            (both, us, False, "both ask for the region"),
            ({}, {"is_additional": True}, False, "the second one is meant"),
            ({"is_additional": True}, {}, False, "the first one is meant beside others"),
            ({}, other, False, "another plan"),
            ({}, {"metric_id": self._create_metric().id}, False, "another metric"),
            (ended, begins, False, "one after the other"),
            (ended, {}, True, "until the first one ends"),
            ({"active": False}, {}, False, "the first one has priced nothing"),
            ({}, {"active": False}, False, "the second one prices nothing yet"),
            ({}, {"group_by": "region"}, True, "by groups"),
            ({}, {"charge_model": "percentage", "price_per_unit": 0, "rate": 1}, True, "another charge model"),
        ]
        for first, second, is_refused, reason in cases:
            with self.subTest(reason), self.env.cr.savepoint() as savepoint:
                plan = self._create_plan()
                named = self._create_charge(plan, name="The first one", price_effective_from=False, **first)
                values = {"name": "The second one", "price_effective_from": False, **second}
                if is_refused:
                    with self.assertRaisesRegex(ValidationError, named.name):
                        self._create_charge(plan, **values)
                else:
                    self._create_charge(plan, **values)
                savepoint.rollback()

    def test_what_makes_a_charge_a_second_price_is_refused_as_well(self):
        plan, metric = self._create_plan(), self._create_metric()
        region = [Command.create({"name": "region", "value": "eu"})]
        us = [Command.create({"name": "region", "value": "us"})]
        self._create_charge(plan, filter_ids=region)
        # (the charge before, what is written, reason)
        cases = [
            ({"plan_code": "other"}, {"plan_code": plan.code}, "moved to the plan"),
            ({"metric_id": metric.id}, {"metric_id": self.metric.id}, "given the metric"),
            ({"is_additional": True}, {"is_additional": False}, "not meant any more"),
            ({"active": False}, {"active": True}, "activated"),
            ({"effective_until": "2000-01-01"}, {"effective_until": False}, "without its end"),
            ({"filter_ids": us}, {"filter_ids": [Command.clear()]}, "without its filters"),
        ]
        for before, change, reason in cases:
            with self.subTest(reason), self.env.cr.savepoint() as savepoint:
                charge = self._create_charge(plan, **before)
                with self.assertRaises(ValidationError):
                    charge.write(change)
                savepoint.rollback()
        charge = self._create_charge(plan, filter_ids=us)
        for act in (lambda: charge.filter_ids.unlink(), lambda: charge.filter_ids.write({"value": "eu"})):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                act()

    def test_filters_that_differ_from_a_day_on_are_looked_at_by_day(self):
        plan = self._create_plan()
        with trap_jobs():
            self._create_subscription(plan)
        charge = self._create_charge(plan)
        with self._on("2026-01-15"):
            charge.filter_ids = [Command.create({"name": "region", "value": "eu"})]
        us = {"filter_ids": [Command.create({"name": "region", "value": "us"})]}
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self._create_charge(plan, **us, price_effective_from="2026-01-15")
        self._create_charge(plan, **us, price_effective_from="2026-01-16")

    def test_charges_that_are_made_at_once_are_compared_with_each_other(self):
        values = {"name": "Twin", "plan_code": "twins", "metric_id": self.metric.id}
        with self.assertRaises(ValidationError):
            self.env["fusion.billing.charge"].create([values, values])

    def test_an_imported_second_price_is_refused(self):
        fields = ["name", "plan_code", "metric_id/.id", "price_per_unit"]
        rows = [["First", "imported", str(self.metric.id), "1"], ["Second", "imported", str(self.metric.id), "2"]]
        result = self.env["fusion.billing.charge"].load(fields, rows)
        self.assertFalse(result["ids"])
        self.assertIn("First", result["messages"][0]["message"])

    # === COPIES === #

    def test_a_copy_charges_nobody_until_it_is_activated(self):
        charge = self._create_charge(name="Calls", charge_model="graduated", tiers=[{"price_per_unit": 1}])
        copy = charge.copy()
        self.assertEqual((copy.name, copy.active, copy.is_additional), ("Calls (copy)", False, False))
        self.assertEqual(copy._get_terms(), charge._get_terms())
        self._use_each_month()
        self.assertEqual(self._get_invoiced(), [1, 1, 1])

    def test_a_copy_that_is_activated_is_a_second_price(self):
        copy = self._create_charge().copy()
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            copy.active = True
        with self.assertRaises(ValidationError):
            self._create_charge(plan=self._create_plan()).copy({"active": True})

    def test_a_copy_begins_with_the_period_after_it_was_activated(self):
        # (day, first day it is given, amounts of three months at 1.00 each, reason)
        cases = [
            ("2026-01-15", {}, [0, 1, 1], "with the next period"),
            ("2026-01-15", {"price_effective_from": "2026-01-01"}, [1, 1, 1], "told to begin with January"),
            ("2026-01-15", {"price_effective_from": "2026-03-01"}, [0, 0, 1], "told to begin with March"),
        ]
        original = self._create_charge(self._create_plan())
        for day, values, expected, reason in cases:
            with self.subTest(reason):
                plan = self._create_plan()
                with trap_jobs():
                    self.order = self._create_subscription(plan, with_fee=False)
                with self._on("2025-12-01"):
                    copy = original.copy({"plan_code": plan.code})
                with self._on(day):
                    copy.write({"active": True, **values})
                self._use_each_month()
                self.assertEqual(self._get_invoiced(), expected)

    def test_the_form_makes_a_charge_that_is_meant_beside_another_one(self):
        self._create_charge(name="Calls")
        form = Form(self.env["fusion.billing.charge"])
        form.name, form.plan_code, form.metric_id = "Surcharge", self.plan.code, self.metric
        form.product_id, form.price_per_unit = self.usage_product, 0.5
        with self.assertRaisesRegex(ValidationError, "Calls"):
            form.save()
        form.is_additional = True
        self.assertTrue(form.save().is_additional)

    # === OLDER DATA === #

    def test_an_upgrade_leaves_second_prices_as_they_are(self):
        self._create_charge(name="First")
        self._create_charge(name="Ended", price_per_unit=2, effective_until="2026-02-01", is_additional=True)
        self._create_charge(name="Second", price_per_unit=3, is_additional=True)
        self._create_charge(self._create_plan(), name="Alone")
        charges = self.env["fusion.billing.charge"].search([("metric_id", "=", self.metric.id)])
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE fusion_billing_charge SET is_additional = NULL WHERE id IN %s", [tuple(charges.ids)]
        )
        self.env.invalidate_all()
        load_script(str(_UPGRADE), "upgrade_of_second_prices").migrate(self.env.cr, "19.0.1.0.0")
        self.assertEqual(set(charges.filtered("is_additional").mapped("name")), {"Ended", "Second"})
        self._use_each_month()
        self.assertEqual(self._get_invoiced(), [1 + 2 + 3, 1 + 3, 1 + 3])
