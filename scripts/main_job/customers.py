"""The airlines become customers; each gets one subscription for the billed months."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

from . import price_list
from .back_office import BackOffice
from .flights import YEAR, Airline
from .source_app import SourceApp

_AT_ONCE = 3


def end_of_billing(months: int) -> date:
    """Return the first day that is not billed any more."""
    return date(YEAR + months // 12, months % 12 + 1, 1)


def open_subscriptions(app: SourceApp, airlines: list[Airline]) -> None:
    """Open the airlines' subscriptions, several at once."""
    with ThreadPoolExecutor(_AT_ONCE) as workers:
        list(workers.map(lambda airline: _open_subscription(app, airline), airlines))


def _open_subscription(app: SourceApp, airline: Airline) -> None:
    app.upsert_customer(airline.code, airline.name, f"billing@{airline.code.lower()}.example")
    app.open_subscription(
        external_customer_id=airline.code,
        external_id=subscription_of(airline.code),
        plan_code=price_list.PLAN_CODE,
        start_date=date(YEAR, 1, 1).isoformat(),
    )


def subscription_of(airline: str) -> str:
    """Return the source app's own id of an airline's subscription."""
    return f"flights-{airline}"


def end_subscriptions(office: BackOffice, service: int, end: date) -> int:
    """Let the service's subscriptions end, so that no period from then until today is billed; return how many."""
    orders = office.call("sale.order", "search", [("x_fc_service_id", "=", service)])
    office.call("sale.order", "write", orders, {"end_date": end.isoformat()})
    return len(orders)
