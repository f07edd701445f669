"""Setting the runtime up, once for all scripts."""

import fcntl
import os
from dataclasses import dataclass

from . import layout, odoo_source, postgres, python_env, web_packages
from .odoo_source import OdooSource


@dataclass(frozen=True)
class Runtime:
    source: OdooSource
    queue_job_version: str


def ensure() -> Runtime:
    """Return a complete runtime, making what is missing. Two scripts at once wait for each other."""
    layout.RUNTIME.mkdir(parents=True, exist_ok=True)
    with open(layout.RUNTIME / "setup.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        source = odoo_source.find()
        python_env.ensure()
        web_packages.ensure()
        if not any(os.environ.get(name) for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE")):
            postgres.ensure_programs()
    return Runtime(source, python_env.queue_job_version())
