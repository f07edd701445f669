"""Progress lines on standard error, so that standard output stays for results."""

import contextlib
import sys
import time
from collections.abc import Iterator

_START = time.monotonic()


class Fault(Exception):
    """Something that the person at the terminal can act upon; shown without a traceback."""


def say(text: str) -> None:
    print(f"[{time.monotonic() - _START:6.1f} s] {text}", file=sys.stderr, flush=True)


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
