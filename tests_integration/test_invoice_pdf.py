"""The printed invoice, as wkhtmltopdf renders it on a live server."""

import base64
import io
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import requests
from main_job import job_queue
from main_job.back_office import BackOffice
from pypdf import PdfReader

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

PATH = "/api/billing/jsonrpc"
START = datetime.now(timezone.utc).date() - timedelta(days=45)


@pytest.fixture(scope="module")
def client(service_client: Callable[[str], "ServiceClient"]) -> "ServiceClient":
    return service_client("printing")


@pytest.fixture(scope="module")
def invoice(
    client: "ServiceClient",
    backoffice: BackOffice,
    new_plan: Callable[[BackOffice], "Plan"],
    wait_until: Callable[..., Any],
) -> dict[str, Any]:
    plan = new_plan(backoffice)
    plan.open(client.api, "printed", START)
    client.api.request("POST", "/usage", {"events": [plan.counter("printed", 140, START)]}).raise_for_status()
    job_queue.run_now(backoffice, job_queue.CREATE_INVOICES)
    listing = {"subscription_external_id": "printed"}
    return dict(wait_until(lambda: client.api.request("GET", "/invoices", params=listing).json()["invoices"])[0])


def _check_drawn(content: bytes) -> None:
    """Check that the page is drawn on. There is no text to read: wkhtmltopdf draws letters of web fonts as outlines."""
    (page,) = PdfReader(io.BytesIO(content)).pages
    drawing = page.get_contents()
    assert drawing is not None
    assert drawing.get_data().count(b" c\n") > 5_000  # curves of letters


def test_the_pdf_is_a_drawn_page_named_after_the_invoice(client: "ServiceClient", invoice: dict[str, Any]) -> None:
    answer = client.api.request("GET", f"/invoices/{invoice['invoice_id']}/pdf")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment") and invoice["number"].replace("/", "_") in disposition
    _check_drawn(answer.content)


def test_json_rpc_gives_the_same_document_as_base64(
    client: "ServiceClient", invoice: dict[str, Any], backoffice: BackOffice
) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "getInvoicePdf", "params": {"invoice_id": invoice["invoice_id"]}}
    answer = requests.post(f"{backoffice.url}{PATH}", json=call, headers={"Authorization": f"Bearer {client.key}"})
    result = answer.json()["result"]
    assert (result["status"], result["content_type"]) == ("ok", "application/pdf")
    _check_drawn(base64.b64decode(result["content_base64"]))
