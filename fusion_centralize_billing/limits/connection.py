# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Transactions beside that of the request."""

from __future__ import annotations

from odoo import sql_db


def open_cursor(dbname: str) -> sql_db.Cursor:
    """Return a cursor of its own on the primary database, where each statement sees what others committed.

    Not ``registry.cursor()``: a test's would lie in the transaction under test, and end with it.
    """
    cr = sql_db.db_connect(dbname).cursor()
    try:
        cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    except BaseException:
        cr.close()
        raise
    return cr
