# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime
from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command, Datetime
from odoo.tests import mute_logger, tagged

from ..api import answers
from ..api.errors import BusinessRuleError
from .common import BillingCase

#: What a proof can find.
_FINDINGS = (
    *("rated_quantity", "rated_amount", "rated_sum", "commitment", "line_missing", "line_amount", "line_unrated"),
    *("no_rating", "wrong_rating", "not_rated_anew", "no_period", "miscounted"),
)


@tagged("post_install", "-at_install")
class TestProofRuns(BillingCase):
    """Runs of the proof: by night, by hand, over the API."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # No other service has anything in the company of this one.
        cls.company = cls.env["res.company"].create({"name": "Proved", "currency_id": cls.env.ref("base.CAD").id})
        cls.env = cls.env(context={**cls.env.context, "allowed_company_ids": cls.company.ids})
        cls._ensure_accounting()
        cls.manager = cls._create_user(
            "fusion_centralize_billing.group_billing_manager",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )
        cls.metric = cls._create_metric()
        cls.service = cls._create_service(company_id=cls.company.id)
        cls.plan = cls._create_plan(company_id=cls.company.id)
        cls._create_charge(company_id=cls.company.id)
        cls._create_link()
        with trap_jobs():
            cls.order = cls._create_subscription(company_id=cls.company.id)

    def _bill(self):
        self._use(self.order, 15)
        self._invoice_on(self.order, "2026-02-01")

    def _lose(self):
        """Lose a counter behind the engine's back."""
        self._use(self.order, 7, "2026-02-10")
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM fusion_billing_usage_change WHERE subscription_id = %s", [self.order.id])

    def _prove(self, user=None, **values):
        """Run a proof as its button does, and return it."""
        proof = self.env["fusion.billing.proof"].with_user(user or self.env.user).create(values)
        self._perform(proof.action_run)
        return proof

    def _prove_by_night(self):
        with self._commits_ignored():
            self._perform(self.env["fusion.billing.proof"]._cron_prove)
        return self.env["fusion.billing.proof"].search([("company_id", "=", self.company.id)], limit=1)

    def _perform(self, request):
        with trap_jobs() as trap:
            request()
            for job in trap.enqueued_jobs:
                if job.recordset.company_id == self.company:
                    job.perform()
        self.env.invalidate_all()

    def _get_activities(self):
        kind = self.env.ref("fusion_centralize_billing.mail_activity_unexplained")
        return self.env["mail.activity"].search([("activity_type_id", "=", kind.id), ("user_id", "=", self.manager.id)])

    # === BY HAND === #

    def test_a_manager_runs_a_proof_of_a_window(self):
        self._bill()
        self._use(self.order, 7, "2026-02-10")
        proof = self._prove(self.manager, date_from="2026-01-01", date_to="2026-02-01")
        self.assertEqual((proof.state, proof.counter_count, proof.finding_count), ("balanced", 1, 0))
        self.assertRecordValues(
            proof.line_ids,
            [
                {
                    "service_id": self.service.id,
                    "plan_code": self.plan.code,
                    "metric_id": self.metric.id,
                    "status": "invoiced",
                    "counter_count": 1,
                    "quantity": 15,
                    "amount": 15,
                }
            ],
        )
        self.assertTrue(proof.finished_at)
        action = proof.action_view_lines()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), proof.line_ids)

    def test_what_does_not_agree_leads_to_where_it_is(self):
        self._bill()
        self._lose()
        row = self._get_ratings(self.order)[:1]
        self.env.cr.execute("UPDATE fusion_billing_rating SET period_amount = 99 WHERE id = %s", [row.id])
        line = row.invoice_line_id
        self.env.cr.execute("UPDATE account_move_line SET price_unit = 98 WHERE id = %s", [line.id])
        self.env.invalidate_all()
        proof = self._prove(self.manager)
        self.assertEqual(proof.state, "unexplained")
        opened = {finding.code: finding.action_open() for finding in proof.finding_ids}
        self.assertEqual((opened["rated_amount"]["res_model"], opened["rated_amount"]["res_id"]), (row._name, row.id))
        self.assertEqual(opened["line_amount"]["res_id"], line.move_id.id)
        counters = self.env["fusion.billing.usage"].search(opened["no_rating"]["domain"])
        self.assertEqual(counters, self.order.x_fc_usage_ids)
        self.assertNotIn(False, proof.finding_ids.mapped("message"))

    def test_every_finding_and_every_reason_has_a_text(self):
        describe = self.env["fusion.billing.proof.finding"]._describe
        reasons = dict(self.env["fusion.billing.proof.line"]._fields["reason"].selection)
        for code in _FINDINGS:
            self.assertNotEqual(describe(code), code)
        self.assertLessEqual({"pending_rating", "no_charge", "not_due", "no_rating", "no_period"}, set(reasons))

    def test_a_proof_is_run_again_and_keeps_its_window(self):
        self._bill()
        self._lose()
        proof = self._prove(self.manager)
        self.assertEqual((proof.state, proof.unexplained_count), ("unexplained", 1))
        with self.assertRaises(UserError):
            proof.date_from = "2026-01-01"
        self.order._fc_request_rating()
        self._perform(proof.action_run)
        self.assertEqual((proof.state, proof.unexplained_count, len(proof.finding_ids)), ("balanced", 0, 0))

    def test_nobody_writes_what_a_proof_tells(self):
        proof = self._prove(self.manager)
        with self.assertRaises(BusinessRuleError):
            proof.state = "unexplained"
        reader = self._create_user("fusion_centralize_billing.group_billing_user")
        with self.assertRaises(AccessError):
            self.env["fusion.billing.proof"].with_user(reader).create({})
        with self.assertRaises(AccessError):
            proof.line_ids.with_user(self.manager).write({"counter_count": 1})

    def test_a_fault_of_the_proof_is_told_on_it(self):
        path = "odoo.addons.fusion_centralize_billing.models.billing_proof.prove"
        with patch(path, side_effect=ValueError("Out of luck")), mute_logger(path.removesuffix(".prove")):
            proof = self._prove(self.manager)
        self.assertEqual((proof.state, proof.error), ("failed", "Out of luck"))

    # === BY NIGHT === #

    def test_managers_have_one_activity_until_everything_is_explained(self):
        self._bill()
        self._prove_by_night()
        self.assertFalse(self._get_activities())
        self._lose()
        first = self._prove_by_night()
        self.assertEqual((first.state, self._get_activities().res_id), ("unexplained", first.id))
        second = self._prove_by_night()
        self.assertEqual((len(self._get_activities()), self._get_activities().res_id), (1, second.id))
        self._prove(date_from="2026-01-01", date_to="2026-02-01")
        self.assertEqual(len(self._get_activities()), 1, "a smaller window says nothing of the rest")
        self.order._fc_request_rating()
        self.assertEqual(self._prove(self.manager).state, "balanced")
        self.assertFalse(self._get_activities())

    def test_a_run_that_lost_its_job_is_given_up_the_next_night(self):
        with trap_jobs():
            lost = self.env["fusion.billing.proof"].create({})
            lost.action_run()
        lost.requested_at = Datetime.now() - datetime.timedelta(days=2)
        self._prove_by_night()
        self.assertEqual(lost.state, "failed")

    def test_old_nightly_runs_are_forgotten(self):
        old, new, by_hand = self._prove_by_night(), self._prove_by_night(), self._prove(self.manager)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE fusion_billing_proof SET create_date = '2020-01-01' WHERE id IN %s", [(old.id, by_hand.id)]
        )
        self.env.invalidate_all()
        self.env["fusion.billing.proof"]._gc_proofs()
        self.assertEqual((old | new | by_hand).exists(), new | by_hand)

    # === OVER THE API === #

    def _ask(self, service=None, **values):
        request = {"from": "2026-01-01", "to": "2027-01-01", **values}
        answer = (service or self.service)._api_billing_proof(request)
        answers.ProofAnswer.model_validate(answer)
        return answer

    def test_a_service_hears_what_became_of_its_counters(self):
        self._bill()
        self._use(self.order, 3, "2026-02-10")
        answer = self._ask()
        told = [(line["status"], line["counters"], line["amount"], line["due_on"]) for line in answer["lines"]]
        self.assertEqual(told, [("invoiced", 1, "15.00", None), ("open", 1, "0.00", "2026-03-01")])
        self.assertEqual((answer["balanced"], answer["counters"], answer["findings"]), (True, 2, []))

    def test_a_service_hears_of_what_is_not_explained(self):
        self._bill()
        self._lose()
        answer = self._ask()
        [finding] = answer["findings"]
        self.assertEqual((answer["balanced"], answer["unexplained"], answer["findings_total"]), (False, 1, 1))
        self.assertEqual(
            (finding["code"], finding["subscription_external_id"], finding["counters"]),
            ("no_rating", self.order.x_fc_external_id, 1),
        )

    def test_a_service_hears_nothing_of_others(self):
        self._bill()
        answer = self._ask(self._create_service(company_id=self.company.id))
        self.assertEqual((answer["counters"], answer["lines"], answer["findings"]), (0, [], []))
