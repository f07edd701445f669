# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase, tagged

from .enterprise import EnterpriseMixin


@tagged("post_install", "-at_install", "enterprise")
class TestEnterpriseGrouping(EnterpriseMixin, TransactionCase):
    """Enterprise's Consolidated Billing goes by the rule of the service."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        cls.company.x_fc_invoice_grouping = "customer"
        cls._consolidate(True)

    @classmethod
    def _consolidate(cls, is_on):
        cls.env["ir.config_parameter"].set_param("sale_subscription.invoice_consolidation", "1" if is_on else False)

    def _invoice_on(self, orders, day):
        with self._on(day), trap_jobs():
            return orders._create_recurring_invoice()

    def test_it_is_shared_by_those_of_one_customer_service_and_boundary(self):
        other_service = self._create_service()
        self._create_link(other_service)
        cases = [
            (True, "customer", {}, 1, "consolidated, by customer"),
            (True, "subscription", {}, 2, "the rule keeps them apart"),
            (False, "customer", {}, 2, "Enterprise does not consolidate"),
            (True, "customer", {"service": other_service}, 2, "services never share an invoice"),
            (True, "customer", {"start_date": "2026-01-15"}, 2, "another boundary"),
        ]
        for is_on, rule, values, count, reason in cases:
            with self.subTest(reason):
                self._consolidate(is_on)
                self.company.x_fc_invoice_grouping = rule
                orders = self._open(self.plan) | self._open(self.plan, **values)
                moves = self._invoice_on(orders, "2026-02-15")
                self.assertEqual(len(moves), count)
                self.assertEqual(moves.x_fc_subscription_ids, orders)

    def test_usage_of_each_is_in_its_own_section_and_billed_once(self):
        orders = self._open(self.plan) | self._open(self.plan)
        self._invoice_on(orders, "2026-01-01")
        for order, used in zip(orders, (3, 5), strict=True):
            self._use(order, used, "2026-01-10")
        move = self._invoice_on(orders, "2026-02-01")
        self.assertEqual((move.amount_untaxed, move.x_fc_subscription_ids), (2 * 20 + 3 + 5, orders))
        self.assertFalse(move.x_fc_subscription_id)
        for order, used in zip(orders, (3, 5), strict=True):
            rating = self._get_ratings(order)[:1]
            self.assertEqual((rating.state, rating.amount), ("billed", used))
            self.assertEqual((rating.invoice_id, rating.invoice_line_id.x_fc_subscription_id), (move, order))
        sections = move.invoice_line_ids.filtered(lambda line: line.display_type == "line_section")
        self.assertEqual(sections.x_fc_subscription_id, orders)
        self.assertFalse(self._invoice_on(orders, "2026-02-01"))
