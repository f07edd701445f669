# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError

#: Each failure of a job is a mail to all who manage the queue: what fails is tried again once in this time.
RETRY_FAILURE_AFTER = timedelta(days=1)
#: As whom a job runs, whose it is, and by what our sweeps find it. The queue writes these with sudo(), people never.
_KEPT_BY_THE_QUEUE = {"user_id", "company_id", "identity_key"}


class QueueJob(models.Model):
    """Jobs: what people do not change, and the failed ones as the sweeps see them that look for what is left to do."""

    _inherit = "queue.job"

    # === CRUD === #

    def write(self, vals):
        if not self.env.su and _KEPT_BY_THE_QUEUE & vals.keys():
            raise AccessError(
                self.env._("The job queue keeps this itself: %s", ", ".join(sorted(_KEPT_BY_THE_QUEUE & vals.keys())))
            )
        return super().write(vals)

    # === BUSINESS === #

    @api.model
    def _fc_get_failed(self, *methods, keys=None):
        """Return the failed jobs that run one of these methods, oldest first.

        :param keys: only those with one of these identity keys
        """
        domain = [("state", "=", "failed"), ("method_name", "in", methods)]
        domain.append(("identity_key", "!=", False) if keys is None else ("identity_key", "in", keys))
        # sudo: the queue is open to its managers only.
        return self.sudo().search(domain, order="id")

    @api.model
    def _fc_get_failing_keys(self, method):
        """Return the identity keys of a method's jobs that failed too recently to be tried again."""
        since = fields.Datetime.now() - RETRY_FAILURE_AFTER
        return {job.identity_key for job in self._fc_get_failed(method) if job._fc_get_last_try() > since}

    def _fc_get_last_try(self):
        """Return when a failed job was run last."""
        return self.date_started or self.date_enqueued or self.date_created

    def _fc_close(self):
        """Take failed jobs off the list of what failed: another job has done their work."""
        self._change_job_state("done", result=self.env._("Another job has done this since."))
