"""GraphQL clients of others, which ask our API in the tests.

The Python ones have an environment of their own, since they need another graphql-core than graphene.
The Node ones come from npm, which compares them with the checksums in package-lock.json. That file is
written with ``npm install --package-lock-only --omit-lockfile-registry-resolved``, so that it names no registry.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from . import debian, layout, python_env
from .progress import say
from .shell import run

_PYTHON = "graphql-clients.txt"
_NODE = ("graphql-clients/package.json", "graphql-clients/package-lock.json")


@dataclass(frozen=True)
class GraphqlClients:
    """:param python: the interpreter that has the Python clients
    :param node_modules: the folder to import the Node clients from
    """

    python: Path
    node_modules: Path


def ensure() -> GraphqlClients:
    """Install what is missing: seconds, but for Node and npm where they have to come from Debian."""
    environment = layout.environment("graphql-clients", _PYTHON)
    python_env.make(environment, [_PYTHON])
    if not shutil.which("npm"):
        debian.install(["npm"], "the tests of the GraphQL API need Node and npm")
    return GraphqlClients(environment / "bin" / "python", _ensure_node_modules())


def _ensure_node_modules() -> Path:
    folder = layout.environment("node", *_NODE)
    stamp = folder / ".complete"
    if not stamp.exists():
        say("installing the Node clients")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in _NODE:
            shutil.copy(layout.REQUIREMENTS / name, folder)
        run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder)
        stamp.touch()
    return folder / "node_modules"
