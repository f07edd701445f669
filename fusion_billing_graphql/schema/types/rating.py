# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from odoo.addons.fusion_centralize_billing.models.rated_counters import rated_counters
from odoo.addons.fusion_centralize_billing.models.usage_window import group_dimensions
from odoo.addons.fusion_centralize_billing.rating import to_decimal
from odoo.tools import SQL

from .. import fields, scalars
from ..filters import BooleanFilter, DateTimeFilter, Filter, IdFilter
from ..links import one
from ..listings import Node, listed
from ..pages import Relation, connection
from .dimension import dimensions
from .rated_counter import counters

_USAGE = Relation(
    lambda table: SQL(
        "%s IN (SELECT counter_id FROM (%s) AS counter)", SQL.identifier(table, "id"), rated_counters(SQL("parent"))
    )
)

RatingState = fields.enumeration(
    "RatingState",
    "Whether a rating is final.",
    OPEN=("open", "Not invoiced yet: it may still change."),
    BILLED=("billed", "Invoiced: it never changes."),
    CANCELLED=("cancelled", "Its invoice was cancelled or deleted; the period is rated anew."),
)

PriceBasis = fields.enumeration(
    "PriceBasis",
    "What the price of a breakdown line is for.",
    UNIT=("unit", "One unit."),
    BATCH=("batch", "One begun batch of units."),
    PERCENT=("percent", "Each hundred of the quantity."),
    ROW=("row", "One usage row."),
    ROW_MINIMUM=("row_minimum", "What rows below the least charge are raised by."),
    ROW_MAXIMUM=("row_maximum", "What rows above the greatest charge are lowered by."),
    MINIMUM=("minimum", "What a billing period lacks of its minimum commitment."),
    ROUNDING=("rounding", "What one group bears of rounding all groups of a charge together."),
)

RatingKind = fields.enumeration(
    "RatingKind",
    "What is rated.",
    USAGE=("usage", "The usage of a charge, or of a group of it."),
    COMMITMENT=("commitment", "What a billing period lacks of its minimum commitment."),
)


def _number(name, description, required=False):
    """Return a field of a number that a breakdown line has as text."""
    return scalars.Decimal(
        required=required,
        description=description,
        resolver=lambda line, _info: None if line[name] is None else to_decimal(line[name]),
    )


class BreakdownLine(graphene.ObjectType):
    """One part of an amount, not rounded."""

    tier = graphene.Int(description="The number of the tier, from 1; null without tiers.")
    units = _number("units", "The quantity that this part prices.", required=True)
    price = _number("price", "The price of what the basis names, or the rate in percent.", required=True)
    basis = graphene.Field(PriceBasis, description="What the price is for.")
    flat_fee = _number("flat_fee", "Owed for entering the tier.", required=True)
    subtotal = _number("subtotal", "The amount of this part, with the flat fee.", required=True)
    batches = _number("batches", "How often the price was charged, if it is for batches.")
    unit_batch = _number("unit_batch", "Units in one batch, if the price is for batches.")
    above = _number("above", "The lower bound of the tier (exclusive).")
    up_to = _number("up_to", "The upper bound of the tier (inclusive); null if it is open.")


@listed(
    "fusion.billing.rating",
    columns=(
        *("subscription_id", "charge_id", "metric_id", "currency_id", "period_start", "period_end", "is_adjustment"),
        *("first_day", "last_day"),
        *("total_quantity", "included_quantity", "billable_quantity", "period_amount", "amount", "breakdown"),
        *("rated_at", "state", "invoice_id", "invoice_line_id", "kind", "group_key"),
    ),
    orders={"PERIOD_START": ("period_start", "By the start of the billing period.")},
    filters={
        "subscription_id": Filter(IdFilter, "subscription_id", "Its subscription.", target="Subscription"),
        "charge_id": Filter(IdFilter, "charge_id", "Its charge.", target="Charge"),
        "kind": Filter(RatingKind, "kind", "What is rated."),
        "state": Filter(RatingState, "state", "Its state."),
        "is_adjustment": Filter(BooleanFilter, "is_adjustment", "Whether it bills a difference."),
        "period_start": Filter(DateTimeFilter, "period_start", "The start of its billing period."),
    },
)
class Rating(graphene.ObjectType):
    """What a charge costs in a billing period, and which invoice billed it."""

    class Meta:
        interfaces = (Node,)

    subscription = one("Subscription", "subscription_id", "Whose usage was rated.")
    kind = fields.choice(RatingKind, "kind", "What is rated.")
    charge = one("Charge", "charge_id", "The charge that was applied; null for a commitment.")
    metric = one("Metric", "metric_id", "What was counted; null for a commitment.")
    dimensions = dimensions(
        "What the rated counters have in common, if the charge groups them.",
        lambda record: group_dimensions(record.group_key or ""),
    )
    period_start = fields.instant("period_start", "The start of the billing period.", required=True)
    period_end = fields.instant("period_end", "The first instant after the billing period.", required=True)
    first_day = fields.day("first_day", "The first day of the billing period, in the subscription's time zone.")
    last_day = fields.day("last_day", "The last day of the billing period, in the subscription's time zone.")
    quantity = fields.quantity("total_quantity", "The quantity used.")
    included = fields.quantity("included_quantity", "The part of it that costs nothing.")
    billable = fields.quantity("billable_quantity", "The part of it that was priced.")
    period_amount = fields.money("period_amount", "The price of the whole usage of the period, without tax.")
    amount = fields.money("amount", "What this rating bills: the price less what was billed before.")
    currency = fields.currency()
    is_adjustment = fields.boolean("is_adjustment", "Whether it bills the difference to what was billed before.")
    state = fields.choice(RatingState, "state", "Whether it is final.")
    breakdown = graphene.List(
        graphene.NonNull(BreakdownLine), required=True, description="How the price came about, part by part."
    )
    rated_at = fields.instant("rated_at", "When it was rated last.")
    invoice = one("Invoice", "invoice_id", "The invoice that billed it; null if none did, or it is a draft.")
    invoice_line = one("InvoiceLine", "invoice_line_id", "The invoice line that billed it.")
    counters = counters("The counters as they were when it was rated; of the whole period for a commitment.")
    usage = connection(
        "UsageRecord",
        "The counters that were rated, as they are now; of the whole period for a commitment.",
        _USAGE,
        deprecation_reason="Use counters; goes with version 2.0.",
    )
    created_at = fields.created_at()

    @staticmethod
    def resolve_breakdown(record, _info):
        return (record.breakdown or {}).get("lines", [])
