# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..api.errors import BusinessRuleError
from ..crypto import secret_box
from ..proof import Scope, prove
from ..scaffold import shape
from .common import BillingCase


@tagged("post_install", "-at_install")
class TestTakenOver(BillingCase):
    """A subscription that something else has billed until a day: what was used before is not billed again.

    Whole upgrades stand in tests_integration/test_upgrade_from_scaffold.py.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.charge = cls._create_charge(included_quota=0, price_per_unit=1)
        with trap_jobs():
            cls.order = cls._create_subscription()
        cls.old = cls.env["fusion.billing.usage"]._record_usage(
            cls.order, cls.metric.code, 70, "2026-01-10 00:00:00", "2026-01-11 00:00:00", "old"
        )
        cls.order.sudo().write({"x_fc_billed_until": "2026-01-20", "x_fc_billed_from": "2026-01-20"})

    def _push(self, quantity, start, end, key):
        event = {"subscription_external_id": str(self.order.id), "metric_code": self.metric.code}
        event |= {"period_start": start, "period_end": end, "quantity": quantity, "idempotency_key": key}
        return self.service._api_record_usage({"events": [event]})

    def test_usage_from_before_the_day_is_refused(self):
        for start, end, is_refused in (
            ("2026-01-18", "2026-01-19", True),
            ("2026-01-19", "2026-01-20", True),
            ("2026-01-19", "2026-01-20T00:00:01Z", False),
            ("2026-01-20", "2026-01-21", False),
        ):
            with self.subTest(end), self._on("2026-01-25"):
                if not is_refused:
                    self.assertEqual(self._push(5, start, end, f"key {end}")["accepted"], 1)
                    continue
                with self.assertRaises(BusinessRuleError) as refused:
                    self._push(5, start, end, f"key {end}")
                self.assertEqual(refused.exception.code, "usage_already_billed")

    def test_a_counter_that_was_acknowledged_before_may_be_sent_again(self):
        with self._on("2026-01-25"):
            answer = self._push(70, "2026-01-10", "2026-01-11", "old")
        self.assertEqual([result["status"] for result in answer["results"]], ["duplicate"])

    def test_only_what_was_used_since_is_billed_and_the_proof_says_why_the_rest_is_not(self):
        with self._on("2026-01-25"):
            self._push(5, "2026-01-21", "2026-01-22", "new")
        self._rate(self.order, "2026-01-26")
        self.assertEqual(sum(self._get_ratings(self.order).mapped("amount")), 5)
        self.env.flush_all()
        outcome = prove(self.env, Scope((self.company.id,), service_id=self.service.id))
        statuses = {(line.status, line.reason): line.counters for line in outcome.lines if line.counters}
        self.assertEqual(statuses, {("unpriced", "billed_before"): 1, ("open", None): 1})
        self.assertEqual(outcome.findings, [])

    def test_tables_of_this_version_are_none_of_the_scaffolds(self):
        self.assertFalse(shape.is_scaffold(self.env.cr))
        shape.check_taken_over(self.env.cr)

    def test_an_upgrade_for_which_no_script_ran_is_refused_with_what_to_do(self):
        with patch.object(shape, "is_scaffold", return_value=True), self.assertRaisesRegex(UserError, "Lower the ver"):
            self.env["fusion.billing.guarded"].init()

    def test_a_secret_without_a_key_to_encrypt_it_is_refused_before_anything_is_done(self):
        self.env.cr.execute("ALTER TABLE fusion_billing_service ADD COLUMN webhook_secret varchar")
        shape.check_ready(self.env.cr)  # no service has one
        self.env.cr.execute("UPDATE fusion_billing_service SET webhook_secret = 'clear'")
        without_key = patch.object(secret_box, "_configured_keys", return_value="")
        with without_key, self.assertRaisesRegex(UserError, secret_box.ENVIRONMENT_VARIABLE):
            shape.check_ready(self.env.cr)
