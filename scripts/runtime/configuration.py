"""odoo.conf for one use: which addons, which database, which ports, how many workers."""

import base64
import os
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import layout, python_env
from .odoo_source import OdooSource
from .postgres import Connection
from .progress import Fault

#: Jobs running at once. They share the HTTP workers with the API and the users, so root < workers.
CHANNELS = (
    "root:3,root.billing:3,root.billing.rating:2,root.billing.invoice:2,root.billing.webhook:2,root.billing.payment:2,"
    "root.billing.proof:1"
)


@dataclass(frozen=True)
class ServerOptions:
    """How a server is to run; ``database`` is the only one that it serves."""

    database: str
    port: int
    workers: int = 4
    interface: str = "127.0.0.1"


def addons_path(source: OdooSource) -> list[Path]:
    """Return the addons path: extra ones last, the Enterprise binding first where Enterprise is there."""
    extra = [Path(part).resolve() for part in os.environ.get("FUSION_EXTRA_ADDONS", "").split(",") if part.strip()]
    enterprise = any((path / "sale_subscription").is_dir() for path in (*source.addons_paths, *extra))
    ours = [layout.CHECKOUT / "enterprise"] if enterprise else []
    wheels = python_env.site_packages() / "odoo" / "addons"
    return [*source.addons_paths, wheels, *ours, layout.CHECKOUT, *extra]


def addon_folders(source: OdooSource, addons: Sequence[str]) -> list[Path]:
    """Return where Odoo would find each addon: the first place on the addons path that has it."""
    places = [[path / addon for path in addons_path(source) if (path / addon).is_dir()] for addon in addons]
    missing = [addon for addon, found in zip(addons, places, strict=True) if not found]
    if missing:
        raise Fault(f"not on the addons path: {', '.join(missing)}")
    return [found[0] for found in places]


def write(source: OdooSource, connection: Connection, options: ServerOptions | None = None) -> Path:
    """Write a configuration file that only its owner can read and return its path."""
    lines = ["[options]", f"addons_path = {','.join(map(str, addons_path(source)))}", f"data_dir = {layout.FILESTORE}"]
    lines += ["server_wide_modules = base,rpc,web,queue_job", "without_demo = True"]
    lines += [f"db_host = {connection.host}", f"db_port = {connection.port}", f"db_user = {connection.user}"]
    if connection.password:
        lines.append(f"db_password = {connection.password}")
    if options:
        lines += _server_lines(options)
    lines += ["", "[queue_job]", f"channels = {CHANNELS}", f"jobrunner_db_host = {connection.host}"]
    lines += [f"jobrunner_db_port = {connection.port}", f"jobrunner_db_user = {connection.user}"]
    if connection.password:
        lines.append(f"jobrunner_db_password = {connection.password}")
    lines += ["", "[fusion_billing]", f"secret_key_file = {ensure_secret_key()}"]
    layout.CONFIGURATIONS.mkdir(parents=True, exist_ok=True)
    name = options.database if options else "tool"
    descriptor, path = tempfile.mkstemp(prefix=f"{name}-", suffix=".conf", dir=layout.CONFIGURATIONS)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    return Path(path)


def _server_lines(options: ServerOptions) -> list[str]:
    return [
        f"db_name = {options.database}",
        f"dbfilter = ^{options.database}$",
        "list_db = False",
        f"http_interface = {options.interface}",
        f"http_port = {options.port}",
        f"gevent_port = {options.port + 1}",
        f"workers = {options.workers}",
        "max_cron_threads = 1",
        "limit_time_cpu = 300",
        "limit_time_real = 600",
    ]


def ensure_secret_key() -> Path:
    """Make the key that encrypts stored secrets, once, outside the database."""
    if not layout.SECRET_KEY.exists():
        layout.RUNTIME.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(layout.SECRET_KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(32)))
    return layout.SECRET_KEY
