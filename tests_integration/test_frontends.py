"""A page in a real browser, served from another origin, reads one customer with an access token."""

import http.server
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Plan, ServiceClient
from main_job.back_office import BackOffice
from playwright.sync_api import Browser, Error, Page

#: The example that people copy is what the page runs.
_README = Path(__file__).parents[1] / "fusion_billing_graphql" / "readme" / "USAGE.md"
_ASK = "([url, token]) => readBilling(url, token).catch(error => ({ failed: error.message }))"
_MUTATE = """([url, token]) => fetch(`${url}/api/billing/graphql`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ query: 'mutation { upsertCustomer(input: {externalId: "page"}) { userErrors { code } } }' }),
}).then(response => response.json()).then(answer => answer.errors[0].extensions.code)"""


def _read_example() -> str:
    found = re.search(r"```js\n(.*?)```", _README.read_text(), re.DOTALL)
    assert found
    return found.group(1)


class _Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"<!DOCTYPE html><title>Shop</title><script>{_read_example()}</script>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        pass


@contextmanager
def _serve_site() -> Iterator[str]:
    """Yield the origin of a web site with the example on its page."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://localhost:{site.server_port}"
        site.shutdown()


@pytest.fixture
def listed_site() -> Iterator[str]:
    with _serve_site() as origin:
        yield origin


@pytest.fixture
def other_site() -> Iterator[str]:
    with _serve_site() as origin:
        yield origin


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def service(
    service_client: Callable[[str], ServiceClient],
    backoffice: BackOffice,
    new_plan: Callable[[BackOffice], Plan],
    listed_site: str,
) -> ServiceClient:
    """A service that lists a web site, with two customers who have used something of a plan."""
    client = service_client("frontend")
    backoffice.call("fusion.billing.service", "write", [client.id], {"frontend_origins": listed_site})
    plan = new_plan(backoffice)
    today = datetime.now(UTC).date()
    window = {"period_start": f"{today}T00:00:00Z", "period_end": f"{today + timedelta(days=1)}T00:00:00Z"}
    for customer, quantity in (("mine", 12), ("theirs", 99)):
        client.api.upsert_customer(customer, customer, f"{customer}@{client.code}.example.com")
        client.api.open_subscription(external_customer_id=customer, external_id=customer, plan_code=plan.code)
        counter = {"subscription_external_id": customer, "metric_code": plan.metric, "idempotency_key": customer}
        client.api.record_usage([{**counter, **window, "quantity": quantity}])
    return client


def _make_token(client: ServiceClient, customer: str = "mine") -> str:
    return str(client.api.ask("POST", f"/customers/{customer}/tokens", {})["token"])


def test_a_page_of_a_listed_web_site_shows_its_customer(
    page: Page, service: ServiceClient, backoffice: BackOffice, listed_site: str
) -> None:
    page.goto(listed_site)
    shown = page.evaluate(_ASK, [backoffice.url, _make_token(service)])
    assert shown["externalId"] == "mine"
    [subscription] = shown["subscriptions"]["nodes"]
    assert subscription["externalId"] == "mine"
    assert [usage["quantity"] for usage in subscription["currentUsage"]] == ["12"]
    assert shown["invoices"]["nodes"] == []
    [link] = backoffice.find(
        "fusion.billing.account.link",
        [("service_id", "=", service.id), ("external_id", "=", "mine")],
        ["active_token_count", "token_last_used_at"],
    )
    assert link["active_token_count"] == 1
    assert link["token_last_used_at"]


def test_a_page_reads_why_it_was_refused(
    page: Page, service: ServiceClient, backoffice: BackOffice, listed_site: str
) -> None:
    page.goto(listed_site)
    token = _make_token(service)
    assert page.evaluate(_MUTATE, [backoffice.url, token]) == "read_only"
    assert page.evaluate(_MUTATE, [backoffice.url, service.key]) == "key_in_browser"
    assert backoffice.count("fusion.billing.account.link", [("external_id", "=", "page")]) == 0
    links = backoffice.find("fusion.billing.account.link", [("service_id", "=", service.id)], ["id"])
    backoffice.call("fusion.billing.account.link", "action_revoke_tokens", [link["id"] for link in links])
    assert page.evaluate(_ASK, [backoffice.url, token]) == {"failed": "unauthenticated"}


def test_a_page_of_another_web_site_reads_nothing(
    page: Page, service: ServiceClient, backoffice: BackOffice, other_site: str
) -> None:
    page.goto(other_site)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    for credential in (_make_token(service), service.key):
        assert page.evaluate(_ASK, [backoffice.url, credential]) == {"failed": "Failed to fetch"}
        with pytest.raises(Error, match="Failed to fetch"):
            page.evaluate(_MUTATE, [backoffice.url, credential])
    assert asked
    assert backoffice.count("fusion.billing.account.link", [("external_id", "=", "page")]) == 0
    # A web site that another service lists is asked ahead in vain, too: the answer is for the token's own service.
    code = f"{service.code}-other"
    backoffice.create("fusion.billing.service", {"name": "Other", "code": code, "frontend_origins": other_site})
    page.goto(other_site)
    assert page.evaluate(_ASK, [backoffice.url, _make_token(service)]) == {"failed": "Failed to fetch"}
