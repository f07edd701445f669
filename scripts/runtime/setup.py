"""Setting the runtime up, once for all scripts."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import foreign_packages, layout, nginx, odoo_source, postgres, python_env, web_packages
from .foreign_packages import ForeignPackages
from .odoo_source import OdooSource


@dataclass(frozen=True)
class Runtime:
    source: OdooSource
    queue_job_version: str


def ensure() -> Runtime:
    """Return a complete runtime, making what is missing. Two scripts at once wait for each other."""
    with _locked():
        source = odoo_source.find()
        python_env.ensure()
        web_packages.ensure()
        if not any(os.environ.get(name) for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE")):
            postgres.ensure_programs()
    return Runtime(source, python_env.queue_job_version())


def ensure_graphql_clients() -> ForeignPackages:
    """Return the clients of others that the GraphQL API is tested with, and what GraphiQL consists of.

    Nothing but those tests needs them, so that it is not part of every set-up.
    """
    with _locked():
        clients = foreign_packages.ensure(foreign_packages.GRAPHQL_CLIENTS)
        web_packages.ensure()  # npm may have come just now
    return clients


def ensure_nginx() -> Path:
    """Return the nginx that the tests put in front of Odoo."""
    with _locked():
        return nginx.ensure()


def ensure_webhook_verifiers() -> ForeignPackages:
    """Return the packages of others that check the signatures of webhooks; nothing but their tests needs them."""
    with _locked():
        return foreign_packages.ensure(foreign_packages.WEBHOOK_VERIFIERS)


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    layout.RUNTIME.mkdir(parents=True, exist_ok=True)
    with open(layout.RUNTIME / "setup.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
