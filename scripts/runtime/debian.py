"""Packages of the distribution: installed with apt, or unpacked into a folder of ours."""

import functools
import os
import shutil
from pathlib import Path

from . import layout
from .progress import Fault, say
from .shell import run

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@functools.cache
def _update_lists() -> None:
    run([*_as_root(), "apt-get", "update"])


def _as_root() -> list[str]:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        return ["sudo", "-n"]
    raise Fault("installing Debian packages needs root or sudo")


def install(packages: list[str], why: str) -> None:
    """Install Debian packages on this machine."""
    if not shutil.which("apt-get"):
        raise Fault(f"{why}: install {', '.join(packages)} by hand (no apt-get on this machine)")
    say(f"installing Debian packages: {' '.join(packages)}")
    _update_lists()
    command = [*_as_root(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y"]
    run([*command, "--no-install-recommends", *packages])


def unpack_from_suite(suite: str, packages: list[str], prefix: Path) -> None:
    """Download packages of another suite with a private apt state and unpack them under ``prefix``.

    Nothing is installed: the suite's own dependencies (its Python) would replace the machine's.
    apt checks the archive's signature.
    """
    state = layout.DOWNLOADS / f"apt-{suite}"
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (state / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    sources = state / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {suite} main\n")
    options = {
        "Dir::State::Lists": state / "lists",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    run([*apt, "update"])
    _download_and_unpack(apt, packages, prefix)


def unpack(packages: list[str], prefix: Path) -> None:
    """Download packages of the machine's own suite and unpack them under ``prefix``."""
    _update_lists()
    _download_and_unpack(["apt-get", "-o", "APT::Sandbox::User=root"], packages, prefix)


def _download_and_unpack(apt: list[str], packages: list[str], prefix: Path) -> None:
    folder = layout.DOWNLOADS / "debs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run([*apt, "download", *packages], cwd=folder)
    prefix.mkdir(parents=True, exist_ok=True)
    for package in sorted(folder.glob("*.deb")):
        run(["dpkg-deb", "-x", package, prefix])
    shutil.rmtree(folder)


def _mirror() -> str:
    """Return the address of the machine's own Debian mirror."""
    _update_lists()
    sites = run(["apt-get", "indextargets", "--format", "$(SITE) $(ORIGIN)"]).splitlines()
    for line in sites:
        site, _, origin = line.partition(" ")
        if origin.strip() == "Debian" and "security" not in site:
            return site
    raise Fault("this machine's apt knows no Debian mirror: set ODOO_HOME to a folder with Odoo 19")
