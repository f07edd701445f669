# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""authenticate() and execute(): the one way from any transport to an operation."""

from __future__ import annotations

from typing import Any

from odoo.api import SUPERUSER_ID, Environment
from odoo.models import BaseModel

from .errors import ForbiddenError, NotFoundError, UnauthenticatedError
from .operations import OPERATIONS


def authenticate(env: Environment, raw_key: str | None) -> BaseModel:
    """Return the ``fusion.billing.api.key`` that ``raw_key`` opens, or raise UnauthenticatedError."""
    key = env(user=SUPERUSER_ID)["fusion.billing.api.key"]._authenticate(raw_key)
    if not key:
        raise UnauthenticatedError("A valid API key is needed: Authorization: Bearer KEY.")
    return key


def execute(key: BaseModel, name: str, payload: Any) -> dict[str, Any]:
    """Check the scope, parse the payload, run the handler as the service's technical user, flush.

    :param key: what :func:`authenticate` returned
    :param name: an operation's name
    :param payload: decoded JSON, or an object of the operation's payload model
    :return: the answer, of plain values
    :raises BillingError: with the code that the client sees
    """
    operation = OPERATIONS.get(name)
    if operation is None:
        raise NotFoundError("There is no such operation.", code="unknown_operation")
    if not key._allows(operation.scope):
        raise ForbiddenError(f"This key is not allowed to use {operation.scope}.", code="insufficient_scope")
    service = key.service_id._as_technical_user()
    answer: dict[str, Any] = getattr(service, operation.handler)(operation.payload.parse(payload))
    # Now, so that what the database refuses is answered by us and not after the controller returned.
    service.env.flush_all()
    return answer
