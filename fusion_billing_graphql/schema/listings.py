# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The registry of what can be listed: a GraphQL type with the Odoo model behind it.

A type that is decorated with :func:`listed` gets its connection, filter and sort order here.
"""

from __future__ import annotations

from dataclasses import dataclass

import graphene

from odoo.fields import Domain

from . import fields, ids


class Node(graphene.Interface):
    """An object with a global id."""

    id = graphene.ID(required=True, description="Opaque id, unique over all types.")

    @staticmethod
    def resolve_id(record, info):
        return ids.encode(info.parent_type.name, record.id)

    @classmethod
    def resolve_type(cls, record, _info):
        return BY_MODEL[record._name].object_type


class Direction(graphene.Enum):
    """The direction of a sort order."""

    ASC = "asc"
    DESC = "desc"

    @property
    def description(self):
        return {"asc": "Smallest or oldest first.", "desc": "Greatest or newest first."}[self.value]


class PageInfo(graphene.ObjectType):
    """Where a page lies in its list."""

    has_next_page = graphene.Boolean(required=True, description="Whether the list goes on after this page.")
    has_previous_page = graphene.Boolean(required=True, description="Whether the list has more before this page.")
    start_cursor = graphene.String(description="The cursor of the first edge; null if the page is empty.")
    end_cursor = graphene.String(description="The cursor of the last edge; null if the page is empty.")


@dataclass(frozen=True)
class Listing:
    """How records of a model are listed.

    :param columns: the fields that are fetched with a page
    :param domain: what of the model is shown at all
    :param orders: columns to sort by, by name in GraphQL
    :param filters: what can be asked, by name in Python
    """

    object_type: type
    model: str
    columns: tuple
    domain: list
    orders: dict
    filters: dict
    connection: type
    filter_type: type
    order_type: type

    def model_in(self, env):
        return env[self.model]

    def domain_of(self, conditions):
        """Return the domain of a filter as GraphQL gives it."""
        parts = [self.filters[name].domain(value) for name, value in (conditions or {}).items() if value is not None]
        return Domain.AND([Domain(self.domain), *parts])


LISTINGS: dict[str, Listing] = {}
BY_MODEL: dict[str, Listing] = {}


def listed(model, *, columns, orders=None, filters=None, domain=()):
    """Register the decorated type as what shows records of a model.

    :param orders: by name in GraphQL a pair (column, description); ID is always there
    """

    def register(object_type):
        name = object_type._meta.name
        all_orders = {"ID": ("id", "In the order in which they were made."), **(orders or {})}
        listing = Listing(
            object_type=object_type,
            model=model,
            columns=("create_date", *columns),
            domain=list(domain),
            orders={order: column for order, (column, _text) in all_orders.items()},
            filters=filters or {},
            connection=connection_type(name, object_type),
            filter_type=_filter_type(name, filters or {}),
            order_type=_order_type(name, all_orders),
        )
        LISTINGS[name] = BY_MODEL[model] = listing
        return object_type

    return register


def connection_type(name, object_type):
    """Return the type of a page of a list, as pages.py answers it."""
    edge = type(
        f"{name}Edge",
        (graphene.ObjectType,),
        {
            "__doc__": f"A {name} in a list, with its place.",
            "node": graphene.Field(object_type, required=True, description=f"The {name}."),
            "cursor": graphene.String(required=True, description="Its place, for `after` and `before`."),
        },
    )
    total = graphene.Int(
        required=True,
        description="How many there are on all pages. Counting a long list takes long.",
        resolver=lambda page, info: page.count(info),
    )
    return type(
        f"{name}Connection",
        (graphene.ObjectType,),
        {
            "__doc__": f"A page of a list of {name} objects.",
            "edges": graphene.List(
                graphene.NonNull(edge), required=True, description="The page's objects with their places."
            ),
            "nodes": graphene.List(graphene.NonNull(object_type), required=True, description="The page's objects."),
            "page_info": graphene.Field(PageInfo, required=True, description="Where the page lies in the list."),
            "total_count": total,
        },
    )


def _filter_type(name, filters):
    if not filters:
        return None
    attributes = {field: filter_.input_field() for field, filter_ in filters.items()}
    description = f"Conditions on {name} objects; all that are given must hold."
    return type(f"{name}Filter", (graphene.InputObjectType,), {"__doc__": description, **attributes})


def _order_type(name, orders):
    values = {order: (order, text) for order, (_column, text) in orders.items()}
    by = fields.enumeration(f"{name}OrderField", f"What {name} objects can be sorted by.", **values)
    return type(
        f"{name}Order",
        (graphene.InputObjectType,),
        {
            "__doc__": f"A sort order of {name} objects; equal ones follow in the order in which they were made.",
            "field": graphene.InputField(by, required=True, description="What to sort by."),
            "direction": graphene.InputField(
                Direction, default_value=Direction["ASC"], description="Which way; ASC if left out."
            ),
        },
    )
