# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..api.errors import BusinessRuleError, ConflictError
from ..models.usage_row import UsageRow, naive_utc
from .common import BillingCase

_DAY = ("2026-01-10T00:00:00", "2026-01-11T00:00:00")


@tagged("post_install", "-at_install")
class TestUsageCorrections(BillingCase):
    """Counters are amended and voided, with a reason; what was billed is adjusted, and nothing is forgotten."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with trap_jobs():
            cls.order = cls._create_subscription()
        cls._create_charge()

    def _push(self, quantity, key="k", times=_DAY):
        return self._upsert(self.service, (self.order, Decimal(quantity), *times, key))

    def _get_usage(self, key="k"):
        return self.env["fusion.billing.usage"].search([("idempotency_key", "=", key)])

    def _get_history(self):
        entries = self.env["fusion.billing.usage.history"].search([("subscription_id", "=", self.order.id)], order="id")
        return [
            (entry.kind, entry.quantity_before, entry.quantity_after or None, entry.reason or None) for entry in entries
        ]

    # === VOID === #

    def test_a_void_counter_does_not_count_and_stays(self):
        self._push(5)
        self._push(3, "other")
        self._get_usage()._void("Counted twice")
        self._rate(self.order)
        self.assertEqual(self._get_ledger(self.order), [("2026-01-01", 0, "open", 3)])
        self.assertEqual(self._get_usage().void_reason, "Counted twice")

    def test_a_void_of_billed_usage_is_adjusted_on_the_next_invoice(self):
        self._push(5)
        self._invoice_on(self.order, "2026-02-01")
        self._get_usage()._void("Test traffic")
        [invoice] = self._invoice_on(self.order, "2026-03-01")
        self.assertEqual(sorted(invoice.invoice_line_ids.mapped("price_subtotal")), [-5, 20])

    def test_a_void_of_an_ended_subscription_is_credited_at_once(self):
        self._push(5)
        with self._on("2026-01-31"), trap_jobs():
            self.order._fc_terminate()
        self._run_closing_jobs(self.order, "2026-01-31")
        self._invoice_on(self.order, "2026-01-31")
        self._get_usage()._void("Test traffic")
        self._run_closing_jobs(self.order, "2026-02-03")
        credit = self.order.invoice_ids.filtered(lambda move: move.move_type == "out_refund")
        self.assertEqual((credit.amount_untaxed, credit.state), (5, "posted"))

    def test_the_same_counter_sent_again_stays_void(self):
        self._push(5)
        self._get_usage()._void("Wrong")
        self.assertEqual(self._push(5), ["duplicate"])
        self.assertTrue(self._get_usage().voided_at)

    def test_another_value_for_a_void_counter_is_refused(self):
        self._push(5)
        self._get_usage()._void("Wrong")
        with self.assertRaises(ConflictError) as caught:
            self._push(6)
        self.assertEqual(caught.exception.code, "usage_voided")
        self.assertEqual(caught.exception.errors[0].path, "events.0.idempotency_key")

    def test_a_void_counter_is_not_amended(self):
        self._push(5)
        self._get_usage()._void("Wrong")
        with self.assertRaises(ConflictError):
            self._get_usage()._amend(Decimal(1), "Right")
        with self.assertRaises(UserError):
            self._get_usage().quantity = 1

    def test_a_second_void_changes_nothing(self):
        self._push(5)
        self._get_usage()._void("First")
        self._get_usage()._void("Second")
        self.assertEqual(self._get_usage().void_reason, "First")
        self.assertEqual(len(self._get_history()), 1)

    # === HISTORY === #

    def test_the_history_tells_who_when_before_and_after(self):
        self._push("5.25")
        self._push("7")
        self._get_usage()._amend(Decimal("0.123456789012345678"), "Meter was off")
        self._get_usage()._void("Never happened")
        self.assertEqual(
            self._get_history(),
            [
                ("amended", "5.25", "7", None),
                ("amended", "7", "0.123456789012345678", "Meter was off"),
                ("voided", "0.123456789012345678", None, "Never happened"),
            ],
        )
        entry = self._get_usage().history_ids[:1]
        self.assertEqual((entry.create_uid, entry.service_id), (self.env.user, self.service))
        self.assertTrue(entry.create_date)

    def test_a_repetition_leaves_no_history(self):
        self._push(5)
        self._push(5)
        self.assertFalse(self._get_history())

    def test_what_is_deleted_is_remembered(self):
        self._push(5)
        self._get_usage().unlink()
        self.assertEqual(self._get_history(), [("deleted", "5", None, None)])

    def test_an_edit_in_the_back_office_is_remembered(self):
        self._push(5)
        self._get_usage().quantity = 6
        self.assertEqual([entry[:3] for entry in self._get_history()], [("amended", "5", "6")])

    def test_a_correction_shows_what_it_changed(self):
        self._push(5)
        self._push(6, times=("2026-01-11T00:00:00", "2026-01-12T00:00:00"))
        shown = self._get_usage().history_ids.changes_html
        for value in (">5<", ">6<", "2026-01-11 00:00:00 UTC", "2026-01-12 00:00:00 UTC"):
            self.assertIn(value, shown)

    def test_nobody_changes_the_history(self):
        self._push(5)
        self._push(6)
        manager = self._create_user("fusion_centralize_billing.group_billing_manager")
        entry = self._get_usage().history_ids.with_user(manager)
        self.assertEqual(entry.quantity_before, "5")
        for change in (entry.unlink, lambda: entry.write({"reason": "x"})):
            with self.assertRaises(AccessError):
                change()

    # === IN THE BACK OFFICE === #

    def test_a_manager_corrects_with_a_reason(self):
        self._push(5)
        manager = self._create_user("fusion_centralize_billing.group_billing_manager")
        usage = self._get_usage().with_user(manager)
        for action, quantity in ((usage.action_amend(), 9), (usage.action_void(), 9)):
            wizard = self.env["fusion.billing.usage.correction"].with_user(manager).with_context(action["context"])
            wizard.create({"quantity": quantity, "reason": "Asked for"}).action_correct()
        self.assertEqual([entry[0] for entry in self._get_history()], ["amended", "voided"])
        self.assertEqual((usage.quantity, usage.void_reason), (9, "Asked for"))

    def test_a_manager_neither_voids_nor_renames_a_counter_by_editing_it(self):
        self._push(5)
        self._push(6, "void")
        self._get_usage("void")._void("Counted twice")
        manager = self._create_user("fusion_centralize_billing.group_billing_manager")
        edits = [
            ("k", {"voided_at": "2026-01-12 00:00:00"}),
            ("k", {"idempotency_key": "other"}),
            ("k", {"service_id": self._create_service().id}),
            ("void", {"voided_at": False}),
            ("void", {"void_reason": "Another one"}),
        ]
        for key, values in edits:
            with self.subTest(values), self.assertRaises(UserError):
                self._get_usage(key).with_user(manager).write(values)
        self.assertEqual(len(self._get_history()), 1)

    def test_a_reader_corrects_nothing(self):
        self._push(5)
        reader = self._create_user("fusion_centralize_billing.group_billing_user")
        with self.assertRaises(AccessError):
            self.env["fusion.billing.usage.correction"].with_user(reader).create(
                {"usage_ids": self._get_usage().ids, "kind": "void", "reason": "x"}
            )

    def test_faults_of_a_batch_are_told_in_its_order_and_not_endlessly(self):
        weighted = self._create_metric("weighted_sum")
        self.company.x_fc_usage_lock_date = "2026-01-05"
        rows = [_row(self.order, weighted, "2026-01-10"), *[_row(self.order, self.metric, "2026-01-02")] * 150]
        with self.assertRaises(BusinessRuleError) as caught:
            self.env["fusion.billing.usage"]._upsert(self.service, rows)
        codes = [fault.code for fault in caught.exception.errors]
        self.assertEqual(
            (caught.exception.code, codes), ("duration_needed", ["duration_needed"] + ["period_locked"] * 99)
        )

    # === LOCK DATE === #

    def test_locked_usage_is_refused_whatever_is_done_with_it(self):
        self._push(5)
        self.company.x_fc_usage_lock_date = "2026-01-11"
        usage = self._get_usage()
        attempts = {
            "a new counter": lambda: self._push(1, "new"),
            "another value": lambda: self._push(6),
            "a move out of the locked time": lambda: self._push(5, times=("2026-01-20", "2026-01-21")),
            "an amendment": lambda: usage._amend(Decimal(1), "x"),
            "a void": lambda: usage._void("x"),
            "an edit": lambda: usage.write({"quantity": 1}),
            "a deletion": usage.unlink,
        }
        for reason, attempt in attempts.items():
            with self.subTest(reason), self.assertRaises(BusinessRuleError) as caught, self.env.cr.savepoint():
                attempt()
            self.assertEqual(caught.exception.code, "period_locked", reason)
        self.assertEqual(usage.quantity, 5)

    def test_a_quotation_with_locked_usage_is_not_deleted(self):
        quotation = self._create_subscription(confirm=False)
        self._upsert(self.service, (quotation, Decimal(5), *_DAY, "quoted"))
        self.company.x_fc_usage_lock_date = "2026-01-11"
        with self.assertRaises(BusinessRuleError):
            quotation.unlink()
        self.company.x_fc_usage_lock_date = False
        quotation.unlink()

    def test_the_lock_begins_with_the_last_instant_of_a_counter(self):
        self.company.x_fc_usage_lock_date = "2026-01-11"
        cases = [
            ("2026-01-10T23:59:59.999999", "2026-01-10T23:59:59.999999", False),
            ("2026-01-10T00:00:00", "2026-01-11T00:00:00", False),
            ("2026-01-10T00:00:00", "2026-01-11T00:00:00.000001", True),
            ("2026-01-11T00:00:00", "2026-01-11T00:00:00", True),
        ]
        for start, end, accepted in cases:
            with self.subTest(f"{start} to {end}"):
                if accepted:
                    self.assertEqual(self._push(1, None, (start, end)), ["accepted"])
                else:
                    with self.assertRaises(BusinessRuleError):
                        self._push(1, None, (start, end))

    def test_a_repetition_of_locked_usage_is_acknowledged(self):
        self._push(5)
        self.company.x_fc_usage_lock_date = "2026-02-01"
        self.assertEqual(self._push(5), ["duplicate"])

    def test_the_lock_of_another_company_locks_nothing_here(self):
        self.env["res.company"].create({"name": "Other", "x_fc_usage_lock_date": "2030-01-01"})
        self.assertEqual(self._push(5), ["accepted"])


def _row(order, metric, day):
    instant = naive_utc(day)
    return UsageRow(order.id, metric.id, Decimal(1), instant, instant)
