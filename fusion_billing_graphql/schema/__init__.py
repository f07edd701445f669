# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The GraphQL schema. ``schema.graphql`` is it in print: the contract with clients.

types/     one file per noun
queries    what can be read
mutations  what can be changed
listings   how a type becomes listed; pages, windows, filters: reading lists; links: fields to one object
context    what the resolvers of a request share, and how they load for a whole page at once

A field or value that is to go is marked ``deprecation_reason="Use X; goes with version Y."``, where X is what
replaces it (a field or value beside it, or Type.field) and Y at least two minor versions on, and noted in the change
log. ``tests/deprecations.py`` checks it.
"""

import graphene
from graphql import lexicographic_sort_schema, print_schema

from . import types
from .listings import LISTINGS
from .mutations import Mutation
from .queries import Query

_DESCRIPTION = """Fusion Billing: customers, usage, catalogue, subscriptions, invoices, ratings and webhook deliveries.

Lists are Relay connections and need first or last. What is to be removed is deprecated for at least two minor
versions before."""

SCHEMA = graphene.Schema(
    query=Query, mutation=Mutation, types=[listing.object_type for listing in LISTINGS.values()]
).graphql_schema
SCHEMA.description = _DESCRIPTION


def printed():
    """Return the schema as text, sorted."""
    return print_schema(lexicographic_sort_schema(SCHEMA)) + "\n"
