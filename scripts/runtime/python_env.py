"""The virtual environment with what Odoo, our addons and our tools import."""

import shutil
import subprocess
import sys
from pathlib import Path

from . import layout
from .progress import Fault, say
from .shell import run

_WITH_DEPENDENCIES = ("odoo.txt", "addons.txt", "tools.txt")
_WITHOUT_DEPENDENCIES = ("addons-no-deps.txt",)
# Odoo 19 accepts 3.10 to 3.13 (odoo/release.py).
_SUPPORTED = ((3, 10), (3, 13))
_CANDIDATES = ("python3", "python3.12", "python3.11", "python3.13", "python3.10")


def ensure() -> None:
    """Make the environment if it is missing or its Python has another version now."""
    python, version = _find_python()
    stamp = layout.VENV / ".complete"
    if stamp.exists() and stamp.read_text() == version:
        return
    say(f"creating the Python {version} environment (about a minute)")
    shutil.rmtree(layout.VENV, ignore_errors=True)
    run([python, "-m", "venv", layout.VENV])
    pip = [layout.VENV_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, *(word for name in _WITH_DEPENDENCIES for word in ("-r", layout.REQUIREMENTS / name))])
    run([*pip, "--no-deps", *(word for name in _WITHOUT_DEPENDENCIES for word in ("-r", layout.REQUIREMENTS / name))])
    stamp.write_text(version)


def site_packages() -> Path:
    """Return the environment's package folder; addons that come as wheels lie in odoo/addons in it."""
    return next((layout.VENV / "lib").glob("python3.*/site-packages"))


def queue_job_version() -> str:
    folder = next(site_packages().glob("odoo_addon_queue_job-*.dist-info"))
    return folder.name.removeprefix("odoo_addon_queue_job-").removesuffix(".dist-info")


def _find_python() -> tuple[str, str]:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    for name in (sys.executable, *_CANDIDATES):
        if not shutil.which(name):
            continue
        answer = subprocess.run([name, "-c", code], capture_output=True, text=True, check=False).stdout.strip()
        if answer and _SUPPORTED[0] <= tuple(map(int, answer.split("."))) <= _SUPPORTED[1]:
            return _base_python(name), answer
    raise Fault("Odoo 19 needs Python 3.10 to 3.13: none found on PATH")


def _base_python(name: str) -> str:
    """Return the interpreter behind a virtual environment: ours must not depend on another one."""
    code = "import sys; print(getattr(sys, '_base_executable', sys.executable))"
    return subprocess.run([name, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
