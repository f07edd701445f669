# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime
import logging

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..jobs import repeated_on_conflict
from ..proof import Scope, prove

_logger = logging.getLogger(__name__)

#: System parameter: how many days back the nightly proof goes.
DAYS_PARAMETER = "fusion_billing.proof_days"
_DAYS = 400
_ACTIVITY = "fusion_centralize_billing.mail_activity_unexplained"
#: A run that waits longer has lost its job.
_LOST_AFTER = datetime.timedelta(days=1)
_KEPT = datetime.timedelta(days=90)


class BillingProof(models.Model):
    """A run of the proof: what has become of every counter whose last instant lies in a window of time.

    Run each night, and whenever somebody asks for it. What it finds is kept as it was then.
    """

    _name = "fusion.billing.proof"
    _inherit = ["fusion.billing.guarded", "mail.thread", "mail.activity.mixin"]
    _fc_is_confined = True
    _description = "Billing Proof"
    _order = "id desc"

    # === FIELDS === #

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    date_from = fields.Datetime(string="From", help="Counters whose last instant is this or later; empty for all.")
    date_to = fields.Datetime(string="Until", help="Counters whose last instant is before this; empty for all.")
    is_nightly = fields.Boolean(readonly=True, string="Nightly")
    state = fields.Selection(
        [
            ("draft", "New"),
            ("waiting", "Waiting"),
            ("balanced", "Balanced"),
            ("unexplained", "Unexplained"),
            ("failed", "Failed"),
        ],
        required=True,
        default="draft",
        readonly=True,
        help="Balanced: every counter is explained, and ledger and invoices agree. Unexplained: see the findings.",
    )
    requested_at = fields.Datetime(readonly=True)
    started_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    counter_count = fields.Integer(readonly=True, string="Counters")
    unexplained_count = fields.Integer(readonly=True, string="Unexplained Counters")
    finding_count = fields.Integer(readonly=True, string="Findings")
    error = fields.Text(readonly=True)
    line_ids = fields.One2many("fusion.billing.proof.line", "proof_id", string="Lines", readonly=True)
    finding_ids = fields.One2many(
        "fusion.billing.proof.finding", "proof_id", string="What Does Not Agree", readonly=True
    )

    # === CONSTRAINTS AND INDEXES === #

    _window_order = models.Constraint("CHECK(date_to > date_from)", "A window cannot end before it starts.")

    # === COMPUTE === #

    @api.depends("requested_at", "create_date")
    def _compute_display_name(self):
        for proof in self:
            day = fields.Datetime.context_timestamp(
                proof, proof.requested_at or proof.create_date or fields.Datetime.now()
            )
            proof.display_name = self.env._("Proof of %s", fields.Datetime.to_string(day)[:16])

    # === CRUD === #

    def write(self, vals):
        if {"company_id", "date_from", "date_to"} & set(vals) and any(proof.state != "draft" for proof in self):
            raise UserError(self.env._("A proof keeps its window: make another one."))
        return super().write(vals)

    # === ACTIONS === #

    def action_run(self):
        """Run the proof, in a job."""
        if any(proof.state == "waiting" for proof in self):
            raise UserError(self.env._("This proof is running."))
        self.check_access("write")
        self._request()

    def action_view_lines(self):
        return self._view("fusion_centralize_billing.action_billing_proof_line")

    def action_view_findings(self):
        return self._view("fusion_centralize_billing.action_billing_proof_finding")

    # === BUSINESS === #

    def _run(self):
        """Prove, and keep what comes of it."""
        self.ensure_one()
        started_at = fields.Datetime.now()
        outcome = prove(self.env, Scope((self.company_id.id,), self.date_from or None, self.date_to or None))
        self.line_ids.unlink()
        self.finding_ids.unlink()
        self.line_ids.create([self._prepare_line(line) for line in outcome.lines])
        findings = self.finding_ids
        findings.create([findings._prepare(self, finding) for finding in outcome.findings[: findings.MOST_KEPT]])
        self.write(
            {
                "state": "balanced" if outcome.is_balanced else "unexplained",
                "started_at": started_at,
                "finished_at": fields.Datetime.now(),
                "counter_count": outcome.counters,
                "unexplained_count": outcome.unexplained,
                "finding_count": len(outcome.findings),
                "error": False,
            }
        )
        self._update_activities()

    # === JOBS === #

    @api.model
    def _cron_prove(self):
        """Have the counters of each company proved, those of the last year and a little more."""
        self._give_up_lost()
        days = int(self.env["ir.config_parameter"].sudo().get_param(DAYS_PARAMETER, _DAYS))
        since = fields.Datetime.now().replace(hour=0, minute=0, second=0) - datetime.timedelta(days=days)
        companies = self.env["fusion.billing.service"].sudo().with_context(active_test=False).search([]).company_id
        for company in companies:
            self.create({"company_id": company.id, "date_from": since, "is_nightly": True})._request()

    def _schedule_proof(self):
        for proof in self:
            proof.with_company(proof.company_id).with_delay(
                description=self.env._("Prove that nothing accepted stays unbilled"),
                identity_key=f"fusion_centralize_billing.proof.{proof.id}",
            )._job_prove()

    @repeated_on_conflict
    def _job_prove(self):
        """Run the proof; a fault is told on it."""
        proof = self.exists()
        if not proof or proof.state != "waiting":
            return self.env._("Nobody waits for this proof.")
        try:
            with self.env.cr.savepoint():
                proof._run()
        except OperationalError:
            raise  # of the database, or of transactions that have met: the job is run again
        except Exception as error:
            _logger.exception("The proof %s failed", proof.id)
            proof.write({"state": "failed", "finished_at": fields.Datetime.now(), "error": str(error)})
            proof._update_activities()
        return proof._describe()

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        # Which window to prove is asked by people; what came of it is told by the proof only.
        told = {"counter_count", "unexplained_count", "finding_count", "line_ids", "finding_ids", "error"}
        return {"is_nightly", "state", "requested_at", "started_at", "finished_at", *told}

    def _request(self):
        # sudo: people ask for proofs, the job writes what they come to.
        proofs = self.sudo()
        proofs.write({"state": "waiting", "requested_at": fields.Datetime.now()})
        proofs._schedule_proof()

    @api.model
    def _give_up_lost(self):
        lost = self.search([("state", "=", "waiting"), ("requested_at", "<", fields.Datetime.now() - _LOST_AFTER)])
        lost.write({"state": "failed", "error": self.env._("It did not come to an end.")})

    @api.autovacuum
    def _gc_proofs(self):
        self.search([("is_nightly", "=", True), ("create_date", "<", fields.Datetime.now() - _KEPT)]).unlink()

    def _prepare_line(self, line):
        return {
            "proof_id": self.id,
            "service_id": line.service_id,
            "plan_code": line.plan_code,
            "metric_id": line.metric_id,
            "start_on": line.start_on,
            "end_on": line.end_on,
            "status": line.status,
            "reason": line.reason,
            "due_on": line.due_on,
            "currency_id": line.currency_id,
            "counter_count": line.counters,
            "quantity": float(line.quantity),
            "amount": float(line.amount),
        }

    def _describe(self):
        return self.env._(
            "%(state)s: %(counters)s counters, %(unexplained)s unexplained, %(findings)s findings",
            state=self.state,
            counters=self.counter_count,
            unexplained=self.unexplained_count,
            findings=self.finding_count,
        )

    def _view(self, xml_id):
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id(xml_id)
        return {**action, "domain": [("proof_id", "=", self.id)], "context": {}}

    # === HELPERS: ACTIVITIES === #

    def _update_activities(self):
        """Let each billing manager have one activity as long as something is not explained, and none otherwise.

        A proof of a smaller window neither asks for one nor takes it back.
        """
        kept = self._get_activities()
        earlier = self.browse(kept.mapped("res_id")).exists()
        if not all(self._covers(proof) for proof in earlier) or not (self.is_nightly or earlier):
            return
        if self.state == "balanced":
            kept.unlink()
            return
        values = {"res_id": self.id, "summary": self._describe(), "date_deadline": fields.Date.today()}
        kept.write(values)
        for user in self._get_managers() - kept.user_id:
            self.activity_schedule(_ACTIVITY, user_id=user.id, summary=values["summary"])

    def _get_activities(self):
        activity_type = self.env.ref(_ACTIVITY)
        proofs = self.with_context(active_test=False).search([("company_id", "=", self.company_id.id)])
        domain = [("activity_type_id", "=", activity_type.id), ("res_model", "=", self._name)]
        return self.env["mail.activity"].search([*domain, ("res_id", "in", proofs.ids)])

    def _get_managers(self):
        group = self.env.ref("fusion_centralize_billing.group_billing_manager")
        return group.all_user_ids.filtered(
            lambda user: (
                user.active and not user.share and self.company_id in user.company_ids and not user._is_superuser()
            )
        )

    def _covers(self, other):
        """Tell whether this proof looks at all that another one looked at."""
        begins = not self.date_from or (other.date_from and self.date_from <= other.date_from)
        ends = not self.date_to or (other.date_to and self.date_to >= other.date_to)
        return bool(begins and ends) or (self.is_nightly and other.is_nightly)
