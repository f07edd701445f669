# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What calls cost, and which limits a request meets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..api.operations import COSTLY, OPERATIONS, READ, Operation

#: So many items in a list of parameters cost as much as a plain read.
_ITEMS_PER_UNIT = 100


@dataclass(frozen=True)
class Work:
    """What a request is about to do.

    :param calls: operations by class
    :param takes_slot: whether only so many of its kind may run at a time
    """

    calls: Counter[str] = field(default_factory=Counter)
    takes_slot: bool = False

    @classmethod
    def of(cls, cost_class: str) -> Work:
        """Return the work of one operation of a class."""
        return cls(Counter([cost_class]), cost_class == COSTLY)


def of_operation(operation: Operation) -> Work:
    return Work.of(operation.cost_class)


def of_calls(methods: Iterable[str]) -> Work:
    """Return the work of the calls of one JSON-RPC message."""
    calls = Counter(_class_of(method) for method in methods)
    return Work(calls, calls.total() > 1 or COSTLY in calls)


def cost(method: str, parameters: dict[str, Any] | list[Any]) -> int:
    """Return what a call costs: its operation, and more for long lists. What is no operation costs a read."""
    values = parameters.values() if isinstance(parameters, dict) else parameters
    items = sum(len(value) for value in values if isinstance(value, list))
    operation = OPERATIONS.get(method)
    return (operation.cost if operation else 1) + items // _ITEMS_PER_UNIT


def _class_of(method: str) -> str:
    operation = OPERATIONS.get(method)
    return operation.cost_class if operation else READ
