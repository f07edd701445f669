"""An HTTP client that counts: calls, and bytes of the answers' bodies."""

from types import TracebackType
from typing import Any

import requests
from runtime.progress import Fault


class CountingClient:
    """A client with a bearer key of its own; one session, as a program that makes many calls has."""

    def __init__(self, url: str, key: str):
        self.url = url
        self.calls = self.bytes = 0
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment cannot reach this machine's server
        self._session.headers["Authorization"] = f"Bearer {key}"

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send a request and return the decoded answer; a refusal is a Fault."""
        answer = self._session.post(self.url + path, json=body, timeout=120)
        self.calls += 1
        self.bytes += len(answer.content)
        if not answer.ok:
            raise Fault(f"POST {path}: HTTP {answer.status_code}: {answer.text[:500]}")
        return answer.json()

    def __enter__(self) -> "CountingClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()
