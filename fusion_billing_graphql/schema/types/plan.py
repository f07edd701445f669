# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from .. import fields
from ..filters import Filter, TextFilter
from ..listings import Node, listed
from ..pages import children, connection

PeriodUnit = fields.enumeration(
    "PeriodUnit",
    "The unit of a billing period's length.",
    WEEK=("week", "Seven days."),
    MONTH=("month", "A calendar month."),
    YEAR=("year", "A calendar year."),
)


@listed(
    "fusion.billing.plan",
    columns=("name", "code", "price", "currency_id", "plan_id"),
    orders={"CODE": ("code", "By code.")},
    filters={"code": Filter(TextFilter, "code", "Its code.")},
)
class Plan(graphene.ObjectType):
    """A plan of the catalogue: a recurrence, a fixed fee, and charges for usage."""

    class Meta:
        interfaces = (Node,)

    code = fields.text("code", "The name that source apps use.", required=True)
    name = fields.text("name", "Name for people.", required=True)
    price = fields.money("price", "The fixed fee of a billing period, without tax.")
    currency = fields.currency("The currency of the fixed fee and the charges, as ISO 4217 code.")
    billing_period_value = graphene.Int(required=True, description="How many units a billing period has.")
    billing_period_unit = graphene.Field(PeriodUnit, description="The unit of a billing period's length.")
    charges = connection("Charge", "The prices of usage.", children("billing_plan_id"))
    created_at = fields.created_at()

    # sudo: services have no access to recurrences; these two values of a plan that they may sell are theirs to know.
    @staticmethod
    def resolve_billing_period_value(record, _info):
        return record.sudo().plan_id.billing_period_value

    @staticmethod
    def resolve_billing_period_unit(record, _info):
        return record.sudo().plan_id.billing_period_unit
