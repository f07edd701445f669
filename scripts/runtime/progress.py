"""Progress lines on standard error, so that standard output stays for results."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator

#: A script that goes on in another interpreter hands its start over under this name.
START_VARIABLE = "FUSION_SCRIPT_START"
_START = float(os.environ.pop(START_VARIABLE, 0)) or time.monotonic()


class Fault(Exception):
    """Something that the person at the terminal can act upon; shown without a traceback."""


def elapsed() -> float:
    """Return the seconds since the script was called."""
    return time.monotonic() - _START


def start_environment() -> dict[str, str]:
    """Return the variable that lets a successor count from this script's start."""
    return {START_VARIABLE: repr(_START)}


def say(text: str) -> None:
    print(f"[{elapsed():6.1f} s] {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(text: str, seconds: dict[str, float] | None = None) -> Iterator[None]:
    """Announce a step; on success note its seconds in ``seconds`` under its text."""
    say(f"{text} ...")
    begun = time.monotonic()
    yield
    took = time.monotonic() - begun
    if seconds is not None:
        seconds[text] = round(took, 2)
    if took > 2:
        say(f"{text}: {took:.1f} s")
