"""One PostgreSQL cluster of ours: started when it is needed, shared by all who use it, killed by tests.

Each user holds a shared lock on ``users.lock``; the last one to leave stops the cluster. The locks are the
kernel's, so a killed script leaves none behind.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .progress import say
from .shell import run

_USER = "fusion"
DEFAULT_PORT = 5432


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


@dataclass(frozen=True)
class Cluster:
    """``folder`` holds data, log and locks; ``sockets`` is where clients find it (a path of at most 107 characters)."""

    folder: Path
    sockets: Path

    @classmethod
    def throw_away(cls, purpose: str) -> "Cluster":
        """Return a new cluster that nobody else uses; ``remove`` ends it."""
        folder = Path(tempfile.mkdtemp(prefix=f"fusion-{purpose}-", dir="/var/tmp"))
        folder.chmod(0o755)  # the cluster's system user must be able to enter it
        (folder / "postgres").mkdir()
        return cls(folder / "postgres", Path(tempfile.gettempdir()) / folder.name)

    @property
    def connection(self) -> Connection:
        return Connection(str(self.sockets), DEFAULT_PORT, _USER)

    @contextlib.contextmanager
    def running(self) -> Iterator[Connection]:
        """Yield a connection to the running cluster; stop it afterwards if nobody else uses it."""
        self._give_to_owner()
        with _lock(self.folder / "users.lock") as users:
            with _lock(self.folder / "start.lock", exclusive=True):
                self._ensure_started()
                fcntl.flock(users, fcntl.LOCK_SH)
            try:
                yield self.connection
            finally:
                self._stop_if_last(users)

    def start_again(self) -> None:
        """Start the cluster after its processes were killed or stopped."""
        with _lock(self.folder / "start.lock", exclusive=True):
            self._ensure_started()

    def stop(self) -> None:
        """Stop the cluster, whoever uses it: its clients lose their connections."""
        run(_as_owner([program("pg_ctl"), "stop", "-D", self._data, "-m", "fast", "-w"]), cwd=self.folder)

    def kill(self) -> None:
        """Kill every process at once, as a power cut would."""
        postmaster = self.postmaster()
        os.kill(postmaster, signal.SIGSTOP)  # it starts no further process, nor tidies up after those that die
        for process in [postmaster, *children(postmaster)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        # PostgreSQL does not start again as long as its former process is still in the table of processes.
        while Path(f"/proc/{postmaster}").exists():
            time.sleep(0.05)

    def postmaster(self) -> int:
        """Return the process id of the cluster's first process."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def answers(self) -> bool:
        command = [program("pg_isready"), "-q", "-h", str(self.sockets), "-p", str(DEFAULT_PORT)]
        return subprocess.run([str(word) for word in command], check=False).returncode == 0

    def remove(self) -> None:
        """Delete a ``throw_away`` cluster that is not running."""
        shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.folder.parent)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _give_to_owner(self) -> None:
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        owner = system_user()
        if owner:
            for folder in (self.folder, self.sockets):
                os.chown(folder, owner.pw_uid, owner.pw_gid)

    def _ensure_started(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            self._create()
        if self.answers():
            return
        # PostgreSQL does not start over the lock file of a killed server whose number another process has now.
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.sockets}' -c max_connections=200"
        start = [program("pg_ctl"), "start", "-D", self._data, "-w", "-t", "60", "-l", self.folder / "server.log"]
        run(_as_owner([*start, "-o", options]), cwd=self.folder)

    def _create(self) -> None:
        say("creating a PostgreSQL cluster")
        shutil.rmtree(self._data, ignore_errors=True)
        initdb = [program("initdb"), "-D", self._data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        run(_as_owner(initdb), cwd=self.folder)

    def _stop_if_last(self, users: int) -> None:
        with _lock(self.folder / "start.lock", exclusive=True):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if self.answers():
                self.stop()


def program(name: str) -> str | None:
    """Return where a program of PostgreSQL's newest version lies, or None."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name.split(".")[0]))
    for folder in reversed(folders):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


def children(process: int) -> list[int]:
    """Return the process ids of a process's children."""
    out = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False)
    return [int(word) for word in out.stdout.split()]


def system_user() -> pwd.struct_passwd | None:
    """Return the system user that must own a cluster: PostgreSQL refuses to run as root."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else None


def identity(owner: pwd.struct_passwd) -> list[str]:
    """Return setpriv's options to become a system user."""
    return [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _as_owner(command: list[object]) -> list[object]:
    owner = system_user()
    return ["setpriv", *identity(owner), *command] if owner else command


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
