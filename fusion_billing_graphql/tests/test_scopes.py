# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.fusion_centralize_billing.api.errors import ForbiddenError
from odoo.tests import tagged

from .common import ROOT_CONNECTIONS, GraphqlCase

_NEEDED = {
    "customers": "customers:read",
    "subscriptions": "subscriptions:read",
    "usageRecords": "usage:read",
    "ratings": "usage:read",
    "invoices": "invoices:read",
    "webhookDeliveries": "webhooks:read",
    "plans": "catalog:read",
    "charges": "catalog:read",
    "metrics": "catalog:read",
    "services": None,
}


@tagged("post_install", "-at_install")
class TestScopes(GraphqlCase):
    def _refuse(self, query, key, variables=None):
        with self.assertRaises(ForbiddenError) as caught:
            self._answer(query, variables, key=key)
        self.assertEqual(caught.exception.code, "insufficient_scope")

    def test_each_list_needs_its_scope(self):
        self.assertEqual(set(_NEEDED), set(ROOT_CONNECTIONS))
        keys = {scope: self._create_key(scopes=scope) for scope in set(_NEEDED.values()) if scope}
        for name, needed in _NEEDED.items():
            for selection in ("totalCount", "nodes { id }", "edges { cursor }", "pageInfo { endCursor }", "__typename"):
                query = f"{{ {name}(first: 1) {{ {selection} }} }}"
                for scope, key in keys.items():
                    with self.subTest(name, selection=selection, scope=scope):
                        if needed in (None, scope):
                            self._ask(query, key=key)
                        else:
                            self._refuse(query, key)

    def test_a_scope_does_not_reach_further_through_objects(self):
        self._create_subscription()
        key = self._create_key(scopes="subscriptions:read")
        self._ask("{ subscriptions(first: 1) { nodes { externalId service { code } } } }", key=key)
        for selection in (
            "customer { id }",
            "currentUsage { amount }",
            "usage(first: 1) { totalCount }",
            "ratings(first: 1) { nodes { id } }",
            "invoices(first: 1) { totalCount }",
        ):
            with self.subTest(selection):
                self._refuse(f"{{ subscriptions(first: 1) {{ nodes {{ {selection} }} }} }}", key)

    def test_fragments_hide_nothing(self):
        key = self._create_key(scopes="catalog:read")
        self._refuse("{ ...a } fragment a on Query { ... on Query { customers(first: 1) { totalCount } } }", key)

    def test_an_id_of_a_type_without_scope_opens_nothing(self):
        link = self._create_link()
        variables = {"id": self._get_id(link, "Customer")}
        query = "query($id: ID!) { node(id: $id) { id __typename } nodes(ids: [$id]) { id } }"
        self.assertEqual(
            self._ask(query, variables, key=self._create_key(scopes="usage:read")), {"node": None, "nodes": [None]}
        )
        self.assertTrue(self._ask(query, variables, key=self._create_key(scopes="customers:read"))["node"])

    def test_mutations_need_the_scope_of_their_operation(self):
        mutation = 'mutation { upsertCustomer(input: {externalId: "scoped"}) { userErrors { code } } }'
        self._refuse(mutation, self._create_key(scopes="customers:read usage:write"))
        self._ask(mutation, key=self._create_key(scopes="customers:write"))
        self._refuse(
            mutation.replace("userErrors", "customer { id } userErrors"), self._create_key(scopes="customers:write")
        )

    def test_nothing_of_a_request_is_done_if_one_scope_is_missing(self):
        mutation = """mutation {
            upsertCustomer(input: {externalId: "half"}) { userErrors { code } }
            terminateSubscription(input: {subscriptionExternalId: "x"}) { userErrors { code } }
        }"""
        self._refuse(mutation, self._create_key(scopes="customers:write"))
        self.assertFalse(self.env["fusion.billing.account.link"].search([("external_id", "=", "half")]))

    def test_the_viewer_sees_what_the_key_may_do(self):
        query = "{ viewer { service { code } scopes } }"
        key = self._create_key(scopes="usage:read usage:write")
        self.assertEqual(
            self._ask(query, key=key)["viewer"],
            {"service": {"code": self.service.code}, "scopes": ["usage:read", "usage:write"]},
        )
        self.assertIsNone(self._ask(query)["viewer"]["scopes"])
