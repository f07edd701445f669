# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from .. import fields, scalars
from ..filters import DateTimeFilter, Filter, IdFilter, TextFilter
from ..links import one
from ..listings import Node, listed

WebhookState = fields.enumeration(
    "WebhookState",
    "What became of a delivery.",
    PENDING=("pending", "Not tried yet."),
    SENT=("sent", "The service has taken it."),
    FAILED=("failed", "It failed, and will be tried again."),
    DEAD=("dead", "It was given up."),
)


@listed(
    "fusion.billing.webhook",
    columns=(
        *("service_id", "event_type", "delivery_uuid", "payload", "state", "attempts"),
        *("next_retry_at", "sent_at", "last_error", "last_status"),
    ),
    filters={
        "event_type": Filter(TextFilter, "event_type", "Its event type."),
        "state": Filter(WebhookState, "state", "Its state."),
        "service_id": Filter(IdFilter, "service_id", "Its service.", target="Service"),
        "created_at": Filter(DateTimeFilter, "create_date", "When it was made."),
    },
)
class WebhookDelivery(graphene.ObjectType):
    """An event for a service, and whether the service has taken it."""

    class Meta:
        interfaces = (Node,)

    delivery_id = fields.text("delivery_uuid", "What X-Fusion-Delivery says.", required=True)
    event_type = fields.text("event_type", "What happened, such as invoice.finalized.", required=True)
    state = fields.choice(WebhookState, "state", "What became of it.")
    attempts = fields.integer("attempts", "How often it was tried.")
    next_retry_at = fields.instant("next_retry_at", "When it is tried next.")
    sent_at = fields.instant("sent_at", "When it was taken.")
    last_status = graphene.Int(description="The HTTP status of the last attempt; null if there was no answer.")
    last_error = fields.text("last_error", "Why the last attempt failed.")
    payload = scalars.JSON(description="What is sent.")
    service = one("Service", "service_id", "The service that is told.")
    created_at = fields.created_at()

    @staticmethod
    def resolve_last_status(record, _info):
        return record.last_status or None

    @staticmethod
    def resolve_payload(record, _info):
        return record.payload or None
