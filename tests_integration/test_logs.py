"""What a live server's log holds of requests: who was refused what, and no key of anybody."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import requests
from runtime.server import Server

if TYPE_CHECKING:
    from conftest import ServiceClient

REFUSED = re.compile(r"API request (\S+) refused: service=(\S+) operation=(\S+) code=(\S+) status=(\d+)")
PATHS = (
    "/api/billing/v1/plans",
    "/api/billing/v1/nowhere",
    "/api/billing/jsonrpc",
    "/api/billing/graphql",
    "/api/billing/graphiql",
    "/web/nowhere",
    "/nowhere",
)


@pytest.fixture
def server_log(server: Server) -> Callable[[], str]:
    """Return a function that returns what the server logged since the test began."""
    assert server.log
    log, begin = server.log, server.log.stat().st_size
    return lambda: log.read_bytes()[begin:].decode(errors="replace")


def test_no_key_that_stood_in_a_url_is_in_the_log(
    server: Server,
    service_client: Callable[[str], "ServiceClient"],
    server_log: Callable[[], str],
    wait_until: Callable[..., object],
) -> None:
    key = service_client("careless").key
    for path in PATHS:
        for query in (f"api_key={key}", f"api_key={key.replace('_', '%5F')}&query=%7B__typename%7D", key):
            for method in ("GET", "POST"):
                requests.request(method, f"{server.url}{path}?{query}", timeout=300)
        requests.get(f"{server.url}{path}/{key}", timeout=300)
    requests.get(f"{server.url}/api/billing/v1/plans?last=one", timeout=300)
    wait_until(lambda: "last=one" in server_log(), what="the last line of the access log")
    logged = server_log()
    assert logged.count("fcb_...") >= 7 * len(PATHS)
    assert key[:16] not in logged
    assert key[16:].replace("_", "%5F") not in logged
    assert key[16:] not in logged


def test_a_refusal_is_one_line_with_the_id_that_the_answer_names(
    server: Server, service_client: Callable[[str], "ServiceClient"], server_log: Callable[[], str]
) -> None:
    client = service_client("refused")
    headers = {"Authorization": f"Bearer {client.key}", "X-Request-Id": "logged-7"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "recordUsage", "params": {"events": "unlogged"}}
    document = {"query": '{ subscriptions(first: 1, filter: {serviceId: {eq: "unlogged"}}) { totalCount } }'}
    asked = (("v1/usage", {"events": "unlogged"}), ("jsonrpc", call), ("graphql", document))
    for path, body in asked:
        answer = requests.post(f"{server.url}/api/billing/{path}", json=body, headers=headers, timeout=300)
        assert answer.headers["X-Request-Id"] == "logged-7"
    logged = server_log()
    assert [match for match in REFUSED.findall(logged) if match[0] == "logged-7"] == [
        ("logged-7", client.code, "recordUsage", "invalid_payload", "400"),
        ("logged-7", client.code, "recordUsage", "invalid_payload", "400"),
        ("logged-7", client.code, "subscriptions", "invalid_id", "400"),
    ]
    assert "unlogged" not in logged
