# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Statements that met another transaction: one line each.

Odoo logs every statement that fails at ERROR, whole (odoo/sql_db.py: Cursor.execute). A conflict is no error: the
transaction is run again. What a request was refused for is answered and logged by api/refusals.py. Other failures,
and those of other addons, are logged as they always were.
"""

import logging
import re

import psycopg2
from psycopg2 import errorcodes

from odoo.http import request

_API = "/api/billing"
_CONFLICTS = {
    errorcodes.SERIALIZATION_FAILURE,
    errorcodes.DEADLOCK_DETECTED,
    errorcodes.LOCK_NOT_AVAILABLE,
    errorcodes.READ_ONLY_SQL_TRANSACTION,
    errorcodes.UNIQUE_VIOLATION,
}
#: What names a table or column of ours, also in statements of Odoo's ORM.
_OURS = re.compile(r"\b(?:fusion_billing_|fusion_subscription_|x_fc_)")
_TABLE = re.compile(r'\b(?:INTO|UPDATE|FROM|TABLE)\s+(?:ONLY\s+)?"?(\w+)', re.IGNORECASE)
_BEGINNING = 2000


class _Filter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        statement, error = _failed_statement(record)
        if error is not None and _is_expected(statement, error):
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
            record.msg = "A statement on %s was refused: %s (SQLSTATE %s%s)"
            constraint = f", {error.diag.constraint_name}" if error.diag.constraint_name else ""
            record.args = (_table_of(statement, error), type(error).__name__, error.pgcode, constraint)
        return True


def install() -> None:
    """Shorten what Odoo logs of conflicts from now on."""
    logger = logging.getLogger("odoo.sql_db")
    if not any(isinstance(known, _Filter) for known in logger.filters):
        logger.addFilter(_Filter())


def _failed_statement(record: logging.LogRecord) -> tuple[str, psycopg2.Error | None]:
    arguments = record.args if isinstance(record.args, tuple) else ()
    if len(arguments) != 2 or not isinstance(arguments[1], psycopg2.Error):
        return "", None
    statement, error = arguments
    return statement.decode(errors="replace") if isinstance(statement, bytes) else str(statement), error


def _is_expected(statement: str, error: psycopg2.Error) -> bool:
    if _is_api_request():
        is_refused = (error.pgcode or "").startswith("23") or error.pgcode == errorcodes.QUERY_CANCELED
        return is_refused or error.pgcode in _CONFLICTS
    return error.pgcode in _CONFLICTS and bool(_OURS.search(statement))


def _is_api_request() -> bool:
    return bool(request) and request.httprequest.path.startswith(_API)


def _table_of(statement: str, error: psycopg2.Error) -> str:
    found = _TABLE.search(statement[:_BEGINNING])
    return str(error.diag.table_name or (found and found[1]) or "?")
