# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What the jobs of this addon have in common."""

import functools

from psycopg2.errors import UniqueViolation

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import ConcurrencyError, LockError

#: Seconds after which a job that met another one is run again.
RETRY_AFTER = 5


def repeated_on_conflict(method):
    """Have a job run again that met a twin: another transaction with the same in mind.

    A twin shows in a serialization failure, which queue_job repeats by itself, or, where both insert, in the
    violation of a unique constraint. Run again, the job sees what the twin did. A violation that has no twin
    behind it comes again, and fails the job after the maximum of its tries. Every job has this decorator.
    """

    @functools.wraps(method)
    def run(self, *args, **kwargs):
        try:
            result = method(self, *args, **kwargs)
            # What waits to be written is written now: a conflict there is one of this job, too
            self.env.flush_all()
        except (UniqueViolation, ConcurrencyError, LockError) as error:
            raise RetryableJobError(f"Met another transaction: {_tell(error)}", seconds=RETRY_AFTER) from error
        return result

    run.is_repeated_on_conflict = True
    return run


def _tell(error):
    """Return what a job met, for people and the log. PostgreSQL's own text has the values that were to be written."""
    return f"unique {error.diag.constraint_name}" if isinstance(error, UniqueViolation) else error
