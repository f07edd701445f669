"""scripts/build: the addons as wheels, installed with pip into a folder that Odoo then takes them from."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest
from runtime import databases, layout, python_env
from runtime.server import Odoo
from runtime.setup import Runtime
from runtime.shell import run

GRAPHQL = "fusion_billing_graphql"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [layout.SCRIPTS / "build", "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the addons folder that pip has made of the wheels for Community."""
    target = tmp_path_factory.mktemp("target")
    run([sys.executable, "-m", "pip", "install", "--no-deps", "--target", target, *dist.glob("*.whl")])
    return target / "odoo" / "addons"


@pytest.fixture
def database(runtime: Runtime, odoo: Odoo) -> Iterator[str]:
    """A database without our addons."""
    name = f"fusion_test_wheels_{os.getpid()}"
    try:
        databases.create(odoo, runtime.queue_job_version, name)
        yield name
    finally:
        databases.drop(odoo, name)


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as content:
        return set(content.namelist())


def _requirements(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as content:
        [name] = [name for name in content.namelist() if name.endswith(".dist-info/METADATA")]
        return set(Parser().parsestr(content.read(name).decode()).get_all("Requires-Dist", []))


def _wheel(folder: Path, addon: str) -> Path:
    [found] = folder.glob(f"odoo_addon_{addon}-19.0.*-py3-none-any.whl")
    return found


def test_there_is_one_wheel_for_each_addon_and_the_enterprise_binding(dist: Path) -> None:
    assert len(list(dist.rglob("*.whl"))) == len(databases.ADDONS) + 1
    for addon in databases.ADDONS:
        names = _names(_wheel(dist, addon))
        assert {f"odoo/addons/{addon}/__manifest__.py", f"odoo/addons/{addon}/LICENSE"} <= names
    binding = _wheel(dist / "enterprise", "fusion_subscription")
    assert "odoo/addons/fusion_subscription/__manifest__.py" in _names(binding)
    assert not [name for name in _names(binding) if "/models/fusion_subscription_" in name], "models of Community's"


def test_wheels_hold_what_git_tracks_and_no_caches(dist: Path) -> None:
    for addon in databases.ADDONS:
        tracked = run(["git", "ls-files", addon], cwd=layout.CHECKOUT).split()
        names = {name for name in _names(_wheel(dist, addon)) if name.startswith("odoo/")}
        more = {name.removeprefix("odoo/addons/") for name in names} - set(tracked)
        assert {f"odoo/addons/{path}" for path in tracked} <= names
        assert {name for name in more if "/static/lib/" not in name} == {f"{addon}/LICENSE"}


def test_the_graphql_wheel_holds_graphiql_although_git_does_not(dist: Path) -> None:
    static = layout.CHECKOUT / GRAPHQL / "static"
    listing = json.loads((static / "packages.json").read_text())
    files = [name for package in listing["packages"] for name in package["files"].values()]
    assert {"graphiql.js", "graphiql.css", "react.js"} <= set(files)
    with zipfile.ZipFile(_wheel(dist, GRAPHQL)) as wheel:
        for name in files:
            packed = wheel.read(f"odoo/addons/{GRAPHQL}/static/{listing['folder']}/{name}")
            assert packed == (static / listing["folder"] / name).read_bytes()


def test_pip_learns_which_odoo_addons_and_packages_a_wheel_needs(dist: Path) -> None:
    assert "odoo-addon-queue_job==19.0.*" in _requirements(_wheel(dist, "fusion_subscription"))
    needed = _requirements(_wheel(dist, GRAPHQL))
    assert {"odoo==19.0.*", "odoo-addon-fusion_centralize_billing==19.0.*"} <= needed
    assert any(requirement.startswith("graphql-core") for requirement in needed)


def test_odoo_installs_the_addons_from_the_wheels_alone(
    runtime: Runtime, odoo: Odoo, database: str, installed: Path
) -> None:
    queue_job = python_env.site_packages() / "odoo" / "addons"
    path = ",".join(map(str, [*runtime.source.addons_paths, queue_job, installed]))
    arguments = ["--addons-path", path, "-d", database, "-i", GRAPHQL, "--stop-after-init", "--no-http"]
    output = odoo.run([*arguments, "--workers", "0"])
    assert databases.has_addons(odoo, database)
    assert f"'{installed}'" in output
    assert f"'{layout.CHECKOUT}'" not in output  # the checkout as an addons path; the runtime may lie inside it
    assert not [line for line in output.splitlines() if " ERROR " in line or " CRITICAL " in line]
