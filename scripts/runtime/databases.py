"""Databases: templates (Odoo's part; our addons on top), their clones, and their end.

Two scripts at once would build the same template, or one would replace what the other is copying:
``create`` and ``create_with_addons`` hold a lock while they work.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from . import configuration, layout
from .progress import Fault, say
from .server import Odoo
from .shell import run

#: The core addons that ours need, and those that the main job and the tests use.
DEPENDENCIES = ("sale_management", "account_payment", "payment_demo", "payment_stripe", "l10n_ca", "queue_job")
ADDONS = ("fusion_subscription", "fusion_centralize_billing", "fusion_billing_graphql")
_COUNTRY = "CA"


def check_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", name):
        raise Fault(f"not a usable database name: {name!r}")
    return name


def exists(odoo: Odoo, name: str) -> bool:
    query = f"SELECT 1 FROM pg_database WHERE datname = '{check_name(name)}'"
    return psql(odoo, "postgres", query) == "1"


def psql(odoo: Odoo, database: str, query: str) -> str:
    """Run a query and return its bare result."""
    command = ["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", query]
    return run(command, env=odoo.connection.environment()).strip()


def ensure_template(odoo: Odoo, queue_job_version: str) -> str:
    """Return the name of a database with Odoo's part installed (Canadian company, CAD); make it if missing."""
    recipe = (odoo.source.root, odoo.source.version, queue_job_version, DEPENDENCIES, _COUNTRY)
    name = f"fusion_template_{layout.digest(*recipe)}"
    if exists(odoo, name):
        return name
    say("building the template database: Odoo's own part (about a minute)")
    unfinished = f"{name}_unfinished"
    drop(odoo, unfinished)
    odoo.run(["db", "init", unfinished, "--country", _COUNTRY], log=layout.LOGS / "template.log")
    arguments = ["-d", unfinished, "-i", ",".join(DEPENDENCIES), "--no-http", "--workers", "0", "--stop-after-init"]
    odoo.run(arguments, log=layout.LOGS / "template.log")
    rename(odoo, unfinished, name)
    return name


def create(odoo: Odoo, queue_job_version: str, name: str) -> None:
    """Make a database that has what our addons depend on, but not them."""
    with _templates_locked():
        clone(odoo, ensure_template(odoo, queue_job_version), name)


def create_with_addons(odoo: Odoo, queue_job_version: str, name: str) -> None:
    """Make a database that has our addons installed as they are in this checkout."""
    with _templates_locked():
        clone(odoo, _ensure_addons_template(odoo, ensure_template(odoo, queue_job_version)), name)


def has_addons(odoo: Odoo, name: str) -> bool:
    wanted = ", ".join(f"'{addon}'" for addon in ADDONS)
    query = f"SELECT count(*) FROM ir_module_module WHERE state = 'installed' AND name IN ({wanted})"
    return psql(odoo, name, query) == str(len(ADDONS))


def is_used(odoo: Odoo, name: str) -> bool:
    """Tell whether something is connected to a database."""
    query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{check_name(name)}'"
    return psql(odoo, "postgres", query) != "0"


@contextlib.contextmanager
def _templates_locked() -> Iterator[None]:
    with open(layout.RUNTIME / "templates.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure_addons_template(odoo: Odoo, template: str) -> str:
    """Return the name of a template with this checkout's addons; drop those of its former states."""
    family = f"fusion_addons_{layout.digest(layout.CHECKOUT)}_"
    name = f"{family}{layout.digest(template, *_addon_files(odoo))}"
    if exists(odoo, name):
        return name
    say(f"building the template database: {', '.join(ADDONS)}")
    outdated = psql(odoo, "postgres", f"SELECT datname FROM pg_database WHERE datname LIKE '{family}%'")
    for database in outdated.split():
        drop(odoo, database)
    unfinished = f"{family}unfinished"
    clone(odoo, template, unfinished)
    install_addons(odoo, unfinished)
    if not has_addons(odoo, unfinished):
        raise Fault(f"the addons were not installed; see {layout.LOGS / f'{unfinished}-install.log'}")
    rename(odoo, unfinished, name)
    return name


def _addon_files(odoo: Odoo) -> Iterator[str]:
    """Yield path and digest of every file that may change what an installed addon is."""
    for folder in configuration.addon_folders(odoo.source, ADDONS):
        for path in sorted(folder.rglob("*")):
            skipped = {"tests", "__pycache__"} & set(path.relative_to(folder).parts)
            if path.is_file() and not skipped:
                yield f"{path} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def clone(odoo: Odoo, template: str, name: str) -> None:
    """Copy a database with its filestore; an older one of that name is replaced."""
    drop(odoo, name)
    run(["createdb", "-T", template, check_name(name)], env=odoo.connection.environment())
    if _filestore(template).is_dir():
        shutil.copytree(_filestore(template), _filestore(name))


def copy(source: Odoo, target: Odoo, name: str) -> None:
    """Copy a database to another cluster; its filestore, found by its name, serves both."""
    psql(target, "postgres", f'CREATE DATABASE "{check_name(name)}"')
    environment = {**os.environ, **source.connection.environment()}
    dump = subprocess.Popen(["pg_dump", "--no-owner", name], env=environment, stdout=subprocess.PIPE)
    with dump:
        subprocess.run(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", name],
            env={**os.environ, **target.connection.environment()},
            stdin=dump.stdout,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    if dump.returncode:
        raise Fault(f"pg_dump of {name} ended with {dump.returncode}")


def rename(odoo: Odoo, old: str, new: str) -> None:
    psql(odoo, "postgres", f'ALTER DATABASE "{check_name(old)}" RENAME TO "{check_name(new)}"')
    if _filestore(old).is_dir():
        _filestore(old).rename(_filestore(new))


def install_addons(odoo: Odoo, database: str, addons: tuple[str, ...] = ADDONS) -> None:
    arguments = ["-d", database, "-i", ",".join(addons), "--no-http", "--workers", "0", "--stop-after-init"]
    odoo.run(arguments, log=layout.LOGS / f"{database}-install.log")


def drop(odoo: Odoo, name: str) -> None:
    run(["dropdb", "--if-exists", "--force", check_name(name)], env=odoo.connection.environment())
    shutil.rmtree(_filestore(name), ignore_errors=True)


def _filestore(name: str) -> Path:
    return layout.FILESTORE / "filestore" / name
