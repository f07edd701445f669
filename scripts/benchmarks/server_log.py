"""What requests cost the server, as its log tells: Odoo ends the line of each with its SQL queries and times."""

import re
import time
from pathlib import Path

from runtime.progress import Fault

_LINE = re.compile(rb'"POST (?:/api/billing/graphql|/json/2/)\S* HTTP/1\.[01]" \d+ - (?P<queries>\d+) ')
_PATIENCE = 10


class ServerLog:
    def __init__(self, path: Path):
        self._path = path
        self._read = path.stat().st_size

    def skip(self) -> None:
        """Forget what was logged so far."""
        self._read = self._path.stat().st_size

    def queries_of(self, calls: int) -> int:
        """Return the SQL queries of the calls since skip(); the line of one may come after its answer."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            with open(self._path, "rb") as log:
                log.seek(self._read)
                counts = [int(line["queries"]) for line in _LINE.finditer(log.read())]
            if len(counts) == calls:
                return sum(counts)
            if len(counts) > calls or time.monotonic() > deadline:
                raise Fault(f"{len(counts)} requests are in {self._path}, {calls} were made")
            time.sleep(0.01)
