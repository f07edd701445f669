# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from .. import fields
from ..filters import Filter, TextFilter
from ..listings import Node, listed


@listed(
    "fusion.billing.service",
    columns=("name", "code"),
    orders={"CODE": ("code", "By code.")},
    filters={"code": Filter(TextFilter, "code", "Its code.")},
)
class Service(graphene.ObjectType):
    """A source app: a product of the company that is billed here. A key's service sees itself only."""

    class Meta:
        interfaces = (Node,)

    code = fields.text("code", "Short stable name.", required=True)
    name = fields.text("name", "Name for people.", required=True)
    created_at = fields.created_at()
