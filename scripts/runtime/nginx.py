"""nginx, as the reverse proxy in tests: the machine's own, or Debian's package unpacked into the runtime."""

import shutil
from pathlib import Path

from . import debian, layout
from .progress import Fault, say

_PROGRAM = layout.RUNTIME / "nginx" / "usr" / "sbin" / "nginx"


def ensure() -> Path:
    """Return the program, fetching Debian's package if the machine has none."""
    installed = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if installed:
        return Path(installed)
    if not _PROGRAM.exists():
        if not shutil.which("apt-get"):
            raise Fault("the tests of the reverse proxy need nginx (no apt-get on this machine)")
        say("downloading Debian's nginx")
        debian.unpack(["nginx"], layout.RUNTIME / "nginx")
    return _PROGRAM
