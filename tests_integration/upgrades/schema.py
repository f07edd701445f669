"""What a database looks like after an upgrade, and what that has complained of."""

import os
import re
import subprocess

from runtime import databases
from runtime.server import Odoo

_COLUMNS = """
    SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
           || COALESCE(column_default, '')
      FROM information_schema.columns WHERE table_schema = 'public'
"""
_INDEXES = "SELECT tablename || ': ' || indexdef FROM pg_indexes WHERE schemaname = 'public'"
_CONSTRAINTS = """
    SELECT conrelid::regclass || ': ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
"""
#: A dump that was restored has them in other places.
_CASTS = re.compile(r"::(character varying|text)(\[\])?|[()]")


def describe(odoo: Odoo, database: str) -> set[str]:
    """Return columns with their types, indexes and constraints of all tables, one line each."""
    found: set[str] = set()
    for query in (_COLUMNS, _INDEXES, _CONSTRAINTS):
        found.update(line.strip() for line in databases.psql(odoo, database, query).splitlines())
    return {_CASTS.sub("", line) for line in found}


def dump(odoo: Odoo, database: str, *options: str) -> list[bytes]:
    """Return what is in a database, as ``pg_dump`` writes it, line by line; numbers given away never come back."""
    environment = {**os.environ, **odoo.connection.environment()}
    command = ["pg_dump", "--no-owner", *options, database]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    # Some versions of pg_dump begin and end with a random word.
    random = (b"\\restrict", b"\\unrestrict", b"SELECT pg_catalog.setval(")
    return [line for line in done.stdout.splitlines() if not line.startswith(random)]


def find_warnings(log: str) -> list[str]:
    """Return the lines of an upgrade's log that are worse than information."""
    levels = (" WARNING ", " ERROR ", " CRITICAL ")
    return [line for line in log.splitlines() if any(level in line for level in levels)]
