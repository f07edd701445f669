# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""How many costly requests run at a time: of one key, and of all keys on one server.

A slot is an advisory lock of PostgreSQL, in a transaction of its own that stays open as long as the request: that of
the request commits between the calls of a batch, and a rollback to a savepoint would lose the lock. Whatever kills
the worker closes its connection, and frees the slot.
"""

from __future__ import annotations

import hashlib
import os
import socket

from odoo.sql_db import BaseCursor
from odoo.tools import config

from .connection import open_cursor
from .settings import Settings

_TAKE = """
    SELECT slot FROM generate_series(0, %s - 1) AS slot WHERE pg_try_advisory_xact_lock(%s + slot) LIMIT 1
"""


class Slot:
    """A slot that is held until it is released."""

    def __init__(self, cr: BaseCursor):
        self._cr = cr

    def release(self) -> None:
        self._cr.close()


def take(dbname: str, client: str, settings: Settings) -> Slot | None:
    """Return a slot of a client and of this server, or None if all of either are taken. Never waits.

    :param client: the name of a key, or of all customers of a service
    """
    cr = open_cursor(dbname)
    wanted = ((client, settings.slots_of_key), (f"node {_node()}", settings.slots_of_node))
    try:
        if all(_take_one(cr, name, count) for name, count in wanted):
            return Slot(cr)
    except BaseException:
        cr.close()
        raise
    cr.close()
    return None


def _take_one(cr: BaseCursor, name: str, count: int) -> bool:
    cr.execute(_TAKE, [count, _first_lock(name)])
    return bool(cr.rowcount)


def _first_lock(name: str) -> int:
    """Return the first of the 1024 locks of a name."""
    digest = hashlib.sha256(f"fusion_centralize_billing {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True) & ~1023


def _node() -> str:
    """Return what the workers of one server have in common, and no others."""
    return f"{socket.gethostname()}:{os.getppid() if config['workers'] else os.getpid()}"
