# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The root of queries."""

import graphene

from odoo.addons.fusion_centralize_billing.api.errors import BusinessRuleError, ForbiddenError, InvalidPayloadError
from odoo.addons.fusion_centralize_billing.api.execution import execute

from . import ids, scalars
from .filters import checked_text
from .links import find, find_nodes
from .listings import LISTINGS, Node
from .pages import connection
from .types.document import Document
from .types.proof import BillingProof
from .types.usage_total import UsageTotal, UsageTotalPage

#: The most ids of one ``nodes`` query.
MAX_NODES = 100


def _object(name, description, **arguments):
    return graphene.Field(lambda: LISTINGS[name].object_type, description=description, **arguments)


def _argument(description, type_=graphene.String, **options):
    return graphene.Argument(type_, description=description, **options)


def _totals_arguments():
    return {
        "subscription_external_id": _argument("The subscription's external id, or its number as text.", required=True),
        "metric_code": _argument("The code of a metric; all if left out."),
        "from_": _argument("The start; with to. That of the open period if left out.", scalars.DateTime, name="from"),
        "to": _argument("The end (exclusive).", scalars.DateTime),
        "group_by": _argument('"day", "month", or "properties." and the name of a property.'),
    }


_ID = _argument("Its id.", graphene.ID)
_SERVICE_CODE = _argument("The code of its service; for back-office users, if several services use the same id.")


class Viewer(graphene.ObjectType):
    """Who asks."""

    service = graphene.Field(
        lambda: LISTINGS["Service"].object_type,
        description="The service of the API key or access token; null for a back-office user.",
    )
    customer = graphene.Field(
        lambda: LISTINGS["Customer"].object_type, description="The customer of the access token; null for others."
    )
    scopes = graphene.List(
        graphene.NonNull(graphene.String), description="What the API key may do; null if it may do everything."
    )

    @staticmethod
    def resolve_service(context, _info):
        return (context.service and find(context.env, "Service", [("id", "=", context.service.id)])[:1]) or None

    @staticmethod
    def resolve_customer(context, _info):
        customer = context.token and context.token.account_link_id.id
        return (customer and find(context.env, "Customer", [("id", "=", customer)])[:1]) or None

    @staticmethod
    def resolve_scopes(context, _info):
        return context.key.scopes.split() if context.key and context.key.scopes else None


class Query(graphene.ObjectType):
    """What can be read. A service sees what is its own, a customer with an access token what is his, a back-office user
    what the access rights show.
    """

    viewer = graphene.Field(Viewer, required=True, description="Who asks.")
    node = graphene.Field(
        Node,
        id=_argument("Its id.", graphene.ID, required=True),
        description="An object by its id; null if there is none.",
    )
    nodes = graphene.List(
        Node,
        required=True,
        ids=_argument("Their ids, at most 100.", graphene.List(graphene.NonNull(graphene.ID)), required=True),
        description="Objects by their ids, in the order of the ids; null for each that there is not.",
    )
    customer = _object(
        "Customer",
        "A customer by its id or external id.",
        id=_ID,
        external_id=_argument("Its id in the source app."),
        service_code=_SERVICE_CODE,
    )
    customers = connection("Customer", "Customers.")
    subscription = _object(
        "Subscription",
        "A subscription by its id or external id.",
        id=_ID,
        external_id=_argument("Its id in the source app."),
        service_code=_SERVICE_CODE,
    )
    subscriptions = connection("Subscription", "Subscriptions.")
    usage_records = connection("UsageRecord", "Usage counters.")
    usage_totals = graphene.List(
        graphene.NonNull(UsageTotal),
        required=True,
        **_totals_arguments(),
        description="The usage of a subscription, added up: at most 1000 totals. For services: use an API key.",
    )
    usage_total_page = graphene.Field(
        UsageTotalPage,
        required=True,
        **_totals_arguments(),
        limit=_argument("How many on a page, from 1 to 1000; 1000 if left out.", graphene.Int),
        cursor=_argument("nextCursor of the page before it, for the same question."),
        description="The usage of a subscription, added up, in pages. For services: use an API key.",
    )
    billing_proof = graphene.Field(
        BillingProof,
        required=True,
        from_=_argument(
            "The start: counters whose last instant is this or later.", scalars.DateTime, name="from", required=True
        ),
        to=_argument("The end (exclusive), at most 400 days later.", scalars.DateTime, required=True),
        description="What has become of every counter of a service's own subscriptions. For services: use a key.",
    )
    ratings = connection("Rating", "Ratings: what usage costs, by charge and billing period.")
    invoice = _object("Invoice", "An invoice by its id or number.", id=_ID, number=_argument("Its number."))
    invoice_pdf = graphene.Field(
        Document,
        id=_argument("The invoice's or credit note's id.", graphene.ID, required=True),
        description="A valid invoice or credit note as a PDF; null if there is none.",
    )
    invoices = connection("Invoice", "Invoices and credit notes of subscriptions.")
    webhook_deliveries = connection("WebhookDelivery", "Deliveries of webhooks.")
    plan = _object("Plan", "A plan of the catalogue by its id or code.", id=_ID, code=_argument("Its code."))
    plans = connection("Plan", "Plans of the catalogue.")
    charges = connection("Charge", "Charges: the prices of usage.")
    metric = _object("Metric", "A metric by its id or code.", id=_ID, code=_argument("Its code."))
    metrics = connection("Metric", "Metrics: what is counted.")
    services = connection("Service", "Services: the source apps.")

    @staticmethod
    def resolve_viewer(_root, info):
        return info.context

    @staticmethod
    def resolve_node(_root, info, id):
        return find_nodes(info.context, [id]).get(id)

    @staticmethod
    def resolve_nodes(_root, info, ids):
        if len(ids) > MAX_NODES:
            raise InvalidPayloadError(f"At most {MAX_NODES} ids.", code="too_many_ids", path="ids")
        found = find_nodes(info.context, ids)
        return [found.get(global_id) for global_id in ids]

    @staticmethod
    def resolve_customer(_root, info, **args):
        return _find_one(info, "Customer", "service_id.code", args, external_id="external_id")

    @staticmethod
    def resolve_subscription(_root, info, **args):
        return _find_one(info, "Subscription", "x_fc_service_id.code", args, external_id="x_fc_external_id")

    @staticmethod
    def resolve_invoice(_root, info, **args):
        return _find_one(info, "Invoice", None, args, number="name")

    @staticmethod
    def resolve_invoice_pdf(_root, info, id):
        invoice = find(info.context.env, "Invoice", [("id", "=", ids.decode_as(id, "Invoice"))])
        # sudo: the report is for accountants; the record rules have shown the invoice to who asks.
        return invoice.sudo()._fc_get_pdf("id") if invoice else None

    @staticmethod
    def resolve_usage_totals(_root, info, **args):
        page = _query_usage(info, args)
        if page["next_cursor"] is not None:
            raise BusinessRuleError("There are more than 1000 totals: ask for usageTotalPage.", code="too_many_groups")
        return page["usage"]

    @staticmethod
    def resolve_usage_total_page(_root, info, **args):
        page = _query_usage(info, args)
        return {"nodes": page["usage"], "next_cursor": page["next_cursor"]}

    @staticmethod
    def resolve_billing_proof(_root, info, from_, to):
        if info.context.key is None:
            raise ForbiddenError("Here the proof is for services: use an API key, or the menu Billing.")
        return execute(info.context.key, "billingProof", {"from": from_, "to": to})

    @staticmethod
    def resolve_plan(_root, info, **args):
        return _find_one(info, "Plan", None, args, code="code")

    @staticmethod
    def resolve_metric(_root, info, **args):
        return _find_one(info, "Metric", None, args, code="code")


def _query_usage(info, args):
    if info.context.key is None:
        raise ForbiddenError("Totals of usage are for services: use an API key.")
    asked = {name.rstrip("_"): value for name, value in args.items() if value is not None}
    return execute(info.context.key, "queryUsage", asked)


def _find_one(info, name, service_column, args, **columns):
    """Return the one visible object of a type with an id, or with the value of a column."""
    given = {argument: value for argument, value in args.items() if value is not None and argument != "service_code"}
    if len(given) != 1:
        raise InvalidPayloadError("Give exactly one of the arguments that identify it.", code="one_argument_required")
    argument, value = given.popitem()
    if argument == "id":
        domain = [("id", "=", ids.decode_as(value, name))]
    else:
        domain = [(columns[argument], "=", checked_text(value))]
    if service_column and args.get("service_code") is not None:
        domain.append((service_column, "=", checked_text(args["service_code"])))
    found = find(info.context.env, name, domain, limit=2)
    if len(found) > 1:
        raise InvalidPayloadError(
            "Several services use this id: give serviceCode.", code="ambiguous", path="service_code"
        )
    return found or None
