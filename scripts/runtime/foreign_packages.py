"""Packages of others that ask our APIs and check our webhooks in the tests: what our users have.

Each set has a name. Its Python packages (requirements/NAME.txt) have an environment of their own, since they need
other versions than Odoo or graphene. Its Node packages (requirements/NAME/package.json) come from npm, which compares
them with the checksums in package-lock.json. That file is written with ``npm install --package-lock-only
--omit-lockfile-registry-resolved``, so that it names no registry.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from . import debian, layout, python_env
from .progress import say
from .shell import run

GRAPHQL_CLIENTS = "graphql-clients"
WEBHOOK_VERIFIERS = "webhook-verifiers"


@dataclass(frozen=True)
class ForeignPackages:
    """:param python: the interpreter that has the Python packages
    :param node_modules: the folder to import the Node packages from
    """

    python: Path
    node_modules: Path


def ensure(name: str) -> ForeignPackages:
    """Install what is missing of a set: seconds, but for Node and npm where they have to come from Debian."""
    requirements = f"{name}.txt"
    environment = layout.environment(name, requirements)
    python_env.make(environment, [requirements])
    if not shutil.which("npm"):
        debian.install(["npm"], "the tests with packages of others need Node and npm")
    return ForeignPackages(environment / "bin" / "python", _ensure_node_modules(name))


def _ensure_node_modules(name: str) -> Path:
    files = (f"{name}/package.json", f"{name}/package-lock.json")
    folder = layout.environment("node", *files)
    stamp = folder / ".complete"
    if not stamp.exists():
        say(f"installing the Node packages of {name}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in files:
            shutil.copy(layout.REQUIREMENTS / file, folder)
        run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder)
        stamp.touch()
    return folder / "node_modules"
