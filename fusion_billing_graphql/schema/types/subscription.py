# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from odoo.addons.fusion_centralize_billing.models.billing_service_subscriptions import describe_lines
from odoo.tools import SQL

from .. import answered, fields, scalars
from ..filters import DateFilter, Filter, IdFilter, TextFilter
from ..inputs import CloseReason
from ..links import find, one
from ..listings import LISTINGS, Node, listed
from ..pages import Relation, connection
from .current_usage import CurrentUsage, load_current_usage

SubscriptionState = fields.enumeration(
    "SubscriptionState",
    "Where a subscription is in its life.",
    DRAFT=("1_draft", "Not started."),
    RENEWAL=("2_renewal", "A renewal that was not started."),
    IN_PROGRESS=("3_progress", "Running: it is invoiced."),
    PAUSED=("4_paused", "Running, but not invoiced for now."),
    RENEWED=("5_renewed", "Replaced by its renewal."),
    CHURNED=("6_churn", "Ended."),
    UPSELL=("7_upsell", "An addition to another subscription."),
)


class SubscriptionLine(graphene.ObjectType):
    """A line of a subscription that is no usage."""

    line_id = answered.integer("line_id", "Its number in Odoo, by which its quantity is changed.")
    product_id = answered.integer("product_id", "The product's number in Odoo.")
    name = answered.text("name", "What it is, for people.")
    quantity = answered.number("quantity", "How many.")
    unit_price = answered.number("unit_price", "The price of one, without discount.")
    recurring = answered.boolean("recurring", "Whether it is billed in each billing period.")
    effective_from = answered.day(
        "effective_from",
        "The first day of this quantity and price, which were agreed last; null if always, or unknown.",
        required=False,
    )


class Attention(graphene.ObjectType):
    """What keeps a subscription from being rated or invoiced. It goes away when it is mended."""

    code = answered.text("code", "Its stable name.")
    message = answered.text("message", "What is wrong, for people.")
    since = answered.instant("since", "Since when.")


def _of_all_orders(column):
    """Return the relation of records that point to an order, or to one that it continues as its renewal."""
    return Relation(
        lambda table: SQL(
            """
            %s = ANY(ARRAY(
                WITH RECURSIVE life (id, before) AS (
                    SELECT parent.id, parent.x_fc_predecessor_id
                     UNION ALL
                    SELECT earlier.id, earlier.x_fc_predecessor_id
                      FROM life JOIN sale_order AS earlier ON earlier.id = life.before)
                SELECT id FROM life))
            """,
            SQL.identifier(table, column),
        )
    )


@listed(
    "sale.order",
    domain=[("is_subscription", "=", True)],
    columns=(
        *("name", "x_fc_external_id", "x_fc_plan_code", "x_fc_service_id", "subscription_state", "partner_id"),
        *("start_date", "next_invoice_date", "end_date", "x_fc_ended_on", "x_fc_billed_until", "x_fc_billing_tz"),
        *("x_fc_close_reason", "currency_id", "company_id"),
    ),
    orders={
        "EXTERNAL_ID": ("x_fc_external_id", "By external id."),
        "START_DATE": ("start_date", "By first day."),
        "NEXT_INVOICE_DATE": ("next_invoice_date", "By the day of the next invoice."),
    },
    filters={
        "external_id": Filter(TextFilter, "x_fc_external_id", "Its id in the source app."),
        "plan_code": Filter(TextFilter, "x_fc_plan_code", "The code of its plan."),
        "state": Filter(SubscriptionState, "subscription_state", "Its state."),
        "service_id": Filter(IdFilter, "x_fc_service_id", "Its service.", target="Service"),
        "start_date": Filter(DateFilter, "start_date", "Its first day."),
        "next_invoice_date": Filter(DateFilter, "next_invoice_date", "The day of its next invoice."),
    },
)
class Subscription(graphene.ObjectType):
    """A subscription of a customer to a plan."""

    class Meta:
        interfaces = (Node,)

    external_id = fields.text("x_fc_external_id", "Its id in the source app.")
    subscription_id = graphene.Int(required=True, description="Its number in Odoo, as the REST API gives it.")
    number = fields.text("name", "Its number for people.", required=True)
    plan_code = fields.text("x_fc_plan_code", "The code of its plan.")
    state = fields.choice(SubscriptionState, "subscription_state", "Where it is in its life.")
    start_date = fields.day("start_date", "Its first day.")
    end_date = scalars.Date(description="The first day that it does not cover, as far as that is known.")
    close_reason = fields.choice(CloseReason, "x_fc_close_reason", "Why it ended, as its service said.")
    next_invoice_date = fields.day("next_invoice_date", "The day of its next invoice.")
    billed_until = fields.day("x_fc_billed_until", "Usage before this day was invoiced.")
    time_zone = fields.text("x_fc_billing_tz", "Whose midnight its billing periods begin at, as IANA name.")
    current_period_start = scalars.DateTime(description="The start of the billing period that is not invoiced yet.")
    current_period_end = scalars.DateTime(description="The first instant after that billing period.")
    currency = fields.currency("The currency it is billed in, as ISO 4217 code.")
    customer = graphene.Field(lambda: LISTINGS["Customer"].object_type, description="Whose it is.")
    service = one("Service", "x_fc_service_id", "The source app that opened it; null for the back office.")
    current_usage = graphene.List(
        graphene.NonNull(lambda: CurrentUsage),
        required=True,
        description="The usage of the billing period that is not invoiced yet, priced as it will be billed.",
    )
    lines = graphene.List(graphene.NonNull(SubscriptionLine), required=True, description="What it bills beside usage.")
    attention = graphene.List(
        graphene.NonNull(Attention), required=True, description="What keeps it from being rated or invoiced."
    )
    usage = connection("UsageRecord", "Its counters.", _of_all_orders("subscription_id"))
    ratings = connection(
        "Rating", "What its usage costs, by charge and billing period.", _of_all_orders("subscription_id")
    )
    invoices = connection("Invoice", "Its invoices and credit notes.", _of_all_orders("x_fc_subscription_id"))
    created_at = fields.created_at()

    @staticmethod
    def resolve_subscription_id(record, _info):
        # sudo: services do not see the orders that this one continues.
        return record.sudo()._fc_get_first_id()

    @staticmethod
    def resolve_lines(record, _info):
        # sudo: services read orders, not their lines; these are of an order that the record rules show.
        return describe_lines(record.sudo())

    @staticmethod
    def resolve_attention(record, _info):
        # sudo: as its lines.
        return record.sudo().x_fc_attention_ids._describe()

    @staticmethod
    def resolve_end_date(record, _info):
        return record._fc_get_end_date()

    @staticmethod
    def resolve_current_period_start(record, _info):
        period = record._fc_get_current_period()
        return period and period[0]

    @staticmethod
    def resolve_current_period_end(record, _info):
        period = record._fc_get_current_period()
        return period and period[1]

    @staticmethod
    def resolve_customer(record, info):
        return info.context.batch("customer of subscription", record, _load_customers)

    @staticmethod
    def resolve_current_usage(record, info):
        return info.context.batch("current usage", record, load_current_usage)


def _load_customers(orders):
    """Return ``{subscription id: customer}``: the customer of its service, or of the first one that sees it."""
    links = find(orders.env, "Customer", [("partner_id", "in", orders.partner_id.ids)])
    by_partner = {}
    for link in links:
        by_partner.setdefault(link.partner_id.id, []).append(link)
    return {order.id: _pick(order, by_partner.get(order.partner_id.id, ())) for order in orders}


def _pick(order, links):
    service = order.x_fc_service_id
    return next((link for link in links if not service or link.service_id == service), None)
