# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What does not belong in a log: filters on Odoo's loggers, set when the addon is loaded.

keys       API keys in URLs
conflicts  statements that met another transaction, with all they were to write
"""

from . import conflicts, keys

conflicts.install()
keys.install()
