# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from contextlib import contextmanager
from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.addons.sale.tests.common import TestSaleCommon
from odoo.fields import Command, Date, Datetime


class SubscriptionCommon(TestSaleCommon):
    """A monthly plan, a recurring fee of 100.00 and a one-off setup of 30.00, all without tax."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # By themselves subscriptions share no invoice, whatever an addon that is installed as well says of groups.
        orders = cls.registry["sale.order"]
        cls.startClassPatcher(patch.object(orders, "_get_invoice_group_key", lambda order: None))
        cls.plan_month = cls._create_plan()
        cls.fee = cls._create_product(
            name="Platform fee", type="service", lst_price=100.0, recurring_invoice=True, taxes_id=[Command.clear()]
        )
        cls.setup = cls._create_product(
            name="Setup", type="service", lst_price=30.0, invoice_policy="order", taxes_id=[Command.clear()]
        )

    @classmethod
    def _create_plan(cls, **values):
        return cls.env["sale.subscription.plan"].create({"name": "Plan", **values})

    @classmethod
    def _create_subscription(cls, lines=None, confirm=True, **values):
        """Create a subscription to the monthly fee since January 1, 2026.

        :param lines: list of order line values, the fee by default
        """
        lines = [{"product_id": cls.fee.id}] if lines is None else lines
        order = cls.env["sale.order"].create(
            {
                "partner_id": cls.partner_a.id,
                "plan_id": cls.plan_month.id,
                "start_date": "2026-01-01",
                "order_line": [Command.create(line) for line in lines],
                **values,
            }
        )
        if confirm:
            order.action_confirm()
        return order

    @contextmanager
    def _on(self, day):
        """Run the block at noon of a day, with what depends on the clock recomputed.

        Not with freezegun, which looks through all of Odoo's modules each time.
        """
        noon = Datetime.to_datetime(f"{day} 12:00:00")
        self.env.invalidate_all()
        with (
            patch.object(Datetime, "now", lambda *args: noon),
            patch.object(Date, "today", lambda *args: noon.date()),
            patch.object(Date, "context_today", lambda record, timestamp=None: (timestamp or noon).date()),
        ):
            yield

    def _invoice_on(self, order, day):
        with self._on(day):
            return order._create_recurring_invoice()

    def _close(self, order, day):
        """Close the subscription on a day, without running the job that this enqueues."""
        with self._on(day), trap_jobs():
            order.action_close()

    def _get_invoices(self, order):
        """Return the invoices and credit notes of an order, oldest first, as (date, signed untaxed amount)."""
        moves = order.invoice_ids.sorted(lambda move: (move.invoice_date, move.id))
        return [(str(move.invoice_date), move.amount_untaxed * move.direction_sign * -1) for move in moves]

    def _get_periods(self, order):
        """Return the billed periods, oldest first, as (start, end, invoiced untaxed amount or None)."""
        return [
            (
                str(period.period_start),
                str(period.period_end),
                period.invoice_id.amount_untaxed_signed if period.invoice_id else None,
            )
            for period in order.x_fc_period_ids.sorted("period_start")
        ]

    def assertDates(self, order, **expected):
        for name, value in expected.items():
            self.assertEqual(order[name], Date.to_date(value) if value else False, name)
