#!/usr/bin/env python3
"""Keep what this checkout installs, with data, for the upgrade tests of later versions: run it on each release.

    tests_integration/upgrades/dump_release.py            writes upgrades/release-VERSION.sql.xz beside it

Neither passwords nor secrets of the database are kept, and no file of its filestore.
"""

import ast
import lzma
import os
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE.parents[1] / "scripts"), str(_HERE.parent)]

from runtime import databases, entry, layout, postgres  # noqa: E402
from runtime.progress import Fault, say  # noqa: E402
from runtime.server import Odoo  # noqa: E402

from upgrades import release_data  # noqa: E402

NAME = "fusion_release_dump"
_DUMP = ("pg_dump", "--no-owner", "--no-privileges")
_FORGET = (
    "UPDATE res_users SET password = NULL",
    "DELETE FROM ir_config_parameter WHERE key LIKE 'database.%' OR key LIKE '%private%' OR key LIKE '%secret%'",
    "DELETE FROM ir_attachment",
    "DELETE FROM ir_logging",
    "DELETE FROM mail_message WHERE model NOT IN ('account.move', 'sale.order')",
)


def main() -> int:
    runtime = entry.enter_runtime()
    manifest = layout.CHECKOUT / "fusion_centralize_billing" / "__manifest__.py"
    target = _HERE / f"release-{ast.literal_eval(manifest.read_text())['version']}.sql.xz"
    with postgres.running() as connection:
        odoo = Odoo(runtime.source, connection)
        databases.create_with_addons(odoo, runtime.queue_job_version, NAME)
        try:
            printed = odoo.shell(NAME, release_data.CODE)
            if "RESULT" not in printed:
                raise Fault(f"the database was not filled:\n{printed[-3000:]}")
            say(printed[printed.index("RESULT") :].splitlines()[0])
            for query in _FORGET:
                databases.psql(odoo, NAME, query)
            environment = {**os.environ, **connection.environment()}
            dump = subprocess.run([*_DUMP, NAME], env=environment, stdout=subprocess.PIPE, check=True).stdout
        finally:
            databases.drop(odoo, NAME)
    target.write_bytes(lzma.compress(_without_random_words(dump), preset=9 | lzma.PRESET_EXTREME))
    say(f"{target.name}: {target.stat().st_size // 1000} kB")
    return 0


def _without_random_words(dump: bytes) -> bytes:
    """Leave out lines that older versions of psql do not know."""
    unknown = (b"\\restrict", b"\\unrestrict", b"SET transaction_timeout")
    return b"\n".join(line for line in dump.split(b"\n") if not line.startswith(unknown))


if __name__ == "__main__":
    sys.exit(main())
