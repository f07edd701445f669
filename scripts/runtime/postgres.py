"""PostgreSQL: the runtime's own cluster by default, an existing server where ``PGHOST`` or its like is set."""

import contextlib
import getpass
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import cluster, debian, layout
from .cluster import Cluster, Connection
from .progress import Fault

_EXISTING = ("PGHOST", "PGHOSTADDR", "PGSERVICE")


@contextlib.contextmanager
def running() -> Iterator[Connection]:
    """Yield a connection to a running server; stop it afterwards if it is ours and nobody else's."""
    if any(os.environ.get(name) for name in _EXISTING):
        yield _existing()
        return
    ensure_programs()
    with Cluster(_cluster_folder(), _socket_folder()).running() as connection:
        yield connection


def ensure_programs() -> None:
    """Install PostgreSQL's server programs if the machine has none."""
    if cluster.program("initdb") is None:
        debian.install(["postgresql"], "PostgreSQL is needed")
    if cluster.program("initdb") is None:
        raise Fault("PostgreSQL's server programs were not found (initdb)")


def answers(connection: Connection) -> bool:
    """Tell whether a server takes queries at this moment."""
    environment = {**os.environ, **connection.environment(), "PGCONNECT_TIMEOUT": "5"}
    command = ["psql", "-X", "-q", "-d", "postgres", "-c", "SELECT 1"]
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def _existing() -> Connection:
    return Connection(
        os.environ.get("PGHOST") or os.environ.get("PGHOSTADDR") or "",
        int(os.environ.get("PGPORT") or cluster.DEFAULT_PORT),
        os.environ.get("PGUSER") or getpass.getuser(),
        os.environ.get("PGPASSWORD"),
    )


def _cluster_folder() -> Path:
    """Return the cluster's folder: in the runtime, unless its system user cannot reach that place."""
    folder = layout.RUNTIME / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    owner = cluster.system_user()
    if owner and not _reachable(folder, owner):
        folder = Path("/var/tmp") / f"fusion-postgres-{layout.RUNTIME_ID}"
        folder.mkdir(exist_ok=True)
    return folder


def _reachable(folder: Path, owner: pwd.struct_passwd) -> bool:
    command = ["setpriv", *cluster.identity(owner), "test", "-x", str(folder)]
    return subprocess.run(command, check=False).returncode == 0


def _socket_folder() -> Path:
    # A socket's path has at most 107 characters, a checkout's may be longer.
    return Path(tempfile.gettempdir()) / f"fusion-{layout.RUNTIME_ID}"
