# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""When a credential was used last, written beside the request: a request must never wait or fail for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from odoo.models import BaseModel
from odoo.tools import SQL


def note_after_commit(credential: BaseModel, now: datetime, precision: timedelta) -> None:
    """Write ``last_used_at`` in a transaction of its own, once this one is committed.

    :param precision: an earlier use that lies no further back stays: a write for each request would make a hot row
    """
    table, credential_id, registry = SQL.identifier(credential._table), credential.id, credential.env.registry
    update = SQL(
        "UPDATE %(table)s SET last_used_at = %(now)s WHERE id ="
        " (SELECT id FROM %(table)s WHERE id = %(id)s"
        " AND (last_used_at IS NULL OR last_used_at < %(earlier)s) FOR NO KEY UPDATE SKIP LOCKED)",
        table=table,
        now=now,
        id=credential_id,
        earlier=now - precision,
    )

    @credential.env.cr.postcommit.add
    def note_use() -> None:
        with registry.cursor() as cr:
            cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cr.execute(update)
