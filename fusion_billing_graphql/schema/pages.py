# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Pages of lists, read with keyset cursors: a page costs the same wherever it lies, and no insert shifts it.

The lists of all parents on a page are read together: one LATERAL query takes the first rows of each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import graphene

from odoo.addons.fusion_centralize_billing.api.errors import ForbiddenError
from odoo.tools import SQL

from .listings import LISTINGS
from .windows import Window


@dataclass(frozen=True)
class Relation:
    """Whose list a nested connection is.

    :param condition: takes the table of the listed records and returns the condition that links them
        to the row ``parent``. Access rules are added to it, so it may name any column.
    """

    condition: Callable[[str], SQL]


def children(column):
    """Return the relation of records that point to their parent."""
    return Relation(lambda table: SQL("%s = parent.id", SQL.identifier(table, column)))


@dataclass
class Edge:
    node: Any
    cursor: str


@dataclass
class Page:
    """A page as GraphQL shows it; ``count`` counts the whole list when it is asked for."""

    edges: list = field(default_factory=list)
    has_next_page: bool = False
    has_previous_page: bool = False
    count: Callable = lambda _info: 0

    @property
    def nodes(self):
        return [edge.node for edge in self.edges]

    @property
    def page_info(self):
        return {
            "has_next_page": self.has_next_page,
            "has_previous_page": self.has_previous_page,
            "start_cursor": self.edges[0].cursor if self.edges else None,
            "end_cursor": self.edges[-1].cursor if self.edges else None,
        }


def connection(name, description, relation=None, **options):
    """Return the field of a list of objects of type ``name``; of all that are visible, or of a parent's."""
    return graphene.Field(
        lambda: LISTINGS[name].connection,
        required=True,
        description=description,
        **place_arguments(),
        filter=graphene.Argument(lambda: LISTINGS[name].filter_type, description="Which ones; all if left out."),
        order_by=graphene.Argument(
            lambda: LISTINGS[name].order_type, description="In which order; that of making if left out."
        ),
        resolver=partial(_resolve, name, relation),
        **options,
    )


def place_arguments():
    """Return the arguments that say which page of a list is asked for."""
    return {
        "first": graphene.Int(description="How many from the start, or after a cursor; at most 100."),
        "after": graphene.String(description="Begin after this cursor."),
        "last": graphene.Int(description="How many from the end, or before a cursor; at most 100."),
        "before": graphene.String(description="End before this cursor."),
    }


def _resolve(name, relation, record, info, **args):
    listing = LISTINGS[name]
    model = listing.model_in(info.context.env)
    if not model.has_access("read"):
        raise ForbiddenError(f"You have no access to {name} objects.")
    window = Window.read(listing, model, args)
    if relation is None:
        return _load(listing, model, window, None, None).get(0) or Page(count=lambda _info: 0)
    key = (name, relation, window.name)
    page = info.context.batch(key, record, lambda parents: _load(listing, model, window, relation, parents))
    if page is None:
        page = Page()
    page.count = lambda info: (
        info.context.batch(("count", *key), record, lambda parents: _count(model, window, relation, parents)) or 0
    )
    return page


def _load(listing, model, window, relation, parents):
    """Return ``{parent id: Page}``; without a relation there is one page, of parent 0."""
    rows = _fetch_rows(model, window, relation, parents)
    records = model.browse(dict.fromkeys(record_id for _parent, record_id, _value in rows))
    if records:
        records.fetch(listing.columns)
    by_id = dict(zip(records.ids, records, strict=True))
    grouped = {}
    for parent, record_id, value in rows:
        edges = grouped.setdefault(parent, [])
        edges.append(Edge(by_id[record_id], window.cursor_of(value, record_id)))
    pages = {
        parent: make_page(edges, window.size, window.backward, window.cursor is not None)
        for parent, edges in grouped.items()
    }
    if relation is None:
        page = pages.setdefault(0, Page())
        page.count = lambda _info: _count(model, window, None, None).get(0, 0)
    return pages


def make_page(edges, size, backward, has_cursor):
    """Return the page of one edge more than was asked for, if there is one more."""
    more = len(edges) > size
    edges = edges[:size]
    if backward:
        return Page(edges[::-1], has_cursor, more)
    return Page(edges, more, has_cursor)


def _fetch_rows(model, window, relation, parents):
    """Return rows (parent id, record id, value of the sort column), one more per parent than asked for."""
    query = model._search(window.domain)
    if query.is_empty():
        return []
    record_id = SQL.identifier(model._table, "id")
    value = model._field_to_sql(model._table, window.column, query)
    descending = window.descending != window.backward
    if window.cursor is not None:
        query.add_where(_beyond(value, record_id, _sql_type(model, window.column), window.cursor, descending))
    order = SQL("%s, %s", *(SQL("%s DESC" if descending else "%s ASC", column) for column in (value, record_id)))
    query.order = order
    query.limit = window.size + 1
    selected = (SQL("%s AS id", record_id), SQL("%s AS value", value))
    outer_order = SQL("child.value DESC, child.id DESC" if descending else "child.value, child.id")
    return _execute(query, selected, relation, parents, SQL("child.id, child.value"), SQL("ORDER BY %s", outer_order))


def _count(model, window, relation, parents):
    query = model._search(window.domain)
    if query.is_empty():
        return {}
    if relation is None:
        return {0: len(query)}
    selected = (SQL("%s AS id", SQL.identifier(model._table, "id")),)
    return dict(_execute(query, selected, relation, parents, SQL("COUNT(*)"), SQL("GROUP BY parent.id")))


def _execute(query, selected, relation, parents, columns, suffix):
    """Run a query, for each parent if there is a relation, and return rows (parent id, columns)."""
    env = query._env
    env.flush_all()  # the relation names columns that Odoo does not know the query to need
    if relation is None:
        return env.execute_query(SQL("SELECT 0, %s FROM (%s) AS child %s", columns, query.select(*selected), suffix))
    query.add_where(relation.condition(query.table))
    return env.execute_query(
        SQL(
            "SELECT parent.id, %s FROM %s AS parent CROSS JOIN LATERAL (%s) AS child WHERE parent.id IN %s %s",
            columns,
            SQL.identifier(parents._table),
            query.select(*selected),
            tuple(parents.ids),
            suffix,
        )
    )


def _beyond(value, record_id, sql_type, cursor, descending):
    """Return the condition of rows beyond a cursor; nulls are the greatest values, as PostgreSQL sorts them."""
    at, at_id = cursor
    sign = SQL("<" if descending else ">")
    if at is None:
        same = SQL("(%s IS NULL AND %s %s %s)", value, record_id, sign, at_id)
        return SQL("(%s OR %s IS NOT NULL)", same, value) if descending else same
    after = SQL("(%s, %s) %s (%s::%s, %s)", value, record_id, sign, at, sql_type, at_id)
    return after if descending else SQL("(%s OR %s IS NULL)", after, value)


def _sql_type(model, column):
    return SQL(model._fields[column].column_type[0])
