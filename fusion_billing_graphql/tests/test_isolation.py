# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Two services on the same metrics and with the same customer: neither sees anything of the other."""

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ROOT_CONNECTIONS, GraphqlCase

#: What both services see.
_SHARED = {"metrics", "plans", "charges"}


@tagged("post_install", "-at_install")
class TestIsolation(GraphqlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        cls.services = [cls._create_service(), cls._create_service()]
        cls.keys = [cls._create_key(service) for service in cls.services]
        cls.worlds = []
        for service in cls.services:
            cls._listen(service)
            plan = cls._create_plan(service_id=service.id)
            charge = cls._create_charge(plan=plan)
            records = cls._create_billed_customer(service=service, plan=plan)
            records |= {"Plan": plan, "Charge": charge, "Service": service}
            records["WebhookDelivery"] = cls.env["fusion.billing.webhook"].search([("service_id", "=", service.id)])[:1]
            cls.worlds.append(records)

    def _list_ids(self, name, key):
        data = self._ask(f"{{ {name}(first: 100) {{ totalCount nodes {{ id }} edges {{ node {{ id }} }} }} }}", key=key)
        ids = {node["id"] for node in data[name]["nodes"]}
        self.assertEqual(len(ids), data[name]["totalCount"])
        return ids

    def test_every_list_shows_a_service_its_own_only(self):
        for name, type_name in ROOT_CONNECTIONS.items():
            with self.subTest(name):
                first, second = (self._list_ids(name, key) for key in self.keys)
                if name == "metrics":
                    self.assertEqual(first, second)
                    continue
                own = [self._get_id(world[type_name], type_name) for world in self.worlds]
                self.assertIn(own[0], first)
                self.assertIn(own[1], second)
                self.assertNotIn(own[1], first)
                self.assertNotIn(own[0], second)
                if name not in _SHARED:
                    self.assertFalse(first & second)

    def test_another_s_id_opens_nothing(self):
        for type_name, record in self.worlds[1].items():
            global_id = self._get_id(record, type_name)
            with self.subTest(type_name):
                query = "query($id: ID!) { node(id: $id) { id __typename } nodes(ids: [$id]) { id } }"
                self.assertEqual(self._ask(query, {"id": global_id}, key=self.keys[0]), {"node": None, "nodes": [None]})
                found = self._ask(query, {"id": global_id}, key=self.keys[1])
                self.assertEqual(found["node"], {"id": global_id, "__typename": type_name})

    def test_another_s_names_open_nothing(self):
        other = self.worlds[1]
        cases = {
            "customer": {"externalId": other["Customer"].external_id},
            "subscription": {"externalId": other["Subscription"].x_fc_external_id},
            "invoice": {"number": other["Invoice"].name},
            "plan": {"code": other["Plan"].code},
        }
        for field, arguments in cases.items():
            (argument, value), *_none = arguments.items()
            query = f"query($value: String) {{ {field}({argument}: $value) {{ id }} }}"
            with self.subTest(field):
                self.assertIsNone(self._ask(query, {"value": value}, key=self.keys[0])[field])
                self.assertTrue(self._ask(query, {"value": value}, key=self.keys[1])[field])

    def test_another_s_ids_in_filters_find_nothing(self):
        cases = {
            "usageRecords": ("subscriptionId", "Subscription"),
            "ratings": ("chargeId", "Charge"),
            "invoices": ("subscriptionId", "Subscription"),
            "webhookDeliveries": ("serviceId", "Service"),
            "customers": ("serviceId", "Service"),
        }
        for name, (filter_, type_name) in cases.items():
            query = f"query($id: ID!) {{ {name}(first: 9, filter: {{ {filter_}: {{ eq: $id }} }}) {{ totalCount }} }}"
            global_id = self._get_id(self.worlds[1][type_name], type_name)
            with self.subTest(name):
                self.assertEqual(self._ask(query, {"id": global_id}, key=self.keys[0])[name]["totalCount"], 0)
                self.assertGreater(self._ask(query, {"id": global_id}, key=self.keys[1])[name]["totalCount"], 0)

    def test_a_cursor_of_another_service_shows_nothing_of_it(self):
        query = "query($after: String) { customers(first: 9, after: $after) { nodes { id } edges { cursor } } }"
        cursor = self._ask(query, key=self.keys[1])["customers"]["edges"][0]["cursor"]
        found = self._ask(query, {"after": cursor}, key=self.keys[0])["customers"]["nodes"]
        self.assertLessEqual({node["id"] for node in found}, self._list_ids("customers", self.keys[0]))

    def test_services_that_share_a_customer_see_their_own_subscriptions_of_it(self):
        partner = self.worlds[1]["Customer"].partner_id
        link = self._create_link(service=self.services[0], partner=partner)
        order = self._create_subscription(service=self.services[0], partner_id=partner.id)
        query = """query($id: String) { customer(externalId: $id) {
            subscriptions(first: 9) { totalCount nodes { externalId customer { externalId } } }
            invoices(first: 9) { totalCount } } }"""
        found = self._ask(query, {"id": link.external_id}, key=self.keys[0])["customer"]
        self.assertEqual(found["invoices"]["totalCount"], 0)
        self.assertEqual(
            found["subscriptions"]["nodes"],
            [{"externalId": order.x_fc_external_id, "customer": {"externalId": link.external_id}}],
        )

    def test_a_back_office_subscription_is_shown_to_the_services_of_its_customer(self):
        world = self.worlds[0]
        order = self._create_subscription(
            service=self.env["fusion.billing.service"],
            partner_id=world["Customer"].partner_id.id,
            x_fc_external_id=False,
        )
        query = "query($id: ID!) { node(id: $id) { ... on Subscription { customer { externalId } service { code } } } }"
        variables = {"id": self._get_id(order, "Subscription")}
        self.assertEqual(
            self._ask(query, variables, key=self.keys[0])["node"],
            {"customer": {"externalId": world["Customer"].external_id}, "service": None},
        )
        self.assertIsNone(self._ask(query, variables, key=self.keys[1])["node"])

    def test_draft_invoices_and_tax_lines_are_not_shown(self):
        world = self.worlds[0]
        query = "query($id: ID!) { node(id: $id) { id } }"
        hidden = world["Invoice"].line_ids - world["Invoice"].invoice_line_ids
        self.assertTrue(hidden)
        for line in hidden:
            variables = {"id": self._get_id(line, "InvoiceLine")}
            self.assertIsNone(self._ask(query, variables, key=self.keys[0])["node"])
        world["Invoice"].button_draft()
        for type_name in ("Invoice", "InvoiceLine"):
            variables = {"id": self._get_id(world[type_name], type_name)}
            self.assertIsNone(self._ask(query, variables, key=self.keys[0])["node"])
        rating = "{ ratings(first: 9) { nodes { invoice { number } invoiceLine { id } } } }"
        (found, *_others) = self._ask(rating, key=self.keys[0])["ratings"]["nodes"]
        self.assertEqual(found, {"invoice": None, "invoiceLine": None})

    def test_other_orders_partners_and_entries_are_out_of_reach(self):
        order = self.env["sale.order"].create({"partner_id": self.worlds[0]["Customer"].partner_id.id})
        entry = self.env["account.move"].search([("x_fc_service_id", "=", False)], limit=1)
        query = "query($id: ID!) { node(id: $id) { id } }"
        for record, type_name in ((order, "Subscription"), (entry, "Invoice")):
            if record:
                variables = {"id": self._get_id(record, type_name)}
                self.assertIsNone(self._ask(query, variables, key=self.keys[0])["node"])
        env = self.services[0]._as_technical_user().env
        with mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model"):
            for model in ("res.partner", "account.payment", "sale.order.line", "product.product", "res.users"):
                self.assertFalse(env[model].has_access("read"), model)
            for model in ("account.move", "account.move.line", "res.currency", "sale.order"):
                for operation in ("write", "create", "unlink"):
                    self.assertFalse(env[model].has_access(operation), (model, operation))

    def test_a_made_up_id_is_refused_or_finds_nothing(self):
        query = "query($id: ID!) { node(id: $id) { id } }"
        for text in (
            "",
            "x",
            "Q3VzdG9tZXI6",
            "é",
            "Q3VzdG9tZXI6OTk5OTk5OTk5OTk5",
            "OjE=",
            "Q3VzdG9tZXI6LTE=",
            "a" * 5000,
        ):
            with self.subTest(text[:30]):
                self.assertEqual(self._get_codes(query, {"id": text}, key=self.keys[0]), ["invalid_id"])
        for text in ("UXVlcnk6MQ==", "cmVzLnVzZXJzOjE=", "Q3VzdG9tZXI6MjE0NzQ4MzY0Nw=="):  # Query:1, res.users:1
            with self.subTest(text):
                self.assertIsNone(self._ask(query, {"id": text}, key=self.keys[0])["node"])
