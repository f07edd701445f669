"""A database of each release, with data, becomes this version: nothing that was billed, or received, is changed.

The releases are dumps in upgrades/, which upgrades/dump_release.py makes.
"""

import json
import lzma
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runtime import databases, layout
from runtime.server import Odoo
from runtime.setup import Runtime
from upgrades import schema

RELEASES = sorted((Path(__file__).parent / "upgrades").glob("release-*.sql.xz"))
#: What has to stay as it was, to the last character, in the columns that the release had.
KEPT = (
    *("account_move", "account_move_line", "sale_order_line", "fusion_billing_rating", "fusion_billing_usage"),
    *("fusion_billing_usage_history", "fusion_billing_period", "fusion_subscription_period", "fusion_subscription_fee"),
)
#: Written by every upgrade of a table that gets a computed column, or by the columns' own computation.
_TOUCHED = {"write_date", "write_uid"}
_PROOF = """
import json
from odoo.addons.fusion_centralize_billing.proof.proving import prove
from odoo.addons.fusion_centralize_billing.proof.scope import Scope
outcome = prove(env, Scope(tuple(env["res.company"].search([]).ids)))
open_orders = env["sale.order"].search([("subscription_state", "=", "3_progress")])
print("RESULT", json.dumps({
    "counters": outcome.counters, "findings": [str(finding) for finding in outcome.findings],
    "running": len(open_orders),
}))
"""


@pytest.fixture(scope="module", params=RELEASES, ids=lambda path: path.name.removesuffix(".sql.xz"))
def release(request: pytest.FixtureRequest, runtime: Runtime, odoo: Odoo) -> Iterator[dict[str, Any]]:
    """A restored release, upgraded: its name, the log, and what was in it before."""
    name = f"fusion_test_{request.param.name.split('.sql')[0].replace('.', '_').replace('-', '_')}"
    _restore(odoo, name, request.param)
    columns = {table: _columns(odoo, name, table) for table in KEPT}
    before = {table: _checksum(odoo, name, table, columns[table]) for table in KEPT}
    log = layout.LOGS / f"{name}-upgrade.log"
    modules = ",".join(databases.ADDONS)
    arguments = ["-d", name, "-u", modules, "--no-http", "--workers", "0", "--stop-after-init"]
    odoo.run(arguments, log=log)
    after = {table: _checksum(odoo, name, table, columns[table]) for table in KEPT}
    yield {"name": name, "log": log.read_text(), "before": before, "after": after}
    databases.drop(odoo, name)


def test_there_is_a_release_to_upgrade() -> None:
    assert RELEASES
    assert all(path.stat().st_size < 1_500_000 for path in RELEASES)


def test_what_was_billed_and_received_stays_as_it_was(release: dict[str, Any]) -> None:
    empty = [table for table, (rows, _sum) in release["before"].items() if not rows]
    assert empty == []
    assert release["after"] == release["before"]


def test_the_upgrade_warns_of_nothing(release: dict[str, Any]) -> None:
    assert schema.find_warnings(release["log"]) == []


def test_the_proof_finds_nothing(release: dict[str, Any], odoo: Odoo) -> None:
    printed = odoo.shell(release["name"], _PROOF)
    found = json.loads(printed.split("RESULT", 1)[1].splitlines()[0])
    assert found["findings"] == []
    assert found["counters"] > 0
    assert found["running"] > 0


def test_the_schema_is_that_of_a_new_database(release: dict[str, Any], odoo: Odoo, runtime: Runtime) -> None:
    fresh = f"{release['name']}_fresh"
    databases.create_with_addons(odoo, runtime.queue_job_version, fresh)
    new, old = (schema.describe(odoo, name) for name in (fresh, release["name"]))
    databases.drop(odoo, fresh)
    # Odoo's own tables are those of the day on which the dump was made.
    assert "\n".join(sorted(filter(_is_ours, new - old))) == ""
    assert "\n".join(sorted(filter(_is_ours, old - new))) == ""


def _is_ours(line: str) -> bool:
    return line.startswith("fusion_") or "x_fc_" in line or line.startswith("sale_subscription_plan")


def _restore(odoo: Odoo, name: str, dump: Path) -> None:
    databases.drop(odoo, name)
    databases.psql(odoo, "postgres", f'CREATE DATABASE "{databases.check_name(name)}" TEMPLATE template0')
    environment = {**os.environ, **odoo.connection.environment()}
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", name]
    sql = lzma.decompress(dump.read_bytes())
    subprocess.run(command, env=environment, input=sql, stdout=subprocess.DEVNULL, check=True)


def _columns(odoo: Odoo, database: str, table: str) -> list[str]:
    query = (
        "SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped"
        f" AND attrelid = '{table}'::regclass ORDER BY attnum"
    )
    return [column for column in databases.psql(odoo, database, query).splitlines() if column not in _TOUCHED]


def _checksum(odoo: Odoo, database: str, table: str, columns: list[str]) -> tuple[int, str]:
    """Return how many rows a table has, and a sum over these columns of all."""
    names = ", ".join(f'"{column}"' for column in columns)
    query = f"SELECT COUNT(*), MD5(STRING_AGG(kept::text, '|' ORDER BY id)) FROM (SELECT {names} FROM {table}) AS kept"
    rows, total = databases.psql(odoo, database, query).split("|")
    return int(rows), total
