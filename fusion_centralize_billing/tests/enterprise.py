# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What the tests of Enterprise's subscriptions have in common."""

from datetime import date

from odoo.addons.queue_job.tests.common import trap_jobs

from .common import BillingMixin


class EnterpriseMixin(BillingMixin):
    """A plan of usage alone: a quota of 100 in each month, then 1.00 per unit."""

    leaves_out_first_fee = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.usage_plan = cls._create_plan(product_id=False, price=0)
        cls._create_charge(cls.usage_plan, included_quota=100)

    def _open(self, plan=None, **values):
        """Open a subscription of a plan on its first day."""
        plan = plan or self.usage_plan
        with self._on(values.get("start_date", "2026-01-01")), trap_jobs():
            return self._create_subscription(plan, with_fee=bool(plan.product_id), **values)

    def _run_on(self, day, order):
        """Run the recurring run as long as the subscription is due; return what it invoices, without tax."""
        moves = self.env["account.move"]
        with self._on(day), trap_jobs():
            while order.subscription_state == "3_progress" and order.next_invoice_date <= date.fromisoformat(day):
                moves |= order._create_recurring_invoice()
        return moves.mapped("amount_untaxed")

    def _renew(self, order, day, **values):
        """Renew a subscription on a day, with other values if need be, and return the new order."""
        with self._on(day), trap_jobs():
            renewal = self.env["sale.order"].browse(order.prepare_renewal_order()["res_id"])
            renewal.write(values)
            renewal.action_confirm()
            self._notice()
        return renewal

    def _notice(self):
        """Do what the sweep does where nobody calls write()."""
        self.env["sale.order"]._fc_find_unseen_states()._fc_notice_state()

    def _switch(self, name, value):
        """Let the stand-in behave in the other way that the documentation allows."""
        self.env["ir.config_parameter"].set_param(f"sale_subscription_stand_in.{name}", value)
