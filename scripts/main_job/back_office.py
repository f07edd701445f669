"""The back office as its web client talks to it: a session, and calls of model methods."""

from typing import Any

import requests
from runtime.progress import Fault

LOGIN = "admin"
PASSWORD = "admin"


class RpcError(Fault):
    """The server refused a call; ``data`` is what it told the web client."""

    def __init__(self, what: str, error: dict[str, Any]):
        self.data = error.get("data") or {}
        super().__init__(f"{what}: {self.data.get('message') or error.get('message')}")


class BackOffice:
    """A logged-in person. One session, so one thread: concurrent people each need their own."""

    def __init__(self, url: str, database: str, login: str = LOGIN, password: str = PASSWORD):
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment cannot reach this machine's server
        person = {"db": database, "login": login, "password": password}
        self.info = self._post("/web/session/authenticate", f"log in as {login}", **person)

    @property
    def odoo_version(self) -> str:
        return str(self.info["server_version"])

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call ``method`` of ``model`` with JSON values; records are lists of ids, the first argument."""
        path = f"/web/dataset/call_kw/{model}/{method}"
        return self._post(path, f"{model}.{method}", model=model, method=method, args=args, kwargs=kwargs)

    def create(self, model: str, values: dict[str, Any]) -> int:
        return int(self.call(model, "create", [values])[0])

    def find(self, model: str, domain: list[Any], fields: list[str], order: str = "id") -> list[dict[str, Any]]:
        return list(self.call(model, "search_read", domain, fields=fields, order=order))

    def count(self, model: str, domain: list[Any]) -> int:
        return int(self.call(model, "search_count", domain))

    def record(self, xml_id: str) -> int:
        """Return the database id behind an external id."""
        module, name = xml_id.split(".")
        found = self.find("ir.model.data", [("module", "=", module), ("name", "=", name)], ["res_id"])
        if not found:
            raise Fault(f"the database has no record {xml_id}")
        return int(found[0]["res_id"])

    def _post(self, path: str, what: str, **params: Any) -> Any:
        body: dict[str, Any] = {"jsonrpc": "2.0", "method": "call", "params": params}
        answer = self._session.post(self.url + path, json=body, timeout=120).json()
        if "error" in answer:
            raise RpcError(what, answer["error"])
        return answer.get("result")  # absent where a method returns nothing
