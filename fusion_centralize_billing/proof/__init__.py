# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The proof that nothing accepted stays unbilled, and that nothing is billed that was not used.

Every counter of a window of time gets exactly one status, and the ledger and the invoices are held against the
counters, by set operations over all subscriptions. It reads what is stored, and shares with rating only prices and the
way in which counters are added up.

scope      which subscriptions, what time
tables     temporary tables: subscriptions, periods, ledger rows, and the windows that counters belong to
totals     the counters of each window now, and of each ledger row as it was rated
ledger     whether ledger rows agree with their counters and their price
verdicts   what has become of each window
invoices   whether invoice lines agree with the ledger
counters   every counter with its status
outcome    what is told: lines, findings

:func:`prove` does all of it. Nothing of what was found is kept here.
"""

from .outcome import Finding, Line, Outcome
from .proving import prove
from .scope import Scope

__all__ = ["Finding", "Line", "Outcome", "Scope", "prove"]
