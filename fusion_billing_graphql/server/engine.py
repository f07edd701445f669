# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Answer a call of a known caller: document, limits, scopes, execution, in this order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphql import ExecutionContext, GraphQLError, execute
from graphql.execution.values import get_variable_values
from graphql.language import OperationType

from odoo.addons.fusion_centralize_billing.api.errors import DeadlineExceededError, InternalError
from odoo.addons.fusion_centralize_billing.api.execution import TRANSACTION_ERRORS
from odoo.addons.fusion_centralize_billing.limits.admission import REFUSED, admit, admitted, within_deadline

from ..limits import cost
from ..limits.rules import limit_error
from ..limits.settings import Settings
from ..limits.variables import check_variables
from ..schema import SCHEMA
from ..schema.context import Context
from . import documents, wire
from .caller import Caller
from .errors import Abort, formatted


@dataclass(frozen=True)
class Answer:
    """What is sent back.

    :param executed: False if the request was refused, before anything was executed or (a mutation) in the middle
    :param must_roll_back: a mutation did not come to its end: nothing of the operation may be kept
    :param is_our_fault: that was for a fault of the server, not of the request
    """

    body: dict[str, Any]
    executed: bool = True
    must_roll_back: bool = False
    is_our_fault: bool = False


def answer(call: wire.Call, caller: Caller, settings: Settings, request_id: str) -> Answer:
    """Return the answer to a call.

    :raises BillingError: if the caller may not ask this
    """
    caller.check_at_all(settings)
    max_cost = caller.max_cost(settings)
    try:
        document, operation, variables = _prepare(call, settings)
        analysis = cost.analyse(document.ast, operation, variables)
        _check_cost(analysis, max_cost)
    except _RefusedError as refused:
        if caller.client is not None:
            admit(caller.client, REFUSED)
        body = {"errors": [formatted(error, request_id) for error in refused.errors]}
        return Answer({**body, "extensions": _cost_extension(refused.cost, max_cost)}, executed=False)
    is_mutation = operation.operation == OperationType.MUTATION
    if is_mutation and not call.may_mutate:
        raise wire.mutation_over_get()
    if not (analysis.introspects_only and settings.introspection == "public"):
        caller.check(analysis, is_mutation)
    with admitted(caller.client, cost.work(analysis, is_mutation)), within_deadline(caller.env):
        result = _execute(document.ast, Context(caller.env, caller.key, caller.token), call)
    body: dict[str, Any] = {"data": result.data}
    must_roll_back = bool(is_mutation and result.errors)
    if result.errors:
        body["errors"] = [formatted(error, request_id) for error in result.errors]
    body["extensions"] = _cost_extension(analysis.cost, max_cost)
    if not must_roll_back:
        return Answer(body)
    body["data"] = None
    is_our_fault = any(error["extensions"]["code"] == InternalError.code for error in body["errors"])
    return Answer(body, executed=False, must_roll_back=True, is_our_fault=is_our_fault)


class _RefusedError(Exception):
    def __init__(self, errors, cost_=0):
        super().__init__()
        self.errors = errors
        self.cost = cost_


def _prepare(call, settings):
    """Return the valid document, its operation and the coerced variables."""
    document = documents.checked(call.query, settings)
    if document.errors:
        raise _RefusedError(document.errors)
    try:
        operation = document.operation(call.operation_name)
    except GraphQLError as error:
        raise _RefusedError([error]) from error
    if SCHEMA.get_root_type(operation.operation) is None:  # no rule of the specification looks at this
        kind = operation.operation.value
        raise _RefusedError([limit_error("unsupported_operation", f"There is no {kind} in this schema.", operation)])
    check_variables(call.variables)
    variables = get_variable_values(SCHEMA, operation.variable_definitions or (), call.variables, max_errors=50)
    if isinstance(variables, list):
        for error in variables:
            error.extensions = {"code": "invalid_variables"}
        raise _RefusedError(variables)
    return document, operation, variables


def _check_cost(analysis, max_cost):
    if analysis.errors:
        raise _RefusedError(analysis.errors, analysis.cost)
    if analysis.cost > max_cost:
        message = f"The operation costs {analysis.cost}; the limit is {max_cost}. Ask for smaller pages."
        raise _RefusedError([limit_error("cost_limit_exceeded", message)], analysis.cost)


def _cost_extension(requested, max_cost):
    return {"cost": {"requestedQueryCost": requested, "maximumAvailable": max_cost}}


class _Execution(ExecutionContext):
    """Execution that gives up at once when the transaction is lost, or the time is up."""

    def handle_field_error(self, error, return_type, path):
        if isinstance(error.original_error, (*TRANSACTION_ERRORS, DeadlineExceededError)):
            raise Abort(error.original_error)
        return super().handle_field_error(error, return_type, path)


def _execute(ast, context, call):
    try:
        return execute(
            SCHEMA,
            ast,
            root_value=None,
            context_value=context,
            variable_values=call.variables,
            operation_name=call.operation_name,
            execution_context_class=_Execution,
            is_awaitable=lambda _value: False,
        )
    except Abort as abort:
        raise abort.cause from None
