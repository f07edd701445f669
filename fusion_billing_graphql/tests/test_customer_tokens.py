# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What an access token of a customer shows: that customer, whatever is asked, and only by queries."""

from graphql import is_interface_type, is_object_type

from odoo.addons.fusion_centralize_billing.limits.costs import Work
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..limits.settings import Settings
from ..schema import SCHEMA
from ..schema.scopes import CUSTOMER_TYPES
from ..server import engine, wire
from ..server.caller import Caller
from .common import ROOT_CONNECTIONS, GraphqlCase

#: What customers are never shown, with the reason. A new type is here or in CUSTOMER_TYPES.
_HIDDEN = {
    "Attention": "what is wrong inside of the billing",
    "BillingProof": "about all customers of a service",
    "Document": "costs seconds of a server each; source apps fetch PDFs with their key",
    "MetricConnection": "what else is counted, also for others",
    "MetricEdge": "as MetricConnection",
    "ProofFinding": "as BillingProof",
    "ProofLine": "as BillingProof",
    "ServiceConnection": "there is one",
    "ServiceEdge": "there is one",
    "UsageTotal": "an operation of services, with a key",
    "UsageTotalPage": "an operation of services, with a key",
    "WebhookDelivery": "between the billing and the source app",
    "WebhookDeliveryConnection": "as WebhookDelivery",
    "WebhookDeliveryEdge": "as WebhookDelivery",
}
#: The lists of the root that a token opens.
_LISTS = {
    name: type_name
    for name, type_name in ROOT_CONNECTIONS.items()
    if type_name not in ("WebhookDelivery", "Metric", "Service")
}
_PRICES = ("Plan", "Charge")
_MUTED = ("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")


class CustomerTokenCase(GraphqlCase):
    """Three customers of one service, two of whom share a contact, and one of another service with the same contact."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mine = cls._create_world(cls.service)
        cls.neighbour = cls._create_world(cls.service)
        cls.twin = cls._create_world(cls.service, cls.mine["Customer"].partner_id)
        cls.elsewhere = cls._create_world(cls._create_service(), cls.mine["Customer"].partner_id)
        cls.others = {"neighbour": cls.neighbour, "twin": cls.twin, "other service": cls.elsewhere}
        cls.token = cls._create_token(cls.mine["Customer"])[1]

    @classmethod
    def _create_world(cls, service, partner=None):
        """Return the records of a customer with a plan and a metric of its own, whose first month was invoiced."""
        cls._listen(service)
        metric, cls.metric = cls.metric, cls._create_metric()
        try:
            plan = cls._create_plan(service_id=service.id)
            charge = cls._create_charge(plan=plan)
            link = cls._create_link(service=service, partner=partner or cls.env["res.partner"].create({"name": "One"}))
            records = cls._create_billed_customer(service=service, plan=plan, link=link, x_fc_account_link_id=link.id)
            delivery = cls.env["fusion.billing.webhook"].search([("service_id", "=", service.id)], limit=1)
            return {**records, "Plan": plan, "Charge": charge, "Metric": cls.metric, "WebhookDelivery": delivery}
        finally:
            cls.metric = metric

    def _answer(self, query, variables=None, *, token=None, settings=None, **options):
        """Answer with an access token, or as the other cases do with what else is given."""
        if options:
            return super()._answer(query, variables, settings=settings, **options)
        self.env.flush_all()
        self.env.invalidate_all()
        token = token or self.token
        caller = Caller(token.account_link_id._as_customer().env, token=token)
        return engine.answer(wire.Call(query, variables or {}), caller, settings or Settings(), "test")

    def _refuse(self, query, variables=None, **options):
        """Return the code with which a whole request is refused."""
        with self.assertRaises(Exception) as caught:
            self._answer(query, variables, **options)
        return caught.exception.code

    def _list_ids(self, name, **options):
        data = self._ask(
            f"{{ {name}(first: 100) {{ totalCount nodes {{ id }} edges {{ node {{ id }} }} }} }}", **options
        )
        found = {node["id"] for node in data[name]["nodes"]}
        self.assertEqual(len(found), data[name]["totalCount"])
        self.assertEqual(found, {edge["node"]["id"] for edge in data[name]["edges"]})
        return found


@tagged("post_install", "-at_install")
class TestWhatATokenShows(CustomerTokenCase):
    def test_a_customer_reads_his_subscriptions_usage_ratings_and_invoices(self):
        answer = self._ask("""{
            viewer { scopes service { code } customer { externalId } }
            customer: viewer { customer {
                subscriptions(first: 5) { totalCount nodes {
                    externalId state planCode lines { name quantity }
                    currentUsage { metric { code } quantity amount currency breakdown { units } }
                    ratings(first: 5) { nodes { amount metric { code } charge { name }
                        counters(first: 5) { totalCount nodes { quantity metricCode } } } }
                    usage(first: 5) { totalCount nodes { quantity metric { code } } } } }
                invoices(first: 5) { nodes { number amountTotal lines(first: 9) { nodes {
                    description amountTotal ratings(first: 5) { nodes { quantity } } } } } } } } }""")
        mine, customer = self.mine, answer["customer"]["customer"]
        self.assertEqual(answer["viewer"]["service"]["code"], self.service.code)
        self.assertEqual(answer["viewer"]["customer"]["externalId"], mine["Customer"].external_id)
        [subscription] = customer["subscriptions"]["nodes"]
        self.assertEqual(subscription["externalId"], mine["Subscription"].x_fc_external_id)
        self.assertEqual(subscription["usage"]["totalCount"], 2)
        self.assertEqual(
            subscription["usage"]["nodes"],
            [{"quantity": q, "metric": {"code": mine["Metric"].code}} for q in ("10", "5")],
        )
        self.assertEqual(subscription["currentUsage"][0]["metric"]["code"], mine["Metric"].code)
        self.assertEqual(subscription["currentUsage"][0]["quantity"], "5")
        [rating, *_open] = subscription["ratings"]["nodes"]
        self.assertEqual(rating["charge"]["name"], mine["Charge"].name)
        self.assertEqual(rating["counters"]["nodes"], [{"quantity": "10", "metricCode": mine["Metric"].code}])
        [invoice] = customer["invoices"]["nodes"]
        self.assertEqual(invoice["number"], mine["Invoice"].name)
        rated = [line for line in invoice["lines"]["nodes"] if line["ratings"]["nodes"]]
        self.assertEqual([line["ratings"]["nodes"] for line in rated], [[{"quantity": "10"}]])

    def test_every_list_shows_his_own_only(self):
        for name, type_name in _LISTS.items():
            with self.subTest(name):
                found = self._list_ids(name)
                self.assertIn(self._get_id(self.mine[type_name], type_name), found)
                for world in self.others.values():
                    self.assertNotIn(self._get_id(world[type_name], type_name), found)

    def test_each_customer_of_a_contact_has_his_own(self):
        token = self._create_token(self.twin["Customer"])[1]
        for name, type_name in _LISTS.items():
            with self.subTest(name):
                mine, theirs = self._list_ids(name), self._list_ids(name, token=token)
                self.assertFalse(mine & theirs)
                self.assertIn(self._get_id(self.twin[type_name], type_name), theirs)

    def test_no_id_or_name_of_another_one_opens_anything(self):
        query = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"
        for whose, world in self.others.items():
            for type_name, record in world.items():
                with self.subTest(type_name, whose=whose):
                    variables = {"id": self._get_id(record, type_name)}
                    self.assertEqual(self._ask(query, variables), {"node": None, "nodes": [None]})
            names = {
                "customer": ("externalId", world["Customer"].external_id),
                "subscription": ("externalId", world["Subscription"].x_fc_external_id),
                "invoice": ("number", world["Invoice"].name),
                "plan": ("code", world["Plan"].code),
                "metric": ("code", world["Metric"].code),
            }
            for field, (argument, value) in names.items():
                with self.subTest(field, whose=whose):
                    asked = f"query($value: String) {{ {field}({argument}: $value) {{ id }} }}"
                    self.assertIsNone(self._ask(asked, {"value": value})[field])

    def test_his_own_ids_and_names_open_his_records(self):
        query = "query($id: ID!) { node(id: $id) { id } }"
        for type_name, record in self.mine.items():
            if type_name != "WebhookDelivery":
                with self.subTest(type_name):
                    global_id = self._get_id(record, type_name)
                    self.assertEqual(self._ask(query, {"id": global_id})["node"], {"id": global_id})

    def test_filters_fragments_and_aliases_lead_to_nobody_else(self):
        for whose, world in self.others.items():
            variables = {
                "subscription": self._get_id(world["Subscription"], "Subscription"),
                "invoice": self._get_id(world["Invoice"], "Invoice"),
                "customer": self._get_id(world["Customer"], "Customer"),
                "external": world["Customer"].external_id,
            }
            query = """query($subscription: ID!, $invoice: ID!, $customer: ID!, $external: String!) {
                a: usageRecords(first: 5, filter: {subscriptionId: {eq: $subscription}}) { totalCount nodes { id } }
                b: ratings(first: 5, filter: {subscriptionId: {in: [$subscription]}}) { totalCount nodes { id } }
                c: invoices(first: 5, filter: {subscriptionId: {eq: $subscription}}) { totalCount nodes { id } }
                d: customers(first: 5, filter: {externalId: {eq: $external}}) { totalCount nodes { id } }
                e: node(id: $invoice) { ...Lines } f: node(id: $customer) { ... on Customer { name } } }
                fragment Lines on Invoice { lines(first: 5) { nodes { description } } }"""
            with self.subTest(whose):
                found = self._ask(query, variables)
                nothing = {"totalCount": 0, "nodes": []}
                self.assertEqual(found, {**dict.fromkeys("abcd", nothing), "e": None, "f": None})

    def test_a_cursor_of_another_one_shows_his_own_only(self):
        query = "query($after: String) { invoices(first: 9, after: $after) { nodes { id } edges { cursor } } }"
        token = self._create_token(self.neighbour["Customer"])[1]
        cursor = self._ask(query, token=token)["invoices"]["edges"][0]["cursor"]
        found = {node["id"] for node in self._ask(query, {"after": cursor})["invoices"]["nodes"]}
        self.assertLessEqual(found, self._list_ids("invoices"))

    def test_drafts_and_what_belongs_to_no_service_stay_hidden(self):
        values = {"partner_id": self.mine["Customer"].partner_id.id}
        order = self._create_subscription(service=self.env["fusion.billing.service"], x_fc_external_id=False, **values)
        self.mine["Invoice"].button_draft()
        self.assertNotIn(self._get_id(order, "Subscription"), self._list_ids("subscriptions"))
        self.assertFalse(self._list_ids("invoices"))

    def test_a_subscription_that_may_be_of_several_customers_is_shown_to_none(self):
        values = {"partner_id": self.mine["Customer"].partner_id.id}
        order = self._create_subscription(plan=self.mine["Plan"], **values)
        self.assertFalse(order.x_fc_account_link_id)
        for world in (self.mine, self.twin):
            token = self._create_token(world["Customer"])[1]
            self.assertNotIn(self._get_id(order, "Subscription"), self._list_ids("subscriptions", token=token))

    def test_an_invoice_that_another_customer_has_a_part_in_is_shown_to_neither(self):
        invoice, second = (
            self.mine["Invoice"],
            self._create_subscription(
                plan=self.mine["Plan"],
                partner_id=self.mine["Customer"].partner_id.id,
                x_fc_account_link_id=self.mine["Customer"].id,
            ),
        )
        listed = self._get_id(invoice, "Invoice")
        for orders, is_shown in (
            (self.mine["Subscription"] | second, True),
            (self.mine["Subscription"] | self.twin["Subscription"], False),
            (self.mine["Subscription"] | self.elsewhere["Subscription"], False),
            (self.twin["Subscription"], False),
            (second.browse(), False),
        ):
            invoice.x_fc_subscription_ids = orders
            with self.subTest(orders.mapped("x_fc_account_link_id.external_id")):
                self.assertEqual(listed in self._list_ids("invoices"), is_shown)
                line = {"id": self._get_id(self.mine["InvoiceLine"], "InvoiceLine")}
                shown = self._ask("query($id: ID!) { node(id: $id) { id } }", line)["node"]
                self.assertEqual(shown is not None, is_shown)

    def test_a_subscription_that_went_to_another_contact_is_shown_no_more(self):
        order = self.mine["Subscription"]
        self.env.cr.execute("UPDATE sale_order SET partner_id = %s WHERE id = %s", [self.partner.id, order.id])
        self.env.invalidate_all()
        for name in ("subscriptions", "usageRecords", "ratings", "invoices"):
            with self.subTest(name):
                self.assertFalse(self._list_ids(name))

    def test_prices_of_others_are_shown_if_they_are_public(self):
        plan, charge = self.neighbour["Plan"], self.neighbour["Charge"]
        for is_public in (False, True):
            plan.is_public = is_public
            with self.subTest(is_public=is_public):
                self.assertEqual(self._get_id(plan, "Plan") in self._list_ids("plans"), is_public)
                self.assertEqual(self._get_id(charge, "Charge") in self._list_ids("charges"), is_public)
        self.elsewhere["Plan"].is_public = True
        self.assertNotIn(self._get_id(self.elsewhere["Plan"], "Plan"), self._list_ids("plans"))

    def test_an_archived_price_still_explains_what_it_has_rated(self):
        self.mine["Charge"].active = False
        query = "{ subscriptions(first: 5) { nodes { currentUsage { metric { code } } } } }"
        [subscription] = self._ask(query)["subscriptions"]["nodes"]
        self.assertEqual(subscription["currentUsage"], [{"metric": {"code": self.mine["Metric"].code}}])


@tagged("post_install", "-at_install")
class TestWhatATokenIsRefused(CustomerTokenCase):
    def test_every_type_is_either_shown_to_customers_or_hidden_for_a_reason(self):
        types = {
            name
            for name, type_ in SCHEMA.type_map.items()
            if (is_object_type(type_) or is_interface_type(type_)) and not name.startswith("__")
        }
        reached, waiting = set(), [SCHEMA.query_type.name]
        while waiting:
            name = waiting.pop()
            if name in reached:
                continue
            reached.add(name)
            type_ = SCHEMA.type_map[name]
            implementing = SCHEMA.get_possible_types(type_) if is_interface_type(type_) else ()
            named = [_named(field.type) for field in type_.fields.values()] + [item.name for item in implementing]
            waiting += [target for target in named if target in types]
        self.assertEqual(reached, CUSTOMER_TYPES & types | set(_HIDDEN))
        self.assertFalse(CUSTOMER_TYPES & set(_HIDDEN))

    def test_no_mutation_is_done(self):
        query = 'mutation { upsertCustomer(input: {externalId: "made"}) { userErrors { code } } }'
        self.assertEqual(self._refuse(query), "read_only")
        token = 'mutation { createCustomerToken(input: {externalCustomerId: "x"}) { userErrors { code } } }'
        self.assertEqual(self._refuse(token), "read_only")
        self.assertFalse(self.env["fusion.billing.account.link"].search([("external_id", "=", "made")]))

    def test_hidden_types_are_refused_by_whatever_way(self):
        own = {"id": self._get_id(self.mine["WebhookDelivery"], "WebhookDelivery")}
        invoice = {"id": self._get_id(self.mine["Invoice"], "Invoice")}
        cases = [
            ("{ webhookDeliveries(first: 1) { totalCount } }", None),
            ("{ services(first: 1) { nodes { code } } }", None),
            ("{ metrics(first: 1) { nodes { code } } }", None),
            ("{ subscriptions(first: 1) { nodes { attention { code } } } }", None),
            (
                "{ a: subscriptions(first: 1) { edges { node { ...A } } } }"
                " fragment A on Subscription { attention { code } }",
                None,
            ),
            ("query($id: ID!) { node(id: $id) { ... on WebhookDelivery { payload } } }", own),
            ("query($id: ID!) { invoicePdf(id: $id) { contentBase64 } }", invoice),
            ('{ usageTotals(subscriptionExternalId: "x") { quantity } }', None),
            ('{ usageTotalPage(subscriptionExternalId: "x") { nodes { quantity } } }', None),
            ('{ billingProof(from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z") { balanced } }', None),
            ("{ __schema { types { name } } }", None),
            ('{ __type(name: "Query") { name } }', None),
        ]
        for query, variables in cases:
            with self.subTest(query):
                # Costs are looked at first; here they do not hide the reason.
                code = self._refuse(query, variables or {}, settings=Settings(customer_max_cost=25000))
                self.assertEqual(code, "not_for_customers")
        self.assertIsNone(self._ask("query($id: ID!) { node(id: $id) { id } }", own)["node"])

    def test_the_limits_of_documents_hold_and_costs_are_lower(self):
        dear = "{ subscriptions(first: 100) { nodes { invoices(first: 100) { nodes { number } } } } }"
        self.assertEqual(self._get_codes(dear), ["cost_limit_exceeded"])
        self.assertEqual(self._get_codes(dear, key=self._key()), [])
        aliases = " ".join(f"a{n}: __typename" for n in range(60))
        self.assertEqual(self._get_codes(f"{{ {aliases} }}"), ["alias_limit_exceeded"])
        self.assertEqual(self._get_codes("{ subscriptions { nodes { id } } }"), ["pagination_required"])

    @mute_logger(*_MUTED)
    def test_record_rules_and_not_resolvers_keep_customers_apart(self):
        """Asked over the ORM, in the environment of a token, without any of GraphQL."""
        env = self.mine["Customer"]._as_customer().env
        for type_name, record in self.mine.items():
            if type_name in ("WebhookDelivery",):
                continue
            model = env[record._name]
            with self.subTest(type_name):
                self.assertTrue(model.search([("id", "=", record.id)]))
                for operation in ("write", "create", "unlink"):
                    self.assertFalse(model.has_access(operation))
                for whose, world in self.others.items():
                    self.assertFalse(model.search([("id", "=", world[type_name].id)]), whose)
                    self.assertFalse(model.browse(world[type_name].id).has_access("read"), whose)
        for name in ("res.partner", "res.users", "fusion.billing.api.key", "fusion.billing.webhook"):
            self.assertFalse(env[name].has_access("read"), name)
        for name in ("fusion.billing.customer.token", "fusion.billing.attention", "account.payment"):
            self.assertFalse(env[name].has_access("read"), name)

    @mute_logger(*_MUTED)
    def test_without_a_customer_in_the_context_nothing_is_seen(self):
        env = self.mine["Customer"]._as_customer().env
        scope = {"link_id": self.mine["Customer"].id, "service_id": self.service.id}
        for context in ({}, {"fusion_billing_customer": scope}, {"fusion_billing_customer": [1, 2, 3]}):
            with self.subTest(context):
                other = env(context=context)
                for record in self.mine.values():
                    if other[record._name].has_access("read"):
                        self.assertFalse(other[record._name].search([]), record._name)

    def test_one_customer_takes_nothing_from_the_service_or_another_one(self):
        other = self._create_token(self.neighbour["Customer"])[1]
        again = self._create_token(self.mine["Customer"])[1]
        clients = [token._as_client() for token in (self.token, again, other)]
        self.assertEqual(clients[0], clients[1])
        self.assertEqual(len({client.name for client in clients}), 2)
        self.assertEqual({client.pool for client in clients}, {f"customers of {self.service.id}"})
        self.assertNotIn(self._key()._as_client().name, {client.name for client in clients})
        self.assertTrue(Work.of("costly").takes_slot)


def _named(type_):
    while hasattr(type_, "of_type"):
        type_ = type_.of_type
    return type_.name
