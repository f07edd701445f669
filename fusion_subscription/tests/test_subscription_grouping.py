# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionGrouping(SubscriptionCommon):
    """Invoices of several subscriptions, as an addon asks for them by the key of their group."""

    def _group(self, **keys):
        """Let subscriptions have keys, by the name of the order; others are alone."""
        return patch.object(self.registry["sale.order"], "_get_invoice_group_key", lambda order: keys.get(order.name))

    def _get_invoices(self, orders):
        """Return (date, number of subscriptions, untaxed amount) of the invoices, oldest first."""
        moves = orders.invoice_ids.sorted(lambda move: (move.invoice_date, move.id))
        return [
            (str(move.invoice_date), len(move.line_ids.sale_line_ids.order_id), move.amount_untaxed) for move in moves
        ]

    def test_each_is_alone_unless_an_addon_says_otherwise(self):
        orders = self._create_subscription() | self._create_subscription()
        self._invoice_on(orders, "2026-02-01")
        self.assertEqual(self._get_invoices(orders), [("2026-02-01", 1, 100), ("2026-02-01", 1, 100)])

    def test_those_of_one_key_and_date_are_on_one_invoice_each_with_its_own_period(self):
        orders = self._create_subscription() | self._create_subscription(start_date="2026-02-01")
        with self._group(**dict.fromkeys(orders.mapped("name"), "one")):
            self._invoice_on(orders, "2026-04-01")
        self.assertEqual(
            self._get_invoices(orders), [("2026-02-01", 1, 100), ("2026-03-01", 2, 200), ("2026-04-01", 2, 200)]
        )
        for order, count in zip(orders, (3, 2), strict=True):
            self.assertEqual(len(order.x_fc_period_ids.invoice_id & order.invoice_ids), count)
            self.assertEqual(set(order.x_fc_fee_ids.mapped("state")), {"billed"})

    def test_another_key_is_another_invoice(self):
        orders = self._create_subscription() | self._create_subscription()
        with self._group(**{orders[0].name: "one", orders[1].name: "two"}):
            self._invoice_on(orders, "2026-02-01")
        self.assertEqual(len(orders.invoice_ids), 2)

    def test_the_job_of_one_invoices_the_due_ones_of_its_group(self):
        due = self._create_subscription() | self._create_subscription()
        later = self._create_subscription(start_date="2026-01-15")
        with self._group(**dict.fromkeys((due | later).mapped("name"), "one")), self._on("2026-02-01"), trap_jobs():
            due[1].sudo()._job_create_recurring_invoice()
            self.assertIn("Nothing", due[0].sudo()._job_create_recurring_invoice())
        self.assertEqual(self._get_invoices(due), [("2026-02-01", 2, 200)])
        self.assertFalse(later.invoice_ids)
        self.assertEqual(len(due.x_fc_period_ids), 2)

    def test_one_without_any_amount_is_recorded_only(self):
        empty = self._create_subscription(lines=[])
        order = self._create_subscription()
        with self._group(**dict.fromkeys((empty | order).mapped("name"), "one")):
            self._invoice_on(empty | order, "2026-02-01")
        self.assertEqual(
            (empty.x_fc_period_ids.period_start, len(empty.x_fc_period_ids.invoice_id)), (empty.start_date, 0)
        )
        self.assertEqual(order.x_fc_period_ids.invoice_id, order.invoice_ids)
