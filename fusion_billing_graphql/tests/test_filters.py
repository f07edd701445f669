# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tests import tagged

from .common import ROOT_CONNECTIONS, GraphqlCase, unique


@tagged("post_install", "-at_install")
class TestFilters(GraphqlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = cls._create_service()
        cls._create_charge()
        cls.world = cls._create_billed_customer()
        cls.order = cls.world["Subscription"]
        cls.draft = cls._create_subscription(confirm=False, start_date="2026-05-01")

    def _count(self, name, filter_):
        """Return how many objects a filter finds."""
        query = f"""query($filter: {ROOT_CONNECTIONS[name]}Filter) {{
            {name}(first: 100, filter: $filter) {{ totalCount nodes {{ id }} }} }}"""
        found = self._ask(query, {"filter": filter_})[name]
        self.assertEqual(len(found["nodes"]), found["totalCount"])
        return found["totalCount"]

    def test_each_kind_of_condition(self):
        customer, order = self.world["Customer"], self.order
        order_id, draft_id = (self._get_id(record, "Subscription") for record in (order, self.draft))
        cases = [
            ("customers", {"externalId": {"eq": customer.external_id}}, 1),
            ("customers", {"externalId": {"in": [customer.external_id, "other"]}}, 1),
            ("customers", {"externalId": {"eq": customer.external_id, "in": ["other"]}}, 0),
            ("customers", {"externalId": {"in": []}}, 0),
            ("customers", {"externalId": {}}, 1),
            ("customers", {"externalId": None}, 1),
            ("customers", {"externalId": {"eq": "%"}}, 0),
            ("customers", {"createdAt": {"gte": "2000-01-01T00:00:00Z"}}, 1),
            ("customers", {"createdAt": {"lt": "2000-01-01T00:00:00Z"}}, 0),
            ("subscriptions", {}, 2),
            ("subscriptions", {"state": {"eq": "DRAFT"}}, 1),
            ("subscriptions", {"state": {"in": ["DRAFT", "IN_PROGRESS"]}}, 2),
            ("subscriptions", {"startDate": {"gte": "2026-01-01", "lt": "2026-05-01"}}, 1),
            ("subscriptions", {"planCode": {"eq": self.plan.code}, "externalId": {"eq": order.x_fc_external_id}}, 1),
            ("usageRecords", {"subscriptionId": {"eq": order_id}}, 2),
            ("usageRecords", {"subscriptionId": {"in": [order_id, draft_id]}}, 2),
            ("usageRecords", {"subscriptionId": {"eq": draft_id}}, 0),
            ("usageRecords", {"metricCode": {"eq": self.metric.code}}, 2),
            ("usageRecords", {"metricCode": {"eq": "other"}}, 0),
            ("usageRecords", {"attributedAt": {"gte": "2026-01-10T00:00:00Z", "lt": "2026-02-10T00:00:00Z"}}, 1),
            ("usageRecords", {"attributedAt": {"gte": "2026-01-10T01:00:00+01:00", "lt": "2026-01-10T00:00:01"}}, 1),
            ("usageRecords", {"idempotencyKey": {"eq": self.world["UsageRecord"].idempotency_key}}, 1),
            ("ratings", {"state": {"eq": "BILLED"}}, 1),
            ("ratings", {"isAdjustment": {"eq": True}}, 0),
            ("ratings", {"isAdjustment": {"eq": False}, "state": {"eq": "BILLED"}}, 1),
            ("invoices", {"type": {"eq": "INVOICE"}, "paymentState": {"in": ["NOT_PAID", "PARTIAL"]}}, 1),
            ("invoices", {"type": {"eq": "CREDIT_NOTE"}}, 0),
            ("invoices", {"number": {"eq": self.world["Invoice"].name}}, 1),
            ("charges", {"planCode": {"eq": self.plan.code}, "chargeModel": {"eq": "STANDARD"}}, 1),
            ("metrics", {"code": {"in": [self.metric.code]}}, 1),
        ]
        for name, filter_, expected in cases:
            with self.subTest(name, filter=filter_):
                self.assertEqual(self._count(name, filter_), expected)

    def test_ids_of_another_type_are_refused(self):
        query = "query($id: ID) { usageRecords(first: 1, filter: {subscriptionId: {eq: $id}}) { totalCount } }"
        for global_id in (self._get_id(self.world["Customer"], "Customer"), "1", ""):
            self.assertEqual(self._get_codes(query, {"id": global_id}), ["invalid_id"])

    def test_text_that_no_database_takes_is_refused(self):
        query = "query($text: String) { customers(first: 1, filter: {externalId: {eq: $text}}) { totalCount } }"
        for text in ("a\0b", "\ud800"):
            self.assertEqual(self._get_codes(query, {"text": text}), ["invalid_characters"])
        for field in ("customer(externalId: $text)", "metric(code: $text)", "invoice(number: $text)"):
            query = f"query($text: String) {{ {field} {{ id }} }}"
            self.assertEqual(self._get_codes(query, {"text": "a\0b"}), ["invalid_characters"])

    def test_nested_lists_can_be_filtered(self):
        query = """{ subscriptions(first: 9) { nodes {
            externalId
            usage(first: 9, filter: {attributedAt: {lt: "2026-02-01T00:00:00Z"}}) { totalCount nodes { quantity } }
        } } }"""
        nodes = self._ask(query)["subscriptions"]["nodes"]
        found = {node["externalId"]: node["usage"] for node in nodes}
        self.assertEqual(found[self.order.x_fc_external_id], {"totalCount": 1, "nodes": [{"quantity": "10"}]})
        self.assertEqual(found[self.draft.x_fc_external_id], {"totalCount": 0, "nodes": []})

    def test_lists_can_be_sorted(self):
        for number in (3, 1, 2):
            self._use(self.draft, number, at=f"2026-05-0{number}")
        query = """query($direction: Direction) { usageRecords(
            first: 9, filter: {attributedAt: {gte: "2026-05-01T00:00:00Z"}},
            orderBy: {field: ATTRIBUTED_AT, direction: $direction}
        ) { nodes { quantity } } }"""
        for direction, expected in (("ASC", ["1", "2", "3"]), ("DESC", ["3", "2", "1"])):
            nodes = self._ask(query, {"direction": direction})["usageRecords"]["nodes"]
            self.assertEqual([node["quantity"] for node in nodes], expected)

    def test_one_object_is_found_by_id_or_name(self):
        customer = self.world["Customer"]
        for arguments in ({"id": self._get_id(customer, "Customer")}, {"externalId": customer.external_id}):
            (name, value), *_none = arguments.items()
            type_ = "ID" if name == "id" else "String"
            query = f"query($value: {type_}) {{ customer({name}: $value) {{ externalId partnerId }} }}"
            found = self._ask(query, {"value": value})["customer"]
            self.assertEqual(found, {"externalId": customer.external_id, "partnerId": customer.partner_id.id})
        self.assertIsNone(self._ask('{ customer(externalId: "nobody") { id } }')["customer"])

    def test_one_object_needs_exactly_one_name(self):
        for arguments in ("", '(serviceCode: "a")', '(id: "x", externalId: "y")'):
            query = f"{{ customer{arguments} {{ id }} }}"
            self.assertEqual(self._get_codes(query), ["one_argument_required"])

    def test_an_archived_charge_is_not_listed_but_its_ratings_name_it(self):
        charge = self.env["fusion.billing.charge"].search([("plan_code", "=", self.plan.code)])
        charge.active = False
        self.assertEqual(self._count("charges", {"planCode": {"eq": self.plan.code}}), 0)
        rating = self._ask("{ ratings(first: 1) { nodes { charge { name } } } }")["ratings"]["nodes"][0]
        self.assertEqual(rating["charge"]["name"], charge.name)

    def test_names_with_quotes_and_percent_signs_are_only_names(self):
        name = unique("'; DROP TABLE res_users; -- %s %(a)s")
        self._create_link(external_id=name)
        self.assertEqual(self._count("customers", {"externalId": {"eq": name}}), 1)
        order = {"field": "EXTERNAL_ID"}
        query = """query($o: CustomerOrder, $after: String) {
            customers(first: 1, orderBy: $o, after: $after) { pageInfo { endCursor } } }"""
        cursor = self._ask(query, {"o": order})["customers"]["pageInfo"]["endCursor"]
        self._ask(query, {"o": order, "after": cursor})
