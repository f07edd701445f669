# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .common import BillingCase


@tagged("post_install", "-at_install")
class TestProductRecurrence(BillingCase):
    """Where the product decides what is billed in each period, as on Enterprise, it has to suit the plan."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.charge = cls._create_charge()
        cls.plan.commitment_product_id = cls._create_product(name="Commitment")

    def _decide(self, by_product):
        return patch.object(self.registry["sale.order"], "_edition_product_decides", lambda orders: by_product)

    def _get_attempts(self):
        """Return (what is done, reason) of all that would bill a fee once, or usage twice."""
        once, each_period = self._create_product(), self._create_product(recurring_invoice=True)
        metric = self._create_metric()
        return [
            (lambda: self._create_plan(product_id=once.id), "a fee of a product that does not recur"),
            (lambda: self.plan.write({"product_id": once.id}), "the same, on a plan"),
            (lambda: self.plan.write({"commitment_product_id": each_period.id}), "a commitment that recurs"),
            (lambda: self.charge.write({"product_id": each_period.id}), "usage that recurs"),
            (lambda: self._create_charge(product_id=each_period.id, metric_id=metric.id), "the same, on a new charge"),
            (lambda: self.fee.write({"recurring_invoice": False}), "the product of a fee recurs no more"),
            (lambda: self.usage_product.write({"recurring_invoice": True}), "the product of usage recurs"),
            (
                lambda: self.plan.commitment_product_id.product_tmpl_id.write({"recurring_invoice": True}),
                "the product of a commitment recurs",
            ),
        ]

    def test_a_product_that_would_bill_a_fee_once_or_usage_twice_is_refused(self):
        for act, reason in self._get_attempts():
            with self.subTest(reason), self._decide(by_product=True), self.env.cr.savepoint() as savepoint:
                with self.assertRaisesRegex(ValidationError, "recurring"):
                    act()
                savepoint.rollback()

    def test_where_lines_say_themselves_whether_they_recur_any_product_will_do(self):
        for act, reason in self._get_attempts():
            with self.subTest(reason), self._decide(by_product=False), self.env.cr.savepoint() as savepoint:
                act()
                savepoint.rollback()

    def test_a_product_that_suits_its_plan_may_be_saved_again(self):
        with self._decide(by_product=True):
            self.fee.write({"recurring_invoice": True})
            self._create_product().write({"recurring_invoice": True})
