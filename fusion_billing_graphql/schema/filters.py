# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Typed conditions of lists. Each list names the fields that may be asked; nothing else reaches a domain."""

from dataclasses import dataclass
from datetime import datetime, timezone

import graphene

from odoo.addons.fusion_centralize_billing.api.errors import InvalidPayloadError
from odoo.addons.fusion_centralize_billing.api.payloads import is_storable
from odoo.fields import Domain

from . import ids, scalars


class TextFilter(graphene.InputObjectType):
    """Conditions on a text; all that are given must hold."""

    eq = graphene.String(description="Equal to this text.")
    in_ = graphene.List(graphene.NonNull(graphene.String), name="in", description="One of these texts.")


class IdFilter(graphene.InputObjectType):
    """Conditions on a record; all that are given must hold."""

    eq = graphene.ID(description="The record with this id.")
    in_ = graphene.List(graphene.NonNull(graphene.ID), name="in", description="One of the records with these ids.")


class BooleanFilter(graphene.InputObjectType):
    """A condition on yes or no."""

    eq = graphene.Boolean(description="Equal to this value.")


class DateTimeFilter(graphene.InputObjectType):
    """Conditions on an instant; all that are given must hold."""

    gte = scalars.DateTime(description="At this instant or later.")
    lt = scalars.DateTime(description="Before this instant.")


class DateFilter(graphene.InputObjectType):
    """Conditions on a day; all that are given must hold."""

    gte = scalars.Date(description="On this day or later.")
    lt = scalars.Date(description="Before this day.")


@dataclass(frozen=True)
class Filter:
    """One field of a list's filter.

    :param type: an input type of this module, or an enumeration, of which one or several values can be asked
    :param expression: the field in Odoo
    :param target: the type that an IdFilter's ids must have
    """

    type: type
    expression: str
    description: str
    target: str = ""

    def input_field(self):
        type_ = enum_filter(self.type) if issubclass(self.type, graphene.Enum) else self.type
        return graphene.InputField(type_, description=self.description)

    def domain(self, conditions):
        """Return the domain of ``{operator: value}``."""
        parts = [self._leaf(operator, value) for operator, value in conditions.items() if value is not None]
        return Domain.AND(parts)

    def _leaf(self, operator, value):
        if operator == "gte":
            return Domain(self.expression, ">=", _naive(value))
        if operator == "lt":
            return Domain(self.expression, "<", _naive(value))
        values = value if operator == "in_" else [value]
        return Domain(self.expression, "in", [self._plain(item) for item in values])

    def _plain(self, value):
        if self.target:
            return ids.decode_as(value, self.target)
        if isinstance(value, str):
            return checked_text(value)
        return getattr(value, "value", value)


_ENUM_FILTERS = {}


def enum_filter(type_):
    """Return the input type that asks for values of an enumeration; one for each, as its name is unique."""
    name = f"{type_._meta.name}Filter"
    if name not in _ENUM_FILTERS:
        attributes = {
            "__doc__": "Conditions on one of a few values; all that are given must hold.",
            "eq": graphene.InputField(type_, description="Equal to this value."),
            "in_": graphene.List(graphene.NonNull(type_), name="in", description="One of these values."),
        }
        _ENUM_FILTERS[name] = type(name, (graphene.InputObjectType,), attributes)
    return _ENUM_FILTERS[name]


def checked_text(value):
    """Return a text that PostgreSQL can compare, or raise InvalidPayloadError."""
    if not is_storable(value):
        raise InvalidPayloadError("The text has control characters or broken Unicode.", code="invalid_characters")
    return value


def _naive(value):
    """Return an instant as Odoo stores it; a day stays what it is."""
    return value.astimezone(timezone.utc).replace(tzinfo=None) if isinstance(value, datetime) else value
