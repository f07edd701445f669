"""A source app: the billing API over HTTP with a bearer key, as REST, JSON-RPC and GraphQL."""

from typing import Any

import requests
from runtime.progress import Fault

BASE = "/api/billing/v1"
GRAPHQL = "/api/billing/graphql"
JSONRPC = "/api/billing/jsonrpc"
_RECORD_USAGE = """mutation($input: RecordUsageInput!) {
    recordUsage(input: $input) { accepted userErrors { field code message } } }"""


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
        return self._send(method, BASE + path, body, **options)

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """Send one request below the API's base and return the answer's object; an error is an ApiError."""
        answer = self.request(method, path, body, **options)
        if not answer.ok:
            raise ApiError(f"{method} {path}", answer)
        return dict(answer.json())

    def ask_graphql(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Send one GraphQL operation and return its data; an error anywhere in it is an ApiError."""
        answer = self._send("POST", GRAPHQL, {"query": document, "variables": variables})
        if not answer.ok or "errors" in answer.json():
            raise ApiError("GraphQL", answer)
        return dict(answer.json()["data"])

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Make one JSON-RPC call and return its result; an error of it is an ApiError."""
        answer = self._send("POST", JSONRPC, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        if not answer.ok or "result" not in answer.json():
            raise ApiError(f"JSON-RPC {method}", answer)
        return dict(answer.json()["result"])

    def upsert_customer(self, external_id: str, name: str, email: str) -> dict[str, Any]:
        return self.ask("POST", "/customers", {"external_id": external_id, "name": name, "email": email})

    def open_subscription(self, **values: Any) -> dict[str, Any]:
        return self.ask("POST", "/subscriptions", values)

    def record_usage(self, events: list[dict[str, Any]]) -> int:
        """Push counters and return how many were accepted."""
        return int(self.ask("POST", "/usage", {"events": events})["accepted"])

    def record_usage_by_graphql(self, events: list[dict[str, Any]]) -> int:
        """Push the same counters as a mutation and return how many were accepted."""
        given = {"events": [{_camel_case(name): value for name, value in event.items()} for event in events]}
        done = self.ask_graphql(_RECORD_USAGE, {"input": given})["recordUsage"]
        if done["userErrors"]:
            raise Fault(f"recordUsage: {done['userErrors'][:5]}")
        return int(done["accepted"])

    def record_usage_by_jsonrpc(self, events: list[dict[str, Any]]) -> int:
        """Push the same counters as a call and return how many were accepted."""
        return int(self.call("recordUsage", events=events)["accepted"])

    def plans(self) -> list[dict[str, Any]]:
        return list(self.ask("GET", "/plans")["charges"])

    def _send(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers.update(options.pop("headers", {}))
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment cannot reach this machine's server
            options.setdefault("timeout", 60)
            return session.request(method, self.url + path, json=body, headers=headers, **options)


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
