# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""authenticate(), execute(), execute_apart() and execute_alone(): the one way from any transport to an operation."""

from __future__ import annotations

from typing import Any

from psycopg2 import InterfaceError, OperationalError
from psycopg2.errors import ReadOnlySqlTransaction

from odoo.api import SUPERUSER_ID, Environment
from odoo.exceptions import ConcurrencyError
from odoo.http import request as http_request
from odoo.models import BaseModel
from odoo.service.model import retrying

from ..limits import admission
from . import idempotency
from .errors import ForbiddenError, NotFoundError, UnauthenticatedError, from_exception
from .operations import OPERATIONS, Operation
from .payloads import Payload

#: Context key: the number of the API key that an operation is asked with. Handlers cannot be called from outside.
API_KEY = "fusion_billing_api_key_id"
#: Faults of the transaction, not of the request: Odoo runs the whole request again, or gives up on it.
TRANSACTION_ERRORS = (OperationalError, InterfaceError, ReadOnlySqlTransaction, ConcurrencyError)


def authenticate(env: Environment, raw_key: str | None) -> BaseModel:
    """Return the ``fusion.billing.api.key`` that ``raw_key`` opens, or raise UnauthenticatedError.

    :raises TooManyRequestsError: if the address failed too often
    """
    admission.begin(env)
    key = env(user=SUPERUSER_ID)["fusion.billing.api.key"]._authenticate(raw_key)
    if not key:
        admission.note_failure(env)
        raise UnauthenticatedError("A valid API key is needed: Authorization: Bearer KEY.")
    return key


def authenticate_customer(env: Environment, raw_token: str) -> BaseModel:
    """Return the ``fusion.billing.customer.token`` that ``raw_token`` opens, or raise UnauthenticatedError.

    :raises TooManyRequestsError: if the address failed too often
    """
    admission.begin(env)
    token = env(user=SUPERUSER_ID)["fusion.billing.customer.token"]._authenticate(raw_token)
    if not token:
        admission.note_failure(env)
        raise UnauthenticatedError("The access token is not valid, or has ended: the source app makes a new one.")
    return token


def execute(key: BaseModel, name: str, payload: Any, idempotency_key: Any = None) -> dict[str, Any]:
    """Check the scope, parse the payload, run the handler as the service's technical user, flush.

    :param key: what :func:`authenticate` returned
    :param name: an operation's name
    :param payload: decoded JSON, or an object of the operation's payload model
    :param idempotency_key: the client's name for this request: see api/idempotency.py
    :return: the answer, of plain values; :class:`idempotency.Replayed` if it was given before
    :raises BillingError: with the code that the client sees
    """
    operation = OPERATIONS.get(name)
    if operation is None:
        raise NotFoundError("There is no such operation.", code="unknown_operation")
    if not key._allows(operation.scope):
        raise ForbiddenError(f"This key is not allowed to use {operation.scope}.", code="insufficient_scope")
    if idempotency_key is not None:
        idempotency.check(operation, idempotency_key)
    with admission.within_deadline(key.env):
        request = operation.payload.parse(payload)
        service = key.service_id._as_technical_user().with_context(**{API_KEY: key.id})
        if idempotency_key is None:
            return _run(service, operation, request)
        return _run_once(service, operation, request, idempotency_key)


def _run(service: BaseModel, operation: Operation, request: Payload) -> dict[str, Any]:
    answer: dict[str, Any] = getattr(service, operation.handler)(request)
    # Now, so that what the database refuses is answered by us and not after the controller returned.
    service.env.flush_all()
    return answer


def _run_once(service: BaseModel, operation: Operation, request: Payload, idempotency_key: str) -> dict[str, Any]:
    """Run an operation unless the key's first request was done; a request that fails leaves no trace of its key."""
    # sudo: services read no keys; these are looked up and written for this service only.
    keys = service.env["fusion.billing.idempotency.key"].sudo()
    fingerprint = idempotency.fingerprint(operation, request)
    claimed = keys._claim(service, idempotency_key, operation.name, fingerprint)
    if claimed.fingerprint != fingerprint:
        raise idempotency.reused()
    known = claimed._load()
    if known is not None:
        return idempotency.Replayed(known)
    answer = _run(service, operation, request)
    claimed._store(answer)
    claimed.flush_recordset()
    return answer


def execute_apart(key: BaseModel, name: str, payload: Any, idempotency_key: Any = None) -> dict[str, Any]:
    """Do what execute() does, so that a failure undoes this operation and leaves the others of the request.

    For transports that answer several operations of one transaction.

    :raises BillingError: for whatever the client may see; nothing of the operation is left
    :raises TRANSACTION_ERRORS: unchanged; do not answer them
    """
    try:
        with key.env.cr.savepoint():
            return execute(key, name, payload, idempotency_key)
    except TRANSACTION_ERRORS:
        raise
    except Exception as exc:
        raise from_exception(exc) from exc


def execute_alone(key: BaseModel, name: str, payload: Any, idempotency_key: Any = None) -> dict[str, Any]:
    """Do what execute() does in a transaction of its own, which is committed, and run again after a conflict.

    For transports that answer several operations at once: locks are held no longer than one of them takes, and a
    conflict repeats that one only. What the transaction of the request did before is committed too, so nothing that
    is raised afterwards may have Odoo run the request again.

    :raises BillingError: for whatever goes wrong; nothing of the operation is left
    """
    cr, session = key.env.cr, http_request.session if http_request else None
    tries = 0

    def attempt() -> dict[str, Any]:
        nonlocal tries
        tries += 1
        try:
            return execute(key, name, payload, idempotency_key)
        except admission.CONFLICTS as exc:
            admission.give_up_if_late(tries, exc)
            raise

    try:
        return retrying(attempt, key.env)
    except Exception as exc:
        cr.rollback()
        raise from_exception(exc) from exc
    finally:
        if http_request:  # retrying() has put a new one in its place, which would be saved and sent as a cookie
            http_request.session = session
