# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Limits on variables, before graphql-core makes objects of them: those of the bodies of REST."""

from odoo.addons.fusion_centralize_billing.api import numbers
from odoo.addons.fusion_centralize_billing.api.errors import InvalidPayloadError
from odoo.addons.fusion_centralize_billing.api.payloads import MAX_EVENTS

#: Items of a list. A batch of more events than MAX_EVENTS is refused by the mutation, as REST refuses it; one that is
#: far larger is not even read.
MAX_ITEMS = 2 * MAX_EVENTS
#: Values of all variables together: MAX_EVENTS counters with all their fields and properties.
MAX_VALUES = 400_000


def check_variables(variables):
    """Refuse numbers out of bounds, lists longer than any that is taken, and too many values.

    :raises InvalidPayloadError: ``number_out_of_range``, ``batch_too_large``, ``too_many_values``, with the path
    """
    left = MAX_VALUES
    waiting = [(variables, "variables")]
    while waiting:
        value, path = waiting.pop()
        left -= len(value) if isinstance(value, (dict, list)) else 0
        if left < 0:
            message = f"Variables have at most {MAX_VALUES} values."
            raise InvalidPayloadError(message, code="too_many_values", path="variables")
        if isinstance(value, numbers.OutOfRangeNumber):
            raise InvalidPayloadError(numbers.MESSAGE, code=numbers.CODE, path=path)
        if isinstance(value, dict):
            waiting += [(item, f"{path}.{name[:64]}") for name, item in value.items()]
        elif isinstance(value, list):
            if len(value) > MAX_ITEMS:
                message = f"A list has at most {MAX_ITEMS} items."
                raise InvalidPayloadError(message, code="batch_too_large", path=path)
            waiting += [(item, f"{path}.{index}") for index, item in enumerate(value)]
