"""Virtual environments: the one with what Odoo, our addons and our tools import, and others beside it."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import layout
from .progress import Fault, say
from .shell import run

# Odoo 19 accepts 3.10 to 3.13 (odoo/release.py).
_SUPPORTED = ((3, 10), (3, 13))
_CANDIDATES = ("python3", "python3.12", "python3.11", "python3.13", "python3.10")


def ensure() -> None:
    """Make the environment of Odoo if it is missing or its Python has another version now."""
    make(layout.VENV, layout.WITH_DEPENDENCIES, layout.WITHOUT_DEPENDENCIES)


def make(folder: Path, with_dependencies: Sequence[str], without_dependencies: Sequence[str] = ()) -> None:
    """Make an environment with the packages of requirements files, unless it is there already."""
    python, version = _find_python()
    stamp = folder / ".complete"
    if stamp.exists() and stamp.read_text() == version:
        return
    say(f"creating a Python {version} environment for {', '.join(with_dependencies)} (up to a minute)")
    shutil.rmtree(folder, ignore_errors=True)
    run([python, "-m", "venv", folder])
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, *_options(with_dependencies)])
    if without_dependencies:
        run([*pip, "--no-deps", *_options(without_dependencies)])
    stamp.write_text(version)


def _options(names: Sequence[str]) -> list[object]:
    return [word for name in names for word in ("-r", layout.REQUIREMENTS / name)]


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
