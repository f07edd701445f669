"""Benchmarks of scripts/bench: measured on a live server, ways to the same answer in turn.

graphql       the benchmark of that name; so are further ones: a module here, and its name in NAMES
hostile_clients   clients that ask for all that one key can get
world         a database with customers, subscriptions and rated usage, on a server with workers
counting      an HTTP client that counts its calls and bytes
server_log    what the server says a request cost it
rounds        measuring ways to the same answer, in turn
report        the figures as a table and as JSON

A benchmark's module has a docstring, whose first line says what it compares, ``add_arguments(parser)`` and
``run(runtime, options)``, which returns a Report. scripts/bench imports it before the runtime is there:
what needs the runtime's packages is imported in ``run``.
"""

import importlib
from types import ModuleType

NAMES = ("graphql", "proof", "hostile")


def load(name: str) -> ModuleType:
    return importlib.import_module(f".{name}", __name__)


def summary(name: str) -> str:
    """Return what a benchmark compares, in one line."""
    return (load(name).__doc__ or "").partition("\n")[0].rstrip(".")
