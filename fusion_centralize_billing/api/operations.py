# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The operations of the API. A new one is a row here, a payload and a handler on the service.

Every transport serves this table; nothing else lists the operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from . import payloads


@dataclass(frozen=True)
class Operation:
    """One operation.

    :param name: its name, also of its GraphQL field and JSON-RPC method
    :param handler: method of ``fusion.billing.service`` that takes and returns plain values
    :param scope: what a key must be allowed
    :param payload: what it accepts
    :param verb: HTTP method of REST
    :param path: path of REST below the base
    :param status: HTTP status of success
    :param readonly: it writes nothing, so that a replica may serve it
    """

    name: str
    handler: str
    scope: str
    payload: type[payloads.Payload]
    verb: str
    path: str
    summary: str
    status: HTTPStatus = HTTPStatus.OK
    readonly: bool = False


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            name="upsertCustomer",
            handler="_api_upsert_customer",
            scope="customers:write",
            payload=payloads.UpsertCustomer,
            verb="POST",
            path="/customers",
            summary="Create or change a customer.",
        ),
        Operation(
            name="recordUsage",
            handler="_api_record_usage",
            scope="usage:write",
            payload=payloads.RecordUsage,
            verb="POST",
            path="/usage",
            summary="Record a batch of usage counters.",
            status=HTTPStatus.ACCEPTED,
        ),
        Operation(
            name="catalog",
            handler="_api_catalog",
            scope="catalog:read",
            payload=payloads.Empty,
            verb="GET",
            path="/plans",
            summary="List the plans and their charges.",
            readonly=True,
        ),
        Operation(
            name="createSubscription",
            handler="_api_create_subscription",
            scope="subscriptions:write",
            payload=payloads.CreateSubscription,
            verb="POST",
            path="/subscriptions",
            summary="Open a subscription and start it.",
        ),
        Operation(
            name="terminateSubscription",
            handler="_api_terminate_subscription",
            scope="subscriptions:write",
            payload=payloads.TerminateSubscription,
            verb="POST",
            path="/subscriptions/<subscription_external_id>/terminate",
            summary="End a subscription.",
        ),
    )
}

#: What a key must be allowed to query (GraphQL), beside the scopes of the operations.
READ_SCOPES = ("catalog:read", "customers:read", "invoices:read", "subscriptions:read", "usage:read", "webhooks:read")

SCOPES = tuple(sorted({operation.scope for operation in OPERATIONS.values()} | set(READ_SCOPES)))
