# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal as PythonDecimal

import graphene

from odoo.tools import SQL

from .. import fields, scalars
from ..filters import DateTimeFilter, Filter, IdFilter, TextFilter
from ..links import one
from ..listings import Node, listed
from .dimension import dimensions


@listed(
    "fusion.billing.usage",
    columns=(
        *("subscription_id", "service_id", "metric_id", "period_start", "period_end", "attributed_at"),
        *("source", "idempotency_key", "write_date", "properties", "voided_at", "void_reason"),
    ),
    orders={"ATTRIBUTED_AT": ("attributed_at", "By the instant that decides the billing period.")},
    filters={
        "subscription_id": Filter(IdFilter, "subscription_id", "Its subscription.", target="Subscription"),
        "metric_id": Filter(IdFilter, "metric_id", "Its metric.", target="Metric"),
        "metric_code": Filter(TextFilter, "metric_id.code", "The code of its metric."),
        "attributed_at": Filter(DateTimeFilter, "attributed_at", "The instant that decides its billing period."),
        "idempotency_key": Filter(TextFilter, "idempotency_key", "The key it was recorded with."),
    },
)
class UsageRecord(graphene.ObjectType):
    """A counter: what was used of a metric in a time. It belongs to the billing period of its last instant."""

    class Meta:
        interfaces = (Node,)

    subscription = one("Subscription", "subscription_id", "Whose usage it is.")
    service = one("Service", "service_id", "The service that recorded it; null for the back office.")
    metric = one("Metric", "metric_id", "What is counted.")
    quantity = scalars.Decimal(required=True, description="How much was used.")
    period_start = fields.instant("period_start", "From when on it counts.", required=True)
    period_end = fields.instant("period_end", "Until when it counts (exclusive).", required=True)
    attributed_at = fields.instant(
        "attributed_at", "Its last instant, which decides the billing period.", required=True
    )
    properties = dimensions("Its dimensions.", lambda record: record.properties or {})
    source = fields.text("source", "How it came here.", required=True)
    idempotency_key = fields.text("idempotency_key", "The key it was recorded with.")
    voided_at = fields.instant("voided_at", "Since when it does not count any more; null if it counts.")
    void_reason = fields.text("void_reason", "Why it does not count any more.")
    created_at = fields.created_at()
    updated_at = fields.instant("write_date", "When it was changed last.", required=True)

    @staticmethod
    def resolve_quantity(record, info):
        return info.context.batch("usage quantity", record, _exact_quantities)


def _exact_quantities(records):
    """Return ``{id: quantity}`` as PostgreSQL has it; Odoo would read it into a float."""
    records.flush_recordset(["quantity"])
    query = SQL("SELECT id, quantity::text FROM fusion_billing_usage WHERE id IN %s", tuple(records.ids))
    return {id_: scalars.plain_decimal(PythonDecimal(text)) for id_, text in records.env.execute_query(query)}
