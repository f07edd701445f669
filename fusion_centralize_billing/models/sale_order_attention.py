# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from psycopg2.errors import CheckViolation

from odoo import api, fields, models
from odoo.exceptions import LockError, RedirectWarning, UserError

from ..api.errors import BillingError
from ..rating import RatingError
from .edition import Edition
from .queue_job import RETRY_FAILURE_AFTER
from .sale_order_life import ENDED_STATES

#: What people can mend; anything else is a fault of the program, and fails the job.
MENDABLE = (UserError, RedirectWarning, RatingError, CheckViolation)
#: The job of each step.
_JOBS = {
    "rating": "_job_rate",
    "invoicing": Edition.INVOICING_JOB,
    "closing": "_job_invoice_remaining_usage",
}
_GENERAL_CODES = {"rating": "rating_failed", "invoicing": "invoicing_failed", "closing": "invoicing_failed"}
_ACCOUNT_NEEDED = "account_move_line_check_accountable_required_fields"


class SaleOrder(models.Model):
    """What keeps subscriptions from being rated and invoiced: how it is noted, and tried again."""

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_attention_ids = fields.One2many("fusion.billing.attention", "subscription_id", string="Needs Attention")
    x_fc_attention = fields.Text(
        string="What Needs Attention",
        compute="_compute_x_fc_attention",
        compute_sudo=True,
        help="What keeps the subscription from being rated or invoiced. It is tried again by itself.",
    )

    # === COMPUTE === #

    @api.depends("x_fc_attention_ids.message")
    def _compute_x_fc_attention(self):
        for order in self:
            order.x_fc_attention = "\n".join(order.x_fc_attention_ids.mapped("message"))

    # === ACTIONS === #

    def action_view_x_fc_attention(self):
        return self._fc_view("fusion_centralize_billing.action_billing_attention")

    # === BUSINESS === #

    def _attempt_job(self, step, work):
        """Do the work of a job for this locked subscription, and return its result.

        A fault that people can mend ends the job well: what was done is undone, and the fault is noted, shown, and
        tried again by the sweep. The edition's own job comes through it as well.

        :param step: ``rating``, ``invoicing`` or ``closing``
        """
        self.ensure_one()
        # sudo: nobody writes by hand what needs attention.
        attention = self.env["fusion.billing.attention"].sudo()
        try:
            with self.env.cr.savepoint():
                result = work()
        except MENDABLE as error:
            if not is_mendable(error):
                raise
            noted = attention._note(self, step, **self._fc_describe_fault(step, error))
            result = self.env._("Needs attention: %s", noted.message)
        else:
            attention._clear(self, step)
        self.env["queue.job"]._fc_get_failed(_JOBS[step], keys=[self._fc_get_job_key(step)])._fc_close()
        return result

    def _fc_check_plan(self):
        """Note that the subscription's plan is incomplete, or that it is no more."""
        # sudo: nobody writes by hand what needs attention.
        attention = self.env["fusion.billing.attention"].sudo()
        for order in self:
            reasons = order._fc_get_incomplete_reasons() if order.subscription_state == "3_progress" else []
            if reasons:
                attention._note(order, "plan", "plan_incomplete", "\n".join(reasons))
            else:
                attention._clear(order, "plan")

    def _fc_schedule_step(self, step):
        """Have a step done that needed attention."""
        if step == "plan":
            # Whoever works on a subscription looks at its plan, too.
            self.try_lock_for_update(allow_referencing=True)._fc_check_plan()
        elif step == "rating":
            self._schedule_rating()
        elif step == "closing":
            self._schedule_closing_invoice()
        else:
            self._edition_schedule_invoicing()

    # === JOBS === #

    @api.model
    def _cron_find_work(self):
        """Find from data what is left to do, whatever became of the jobs that should have done it.

        Failed jobs are shown on their subscriptions; what needed attention is tried again when its time has come;
        ended subscriptions that still owe something, or are owed, get their last invoice.
        """
        self._fc_note_failed_jobs()
        self._fc_find_unseen_states()._fc_notice_each_state()
        due = [("next_try_at", "<=", fields.Datetime.now())]
        self.env["fusion.billing.attention"].search(due)._retry()
        self._fc_get_with_closing_due()._schedule_closing_invoice()
        self._fc_get_with_last_period_over()._schedule_rating()

    # === HELPERS === #

    def _fc_notice_each_state(self):
        """Act upon states; where that meets a fault, its rating meets it as well, and notes it."""
        failed = self.browse()
        for order in self:
            try:
                with self.env.cr.savepoint():
                    order._fc_notice_state()
            except MENDABLE as error:
                if not is_mendable(error):
                    raise
                failed |= order
        (failed - failed._fc_get_with_rating_put_off())._schedule_rating()

    def _fc_get_open_day(self):
        """Return the first day that is not invoiced, or False."""
        return self.x_fc_billed_until or self.start_date

    def _fc_describe_fault(self, step, error):
        """Return what is noted of a fault: its code, its message, and whether services may read that."""
        if isinstance(error, BillingError):
            return {"code": error.code, "message": str(error)}
        if isinstance(error, RatingError):
            return {"code": _GENERAL_CODES[step], "message": str(error)}
        if isinstance(error, CheckViolation):
            message = self.env["base"]._sql_error_to_message(error)
            is_account = error.diag.constraint_name == _ACCOUNT_NEEDED
            code = "account_missing" if is_account else _GENERAL_CODES[step]
            return {"code": code, "message": message, "is_internal": True}
        return {"code": _GENERAL_CODES[step], "message": str(error.args[0]), "is_internal": True}

    def _fc_get_job_key(self, step):
        """Return the identity key of the job that does a step."""
        if step == "rating":
            return self._fc_get_rating_identity_key()
        if step == "closing":
            return self._fc_get_closing_identity_key()
        return self._edition_get_invoicing_key()

    def _fc_get_with_rating_put_off(self):
        """Return those whose rating failed, or met a fault, and that nothing new has happened to since."""
        failing = self.env["queue.job"]._fc_get_failing_keys(_JOBS["rating"])
        domain = [
            ("subscription_id", "in", self.ids),
            ("step", "=", "rating"),
            ("next_try_at", ">", fields.Datetime.now()),
        ]
        known = {row.subscription_id.id: row.change_id for row in self.env["fusion.billing.attention"].search(domain)}
        newest = self.env["fusion.billing.usage.change"]._get_last_ids(self.browse(known))
        return self.filtered(
            lambda order: (
                order._fc_get_rating_identity_key() in failing
                or (order.id in known and newest.get(order.id, 0) <= known[order.id])
            )
        )

    @api.model
    def _fc_note_failed_jobs(self):
        """Show failed jobs on their subscriptions, and try those again at once that people have closed.

        Here, and not by the jobs: one whose worker is killed again and again fails without being run.
        """
        jobs = self.env["queue.job"]._fc_get_failed(*_JOBS.values())
        attention = self.env["fusion.billing.attention"].sudo()
        noted = attention.search([("job_uuid", "!=", False)])
        noted.filtered(lambda row: row.job_uuid not in jobs.mapped("uuid")).next_try_at = fields.Datetime.now()
        steps = {method: step for step, method in _JOBS.items()}
        last = {(_get_order_id(job), steps[job.method_name]): job for job in jobs}
        known = {(row.subscription_id.id, row.step): row.job_uuid for row in noted}
        for (order_id, step), job in last.items():
            if known.get((order_id, step)) == job.uuid:
                continue
            # Whoever works on the subscription knows better: the next sweep looks again.
            order = self.browse(order_id).exists().try_lock_for_update(allow_referencing=True)
            if order:
                message = self.env._("The job failed: %s", job.exc_message or job.exc_name)
                retry_at = job._fc_get_last_try() + RETRY_FAILURE_AFTER
                values = {"is_internal": True, "job_uuid": job.uuid, "next_try_at": retry_at}
                attention._note(order, step, _GENERAL_CODES[step], message, **values)
            self.env["ir.cron"]._commit_progress()

    @api.model
    def _fc_get_with_closing_due(self):
        """Return the ended subscriptions whose ledger has something left that no other run invoices or credits."""
        domain = [
            *[("state", "=", "open"), ("amount", "!=", 0)],
            *[("subscription_id.subscription_state", "in", ENDED_STATES), ("subscription_id.state", "=", "sale")],
        ]
        groups = self.env["fusion.billing.rating"].sudo()._read_group(domain, ["subscription_id"])
        failing = self.env["queue.job"]._fc_get_failing_keys(_JOBS["closing"])
        return self.union(*(order for [order] in groups)).filtered(
            lambda order: (
                not order._fc_waits_for_last_period()
                and not order._edition_has_due_invoice()
                and "closing" not in order.sudo().x_fc_attention_ids.mapped("step")
                and order._fc_get_closing_identity_key() not in failing
            )
        )


def is_mendable(error):
    """Tell whether people can mend what MENDABLE has caught: whoever has locked a row, is not waited for by a mend."""
    return not isinstance(error, LockError)


def _get_order_id(job):
    """Return the id of the subscription that a job works on; the keys of all of them end with it."""
    return int(job.identity_key.rsplit(".", 1)[1])
