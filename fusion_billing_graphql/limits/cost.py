# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What an operation would cost, and what it needs: one walk over a valid operation, before it is executed.

The cost counts objects: each field that yields one costs 1 and what is asked of it; a connection costs 1 and
its page size times what is asked of an object; a plain list counts as LIST_SIZE objects, or as the ids it is
given; a mutation costs MUTATION_COST, a document DOCUMENT_COST, a proof PROOF_COST, a preview PREVIEW_COST, usage that
is added up AGGREGATION_COST for each subscription, the count of a list COUNT_COST, a look at the schema
INTROSPECTION_COST. Other scalars are free, but under an alias they cost 1: without, a selection has each only once, and
with them one long text could be sent a million times.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphql import GraphQLError, get_named_type, get_nullable_type, is_leaf_type, is_list_type
from graphql.execution.values import get_argument_values
from graphql.language import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, OperationType

from odoo.addons.fusion_centralize_billing.api.errors import InvalidPayloadError
from odoo.addons.fusion_centralize_billing.api.operations import COSTLY, READ, WRITE
from odoo.addons.fusion_centralize_billing.limits.costs import Work

from ..schema import SCHEMA
from ..schema.scopes import needed_scope
from ..schema.windows import read_size
from .rules import INTROSPECTION, limit_error

#: Assumed length of a list without pages, such as the tiers of a charge.
LIST_SIZE = 10
MUTATION_COST = 10
#: Rendering one takes about a second.
DOCUMENT_COST = 5000
#: A proof reads all counters of its window.
PROOF_COST = 5000
#: Rating and invoicing a subscription, to undo both.
PREVIEW_COST = 1000
#: Usage is added up over all counters of a billing period.
AGGREGATION_COST = 50
#: A count reads a whole list.
COUNT_COST = 10
#: The whole schema takes some tenths of a second.
INTROSPECTION_COST = 1000
#: From this on an operation is costly, whatever it asks for.
COSTLY_COST = 5000
_COSTS = {
    "Document": DOCUMENT_COST,
    "BillingProof": PROOF_COST,
    "PreviewPayload": PREVIEW_COST,
    "UsageTotal": AGGREGATION_COST,
    "UsageTotalPage": AGGREGATION_COST,
    "CurrentUsage": AGGREGATION_COST,
}


@dataclass
class Analysis:
    """The result of the walk.

    :param scopes: what a key must be allowed, with the first field that needs it
    :param types: the names of the types whose objects are asked for; of a look at the schema ``__Schema``
    :param errors: faults of page sizes
    :param introspects_only: nothing but the schema is asked for
    :param is_costly: it renders, aggregates, previews or proves
    """

    cost: int = 0
    scopes: dict = field(default_factory=dict)
    types: set = field(default_factory=set)
    errors: list = field(default_factory=list)
    introspects_only: bool = True
    is_costly: bool = False


def analyse(document, operation, variables):
    """Return the Analysis of an operation.

    :param variables: coerced
    """
    walk = _Walk(document, variables)
    root = SCHEMA.get_root_type(operation.operation)
    walk.result.cost = walk.selection_cost(operation.selection_set, root)
    if operation.operation == OperationType.MUTATION:
        walk.result.cost += MUTATION_COST * max(1, len(operation.selection_set.selections))
    return walk.result


def work(analysis, is_mutation):
    """Return what an operation is to the limits on keys."""
    if analysis.is_costly or analysis.cost >= COSTLY_COST:
        return Work.of(COSTLY)
    return Work.of(WRITE if is_mutation else READ)


class _Walk:
    def __init__(self, document, variables):
        self.result = Analysis()
        self.variables = variables
        self.fragments = {
            item.name.value: item for item in document.definitions if isinstance(item, FragmentDefinitionNode)
        }
        self.fragment_costs = {}

    def selection_cost(self, selection_set, parent):
        return sum(self.node_cost(node, parent) for node in selection_set.selections)

    def node_cost(self, node, parent):
        if isinstance(node, FieldNode):
            return self.field_cost(node, parent)
        if isinstance(node, FragmentSpreadNode):
            return self.fragment_cost(node.name.value)
        return self.selection_cost(node.selection_set, self.narrowed(node.type_condition, parent))

    def fragment_cost(self, name):
        # Once for each fragment: spreads of spreads would otherwise take exponential time.
        if name not in self.fragment_costs:
            fragment = self.fragments[name]
            self.fragment_costs[name] = self.selection_cost(
                fragment.selection_set, SCHEMA.get_type(fragment.type_condition.name.value)
            )
        return self.fragment_costs[name]

    def field_cost(self, node, parent):
        name = node.name.value
        if name in INTROSPECTION:
            self.result.types.add("__Schema")
        if name.startswith("__"):
            return INTROSPECTION_COST if name in INTROSPECTION else int(node.alias is not None)
        self.result.introspects_only = False
        definition = parent.fields[name]
        type_ = get_named_type(definition.type)
        self.note_scope(node, parent, type_)
        self.result.types.update((parent.name, *(() if is_leaf_type(type_) else (type_.name,))))
        if is_leaf_type(type_):
            return int(node.alias is not None and name != "totalCount")  # which costs more than that, see counts()
        self.result.is_costly |= type_.name in _COSTS
        own = _COSTS.get(type_.name, 0)
        below = self.selection_cost(node.selection_set, type_)
        if type_.name.endswith("Connection"):
            # What is asked of the page itself (edges, nodes, pageInfo) counts once for each object: an upper bound.
            counts = COUNT_COST * self.counts(node.selection_set)
            return 1 + self.page_size(node, definition) * below + counts
        if parent.name.endswith(("Connection", "Edge")):
            return (0 if name in ("pageInfo", "edges") else 1) + below
        if is_list_type(get_nullable_type(definition.type)):
            return self.list_size(node, definition) * (1 + below) + own
        return 1 + below + own

    def counts(self, selection_set):
        """Return how often a page's ``totalCount`` is asked for; what a fragment asks for again counts once."""
        return len(set(self.count_names(selection_set, set())))

    def count_names(self, selection_set, seen):
        """Yield the names under which ``totalCount`` is answered, through fragments."""
        for node in selection_set.selections:
            if isinstance(node, FragmentSpreadNode):
                if node.name.value not in seen:
                    seen.add(node.name.value)
                    yield from self.count_names(self.fragments[node.name.value].selection_set, seen)
            elif not isinstance(node, FieldNode):
                yield from self.count_names(node.selection_set, seen)
            elif node.name.value == "totalCount":
                yield (node.alias or node.name).value

    def page_size(self, node, definition):
        try:
            size, _backward = read_size(get_argument_values(definition, node, self.variables))
        except InvalidPayloadError as error:
            self.result.errors.append(limit_error(error.code, error.message, node))
            return 0
        except GraphQLError as error:
            self.result.errors.append(error)
            return 0
        return size

    def list_size(self, node, definition):
        return len(get_argument_values(definition, node, self.variables).get("ids", range(LIST_SIZE)))

    def note_scope(self, node, parent, type_):
        for scope in (needed_scope(parent.name, node.name.value), needed_scope(type_.name)):
            if scope:
                self.result.scopes.setdefault(scope, node)

    def narrowed(self, condition, parent):
        return SCHEMA.get_type(condition.name.value) if condition else parent
