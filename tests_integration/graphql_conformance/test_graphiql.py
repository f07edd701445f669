"""GraphiQL in a real browser: people try a query and see the answer, and nothing is fetched from elsewhere."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from conftest import log_in
from main_job.back_office import BackOffice
from playwright.sync_api import Browser, Page, expect
from workshop import Workshop

from .world import World

if TYPE_CHECKING:
    from conftest import ServiceClient

_PATH = "/api/billing/graphiql"


@dataclass
class Watched:
    """A page with what it asked for and what it complained about."""

    page: Page
    urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.urls.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))

    def run(self, query: str) -> None:
        """Type a query in place of the one that is there, and run it with the button."""
        self._type(".graphiql-query-editor", query)
        self.page.get_by_role("button", name="Execute query").click()

    def set_headers(self, headers: dict[str, str]) -> None:
        self.page.get_by_role("button", name="Headers").click()
        self._type(".graphiql-editor-tool", json.dumps(headers))

    def _type(self, editor: str, text: str) -> None:
        self.page.locator(f"{editor} .CodeMirror >> visible=true").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)


@pytest.fixture
def watched(browser: Browser, workshop: Workshop, backoffice: BackOffice) -> Iterator[Watched]:
    """A page of a browser that knows nobody; what it asks of other hosts, or complains about, fails the test."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    watched = Watched(page)
    yield watched
    page.close()
    hosts = {urlsplit(url).netloc for url in watched.urls if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(backoffice.url).netloc}
    assert watched.complaints == []


@pytest.fixture
def settings_for_development(backoffice: BackOffice) -> Iterator[None]:
    """Page and schema for everybody; what is in the database still needs a key."""
    names = [f"fusion_billing_graphql.{name}" for name in ("graphiql", "introspection")]
    for name in names:
        backoffice.call("ir.config_parameter", "set_param", name, "public")
    yield
    for name in names:
        backoffice.call("ir.config_parameter", "set_param", name, False)


def test_a_billing_user_runs_a_query_and_sees_the_answer(
    watched: Watched, backoffice: BackOffice, world: World, tmp_path: Path
) -> None:
    page = watched.page
    log_in(page, backoffice.url)
    watched.urls.clear()
    watched.complaints.clear()  # those of the back office
    page.goto(backoffice.url + _PATH)
    code = world.service.code
    watched.run(f'{{ services(first: 1, filter: {{code: {{eq: "{code}"}}}}) {{ nodes {{ code }} totalCount }} }}')
    expect(page.locator(".result-window")).to_contain_text(f'"code": "{code}"')
    expect(page.locator(".result-window")).to_contain_text('"totalCount": 1')
    page.get_by_role("button", name="Show Documentation Explorer").click()
    page.locator(".graphiql-plugin").get_by_role("link", name="Query", exact=True).click()
    expect(page.locator(".graphiql-plugin")).to_contain_text("What can be read.")
    page.screenshot(path=tmp_path / "graphiql.png")


def test_who_is_not_logged_in_has_to_log_in_first(watched: Watched, backoffice: BackOffice) -> None:
    watched.page.goto(backoffice.url + _PATH)
    watched.page.wait_for_selector("input[name=login]")
    assert watched.page.locator("#graphiql").count() == 0


def test_a_developer_asks_with_a_key_and_without_a_login(
    watched: Watched,
    backoffice: BackOffice,
    service_client: Callable[[str], "ServiceClient"],
    settings_for_development: None,
) -> None:
    service = service_client("developer")
    service.api.upsert_customer("visible", "Visible", f"visible@{service.code}.example")
    watched.page.goto(backoffice.url + _PATH)
    watched.set_headers({"Authorization": f"Bearer {service.key}"})
    watched.run("{ viewer { service { code } } customers(first: 5) { nodes { externalId } } }")
    result = watched.page.locator(".result-window")
    expect(result).to_contain_text(f'"code": "{service.code}"')
    expect(result).to_contain_text('"externalId": "visible"')
