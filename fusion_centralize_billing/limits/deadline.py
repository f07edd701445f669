# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""How long a request may run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from odoo.sql_db import BaseCursor

from ..api.errors import deadline_exceeded


class Deadline:
    """A point in time, on the clock of this process.

    :param seconds: from now; 0 for never
    """

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds if seconds else None

    def left(self) -> float | None:
        """Return the seconds that are left, 0 if none are; None without a limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def enforce(self, cr: BaseCursor) -> None:
        """Have PostgreSQL cancel what runs beyond the deadline in this transaction.

        A rollback takes it back, so it is called again in each transaction and for each try.

        :raises DeadlineExceededError: if it has passed
        """
        left = self.left()
        if left is None:
            return
        if not left:
            raise deadline_exceeded()
        cr.execute("SET LOCAL statement_timeout = %s", [max(1, int(left * 1000))])

    @contextmanager
    def running(self, cr: BaseCursor) -> Iterator[None]:
        """Enforce the deadline while the block runs, and look at it after each statement, too.

        A limit on statements alone would let a request of many short ones go on.

        :raises DeadlineExceededError: from whatever statement is the first after it
        """
        self.enforce(cr)
        connection = cr.connection

        def check(cursor: BaseCursor, *_about_query: Any) -> None:
            if cursor.connection is connection and self.left() == 0:
                raise deadline_exceeded()

        thread: Any = threading.current_thread()
        if not hasattr(thread, "query_hooks"):  # Odoo's own, see sql_db.Cursor.execute and tools/profiler.py
            thread.query_hooks = []
        thread.query_hooks.append(check)
        try:
            yield
        finally:
            thread.query_hooks.remove(check)

    def outlasts(self, seconds: float) -> bool:
        """Tell whether more than so many seconds are left."""
        left = self.left()
        return left is None or left > seconds
