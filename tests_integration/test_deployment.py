"""The files in deploy/ that people copy: accepted by systemd, and of one mind with what the runtime runs."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
from runtime import configuration, layout
from runtime.configuration import Part, ServerOptions
from runtime.server import Odoo

DEPLOY = layout.CHECKOUT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
#: What depends on the machine, or on how long people let a request take.
PLACES = {"addons_path", "data_dir", "db_host", "db_port", "db_user", "db_name", "dbfilter", "http_port", "gevent_port"}
PLACES |= {"workers", "limit_time_cpu", "limit_time_real", "without_demo", "proxy_mode"}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd on this machine")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_accepts_the_units(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text()
    assert "ExecStart=/usr/bin/odoo " in text
    copy = tmp_path / unit.name
    copy.write_text(text.replace("/usr/bin/odoo ", "/bin/true "))  # systemd looks whether the program is there
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]
    assert not complaints
    assert "Restart=always" in text


@pytest.mark.parametrize("part", [Part.HTTP, Part.JOBS])
def test_the_configurations_say_what_the_runtime_runs(part: Part, odoo: Odoo) -> None:
    written = configuration.write(odoo.source, odoo.connection, ServerOptions("billing", 8069, part=part))
    ours, delivered = _read(written), _read(DEPLOY / "odoo" / f"{part.value}.conf")
    written.unlink()
    options = {name: value for name, value in delivered["options"].items() if name not in PLACES}
    assert options == {name: value for name, value in ours["options"].items() if name not in PLACES}
    assert delivered["queue_job"]["channels"] == ours["queue_job"]["channels"]


def test_the_job_runner_hands_jobs_to_its_own_server_which_has_room_for_them() -> None:
    http, jobs = _read(DEPLOY / "odoo" / "http.conf"), _read(DEPLOY / "odoo" / "jobs.conf")
    assert (jobs["queue_job"]["host"], jobs["queue_job"]["port"]) == ("127.0.0.1", jobs["options"]["http_port"])
    root = int(jobs["queue_job"]["channels"].split(",")[0].removeprefix("root:"))
    assert root < int(jobs["options"]["workers"])
    ports = [part["options"][name] for part in (http, jobs) for name in ("http_port", "gevent_port")]
    assert len(set(ports)) == len(ports)
    # One filestore and one key, or one could not read what the other has written.
    for section, name in (("options", "data_dir"), ("options", "db_name"), ("fusion_billing", "secret_key_file")):
        assert http[section][name] == jobs[section][name]


def _read(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path)
    return parser
