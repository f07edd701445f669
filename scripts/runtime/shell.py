"""Running other programs: quiet when they succeed, their output shown when they fail."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .progress import Fault


def run(
    command: Sequence[object],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    stdin: str | None = None,
) -> str:
    """Run ``command`` to its end and return its output; a failure is a Fault that shows its last lines."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(done.stdout)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-30:])
        where = f" (whole output: {log})" if log else ""
        raise Fault(f"{' '.join(words[:6])} ... ended with {done.returncode}{where}\n{tail}")
    return done.stdout
