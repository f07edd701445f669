# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Looks at what is installed, configured and stored where Odoo runs. Counts and names, no records and no secrets."""

import collections
import os
import sys
from configparser import ConfigParser
from pathlib import Path

from .assumptions import PACKAGES, STATES
from .verdicts import CONFIRMED, DIFFERENT, NOT_FOUND, Question, query


def look_at_versions(env):
    from odoo import release

    postgres = env.cr._cnx.server_version
    fits = release.version_info[:2] == (19, 0) and sys.version_info >= (3, 10) and postgres >= 130000
    python = ".".join(map(str, sys.version_info[:3]))
    found = f"Odoo {release.version}, Python {python}, PostgreSQL {postgres // 10000}.{postgres % 10000}"
    return CONFIRMED if fits else DIFFERENT, found


def look_at_package(requirement):
    from odoo.modules.module import MissingDependency, check_python_external_dependency

    try:
        check_python_external_dependency(requirement)
    except MissingDependency as missing:
        return NOT_FOUND if "not installed" in str(missing) else DIFFERENT, str(missing)
    return CONFIRMED, "installed"


def look_at_module(env, name, wanted):
    rows = query(env, "SELECT state, latest_version FROM ir_module_module WHERE name = %s", name)
    state = f"{rows[0][0]}, version {rows[0][1] or 'none'}" if rows else "not in the list of modules"
    folders = [folder for folder in get_addons_path() if Path(folder, name, "__manifest__.py").is_file()]
    found = f"{state}; in {', '.join(folders) or 'no folder of the addons path'}"
    is_installed = bool(rows) and rows[0][0] in ("installed", "to upgrade")
    if wanted == "installed":
        return (CONFIRMED if is_installed else NOT_FOUND), found
    if wanted == "there":
        return (CONFIRMED if folders else NOT_FOUND), found
    return (DIFFERENT if is_installed else CONFIRMED), found  # absent


def get_addons_path():
    import odoo.addons

    return [str(path) for path in odoo.addons.__path__]


def look_at_folder(folder):
    from odoo.tools import config

    path = f"the addons path is {', '.join(get_addons_path())}"
    if not os.path.isdir(folder):
        return NOT_FOUND, f"there is no such folder; {path}"
    if os.path.realpath(folder) in {os.path.realpath(each) for each in get_addons_path()}:
        return CONFIRMED, "on the addons path"
    # Odoo leaves out folders without any addon.
    configured = _read_section("options", config.get("config")).get("addons_path", "").split(",")
    if folder in {each.strip().rstrip("/") for each in configured}:
        return CONFIRMED, "on the addons path of odoo.conf, and has no addon yet"
    return DIFFERENT, f"not on the addons path; {path}"


def look_at_modules_of_ours(env):
    rows = query(
        env, "SELECT name, state, latest_version FROM ir_module_module WHERE name LIKE 'fusion%%' ORDER BY name"
    )
    installed = [row for row in rows if row[1] not in ("uninstalled", "uninstallable")]
    found = "; ".join(f"{name} {state} {version or ''}".strip() for name, state, version in rows)
    return DIFFERENT if installed else CONFIRMED, found or "none in the list of modules"


def look_at_tables(env):
    names = query(
        env,
        "SELECT relname, relnatts FROM pg_class WHERE relkind = 'r' AND relname LIKE 'fusion%%'"
        " AND relnamespace = 'public'::regnamespace ORDER BY relname",
    )
    found = []
    for name, _columns in names:
        columns = query(
            env, "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY 1", name
        )
        [[count]] = query(env, 'SELECT count(*) FROM "{}"'.format(name.replace('"', '""')))
        found.append(f"{name}: {count} rows, {len(columns)} columns ({' '.join(column for (column,) in columns)})")
    return (DIFFERENT, "\n".join(found)) if found else (CONFIRMED, "none")


def look_at_crons(env):
    rows = query(
        env, "SELECT module, name FROM ir_model_data WHERE model = 'ir.cron' AND module LIKE 'fusion%%' ORDER BY 2"
    )
    is_scaffold = any(name.startswith("cron_fc_") for _module, name in rows)
    return DIFFERENT if is_scaffold else CONFIRMED, ", ".join(".".join(row) for row in rows) or "none"


def look_at_key():
    """Tell whether the key that encrypts webhook secrets is configured; nothing of the key itself."""
    from cryptography.fernet import Fernet

    from odoo.tools import config

    section, place = _read_section("fusion_billing", config.get("config")), "odoo.conf"
    text = os.environ.get("FUSION_BILLING_SECRET_KEY")
    if text is not None:
        place = "the environment"
    else:
        file = section.get("secret_key_file")
        text = section.get("secret_key") or (Path(file).read_text() if file else "")
    keys = [key.strip() for key in text.split(",") if key.strip()]
    if not keys:
        found = "no secret_key or secret_key_file in odoo.conf; the environment of Odoo's service is not seen here"
        return NOT_FOUND, found
    for key in keys:
        Fernet(key)
    return CONFIRMED, f"{len(keys)} usable, in {place}"


def _read_section(name, path):
    parser = ConfigParser(interpolation=None, strict=False)
    parser.read(path or "")
    return dict(parser[name]) if parser.has_section(name) else {}


def look_at_server():
    from odoo.tools import config

    modules, workers = list(config["server_wide_modules"]), config["workers"]
    section = _read_section("queue_job", config.get("config"))
    channels = os.environ.get("ODOO_QUEUE_JOB_CHANNELS") or section.get("channels") or "none configured"
    fits = "queue_job" in modules
    found = f"server_wide_modules {','.join(modules)}; workers of this process {workers}; channels {channels}"
    return CONFIRMED if fits else DIFFERENT, found


def look_at_currencies(env):
    rows = query(
        env,
        "SELECT currency.name, count(*) FROM res_company company"
        " JOIN res_currency currency ON currency.id = company.currency_id GROUP BY 1 ORDER BY 1",
    )
    found = ", ".join(f"{name}: {count} companies" for name, count in rows)
    return CONFIRMED if [name for name, _count in rows] == ["CAD"] else DIFFERENT, found


def look_at_subscriptions(env):
    if "subscription_state" not in env.registry["sale.order"]._fields:
        return NOT_FOUND, "orders have no subscription_state"
    counts = collections.Counter(dict(query(env, "SELECT subscription_state, count(*) FROM sale_order GROUP BY 1")))
    unknown = sorted(state for state in counts if state and state not in STATES)
    found = ", ".join(f"{state or 'none'}: {count}" for state, count in sorted(counts.items(), key=str)) or "no orders"
    return DIFFERENT if unknown else CONFIRMED, found


def get_questions(addons_path):
    """Return the questions about the sandbox, in the order of the table."""
    section = "The sandbox"

    def ask(subject, assumed, meaning, look):
        return Question(section, subject, assumed, meaning, look)

    needed = "Without it the addons cannot be installed."
    return [
        ask("versions", "Odoo 19.0, Python 3.10, PostgreSQL 13 or later", needed, look_at_versions),
        *(
            ask(f"package {each}", "installed, in this version", needed, lambda env, name=each: look_at_package(name))
            for each in PACKAGES
        ),
        ask(
            "module sale_subscription",
            "installed",
            "Enterprise's subscriptions. " + needed,
            lambda env: look_at_module(env, "sale_subscription", "installed"),
        ),
        ask(
            "module queue_job",
            "on the addons path",
            "Not shipped by default: put OCA's queue_job there, or its folder into FCB_ADDONS.",
            lambda env: look_at_module(env, "queue_job", "there"),
        ),
        ask(
            f"folder {addons_path}",
            "on the addons path",
            "FCB_ADDONS_PATH: there a run of the tests puts our addons.",
            lambda env: look_at_folder(addons_path),
        ),
        ask("our modules", "none installed", "Else an upgrade, perhaps of the scaffold.", look_at_modules_of_ours),
        ask("our tables", "none", "Else their rows are migrated: make a backup first.", look_at_tables),
        ask("our scheduled actions", "none of the scaffold", "cron_fc_* bills as the scaffold does.", look_at_crons),
        ask(
            "encryption key",
            "configured outside the database",
            "An upgrade with webhook secrets stops without it.",
            lambda env: look_at_key(),
        ),
        ask(
            "job queue",
            "queue_job is among server_wide_modules",
            "Tests do without; a server that bills does not.",
            lambda env: look_at_server(),
        ),
        ask("currencies", "companies have CAD", "No currency is changed: each bills in its own.", look_at_currencies),
        ask(
            "subscriptions", "in the known states only", "What is there is billed on as before.", look_at_subscriptions
        ),
    ]
