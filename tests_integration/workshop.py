"""Drivers: small programs that use packages of others as their users do, each in a process of its own."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.foreign_packages import ForeignPackages

#: A proxy of the environment cannot reach this machine's server.
ENVIRONMENT = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@dataclass(frozen=True)
class Workshop:
    """Starts drivers. Node looks for packages beside a script, so Node's drivers run as copies in ``folder``.

    :param drivers: the folder of the programs
    """

    packages: ForeignPackages
    drivers: Path
    folder: Path

    def command(self, driver: str, *arguments: object) -> list[str]:
        """Return the command line of a driver."""
        words = [str(argument) for argument in arguments]
        if driver.endswith(".py"):
            return [str(self.packages.python), str(self.drivers / driver), *words]
        modules = self.folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(self.packages.node_modules)
        return ["node", str(shutil.copy(self.drivers / driver, self.folder)), *words]

    def run(self, driver: str, *arguments: object, stdin: Any = None, timeout: float = 600) -> Any:
        """Run a driver to its end and return the JSON that it prints."""
        done = subprocess.run(
            self.command(driver, *arguments),
            input=json.dumps(stdin),
            capture_output=True,
            text=True,
            timeout=timeout,
            env=ENVIRONMENT,
            check=False,
        )
        assert done.returncode == 0, f"{driver} ended with {done.returncode}:\n{done.stderr[-3000:]}"
        return json.loads(done.stdout)
