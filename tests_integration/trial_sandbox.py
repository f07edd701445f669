"""The trial sandbox of scripts/fcb_test_on_trial.sh: a checkout with small addons, and stand-ins for what is far away.

The script, bash, tar, the shipped functions and the processes in the "guest" are real; ssh, qm with the guest agent,
and where a test does not say otherwise Odoo, are the stand-ins of stand_ins/trial, whose headers tell
what they imitate.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
STAND_INS = Path(__file__).resolve().parent / "stand_ins" / "trial"
SCRIPT = "scripts/fcb_test_on_trial.sh"
PROBE = "scripts/enterprise_probe"

REFUSED, UNPROVEN, UNREACHABLE, SANDBOX, TIMEOUT = 64, 65, 69, 70, 124

MANIFEST = "{'name': 'Tiny', 'depends': ['base'], 'license': 'OPL-1', 'installable': True}\n"


class Trial:
    """A checkout with two small addons, and a sandbox that consists of stand-ins."""

    def __init__(self, folder: Path):
        self.checkout = folder / "checkout"
        self.addons = folder / "guest" / "addons"
        self.guest_tmp = folder / "guest" / "tmp"
        self.local_tmp = folder / "tmp"
        self.log = folder / "calls.log"
        self.odoo_called = folder / "odoo_called.log"
        agent = folder / "agent"
        for path in (self.checkout / "scripts", self.addons, self.guest_tmp, self.local_tmp, agent):
            path.mkdir(parents=True)
        shutil.copy(CHECKOUT / SCRIPT, self.checkout / SCRIPT)
        shutil.copytree(CHECKOUT / PROBE, self.checkout / PROBE)
        self.add_addon("enterprise/fusion_subscription", "the Enterprise binding")
        self.add_addon("fusion_subscription", "the Community addon")
        self.add_addon("fusion_centralize_billing", "the engine")
        shutil.copy(STAND_INS / "odoo", folder / "odoo")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("FCB_")} | {
            "PATH": f"{STAND_INS}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TMPDIR": str(self.local_tmp),
            "STAND_IN_LOG": str(self.log),
            "STAND_IN_GUEST": str(agent),
            "STAND_IN_ODOO_CALLED": str(self.odoo_called),
            "FCB_ADDONS_PATH": str(self.addons),
            "FCB_ODOO": str(folder / "odoo"),
            "FCB_ODOO_CONF": "",
            "FCB_ODOO_USER": "",
            "FCB_REMOTE_TMP": str(self.guest_tmp),
            "FCB_POLL": "0.02",
        }

    def add_addon(self, folder: str, summary: str) -> Path:
        addon = self.checkout / folder
        (addon / "tests").mkdir(parents=True)
        (addon / "__manifest__.py").write_text(MANIFEST)
        (addon / "__init__.py").write_text("")
        (addon / "SUMMARY").write_text(summary)
        return addon

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.checkout / SCRIPT, *arguments],
            env=self.environment | settings,
            cwd=self.local_tmp,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # Shells start background jobs with SIGINT ignored, and a script that inherits that cannot trap it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **settings)
        return self.finished(process)

    def finished(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """Wait for the end; whatever it is, the last line tells the exit code."""
        out, err = process.communicate(timeout=600)
        assert out.splitlines()[-1] == f"FCB_EXIT={process.returncode}", out + err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    @property
    def calls(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def steps(self) -> list[str]:
        return [call["step"] for call in self.calls if call["step"]]

    @property
    def odoo(self) -> dict:
        """The only call of Odoo: that there was one, and one only, is part of each test that looks."""
        (line,) = self.odoo_called.read_text().splitlines()
        return json.loads(line)

    def left_overs(self) -> list[Path]:
        hidden = [path for path in self.addons.iterdir() if path.name.startswith(".")]
        return [*self.local_tmp.iterdir(), *self.guest_tmp.iterdir(), *hidden]

    def wait_for_odoo(self) -> int:
        wait_until(lambda: self.odoo_called.exists() and self.odoo_called.read_text().endswith("\n"))
        return self.odoo["pid"]


def wait_until(condition: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
