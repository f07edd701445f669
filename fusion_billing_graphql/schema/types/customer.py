# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import graphene

from odoo.tools import SQL

from .. import fields
from ..filters import DateTimeFilter, Filter, IdFilter, TextFilter
from ..links import one
from ..listings import Node, listed
from ..pages import Relation, connection

# Where a subscription does not name its customer, the partner and the service are the customer. One that the back
# office opened without a service is shown to each service whose customer the partner is.
_SUBSCRIPTIONS = Relation(
    lambda table: SQL(
        "%(partner)s = parent.partner_id AND (%(service)s = parent.service_id OR %(service)s IS NULL)"
        " AND (%(customer)s = parent.id OR %(customer)s IS NULL)",
        customer=SQL.identifier(table, "x_fc_account_link_id"),
        partner=SQL.identifier(table, "partner_id"),
        service=SQL.identifier(table, "x_fc_service_id"),
    )
)
_INVOICES = Relation(
    lambda table: SQL(
        "%s = parent.service_id AND %s IN ("
        "SELECT rel.move_id FROM fusion_billing_invoice_subscription_rel AS rel"
        " JOIN sale_order AS orders ON orders.id = rel.order_id WHERE orders.partner_id = parent.partner_id"
        " AND (orders.x_fc_account_link_id = parent.id OR orders.x_fc_account_link_id IS NULL))",
        SQL.identifier(table, "x_fc_service_id"),
        SQL.identifier(table, "id"),
    )
)


@listed(
    "fusion.billing.account.link",
    columns=("external_id", "external_name", "external_email", "service_id", "partner_id"),
    orders={"EXTERNAL_ID": ("external_id", "By external id.")},
    filters={
        "external_id": Filter(TextFilter, "external_id", "Its id in the source app."),
        "email": Filter(TextFilter, "external_email", "The e-mail that the source app gave."),
        "service_id": Filter(IdFilter, "service_id", "Its service.", target="Service"),
        "created_at": Filter(DateTimeFilter, "create_date", "When it was made."),
    },
)
class Customer(graphene.ObjectType):
    """A customer of a source app. Customers of several apps with one e-mail have one partner in Odoo."""

    class Meta:
        interfaces = (Node,)

    external_id = fields.text("external_id", "Its id in the source app.", required=True)
    name = fields.text("external_name", "The name that the source app gave last.")
    email = fields.text("external_email", "The e-mail that the source app gave last.")
    partner_id = graphene.Int(required=True, description="The number of its partner in Odoo.")
    service = one("Service", "service_id", "The source app.")
    subscriptions = connection("Subscription", "Its subscriptions.", _SUBSCRIPTIONS)
    invoices = connection("Invoice", "Its invoices and credit notes.", _INVOICES)
    created_at = fields.created_at()

    @staticmethod
    def resolve_partner_id(record, _info):
        return record.partner_id.id
