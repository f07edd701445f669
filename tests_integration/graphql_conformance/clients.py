"""Clients of others as the tests drive them: each in a process of its own, which asks what the tests tell it."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from runtime.setup import GraphqlClients

_DRIVERS = Path(__file__).parent / "drivers"
#: A proxy of the environment cannot reach this machine's server.
_ENVIRONMENT = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@dataclass(frozen=True)
class Workshop:
    """Starts drivers. Node looks for packages beside a script, so Node's drivers run as copies in ``folder``."""

    clients: GraphqlClients
    folder: Path

    def command(self, driver: str, *arguments: object) -> list[str]:
        """Return the command line of a driver."""
        words = [str(argument) for argument in arguments]
        if driver.endswith(".py"):
            return [str(self.clients.python), str(_DRIVERS / driver), *words]
        modules = self.folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(self.clients.node_modules)
        return ["node", str(shutil.copy(_DRIVERS / driver, self.folder)), *words]

    def run(self, driver: str, *arguments: object, stdin: Any = None, timeout: float = 600) -> Any:
        """Run a driver to its end and return the JSON that it prints."""
        done = subprocess.run(
            self.command(driver, *arguments),
            input=json.dumps(stdin),
            capture_output=True,
            text=True,
            timeout=timeout,
            env=_ENVIRONMENT,
            check=False,
        )
        assert done.returncode == 0, f"{driver} ended with {done.returncode}:\n{done.stderr[-3000:]}"
        return json.loads(done.stdout)


class Client:
    """A client that is running; closed by its ``with`` block."""

    def __init__(self, name: str, command: list[str]):
        self.name = name
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=_ENVIRONMENT)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *failure: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def answer(self, document: str, **variables: Any) -> dict[str, Any]:
        """Return ``data`` and ``errors`` as the client understood them."""
        print(json.dumps({"document": document, "variables": variables}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            pytest.fail(f"{self.name} ended with {self._process.wait(60)} instead of answering")
        answer = json.loads(line)
        if "failure" in answer:
            pytest.fail(f"{self.name}: {answer['failure']}\n{document}\n{variables}")
        return dict(answer)

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """Return the data of an answer without errors."""
        answer = self.answer(document, **variables)
        assert not answer.get("errors"), f"{self.name}: {answer['errors']}\n{document}\n{variables}"
        return dict(answer["data"])
