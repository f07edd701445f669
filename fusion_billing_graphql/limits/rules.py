# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Limits on the document itself, as validation rules of graphql-core.

They run before the rules of the specification, some of which take quadratic time, and so must bear
documents that are not valid.
"""

from graphql import ASTValidationRule, GraphQLError
from graphql.language import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, OperationDefinitionNode

from odoo.addons.fusion_centralize_billing.api import numbers

#: More than any type has fields.
MAX_SELECTIONS = 100
INTROSPECTION = ("__schema", "__type")


def limit_error(code, message, nodes=None):
    return GraphQLError(message, nodes, extensions={"code": code})


def limit_rules(settings):
    """Return the rule classes for these settings."""

    class Depth(_DepthRule):
        limit = settings.max_depth

    class Aliases(_AliasRule):
        limit = settings.max_aliases

    return [
        Depth,
        Aliases,
        _SelectionRule,
        _NumberRule,
        *([_NoIntrospection] if settings.introspection == "off" else []),
    ]


class _AliasRule(ASTValidationRule):
    """Limit aliases: each makes the server do the same again."""

    limit = 0

    def __init__(self, context):
        super().__init__(context)
        self.count = 0

    def enter_field(self, node, *_args):
        self.count += node.alias is not None
        if node.alias is not None and self.count == self.limit + 1:
            self.report_error(
                limit_error("alias_limit_exceeded", f"The document has more than {self.limit} aliases.", node)
            )


class _SelectionRule(ASTValidationRule):
    """Limit selections side by side: they are compared with each other, to see whether they can be merged."""

    def enter_selection_set(self, node, *_args):
        if len(node.selections) > MAX_SELECTIONS:
            message = f"More than {MAX_SELECTIONS} fields are selected side by side."
            self.report_error(limit_error("selection_limit_exceeded", message, node))


class _NumberRule(ASTValidationRule):
    """Refuse numbers out of bounds before anything reads them, or writes them into a message."""

    def enter_int_value(self, node, *_args):
        if numbers.is_out_of_range(node.value):
            self.report_error(limit_error(numbers.CODE, numbers.MESSAGE, node))

    enter_float_value = enter_int_value


class _NoIntrospection(ASTValidationRule):
    """Refuse to show the schema."""

    def enter_field(self, node, *_args):
        if node.name.value in INTROSPECTION:
            self.report_error(limit_error("introspection_disabled", "Introspection is switched off here.", node))


class _DepthRule(ASTValidationRule):
    """Limit how deep fields are nested, through fragments too. Introspection has a limit of its own."""

    limit = 0

    def enter_document(self, document, *_args):
        fragments = {item.name.value: item for item in document.definitions if isinstance(item, FragmentDefinitionNode)}
        depths = {}
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                depth = _depth(definition.selection_set, fragments, depths)
                if depth > self.limit:
                    message = f"The operation is {depth} levels deep; the limit is {self.limit}."
                    self.report_error(limit_error("depth_limit_exceeded", message, definition))


def _depth(selection_set, fragments, depths):
    """Return the levels of fields in a selection set.

    :param depths: of fragments, filled on the way; one that is being visited counts as 0 (a cycle, refused later)
    """
    deepest = 0
    for node in selection_set.selections if selection_set else ():
        if isinstance(node, FieldNode):
            below = 0 if node.name.value in INTROSPECTION else _depth(node.selection_set, fragments, depths)
            depth = 1 + below
        elif isinstance(node, FragmentSpreadNode):
            depth = _fragment_depth(node.name.value, fragments, depths)
        else:
            depth = _depth(node.selection_set, fragments, depths)
        deepest = max(deepest, depth)
    return deepest


def _fragment_depth(name, fragments, depths):
    if name not in depths and name in fragments:
        depths[name] = 0
        depths[name] = _depth(fragments[name].selection_set, fragments, depths)
    return depths.get(name, 0)
