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

FeeTiming = fields.enumeration(
    "FeeTiming",
    "When the fixed fee of a billing period is billed.",
    ARREARS=("arrears", "At its end."),
    ADVANCE=("advance", "At its beginning."),
)

Proration = fields.enumeration(
    "Proration",
    "What a billing period that is not whole costs.",
    NONE=("none", "As much as a whole one."),
    DAY=("day", "Its share by days, of the fixed fee, of quotas and of the minimum commitment."),
)

ChangeTiming = fields.enumeration(
    "ChangeTiming",
    "From when a change of a running subscription is billed.",
    NEXT_PERIOD=("next_period", "From the billing period after the one that runs."),
    BY_DAY=("by_day", "At once, with both parts of the billing period in proportion to their days."),
)


@listed(
    "fusion.billing.plan",
    columns=(
        *("name", "code", "price", "currency_id", "plan_id", "fee_timing", "proration", "trial_days", "grace_days"),
        *("minimum_commitment", "change_timing"),
    ),
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
    fee_timing = fields.choice(FeeTiming, "fee_timing", "When the fixed fee is billed.")
    proration = fields.choice(Proration, "proration", "What a billing period that is not whole costs.")
    trial_days = fields.integer("trial_days", "Days from the start without a fixed fee.")
    grace_days = fields.integer("grace_days", "Days between the end of a billing period and its invoice.")
    change_timing = fields.choice(ChangeTiming, "change_timing", "From when a change of a subscription is billed.")
    minimum_commitment = fields.money("minimum_commitment", "What a billing period costs at least, without tax.")
    charges = connection("Charge", "The prices of usage.", children("billing_plan_id"))
    created_at = fields.created_at()

    # sudo: services have no access to recurrences; these two values of a plan that they may sell are theirs to know.
    @staticmethod
    def resolve_billing_period_value(record, _info):
        return record.sudo().plan_id.billing_period_value

    @staticmethod
    def resolve_billing_period_unit(record, _info):
        return record.sudo().plan_id.billing_period_unit
