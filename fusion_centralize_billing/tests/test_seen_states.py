# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from ..hooks import note_running_subscriptions
from .common import BillingCase, load_script


@tagged("post_install", "-at_install")
class TestSeenStates(BillingCase):
    """Billing acts once upon each state of a subscription, however it came about."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._listen()
        cls._create_charge()

    def _forget(self, order):
        """Let an order be as if billing had never seen it."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE sale_order SET x_fc_seen_state = NULL, x_fc_billed_until = NULL WHERE id = %s", [order.id]
        )
        self.env.invalidate_all()

    def _get_told(self):
        return self._get_events().mapped("event_type")

    def test_a_state_that_nobody_wrote_is_acted_upon_by_the_sweep(self):
        order = self._create_subscription()
        self._use(order, 5)
        self.assertEqual(self._get_told(), ["subscription.started"])
        self.env.flush_all()
        self.env.cr.execute("UPDATE sale_order SET subscription_state = '6_churn' WHERE id = %s", [order.id])
        self.env.invalidate_all()
        with self._on("2026-01-20"), trap_jobs() as trap, self._commits_ignored():
            self.env["sale.order"]._cron_find_work()
            self.assertEqual(self._get_told(), ["subscription.started", "subscription.terminated"])
            self.assertEqual(str(order.x_fc_ended_on), "2026-01-20")
            self.assertIn("_job_rate", [job.method_name for job in trap.enqueued_jobs])
            self.env["sale.order"]._cron_find_work()
        self.assertEqual(len(self._get_told()), 2)

    def test_rating_notices_a_state_by_itself(self):
        order = self._create_subscription()
        self.env.flush_all()
        self.env.cr.execute("UPDATE sale_order SET subscription_state = '6_churn' WHERE id = %s", [order.id])
        self.env.invalidate_all()
        with self._on("2026-01-20"), trap_jobs():
            order._fc_rate()
        self.assertEqual(str(order.x_fc_ended_on), "2026-01-20")

    def test_installing_and_upgrading_tell_nothing_again(self):
        """(what runs) -> the sweep afterwards tells nothing of a subscription that ran before."""
        script = load_script("19.0.1.3.0/post-seen_states.py")
        for act in (lambda: script.migrate(self.env.cr, "19.0.1.2.0"), lambda: note_running_subscriptions(self.env)):
            order = self._create_subscription()
            told = len(self._get_told())
            self._forget(order)
            act()
            self.env.invalidate_all()
            with trap_jobs(), self._commits_ignored():
                self.env["sale.order"]._cron_find_work()
            self.assertEqual(order.x_fc_seen_state, "3_progress")
            self.assertEqual(len(self._get_told()), told)

    def test_billing_that_is_installed_later_begins_where_the_subscription_stands(self):
        order = self._create_subscription()
        for day in ("2026-02-01", "2026-03-01", "2026-04-01"):
            self._invoice_on(order, day)
        self._forget(order)
        with self._on("2026-04-10"):
            note_running_subscriptions(self.env)
        self.assertEqual(str(order.x_fc_billed_until), "2026-04-01")
        self._use(order, 5, "2026-04-05")
        self.assertEqual(self._invoice_on(order, "2026-05-01").amount_untaxed, 25)
