# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import tagged

from ..api.errors import ConflictError, DeadlineExceededError
from ..limits import preview_turn
from .common import BillingCase


@tagged("post_install", "-at_install")
class TestPreview(BillingCase):
    """A preview is the invoice that a subscription would get, and leaves no trace."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tax = cls.env["account.tax"].create({"name": "13 %", "amount": 13})
        cls.usage_product.taxes_id = [Command.set(cls.tax.ids)]
        cls._create_charge(name="Calls", included_quota=10, price_per_unit=0.25)
        with trap_jobs():
            cls.order = cls._create_subscription()

    def _preview(self, at, day="2026-01-20", order=None):
        with self._on(day), trap_jobs() as trap:
            values = (order or self.order)._fc_preview_invoice(at)
            trap.assert_jobs_count(0)
        return values

    def _get_amounts(self, values):
        return sorted(line["amount_untaxed"] for line in values["lines"])

    def test_the_preview_of_the_period_end_is_the_invoice_of_the_period_end(self):
        self._use(self.order, 110)
        values = self._preview("period_end")
        [invoice] = self._invoice_on(self.order, "2026-02-01")
        self.assertEqual(self._get_amounts(values), ["20.00", "25.00"])
        self.assertEqual(sorted(invoice.invoice_line_ids.mapped("price_subtotal")), [20, 25])
        for name in ("amount_untaxed", "amount_tax", "amount_total"):
            self.assertEqual(values[name], f"{invoice[name]:.2f}")
        self.assertEqual(values["amount_tax"], "3.25")
        self.assertEqual((values["period_start"], values["period_end"]), ("2026-01-01", "2026-02-01"))
        self.assertEqual(values["invoice_date"], str(invoice.invoice_date))

    def test_the_preview_of_now_has_the_usage_so_far_and_no_fee(self):
        self._use(self.order, 50)
        values = self._preview("now")
        self.assertEqual(self._get_amounts(values), ["10.00"])
        [line] = values["lines"]
        self.assertEqual((line["kind"], line["charge"], line["metric"]), ("usage", "Calls", self.metric.code))
        self.assertIn("used 50, included 10, billed 40", line["description"])

    def test_a_preview_that_meets_another_transaction_is_busy(self):
        for sqlstate in ("55P03", "40001", "40P01"):  # lock not available, serialization failure, deadlock

            def meet(order, sqlstate=sqlstate):
                conflict = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{sqlstate}'; END $$"
                order.env.cr.execute(conflict, log_exceptions=False)

            with self.subTest(sqlstate), patch.object(type(self.order), "_fc_lock", meet):
                with self.assertRaises(ConflictError) as caught:
                    self._preview("now")
                self.assertEqual(caught.exception.code, "busy")
                wizard = self.env["fusion.billing.invoice.preview"].new({"order_id": self.order.id})
                self.assertIn("Try again in a while", wizard.content)
        self._preview("now")

    def test_a_preview_that_takes_too_long_is_given_up(self):
        def outlast(order):
            order.env.cr.execute("SELECT pg_sleep(60)", log_exceptions=False)

        self.env["ir.config_parameter"].set_param("fusion_centralize_billing.preview_seconds", "1")
        with patch.object(type(self.order), "_fc_lock", outlast), self.assertRaises(DeadlineExceededError):
            self._preview("now")
        self.env.cr.execute("SHOW lock_timeout")
        self.assertEqual(self.env.cr.fetchone(), ("0",), "what comes after a preview waits as ever")

    def test_a_preview_gives_way_between_its_steps(self):
        self._use(self.order, 110)
        with (
            patch.object(preview_turn, "_SECONDS_BETWEEN_LOOKS", 0),
            patch.object(preview_turn, "_IS_AWAITED", "SELECT TRUE"),
            self.assertRaises(ConflictError),
        ):
            self._preview("now")
        self.assertFalse(self.order.x_fc_rating_ids)

    def test_a_client_cannot_stop_a_rating_with_the_context_of_a_preview(self):
        self._use(self.order, 110)
        self._rate(self.order.with_context(**{preview_turn.TURN: True}))
        self.assertTrue(self.order.x_fc_rating_ids)

    def test_a_preview_leaves_no_trace(self):
        self._use(self.order, 110)
        models = ("account.move", "account.move.line", "sale.order.line", "fusion.billing.rating", "mail.message")
        before = [self.env[name].search_count([]) for name in models]
        state = self.order.read()
        changes = len(self._get_changes(self.order))
        self._preview("period_end")
        self.assertEqual([self.env[name].search_count([]) for name in models], before)
        self.assertEqual(self.order.read(), state)
        self.assertEqual(len(self._get_changes(self.order)), changes)

    def test_a_preview_with_nothing_to_bill_has_no_lines(self):
        values = self._preview("now")
        self.assertEqual((values["lines"], values["amount_total"], values["currency"]), ([], "0.00", "CAD"))

    def test_adjustments_of_invoiced_periods_are_in_the_preview(self):
        self._use(self.order, 50, idem="k")
        self._invoice_on(self.order, "2026-02-01")
        self._use(self.order, 30, idem="k")
        values = self._preview("period_end", "2026-02-10")
        self.assertEqual(self._get_amounts(values), ["-5.00", "20.00"])
        self.assertEqual([line["is_adjustment"] for line in values["lines"] if line["kind"] == "usage"], [True])

    def test_a_credit_is_previewed_as_a_credit_note(self):
        self._use(self.order, 200, idem="k")
        self._invoice_on(self.order, "2026-02-01")
        self._use(self.order, 0, idem="k")
        values = self._preview("period_end", "2026-02-10")
        self.assertEqual((values["type"], values["amount_untaxed"]), ("credit_note", "27.50"))

    def test_the_minimum_commitment_is_in_the_preview_of_the_period_end(self):
        product = self._create_product(name="Commitment")
        plan = self._create_plan(minimum_commitment=100, commitment_product_id=product.id)
        with trap_jobs():
            order = self._create_subscription(plan)
        self.assertEqual(self._get_amounts(self._preview("period_end", order=order)), ["20.00", "80.00"])
        self.assertEqual(self._get_amounts(self._preview("now", order=order)), [])
