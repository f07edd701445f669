"""Files of npm packages that an addon serves, as its ``static/packages.json`` names them.

They are copied into the addon's ``static/lib``, which is git-ignored: nothing of others is committed.
"""

import base64
import hashlib
import json
import shutil
import tarfile
from pathlib import Path

from . import layout
from .progress import Fault, say
from .shell import run


def ensure() -> None:
    """Copy what is missing for every addon of this checkout; without npm, say so and leave it."""
    for listing in sorted(layout.CHECKOUT.glob("*/static/packages.json")):
        install(listing.parents[1])


def install(addon: Path) -> None:
    """Copy the files that an addon's ``static/packages.json`` names, unless they are there already."""
    text = (addon / "static" / "packages.json").read_text()
    listing = json.loads(text)
    folder = addon / "static" / listing["folder"]
    stamp = folder / ".complete"
    if stamp.exists() and stamp.read_text() == layout.digest(text):
        return
    if not shutil.which("npm"):
        say(f"npm is missing: {addon.name} is served without {', '.join(_names(listing))}")
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for package in listing["packages"]:
        _extract(_download(package), package["files"], folder)
    stamp.write_text(layout.digest(text))


def _names(listing: dict) -> list[str]:
    return [f"{package['name']} {package['version']}" for package in listing["packages"]]


def _download(package: dict) -> Path:
    """Return the package's archive after comparing its checksum with the pinned one."""
    layout.DOWNLOADS.mkdir(parents=True, exist_ok=True)
    archive = layout.DOWNLOADS / f"{package['name']}-{package['version']}.tgz"
    if not archive.exists():
        say(f"downloading {package['name']} {package['version']}")
        specification = f"{package['name']}@{package['version']}"
        run(["npm", "pack", "--silent", "--pack-destination", layout.DOWNLOADS, specification], cwd=layout.DOWNLOADS)
    checksum = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{checksum}" != package["integrity"]:
        archive.unlink()
        raise Fault(f"{archive.name} is not the file that was pinned; its checksum differs")
    return archive


def _extract(archive: Path, files: dict[str, str], folder: Path) -> None:
    with tarfile.open(archive) as content:
        for inside, name in files.items():
            source = content.extractfile(f"package/{inside}")
            if source is None:
                raise Fault(f"{archive.name} has no file {inside}")
            (folder / name).write_bytes(source.read())
