"""PostgreSQL: a private cluster by default, an existing server where ``PGHOST`` or its like is set.

The cluster is shared by every script that uses the runtime at the same time. Each holds a shared
lock on ``users.lock``; the last one to leave stops the server. The locks are the kernel's, so a
killed script leaves none behind.
"""

import contextlib
import fcntl
import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import debian, layout
from .progress import Fault, say
from .shell import run

_EXISTING = ("PGHOST", "PGHOSTADDR", "PGSERVICE")
_USER = "fusion"
_PORT = 5432


@dataclass(frozen=True)
class Connection:
    """How to reach the server; ``host`` is a folder for a Unix socket."""

    host: str
    port: int
    user: str
    password: str | None = None

    def environment(self) -> dict[str, str]:
        """Return libpq's variables for psql, createdb and the like."""
        values = {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user}
        if self.password:
            values["PGPASSWORD"] = self.password
        return values


@contextlib.contextmanager
def running() -> Iterator[Connection]:
    """Yield a connection to a running server; stop it afterwards if it is ours and nobody else's."""
    if any(os.environ.get(name) for name in _EXISTING):
        yield _existing()
        return
    ensure_programs()
    folder = _cluster_folder()
    with _lock(folder / "users.lock") as users:
        with _lock(folder / "start.lock", exclusive=True):
            _ensure_started(folder)
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield Connection(str(_socket_folder()), _PORT, _USER)
        finally:
            _stop_if_last(folder, users)


def restart() -> None:
    """Start the private cluster again after its processes were killed."""
    folder = _cluster_folder()
    with _lock(folder / "start.lock", exclusive=True):
        _ensure_started(folder)


def ensure_programs() -> None:
    """Install PostgreSQL's server programs if the machine has none."""
    if _program("initdb") is None:
        debian.install(["postgresql"], "PostgreSQL is needed")
    if _program("initdb") is None:
        raise Fault("PostgreSQL's server programs were not found (initdb)")


def _existing() -> Connection:
    return Connection(
        os.environ.get("PGHOST") or os.environ.get("PGHOSTADDR") or "",
        int(os.environ.get("PGPORT") or _PORT),
        os.environ.get("PGUSER") or getpass.getuser(),
        os.environ.get("PGPASSWORD"),
    )


def _program(name: str) -> str | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name.split(".")[0]))
    for folder in reversed(folders):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


def _cluster_folder() -> Path:
    """Return the cluster's folder: in the runtime, unless its system user cannot reach that place."""
    folder = layout.RUNTIME / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    owner = _owner()
    if owner and not _reachable(folder, owner):
        folder = Path("/var/tmp") / f"fusion-postgres-{layout.RUNTIME_ID}"
        folder.mkdir(exist_ok=True)
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    return folder


def _reachable(folder: Path, owner: pwd.struct_passwd) -> bool:
    return subprocess.run(["setpriv", *_identity(owner), "test", "-x", folder], check=False).returncode == 0


def _owner() -> pwd.struct_passwd | None:
    """Return the system user that must own the cluster: PostgreSQL refuses to run as root."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else None


def _identity(owner: pwd.struct_passwd) -> list[str]:
    return [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _as_owner(command: list[object]) -> list[object]:
    owner = _owner()
    return ["setpriv", *_identity(owner), *command] if owner else command


def _socket_folder() -> Path:
    # A socket's path has at most 107 characters, a checkout's may be longer.
    folder = Path(tempfile.gettempdir()) / f"fusion-{layout.RUNTIME_ID}"
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = _owner()
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    return folder


def _ensure_started(folder: Path) -> None:
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        say("creating a PostgreSQL cluster")
        shutil.rmtree(data, ignore_errors=True)
        run(
            _as_owner([_program("initdb"), "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]),
            cwd=folder,
        )
    if _answers():
        return
    # PostgreSQL does not start over the lock file of a killed server whose number another process has now.
    options = f"-c listen_addresses='' -c unix_socket_directories='{_socket_folder()}' -c max_connections=200"
    log = folder / "server.log"
    run(_as_owner([_program("pg_ctl"), "start", "-D", data, "-w", "-t", "60", "-l", log, "-o", options]), cwd=folder)


def _answers() -> bool:
    command = [_program("pg_isready"), "-q", "-h", str(_socket_folder()), "-p", str(_PORT)]
    return subprocess.run([str(word) for word in command], check=False).returncode == 0


def _stop_if_last(folder: Path, users: int) -> None:
    with _lock(folder / "start.lock", exclusive=True):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if _answers():
            run(_as_owner([_program("pg_ctl"), "stop", "-D", folder / "data", "-m", "fast", "-w"]), cwd=folder)


@contextlib.contextmanager
def _lock(path: Path, *, exclusive: bool = False) -> Iterator[int]:
    """Open a lock file; take the lock at once if ``exclusive``. Closing the file gives it back."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if exclusive:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
