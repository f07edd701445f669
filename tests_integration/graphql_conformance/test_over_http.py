"""The audits of "GraphQL over HTTP", as its working group publishes them in graphql-http."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from workshop import Workshop

if TYPE_CHECKING:
    from conftest import ServiceClient

#: graphql-http 1.23.1 has 61.
LEAST_AUDITS = 60


def test_the_server_passes_every_audit_of_graphql_over_http(
    workshop: Workshop, endpoint: str, service_client: Callable[[str], "ServiceClient"]
) -> None:
    results = workshop.run("audit_driver.mjs", endpoint, service_client("audit").key)
    failed = [f"{r['status']} {r['id']}: {r['name']}: {r['reason']}" for r in results if r["status"] != "ok"]
    print(f"{len(results)} audits, {len(results) - len(failed)} passed")
    assert [text for text in failed if not text.startswith("notice")] == []
    assert len(results) >= LEAST_AUDITS
    assert failed == [], "the recommendations are met too; a notice would be a step back"
