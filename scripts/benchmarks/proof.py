"""The proof that nothing accepted stays unbilled, over millions of counters.

The database is filled by SQL: subscriptions with three metrics and daily counters of a year, rated and invoiced, some
corrected and some late. The time to fill it is told apart from that of the proof.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.setup import Runtime

_CODE = """
namespace = {{}}
exec(compile(open({path!r}).read(), {path!r}, "exec"), namespace)
import json
print("RESULT", json.dumps(namespace["measure"](env, {counters})))
"""


@dataclass
class ProofReport:
    """How long the proof took, and what it came to."""

    figures: dict[str, Any]

    def as_values(self) -> dict[str, Any]:
        return self.figures

    def as_table(self) -> str:
        lines = ["benchmark proof", ""]
        for name, value in self.figures.items():
            if isinstance(value, dict):
                value = ", ".join(f"{count:,} {status}" for status, count in value.items())
            lines.append(f"{name.replace('_', ' '):<18} {value if isinstance(value, str) else f'{value:>12,}'}")
        return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    number = {"type": int, "metavar": "N", "help": "at least; %(default)s unless told otherwise"}
    parser.add_argument("--counters", default=1_000_000, **number)
    parser.add_argument("-d", "--database", default="fusion_bench_proof", metavar="DB", help="made anew and dropped")
    parser.add_argument("--keep", action="store_true", help="keep the database")


def run(runtime: "Runtime", options: argparse.Namespace) -> ProofReport:
    from runtime import databases, postgres
    from runtime.progress import Fault, say
    from runtime.server import Odoo

    with postgres.running() as connection:
        odoo = Odoo(runtime.source, connection)
        if databases.exists(odoo, options.database) and databases.is_used(odoo, options.database):
            raise Fault(f"the database {options.database} is in use: choose another with -d")
        try:
            say(f"making the database {options.database}")
            databases.create_with_addons(odoo, runtime.queue_job_version, options.database)
            say(f"filling it with {options.counters:,} counters, and proving them")
            path = str(Path(__file__).with_name("proof_world.py"))
            printed = odoo.shell(options.database, _CODE.format(path=path, counters=options.counters))
            return ProofReport(json.loads(printed.split("RESULT", 1)[1].splitlines()[0]))
        finally:
            if not options.keep:
                databases.drop(odoo, options.database)
