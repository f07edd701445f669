"""The back office as finance people have it: a real browser on a live server."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from conftest import ServiceClient, log_in
from main_job.back_office import BackOffice
from main_job.source_app import SourceApp
from playwright.sync_api import Browser, Page, expect

# The Debian package of Odoo leaves out one file of the mail addon, and says so in the console.
_HARMLESS = re.compile("selfie_segmentation")
_VIEW = ".o_list_view, .o_kanban_view, .o_form_view"


@pytest.fixture
def page(browser: Browser, backoffice: BackOffice) -> Iterator[Page]:
    """A logged-in page; what its scripts complain about fails the test."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.on("pageerror", lambda error: complaints.append(str(error)))
    log_in(page, backoffice.url)
    yield page
    page.close()
    assert [text for text in complaints if not _HARMLESS.search(text)] == []


@pytest.fixture
def billed_service(service_client: Callable[[str], ServiceClient], backoffice: BackOffice) -> ServiceClient:
    """A service with a customer, usage and a correction of it, so that the lists have something to show."""
    service = service_client("screens")
    recurrence = backoffice.find("sale.subscription.plan", [], ["id"])[0]["id"]
    metric = backoffice.create("fusion.billing.metric", {"name": "Screens", "code": service.code})
    product = backoffice.create("product.product", {"name": "Screens", "type": "service"})
    plan = {"name": "Screens", "code": service.code, "plan_id": recurrence}
    backoffice.create("fusion.billing.plan", plan)
    charge = {"name": "Screens", "plan_code": service.code, "metric_id": metric, "product_id": product}
    backoffice.create("fusion.billing.charge", {**charge, "included_quota": 10, "price_per_unit": 0.00125})
    service.api.upsert_customer("customer", "Screen Customer", f"{service.code}@example.com")
    service.api.open_subscription(external_customer_id="customer", external_id=service.code, plan_code=service.code)
    today = datetime.now(UTC).date()
    counter = {"subscription_external_id": service.code, "metric_code": service.code, "idempotency_key": service.code}
    window = {"period_start": f"{today}T00:00:00Z", "period_end": f"{today + timedelta(days=1)}T00:00:00Z"}
    for quantity in (12, 13):  # the second one is a correction
        service.api.record_usage([{**counter, **window, "quantity": quantity}])
    return service


def _open(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(_VIEW)


def test_every_billing_menu_opens_its_list_and_a_record(
    page: Page, backoffice: BackOffice, billed_service: ServiceClient
) -> None:
    root = backoffice.record("fusion_centralize_billing.menu_billing_root")
    menus = backoffice.find("ir.ui.menu", [("id", "child_of", root), ("action", "!=", False)], ["name", "action"])
    assert len(menus) >= 10
    for menu in menus:
        action = menu["action"].split(",")[1]
        _open(page, f"{backoffice.url}/odoo/action-{action}")
        assert page.locator(".o_error_dialog").count() == 0, menu["name"]
        first = page.locator("tr.o_data_row td.o_data_cell").first
        if first.count():
            first.click()
            expect(page.locator(".o_form_view"), menu["name"]).to_be_visible()
            assert page.locator(".o_error_dialog").count() == 0, menu["name"]


def test_a_manager_registers_a_service_and_sees_when_its_user_is_unusable(page: Page, backoffice: BackOffice) -> None:
    action = backoffice.record("fusion_centralize_billing.action_billing_service")
    code = f"registered-{datetime.now(UTC).timestamp()}"
    _open(page, f"{backoffice.url}/odoo/action-{action}/new")
    page.locator(".o_form_view .o_field_widget[name=name] input").fill("Registered")
    page.locator(".o_form_view .o_field_widget[name=code] input").fill(code)
    page.locator(".o_form_button_save").click()
    expect(page.get_by_text("Registered (billing service)")).to_be_visible()
    banner = page.locator(".alert[name=user_fault]")
    expect(banner).to_have_count(0)
    [service] = backoffice.find("fusion.billing.service", [("code", "=", code)], ["user_id"])
    backoffice.call("res.users", "write", service["user_id"][:1], {"active": False})
    _open(page, f"{backoffice.url}/odoo/action-{action}/{service['id']}")
    expect(banner).to_contain_text("It is archived.")


def test_a_manager_makes_a_key_that_is_shown_once_and_works(
    page: Page, backoffice: BackOffice, billed_service: ServiceClient
) -> None:
    action = backoffice.record("fusion_centralize_billing.action_billing_service")
    _open(page, f"{backoffice.url}/odoo/action-{action}/{billed_service.id}")
    page.get_by_role("button", name="New API Key").click()
    page.locator(".modal .o_field_widget[name=name] input").fill("made in the browser")
    page.get_by_role("button", name="Make the Key").click()
    shown = page.locator(".modal .o_field_widget[name=raw_key]")
    expect(shown).to_contain_text("fcb_")
    key = re.search(r"fcb_[0-9a-f]{8}_[\w-]{43}", shown.inner_text())
    assert key
    assert SourceApp(backoffice.url, key[0]).request("GET", "/plans").status_code == 200
    page.locator(".modal footer button").click()
    _open(page, f"{backoffice.url}/odoo/action-{action}/{billed_service.id}")
    expect(page.get_by_text("made in the browser")).to_be_visible()
    assert key[0] not in page.content()


def test_a_manager_makes_a_webhook_secret_that_is_shown_once_and_signs(
    page: Page, backoffice: BackOffice, service_client: Callable[[str], ServiceClient]
) -> None:
    service = service_client("secret-screen")
    action = backoffice.record("fusion_centralize_billing.action_billing_service")
    _open(page, f"{backoffice.url}/odoo/action-{action}/{service.id}")
    page.get_by_role("button", name="New Webhook Secret").click()
    page.locator(".modal footer").get_by_role("button", name="Ok").click()
    shown = page.locator(".modal .o_field_widget[name=raw_secret]")
    expect(shown).to_contain_text("whsec_")
    secret = re.search(r"whsec_[A-Za-z0-9+/]{43}=", shown.inner_text())
    assert secret
    page.locator(".modal footer button").click()
    _open(page, f"{backoffice.url}/odoo/action-{action}/{service.id}")
    expect(page.locator(".o_field_widget[name=webhook_secret_state]")).to_contain_text("the former one signs as well")
    expect(page.locator(".o_field_widget[name=webhook_secret] input")).to_have_value("")
    assert secret[0] not in page.content()
    page.locator(".o_field_widget[name=webhook_secret] input").fill("too easy")
    page.locator(".o_form_button_save").click()
    expect(page.locator(".modal", has_text="at least 24 random bytes")).to_be_visible()


def test_people_read_why_something_is_refused(
    page: Page, backoffice: BackOffice, billed_service: ServiceClient
) -> None:
    [usage] = backoffice.find("fusion.billing.usage", [("idempotency_key", "=", billed_service.code)], ["company_id"])
    company = usage["company_id"][0]
    action = backoffice.record("fusion_centralize_billing.action_billing_usage")
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    backoffice.call("res.company", "write", [company], {"x_fc_usage_lock_date": str(tomorrow)})
    try:
        _open(page, f"{backoffice.url}/odoo/action-{action}/{usage['id']}")
        page.locator(".o_statusbar_buttons button[name=action_void]").click()
        page.locator(".modal .o_field_widget[name=reason] input").fill("Counted twice")
        page.locator(".modal footer").get_by_role("button", name="Void").click()
        expect(page.locator(".modal", has_text="Usage of that time is locked.")).to_be_visible()
    finally:
        backoffice.call("res.company", "write", [company], {"x_fc_usage_lock_date": False})


def test_a_charge_can_be_tried_before_anything_is_billed(
    page: Page, backoffice: BackOffice, billed_service: ServiceClient
) -> None:
    [charge] = backoffice.find("fusion.billing.charge", [("plan_code", "=", billed_service.code)], ["id"])
    action = backoffice.record("fusion_centralize_billing.action_billing_charge")
    _open(page, f"{backoffice.url}/odoo/action-{action}/{charge['id']}")
    expect(page.locator(".o_field_widget[name=price_per_unit] input")).to_have_value("0.00125")
    quantity = page.locator(".o_field_widget[name=example_quantity] input")
    quantity.fill("1010")
    quantity.press("Tab")
    expect(page.locator(".o_field_widget[name=example_amount]")).to_contain_text("1.25")


def test_the_order_leads_to_its_usage_and_ratings(
    page: Page, backoffice: BackOffice, billed_service: ServiceClient
) -> None:
    [order] = backoffice.find("sale.order", [("x_fc_external_id", "=", billed_service.code)], ["id"])
    _open(page, f"{backoffice.url}/odoo/action-sale.action_orders/{order['id']}")
    page.locator("button[name=action_view_x_fc_usage]").click()
    page.wait_for_selector(".o_list_view")
    expect(page.locator(".o_breadcrumb")).to_contain_text("Usage")
