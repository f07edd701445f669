"""Back office work before the first customer: the catalogue, the service and its key."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from . import price_list
from .back_office import BackOffice
from .price_list import Charge, Tier
from .receiver import Endpoint

SERVICE_CODE = "nycflights"
SERVICE_NAME = "New York flights"
#: Webhooks go to public addresses only, unless this parameter says that loopback is meant.
_LOOPBACK = "fusion_centralize_billing.webhook_allow_loopback"


@dataclass(frozen=True)
class Service:
    id: int
    key: str


def allow_loopback_webhooks(office: BackOffice) -> None:
    office.call("ir.config_parameter", "set_param", _LOOPBACK, "True")


def lift_limits(office: BackOffice) -> None:
    """Let one client send as much as it can, for as long as it takes: most tests have one, and machines are slow."""
    rates = ("reads_per_second", "writes_per_second", "costly_per_second", "failures_at_once")
    for name in (*rates, "request_seconds", "preview_seconds"):
        office.call("ir.config_parameter", "set_param", f"fusion_centralize_billing.{name}", "0")


def allow_starts_since(office: BackOffice, day: date) -> None:
    """Let services open subscriptions that began on a day long ago."""
    [company] = office.find("res.company", [("id", "=", office.info["user_companies"]["current_company"])], ["name"])
    back = (date.today() - day).days + 1  # the server's day may be another one
    office.call("res.company", "write", [company["id"]], {"x_fc_start_days_back": back})


def create_catalogue(office: BackOffice) -> None:
    """Create the plan of the price list with its metrics, products and charges."""
    recurrence = office.create(
        "sale.subscription.plan",
        {"name": "Monthly, main job", "billing_period_value": 1, "billing_period_unit": "month"},
    )
    fee_product = _create_product(office, "Airline plan, monthly fee", price=price_list.MONTHLY_FEE, recurring=True)
    plan = {"name": price_list.PLAN_NAME, "code": price_list.PLAN_CODE, "plan_id": recurrence}
    office.create("fusion.billing.plan", {**plan, "product_id": fee_product, "price": float(price_list.MONTHLY_FEE)})
    for charge in price_list.CHARGES:
        _create_charge(office, charge)


def create_service(office: BackOffice, name: str, code: str, endpoint: Endpoint | None = None) -> Service:
    """Create a service with an API key; its webhooks go to ``endpoint``."""
    values = {"name": name, "code": code}
    if endpoint:
        values |= {"webhook_url": endpoint.url, "webhook_secret": endpoint.secret}
    service = office.create("fusion.billing.service", values)
    return Service(service, str(office.call("fusion.billing.service", "action_generate_api_key", [service])))


def named_key(office: BackOffice, name: str) -> tuple[str, str]:
    """Return the first service's name and a new key called ``name``; its other keys stay, older ones so called do not.

    Where there is no service, one is created.
    """
    services = office.find("fusion.billing.service", [], ["name"])
    if not services:
        create_service(office, "Demo", "demo")
        return named_key(office, name)
    service = services[0]
    former = office.find("fusion.billing.api.key", [("service_id", "=", service["id"]), ("name", "=", name)], ["id"])
    office.call("fusion.billing.api.key", "action_revoke", [key["id"] for key in former])
    wizard = office.create("fusion.billing.api.key.wizard", {"service_id": service["id"], "name": name})
    shown = office.call("fusion.billing.api.key.wizard", "action_generate", [wizard])
    return service["name"], str(shown["context"]["default_raw_key"])


def _create_charge(office: BackOffice, charge: Charge) -> None:
    metric = {"name": charge.metric.replace("_", " ").capitalize(), "code": charge.metric, "aggregation": "sum"}
    values: dict[str, Any] = {
        "name": charge.name,
        "plan_code": price_list.PLAN_CODE,
        "metric_id": office.create("fusion.billing.metric", metric),
        "product_id": _create_product(office, charge.name, price="0", recurring=False),
        "charge_model": charge.charge_model,
        "included_quota": charge.included_quota,
        "price_per_unit": float(charge.price_per_unit),
        "unit_batch": charge.unit_batch,
    }
    tiers = [(0, 0, _tier_values(tier)) for tier in charge.tiers]
    office.create("fusion.billing.charge", {**values, "tier_ids": tiers})


def _tier_values(tier: Tier) -> dict[str, float]:
    return {"up_to": tier.up_to, "price_per_unit": float(tier.price_per_unit), "flat_fee": float(tier.flat_fee)}


def _create_product(office: BackOffice, name: str, *, price: str, recurring: bool) -> int:
    values = {"name": name, "type": "service", "list_price": float(price), "recurring_invoice": recurring}
    return office.create("product.product", values)
