"""Finding Odoo 19: ``ODOO_HOME``, else an installed Odoo 19, else Debian's package."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import debian, layout
from .progress import Fault, say

_SUITE = "sid"
_PACKAGE = "odoo-19"
# What the web client shows through links that the package expects beside itself.
_WEB_PACKAGES = [
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-roboto-unhinted",
    "fonts-montserrat",
    "fonts-inconsolata",
    "fonts-ocr-b",
]
# Debian 12 and 13 still have the 4.7 series here; later ones leave Odoo's icons blank.
_ICON_PACKAGES = ["fonts-font-awesome"]


@dataclass(frozen=True)
class OdooSource:
    """``root`` is the folder to put on PYTHONPATH; it holds the package ``odoo``."""

    root: Path
    addons_paths: tuple[Path, ...]
    version: str
    origin: str


def find() -> OdooSource:
    """Return the Odoo 19 to use, downloading Debian's package if there is no other."""
    home = os.environ.get("ODOO_HOME")
    if home:
        return _describe(Path(home).resolve(), "ODOO_HOME")
    installed = _installed_root()
    if installed:
        return _describe(installed, "installed")
    return _describe(_debian_root(), "Debian package")


def _describe(root: Path, origin: str) -> OdooSource:
    release = root / "odoo" / "release.py"
    if not release.is_file():
        raise Fault(f"{origin}: no Odoo in {root} (expected {release})")
    info = re.search(r"^version_info = \((\d+), (\d+)", release.read_text(), re.MULTILINE)
    version = f"{info[1]}.{info[2]}" if info else "unknown"
    if version != "19.0":
        raise Fault(f"{origin}: {root} holds Odoo {version}, but 19.0 is needed")
    addons = tuple(path for path in (root / "odoo" / "addons", root / "addons") if path.is_dir())
    return OdooSource(root, addons, version, origin)


def _installed_root() -> Path | None:
    """Return the folder of an Odoo 19 that the system's own Python can import."""
    code = (
        "import json, importlib.util as u; s = u.find_spec('odoo');"
        "print(json.dumps(list(s.submodule_search_locations) if s else []))"
    )
    for python in ("/usr/bin/python3", "python3"):
        if not shutil.which(python):
            continue
        found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        for location in json.loads(found.stdout or "[]"):
            root = Path(location).parent
            release = root / "odoo" / "release.py"
            if release.is_file() and "version_info = (19, 0" in release.read_text():
                return root
    return None


def _debian_root() -> Path:
    root = layout.ODOO_PREFIX / "usr" / "lib" / "python3" / "dist-packages"
    done = layout.ODOO_PREFIX / ".complete"
    if not done.exists():
        if not shutil.which("apt-get"):
            raise Fault("no Odoo 19 found: set ODOO_HOME (this machine has no apt-get to fetch Debian's package)")
        say(f"downloading Odoo 19 (Debian's package {_PACKAGE}, about 130 MB)")
        shutil.rmtree(layout.ODOO_PREFIX, ignore_errors=True)
        debian.unpack_from_suite(_SUITE, [_PACKAGE, *_WEB_PACKAGES], layout.ODOO_PREFIX)
        debian.unpack(_ICON_PACKAGES, layout.ODOO_PREFIX)
        done.touch()
    return root
