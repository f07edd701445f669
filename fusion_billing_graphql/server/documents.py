# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Documents: parsed, checked against limits and schema, and kept, since clients repeat theirs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from graphql import DocumentNode, GraphQLError, GraphQLSyntaxError, OperationDefinitionNode, parse, validate

from ..limits.rules import limit_error, limit_rules
from ..limits.settings import Settings
from ..schema import SCHEMA

#: Characters of the longest document that is kept, and of the longest that is read at all.
_KEPT_LENGTH = 4 * 1024
MAX_LENGTH = 1024 * 1024
#: A document of 2,000 tokens takes a megabyte of memory.
_KEPT_DOCUMENTS = 64


@dataclass(frozen=True)
class Document:
    """A document; ``ast`` is None if it could not be parsed, ``errors`` is empty if it is valid."""

    ast: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation of that name, or the only one; raise a GraphQLError otherwise."""
        operations = [item for item in self.ast.definitions if isinstance(item, OperationDefinitionNode)]
        if name is not None:
            operations = [item for item in operations if item.name and item.name.value == name]
        if len(operations) == 1:
            return operations[0]
        if name is not None:
            raise limit_error("unknown_operation", "The document has no operation of this name.")
        raise limit_error(
            "operation_name_required", "The document has several operations, or none: give operationName."
        )


def checked(text: str, settings: Settings) -> Document:
    """Return the document of a text, checked for limits and against the schema."""
    return (_checked_and_kept if len(text) <= _KEPT_LENGTH else _check)(text, settings)


def _parse(text: str, settings: Settings) -> Document:
    limit = settings.max_tokens
    try:
        return Document(parse(text, max_lexical_tokens=limit, max_comments=limit, max_source_length=MAX_LENGTH))
    except GraphQLSyntaxError as error:
        return Document(None, (_token_error(error, settings),))


def _check(text: str, settings: Settings) -> Document:
    document = _parse(text, settings)
    if document.errors:
        return document
    # First the limits: some rules of the specification take quadratic time.
    errors = validate(SCHEMA, document.ast, limit_rules(settings))
    errors = errors or validate(SCHEMA, document.ast, hide_suggestions=settings.introspection == "off")
    return Document(document.ast, tuple(errors))


_checked_and_kept = lru_cache(maxsize=_KEPT_DOCUMENTS)(_check)


def _token_error(error: GraphQLSyntaxError, settings: Settings) -> GraphQLError:
    if "tokens" in error.message or "exceeds" in error.message:
        return limit_error(
            "token_limit_exceeded", f"The document has more than {settings.max_tokens} tokens, or is too long."
        )
    return error
