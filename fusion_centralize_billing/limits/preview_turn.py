# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The turn of a preview: it holds the subscription's row as long as it runs, and must not hold up the real thing.

It never waits for another transaction, has a budget of its own, and gives way: between its steps it looks whether
anybody waits for it, and stops then.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from odoo.api import Environment

from ..api.errors import ConflictError
from .admission import current
from .deadline import Deadline
from .settings import Settings

#: Context key: the turn of the preview that runs, a PreviewTurn.
TURN = "fusion_centralize_billing_preview_turn"
#: Long enough for PostgreSQL's own short locks, such as the one to extend a table.
_LOCK_MILLISECONDS = 50
_SECONDS_BETWEEN_LOOKS = 0.05
# Who wants a row that another transaction has changed waits for its id; the id of a savepoint is one, too.
_IS_AWAITED = """
    SELECT EXISTS (
        SELECT FROM pg_locks AS waiting
        JOIN pg_locks AS mine USING (locktype, transactionid)
        WHERE locktype = 'transactionid' AND NOT waiting.granted AND mine.granted AND mine.pid = pg_backend_pid()
    )
"""


class PreviewTurn:
    def __init__(self, env: Environment):
        self._cr = env.cr
        self._deadline = Deadline(Settings.load(env).preview_seconds)
        self._looked_at = time.monotonic()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Bind the statements of the block. It lies in the savepoint that is rolled back: that unbinds what follows."""
        self._cr.execute("SET LOCAL lock_timeout = %s", [_LOCK_MILLISECONDS])
        with self._nearest().running(self._cr):
            yield

    def check(self) -> None:
        """Go on with the next step, or raise ConflictError. Cheap."""
        now = time.monotonic()
        if now - self._looked_at < _SECONDS_BETWEEN_LOOKS:
            return
        self._looked_at = now
        self._cr.execute(_IS_AWAITED)
        if self._cr.fetchone()[0]:
            raise busy()

    def _nearest(self) -> Deadline:
        """Return the deadline that comes first, the preview's or the request's."""
        admission = current()
        if admission is None or admission.deadline.outlasts(self._deadline.left() or math.inf):
            return self._deadline
        return admission.deadline


def busy() -> ConflictError:
    message = "The subscription is being rated, invoiced or changed at this moment. Try again in a while."
    return ConflictError(message, code="busy")
