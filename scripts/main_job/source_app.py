"""A source app: the billing API over HTTP with a bearer key."""

from typing import Any

import requests
from runtime.progress import Fault

BASE = "/api/billing/v1"


class ApiError(Fault):
    """The API refused a request; ``status`` and ``body`` are its answer."""

    def __init__(self, what: str, answer: requests.Response):
        self.status = answer.status_code
        self.body = answer.text
        super().__init__(f"{what}: HTTP {self.status}: {self.body[:500]}")


class SourceApp:
    """May be used by several threads at once: it keeps no state but its key."""

    def __init__(self, url: str, key: str | None):
        self.url = url
        self.key = key

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Send one request below the API's base and return the answer, whatever its status."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers.update(options.pop("headers", {}))
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment cannot reach this machine's server
            options.setdefault("timeout", 60)
            return session.request(method, self.url + BASE + path, json=body, headers=headers, **options)

    def upsert_customer(self, external_id: str, name: str, email: str) -> dict[str, Any]:
        return self._ask("POST", "/customers", {"external_id": external_id, "name": name, "email": email})

    def open_subscription(self, **values: Any) -> dict[str, Any]:
        return self._ask("POST", "/subscriptions", values)

    def record_usage(self, events: list[dict[str, Any]]) -> int:
        """Push counters and return how many were accepted."""
        return int(self._ask("POST", "/usage", {"events": events})["accepted"])

    def plans(self) -> list[dict[str, Any]]:
        return list(self._ask("GET", "/plans")["charges"])

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.request(method, path, body)
        if not answer.ok:
            raise ApiError(f"{method} {path}", answer)
        return dict(answer.json())
