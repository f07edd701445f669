# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime
from decimal import Decimal

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import tagged

from ..models.usage_row import UsageRow, naive_utc
from ..proof import Scope, prove
from .common import BillingCase

_COMMITMENT = 100


@tagged("post_install", "-at_install")
class TestProof(BillingCase):
    """Every counter has one status, and ledger and invoices are held against the counters."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.charge = cls._create_charge(included_quota=10)
        with trap_jobs():
            cls.order = cls._create_subscription()

    def _push(self, quantity, day="2026-01-10", key=None, metric=None, order=None, **properties):
        order, at = order or self.order, naive_utc(day)
        row = UsageRow(order.id, (metric or self.metric).id, Decimal(quantity), at, at, key, properties or None)
        self.env["fusion.billing.usage"]._upsert(self.service, [row])

    def _get_usage(self, key):
        return self.env["fusion.billing.usage"].search([("idempotency_key", "=", key)])

    def _prove(self, **scope):
        return prove(self.env, Scope((self.company.id,), service_id=self.service.id, **scope))

    def _get_statuses(self, **scope):
        """Return ``{(status, reason): counters}``, of lines that have any."""
        found = {}
        for line in self._prove(**scope).lines:
            if line.counters:
                key = (line.status, line.reason)
                found[key] = found.get(key, 0) + line.counters
        return found

    def _get_codes(self):
        self.env.flush_all()
        return sorted({finding.code for finding in self._prove().findings})

    def _execute(self, query, *values):
        """Change the database behind the engine's back."""
        self.env.flush_all()
        self.env.cr.execute(query, values)
        self.assertTrue(self.env.cr.rowcount, query)
        self.env.invalidate_all()

    # === STATUSES === #

    def test_a_counter_goes_from_pending_to_open_to_invoiced(self):
        self._push(15)
        self.assertEqual(self._get_statuses(), {("open", "pending_rating"): 1})
        self._rate(self.order)
        self.assertEqual(self._get_statuses(), {("open", None): 1})
        self._invoice_on(self.order, "2026-02-01")
        self.assertEqual(self._get_statuses(), {("invoiced", None): 1})

    def test_each_status_has_its_reason(self):
        unpriced, filtered = self._create_metric(), self._create_metric()
        self._create_charge(metric_id=filtered.id, filter_ids=[Command.create({"name": "region", "value": "eu"})])
        quotation = self._create_subscription(confirm=False)
        cancelled = self._create_subscription()
        cases = [
            ("inside the quota", {"quantity": 5}, ("included", None)),
            ("void", {"quantity": 5, "key": "void"}, ("void", None)),
            ("no charge for the metric", {"quantity": 5, "metric": unpriced}, ("unpriced", "no_charge")),
            (
                "no charge for the properties",
                {"quantity": 5, "metric": filtered, "region": "us"},
                ("unpriced", "no_charge"),
            ),
            ("a period that has not begun", {"quantity": 5, "day": "2026-04-10"}, ("unpriced", "not_due")),
            ("a quotation", {"quantity": 5, "order": quotation}, ("unpriced", "quotation")),
            ("a cancelled subscription", {"quantity": 5, "order": cancelled}, ("unpriced", "cancelled")),
            ("before the start", {"quantity": 5, "day": "2025-12-31"}, ("unpriced", "before_start")),
        ]
        expected = {}
        for _reason, values, status in cases:
            self._push(**values)
            expected[status] = expected.get(status, 0) + 1
        self._get_usage("void")._void("Counted twice")
        cancelled._action_cancel()
        self._rate(self.order)
        self.assertEqual(self._get_statuses(), expected)

    def test_a_charge_that_is_rounded_as_one_sum_agrees_with_its_lines(self):
        metric = self._create_metric()
        charge = self._create_charge(
            metric_id=metric.id, price_per_unit=0.004, group_by="region", amount_rounding="charge"
        )
        for region in ("a", "b", "c", "d"):
            self._push(1, metric=metric, region=region)
        self._invoice_on(self.order, "2026-02-01")
        rows = self._get_ratings(self.order).filtered(lambda row: row.charge_id == charge)
        self.assertEqual(sorted(rows.mapped("period_amount")), [0, 0, 0, 0.02])
        self.assertEqual(self._get_statuses(), {("invoiced", None): 1, ("included", None): 3})
        self.assertEqual(self._get_codes(), [])
        self._execute("UPDATE fusion_billing_rating SET period_amount = 0.01 WHERE period_amount = 0.02")
        self.assertIn("rated_amount", self._get_codes())

    def test_a_late_counter_is_open_while_the_others_are_invoiced(self):
        self._push(15, key="a")
        self._push(5, key="b")
        self._invoice_on(self.order, "2026-02-01")
        self._push(2)
        self.assertEqual(self._get_statuses(), {("open", "pending_rating"): 3})
        self._rate(self.order, "2026-02-02")
        self.assertEqual(self._get_statuses(), {("invoiced", None): 2, ("open", None): 1})
        self._get_usage("b")._amend(Decimal(6), "Meter was off")
        self._rate(self.order, "2026-02-02")
        self.assertEqual(self._get_statuses(), {("invoiced", None): 1, ("open", None): 2})
        self._invoice_on(self.order, "2026-03-01")
        self.assertEqual(self._get_statuses(), {("invoiced", None): 3})

    def test_a_correction_that_changes_no_price_leaves_the_counters_explained(self):
        self._push(5, key="a")
        self._invoice_on(self.order, "2026-02-01")
        self._get_usage("a")._amend(Decimal(6), "Meter was off")
        self._rate(self.order, "2026-02-02")
        self.assertEqual(self._get_statuses(), {("included", None): 1})

    def test_a_counter_of_several_charges_counts_once(self):
        self._create_charge(name="Second", price_per_unit=2, is_additional=True)
        self._push(5)
        self._push(5, region="eu")
        self._rate(self.order)
        outcome = self._prove()
        self.assertEqual((outcome.counters, outcome.is_balanced), (2, True))
        self.assertEqual(self._get_statuses(), {("open", None): 2})

    def test_groups_and_filters_are_told_apart(self):
        metric = self._create_metric()
        self._create_charge(metric_id=metric.id, group_by="region", included_quota=5)
        for region, quantity in (("eu", 5), ("us", 6), (None, 1)):
            self._push(quantity, metric=metric, **({"region": region} if region else {}))
        self._rate(self.order)
        self.assertEqual(self._get_statuses(), {("included", None): 2, ("open", None): 1})

    def test_every_aggregation_is_proved(self):
        for aggregation in ("count", "max", "last", "unique_count", "average", "weighted_sum"):
            metric = self._create_metric(aggregation, unit_rounding="up", unit_digits=1)
            self._create_charge(metric_id=metric.id)
            for day, quantity in ((3, "1.25"), (4, "7.5"), (5, "2.126")):
                start = datetime.datetime(2026, 1, day)
                row = UsageRow(self.order.id, metric.id, Decimal(quantity), start, start + datetime.timedelta(days=1))
                self.env["fusion.billing.usage"]._upsert(self.service, [row])
        by_row = self._create_metric()
        percentage = {"charge_model": "percentage", "price_per_unit": 0, "rate": 1, "fixed_fee": 0.25}
        self._create_charge(metric_id=by_row.id, **percentage)
        self._push(0, metric=by_row)
        self._push(10, metric=by_row)
        self._invoice_on(self.order, "2026-02-01")
        self._push(0, metric=by_row)
        self._rate(self.order, "2026-02-02")
        outcome = self._prove()
        self.assertEqual((outcome.counters, outcome.unexplained, outcome.findings), (21, 0, []))

    def test_the_last_period_holds_what_was_accepted_for_later(self):
        self._push(15)
        self._push(5, "2026-03-10")
        with self._on("2026-02-10"), trap_jobs():
            self.order._fc_terminate()
        self._invoice_on(self.order, "2026-02-10")
        self._run_closing_jobs(self.order, "2026-02-10")
        self.assertEqual(self._get_statuses(), {("invoiced", None): 1, ("included", None): 1})
        self.assertTrue(self._prove().is_balanced)

    def test_what_an_older_version_rated_gives_no_false_alarm(self):
        """Within a second nobody knows what it saw: only what it left for now is held against the counters."""
        self._bill()
        self._push(4, key="late")
        self._rate(self.order, "2026-02-02")
        self._execute("UPDATE fusion_billing_rating SET reading = NULL, rated_at = now() AT TIME ZONE 'UTC'")
        self._execute("UPDATE fusion_billing_usage SET recorded_in = NULL, recorded_run = NULL")
        outcome = self._prove()
        self.assertEqual((outcome.unexplained, outcome.findings), (0, []))
        self._execute("UPDATE fusion_billing_usage SET quantity = 6 WHERE idempotency_key = 'b'")
        self.assertEqual(self._get_codes(), ["not_rated_anew"])

    # === LINES === #

    def test_lines_tell_period_quantity_amount_and_when_it_is_due(self):
        self._push(15)
        self._push("2.5", key="b")
        self._invoice_on(self.order, "2026-02-01")
        self._push(30, "2026-02-10")
        self._rate(self.order, "2026-02-11")
        found = [
            (str(line.start_on), str(line.end_on), line.status, line.counters, line.quantity, line.amount, line.due_on)
            for line in self._prove().lines
        ]
        self.assertEqual(
            found,
            [
                ("2026-01-01", "2026-02-01", "invoiced", 2, Decimal("17.5"), Decimal("7.5"), None),
                ("2026-02-01", "2026-03-01", "open", 1, 30, 20, datetime.date(2026, 3, 1)),
            ],
        )
        line = self._prove().lines[0]
        self.assertEqual(
            (line.service_id, line.plan_code, line.metric_id, line.currency_id),
            (self.service.id, self.plan.code, self.metric.id, self.order.currency_id.id),
        )

    def test_a_window_of_time_holds_the_counters_whose_last_instant_lies_in_it(self):
        self._push(1, "2026-01-10")
        self._push(2, "2026-01-11")
        self._push(4, "2026-02-01")
        self._rate(self.order)
        window = {"start": datetime.datetime(2026, 1, 11), "end": datetime.datetime(2026, 2, 1)}
        self.assertEqual([line.quantity for line in self._prove(**window).lines if line.counters], [2])

    def test_amounts_come_to_what_was_invoiced_minimum_commitments_too(self):
        plan = self._create_plan(commitment_product_id=self.usage_product.id)
        self._create_charge(plan=plan)
        with trap_jobs():
            order = self._create_subscription(plan=plan, x_fc_minimum_commitment=_COMMITMENT)
        self._push(30, order=order)
        [invoice] = self._invoice_on(order, "2026-02-01")
        outcome = self._prove()
        self.assertEqual(sum(line.amount for line in outcome.lines), 80)
        self.assertEqual(invoice.amount_untaxed, 100)
        self.assertTrue(outcome.is_balanced)

    # === WHAT DOES NOT AGREE === #

    def _bill(self):
        self._push(15, key="a")
        self._push(5, key="b")
        [invoice] = self._invoice_on(self.order, "2026-02-01")
        self.assertTrue(self._prove().is_balanced)
        return invoice

    def test_a_ledger_row_that_is_gone_is_found(self):
        self._bill()
        self._execute("DELETE FROM fusion_billing_rating WHERE subscription_id = %s", self.order.id)
        self.assertEqual(self._get_statuses(), {("unexplained", "no_rating"): 2})
        self.assertEqual(self._get_codes(), ["line_unrated", "no_rating"])

    def test_an_open_ledger_row_that_is_gone_is_found(self):
        self._push(15)
        self._rate(self.order)
        self._execute("DELETE FROM fusion_billing_rating WHERE subscription_id = %s", self.order.id)
        self.assertEqual(self._get_statuses(), {("unexplained", "no_rating"): 1})

    def test_a_quantity_that_was_changed_behind_the_engine_s_back_is_found(self):
        self._bill()
        self._execute("UPDATE fusion_billing_usage SET quantity = 6 WHERE idempotency_key = 'b'")
        self.assertEqual(self._get_statuses(), {("unexplained", "wrong_rating"): 2})
        [finding] = [finding for finding in self._prove().findings if finding.code == "rated_quantity"]
        self.assertEqual((finding.expected, finding.found), ("21", "20"))

    def test_a_counter_that_slipped_in_without_a_note_in_the_change_feed_is_found(self):
        self._bill()
        self._push(7)
        self._execute("DELETE FROM fusion_billing_usage_change WHERE subscription_id = %s", self.order.id)
        self.assertEqual(self._get_statuses(), {("unexplained", "not_rated_anew"): 3})

    def test_a_price_that_is_not_that_of_its_terms_is_found(self):
        self._bill()
        self._execute(
            "UPDATE fusion_billing_rating SET amount = 11, period_amount = 11 WHERE subscription_id = %s", self.order.id
        )
        self.assertEqual(self._get_codes(), ["line_amount", "rated_amount", "wrong_rating"])

    def test_rows_that_do_not_come_to_the_price_of_their_period_are_found(self):
        self._bill()
        self._execute("UPDATE fusion_billing_rating SET amount = 11 WHERE subscription_id = %s", self.order.id)
        self.assertEqual(self._get_codes(), ["line_amount", "rated_sum", "wrong_rating"])

    def test_an_invoice_line_whose_amount_was_changed_is_found(self):
        changes = {
            "its price": "price_unit = price_unit + 1",
            "its subtotal": "price_subtotal = price_subtotal - 0.01",
            "its booking": "amount_currency = amount_currency - 5",
        }
        line = self._get_line(self._bill(), self.usage_product)
        for reason, change in changes.items():
            with self.subTest(reason):
                self._execute("SAVEPOINT changed; SELECT 1")
                self._execute(f"UPDATE account_move_line SET {change} WHERE id = %s", line.id)
                self.assertEqual(self._get_codes(), ["line_amount"])
                self.env.cr.execute("ROLLBACK TO SAVEPOINT changed")

    def test_an_invoice_line_that_is_gone_is_found(self):
        line = self._get_line(self._bill(), self.usage_product)
        self._execute("UPDATE fusion_billing_rating SET invoice_line_id = NULL WHERE invoice_line_id = %s", line.id)
        self.assertEqual(self._get_codes(), ["line_missing", "line_unrated", "wrong_rating"])

    def test_a_commitment_that_does_not_fill_its_period_is_found(self):
        self.test_amounts_come_to_what_was_invoiced_minimum_commitments_too()
        self._execute("UPDATE fusion_billing_rating SET amount = 51 WHERE kind = 'commitment'")
        self.assertIn("commitment", self._get_codes())

    def test_void_and_credited_invoices_leave_nothing_unexplained(self):
        self._bill()._fc_void("Wrong customer")
        self.assertEqual(self._get_statuses(), {("open", "pending_rating"): 2})
        self._rate(self.order, "2026-02-02")
        self.assertTrue(self._prove().is_balanced)
        [invoice] = self._invoice_on(self.order, "2026-03-01")
        invoice._fc_credit("Goodwill")
        self.assertEqual((self._get_statuses(), self._get_codes()), ({("invoiced", None): 2}, []))
