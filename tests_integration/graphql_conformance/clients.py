"""Clients of others as the tests drive them: each in a process of its own, which asks what the tests tell it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from workshop import ENVIRONMENT

DRIVERS = Path(__file__).parent / "drivers"


class Client:
    """A client that is running; closed by its ``with`` block."""

    def __init__(self, name: str, command: list[str]):
        self.name = name
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=ENVIRONMENT)

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
