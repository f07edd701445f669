"""The service's invoices: reading them, and registering payments as an accountant does."""

from typing import Any

from .back_office import BackOffice

_FIELDS = [
    "name",
    "partner_id",
    "x_fc_period_start",
    "x_fc_period_end",
    "amount_untaxed",
    "amount_total",
    "currency_id",
    "state",
    "payment_state",
]


def of_service(service: int) -> list[Any]:
    """Return the search domain of a service's invoices."""
    return [("x_fc_service_id", "=", service), ("move_type", "=", "out_invoice")]


def read(office: BackOffice, service: int) -> list[dict[str, Any]]:
    return office.find("account.move", of_service(service), _FIELDS, order="partner_id, x_fc_period_start")


def pay(office: BackOffice, invoices: list[dict[str, Any]]) -> None:
    """Pay each customer's invoices with one payment, through the wizard of the back office."""
    by_customer: dict[int, list[int]] = {}
    for invoice in invoices:
        by_customer.setdefault(invoice["partner_id"][0], []).append(invoice["id"])
    for ids in by_customer.values():
        context = {"active_model": "account.move", "active_ids": ids}
        wizard = office.call("account.payment.register", "create", [{"group_payment": True}], context=context)
        office.call("account.payment.register", "action_create_payments", wizard, context=context)
