"""odoo.conf for one use: which addons, which database, which ports, how many workers."""

import base64
import os
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from . import layout, python_env
from .cluster import Connection
from .odoo_source import OdooSource
from .progress import Fault

#: Jobs running at once. Each occupies a worker of the server that runs jobs, so root < its workers: one that is being
#: replaced is missing, and a server that does everything has the API and the users to answer, too.
CHANNELS = (
    "root:3,root.billing:3,root.billing.rating:2,root.billing.invoice:2,root.billing.webhook:2,root.billing.payment:2,"
    "root.billing.proof:1"
)


class Part(Enum):
    """What a server does: everything, or its part of two servers for one database."""

    WHOLE = "server"
    HTTP = "http"
    JOBS = "jobs"


@dataclass(frozen=True)
class ServerOptions:
    """How a server is to run; ``database`` is the only one that it serves.

    :param part: HTTP runs no job and no scheduled action; JOBS runs those, and answers its own job runner only
    :param proxied: it is reached through a reverse proxy only, whose ``X-Forwarded-*`` it believes
    """

    database: str
    port: int
    workers: int = 4
    interface: str = "127.0.0.1"
    part: Part = Part.WHOLE
    proxied: bool = False

    @property
    def url(self) -> str:
        return f"http://{self.interface}:{self.port}"

    @property
    def runs_jobs(self) -> bool:
        return self.part is not Part.HTTP


def addons_path(source: OdooSource) -> list[Path]:
    """Return the addons path: extra ones last, the Enterprise binding first where Enterprise is there."""
    ours = [layout.CHECKOUT / "enterprise"] if has_enterprise(source) else []
    wheels = python_env.site_packages() / "odoo" / "addons"
    return [*source.addons_paths, wheels, *ours, layout.CHECKOUT, *_extra_addons()]


def has_enterprise(source: OdooSource) -> bool:
    """Tell whether Enterprise's subscriptions, or their stand-in, are on the addons path."""
    return any((path / "sale_subscription").is_dir() for path in (*source.addons_paths, *_extra_addons()))


def _extra_addons() -> list[Path]:
    return [Path(part).resolve() for part in os.environ.get("FUSION_EXTRA_ADDONS", "").split(",") if part.strip()]


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
    lines += [f"server_wide_modules = {_server_wide_modules(options)}", "without_demo = True"]
    lines += [f"db_host = {connection.host}", f"db_port = {connection.port}", f"db_user = {connection.user}"]
    if connection.password:
        lines.append(f"db_password = {connection.password}")
    if options:
        lines += _server_lines(options)
    lines += ["", "[queue_job]", *_queue_job_lines(connection, options)]
    lines += ["", "[fusion_billing]", f"secret_key_file = {ensure_secret_key()}"]
    layout.CONFIGURATIONS.mkdir(parents=True, exist_ok=True)
    name = f"{options.database}-{options.part.value}" if options else "tool"
    descriptor, path = tempfile.mkstemp(prefix=f"{name}-", suffix=".conf", dir=layout.CONFIGURATIONS)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines) + "\n")
    return Path(path)


def _server_wide_modules(options: ServerOptions | None) -> str:
    # queue_job starts its runner in each server that loads it before it has a database.
    return "base,rpc,web,queue_job" if options is None or options.runs_jobs else "base,rpc,web"


def _server_lines(options: ServerOptions) -> list[str]:
    return [
        f"db_name = {options.database}",
        f"dbfilter = ^{options.database}$",
        "list_db = False",
        f"http_interface = {options.interface}",
        f"http_port = {options.port}",
        f"gevent_port = {options.port + 1}",
        f"proxy_mode = {options.proxied}",
        f"workers = {options.workers}",
        f"max_cron_threads = {int(options.runs_jobs)}",
        "limit_time_cpu = 300",
        "limit_time_real = 600",
    ]


def _queue_job_lines(connection: Connection, options: ServerOptions | None) -> list[str]:
    """Return what the job runner reads: where the database is, and the server to which it hands the jobs."""
    if options and not options.runs_jobs:
        return ["channels = root:0"]
    lines = [f"channels = {CHANNELS}", f"jobrunner_db_host = {connection.host}"]
    lines += [f"jobrunner_db_port = {connection.port}", f"jobrunner_db_user = {connection.user}"]
    if connection.password:
        lines.append(f"jobrunner_db_password = {connection.password}")
    if options:
        lines += ["scheme = http", f"host = {options.interface}", f"port = {options.port}"]
    return lines


def ensure_secret_key() -> Path:
    """Make the key that encrypts stored secrets, once, outside the database."""
    if not layout.SECRET_KEY.exists():
        layout.RUNTIME.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(layout.SECRET_KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(32)))
    return layout.SECRET_KEY
