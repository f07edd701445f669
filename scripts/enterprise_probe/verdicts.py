# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What a question is, what an answer is, and how the database is asked."""

from typing import NamedTuple

CONFIRMED, DIFFERENT, NOT_FOUND, FAILED = "confirmed", "different", "not found", "question failed"
BY_HAND = "to be tested by hand"


class Question(NamedTuple):
    section: str
    subject: str
    assumed: str
    meaning: str
    look: object  # called with env, returns (verdict, found)


class Row(NamedTuple):
    section: str
    subject: str
    assumed: str
    verdict: str
    found: str
    meaning: str


def query(env, text, *values):
    """Return the rows of a query."""
    env.cr.execute(text, values or None)
    return env.cr.fetchall()


def get_module(parent):
    """Return the addon that defines a class of a model; "odoo" for the framework."""
    parts = parent.__module__.split(".")
    return parts[2] if parts[:2] == ["odoo", "addons"] else "odoo"
