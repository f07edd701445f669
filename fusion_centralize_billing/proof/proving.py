# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tools import SQL

from . import counters, invoices, ledger
from .outcome import Finding, Outcome
from .tables import drop_tables, make_tables
from .totals import make_items, make_rated_totals
from .verdicts import decide

#: Enough for the hash tables of some millions of counters; PostgreSQL's default sorts them on disk.
_MEMORY = "256MB"


def prove(env, scope):
    """Return the Outcome of a proof, in what the current transaction sees; temporary tables are all that is written."""
    env.cr.execute(SQL("SELECT set_config('work_mem', %s, TRUE)", _MEMORY))
    make_tables(env, scope)
    make_items(env, scope)
    make_rated_totals(env)
    wrong = [
        *ledger.find_wrong_totals(env),
        *ledger.find_wrong_prices(env),
        *ledger.find_wrong_sums(env),
        *ledger.find_wrong_roundings(env),
        *invoices.find_rows_without_line(env, scope),
    ]
    decide(env, {finding.rating_id for finding in wrong})
    counters.make_parts(env, scope)
    outcome = Outcome(counters.get_lines(env))
    outcome.findings = [
        *wrong,
        *ledger.find_wrong_commitments(env, scope),
        *invoices.find_wrong_lines(env, scope),
        *invoices.find_unrated_lines(env, scope),
        *counters.find_unexplained(env),
        *_find_miscounted(env, scope, outcome),
    ]
    drop_tables(env)
    return outcome


def _find_miscounted(env, scope, outcome):
    """The proof proves itself: every counter has one status, so that as many were told as there are."""
    there_are = counters.count_counters(env, scope)
    if there_are != outcome.counters:
        yield Finding("miscounted", expected=str(there_are), found=str(outcome.counters))
