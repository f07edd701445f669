"""How a script starts and ends: in the right interpreter, without a traceback for what is no bug."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from . import layout, progress, setup
from .progress import Fault
from .setup import Runtime


def run(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Run a script's ``main`` and exit with its code."""
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main(sys.argv[1:]))
    except Fault as fault:
        sys.exit(f"scripts/{Path(sys.argv[0]).name}: {fault}")
    except KeyboardInterrupt:
        sys.exit(130)


def enter_runtime() -> Runtime:
    """Return the complete runtime, in the interpreter of its environment (which has our requirements).

    The first call in another interpreter does not return: the script starts again in the right one.
    """
    runtime = setup.ensure()
    if Path(sys.prefix).resolve() != layout.VENV.resolve():
        command = [str(layout.VENV_PYTHON), *sys.argv]
        os.execve(command[0], command, {**os.environ, **progress.start_environment()})
    return runtime


def _end(number: int, frame: object) -> NoReturn:
    """Leave through the ``with`` blocks, which stop what the script started."""
    sys.exit(128 + number)
