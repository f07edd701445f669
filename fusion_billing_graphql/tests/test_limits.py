# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from graphql import parse

from odoo.addons.fusion_centralize_billing.api.errors import UnauthenticatedError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..limits import cost
from ..limits.rules import MAX_SELECTIONS
from ..limits.settings import PREFIX, Settings
from ..server import engine, wire
from ..server.caller import Caller
from .common import GraphqlCase


@tagged("post_install", "-at_install")
class TestLimits(GraphqlCase):
    def _get_cost(self, query, variables=None, **options):
        return self._answer(query, variables, **options).body["extensions"]["cost"]["requestedQueryCost"]

    # === COST === #

    def test_the_cost_counts_the_objects_asked_for(self):
        cases = [
            ("{ __typename }", None, 0),
            ("{ viewer { scopes } }", None, 1),
            ("{ customers(first: 10) { nodes { id } } }", None, 1 + 10 * 1),
            (
                "{ customers(first: 10) { edges { cursor node { id } } pageInfo { endCursor } totalCount } }",
                None,
                1 + 10 * 1 + 10,
            ),
            ("query($n: Int) { customers(first: $n) { nodes { id } } }", {"n": 100}, 1 + 100),
            ("query($n: Int = 7) { customers(last: $n) { nodes { id } } }", None, 1 + 7),
            (
                "{ customers(first: 10) { nodes { subscriptions(first: 5) { nodes { id } } } } }",
                None,
                1 + 10 * (1 + 1 + 5),
            ),
            ("{ charges(first: 2) { nodes { tiers { upTo } } } }", None, 1 + 2 * (1 + 10)),
            ("{ customers(first: 2) { nodes { ...f } } } fragment f on Customer { service { code } }", None, 1 + 2 * 2),
            ("{ a: viewer { scopes } b: viewer { scopes } }", None, 2),
            (
                "{ customers(first: 3) { a: totalCount ...c } } fragment c on CustomerConnection { totalCount }",
                None,
                21,
            ),
            (
                "{ customers(first: 2) { nodes { subscriptions(first: 5) { totalCount } } } }",
                None,
                1 + 2 * (1 + 1 + 10),
            ),
            (
                "{ subscriptions(first: 4) { nodes { currentUsage { quantity } } } }",
                None,
                1 + 4 * (1 + 10 + 50),
            ),
            ('{ usageTotals(subscriptionExternalId: "x") { quantity } }', None, 10 + 50),
            ("{ __schema { types { name } } }", None, 1000),
            ("{ a: __typename viewer { scopes b: scopes ...f } } fragment f on Viewer { c: scopes }", None, 1 + 3),
            (
                "{ usageRecords(first: 5) { nodes { properties { value a: value b: value } } } }",
                None,
                1 + 5 * (1 + 10 * (1 + 2)),
            ),
            ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["x", "y", "z"]}, 3),
            ("{ customers(first: 0) { nodes { id } } }", None, 1),
        ]
        for query, variables, expected in cases:
            with self.subTest(query):
                self.assertEqual(self._get_cost(query, variables), expected)

    def test_what_takes_long_is_told_apart(self):
        cases = {
            "{ customers(first: 10) { nodes { id } totalCount } }": False,
            "{ subscriptions(first: 1) { nodes { currentUsage { quantity } } } }": True,
            '{ usageTotals(subscriptionExternalId: "x") { quantity } }': True,
            '{ usageTotalPage(subscriptionExternalId: "x") { nextCursor } }': True,
            '{ invoicePdf(id: "x") { filename } }': True,
            '{ billingProof(from: "2026-01-01", to: "2026-02-01") { balanced } }': True,
            'mutation { previewInvoice(input: {subscriptionExternalId: "x"}) { userErrors { code } } }': True,
            'mutation { upsertCustomer(input: {externalId: "x"}) { userErrors { code } } }': False,
        }
        for query, expected in cases.items():
            with self.subTest(query):
                ast = parse(query)
                self.assertEqual(cost.analyse(ast, ast.definitions[0], {}).is_costly, expected)

    def test_a_query_over_the_limit_is_not_executed(self):
        query = """{ customers(first: 100) { nodes { subscriptions(first: 100) { nodes {
            invoices(first: 100) { nodes { id } } } } } } }"""
        answer = self._answer(query)
        self.assertFalse(answer.executed)
        self.assertEqual(answer.body["errors"][0]["extensions"]["code"], "cost_limit_exceeded")
        self.assertGreater(answer.body["extensions"]["cost"]["requestedQueryCost"], 10**6)
        self.assertNotIn("data", answer.body)

    def test_the_limit_itself_is_allowed(self):
        query = "{ customers(first: 10) { nodes { id } } }"
        self.assertEqual(self._get_codes(query, settings=Settings(max_cost=11)), [])
        self.assertEqual(self._get_codes(query, settings=Settings(max_cost=10)), ["cost_limit_exceeded"])

    def test_the_cost_is_always_told(self):
        for query in ("{", "{ nope }", "{ customers { totalCount } }", "{ viewer { scopes } }", "mutation { nope }"):
            with self.subTest(query):
                cost = self._answer(query).body["extensions"]["cost"]
                self.assertEqual(cost["maximumAvailable"], Settings.max_cost)

    def test_fragments_of_fragments_are_counted_fast(self):
        fragments = "".join(
            f"fragment f{n} on Query {{ viewer {{ scopes }} ...f{n + 1} ...f{n + 1} }} " for n in range(60)
        )
        query = f"{{ ...f0 }} {fragments} fragment f60 on Query {{ viewer {{ scopes }} }}"
        self.assertEqual(self._get_codes(query), ["cost_limit_exceeded"])

    # === DOCUMENT === #

    def test_depth(self):
        query = "{ customers(first: 1) { nodes { subscriptions(first: 1) { nodes { externalId } } } } }"
        spread = """{ ...a } fragment a on Query { customers(first: 1) { ...b } }
            fragment b on CustomerConnection { nodes { subscriptions(first: 1) { nodes { externalId } } } }"""
        for document in (query, spread):
            self.assertEqual(self._get_codes(document, settings=Settings(max_depth=5)), [])
            self.assertEqual(self._get_codes(document, settings=Settings(max_depth=4)), ["depth_limit_exceeded"])

    def test_aliases(self):
        for count, codes in ((50, []), (51, ["alias_limit_exceeded"])):
            aliases = " ".join(f"a{number}: __typename" for number in range(count))
            self.assertEqual(self._get_codes(f"{{ {aliases} }}"), codes)

    def test_tokens(self):
        for count, codes in ((97, []), (98, []), (99, ["token_limit_exceeded"])):
            query = f"{{ {'__typename ' * count} }}"
            self.assertEqual(self._get_codes(query, settings=Settings(max_tokens=100)), codes)

    def test_fields_side_by_side(self):
        for count, codes in ((MAX_SELECTIONS, []), (MAX_SELECTIONS + 1, ["selection_limit_exceeded"])):
            self.assertEqual(self._get_codes(f"{{ {'__typename ' * count} }}"), codes)

    def test_fragments_that_contain_each_other_are_refused(self):
        query = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"
        self.assertIn("invalid_document", self._get_codes(query))

    def test_deep_nesting_of_any_kind_does_no_harm(self):
        cases = ["{" * 5000, "query($a: " + "[" * 5000, "{ node(id: " + "[" * 3000 + "]" * 3000 + ") { id } }"]
        for query in cases:
            with self.subTest(query[:20]):
                self.assertTrue(self._get_codes(query))

    # === INTROSPECTION === #

    def _introspect(self, policy, known):
        caller = Caller(self.env, key=self._key(), is_known=True) if known else Caller(self.env, is_known=False)
        call = wire.Call("{ __schema { queryType { name } } __typename }")
        return engine.answer(call, caller, Settings(introspection=policy), "test").body

    def test_introspection_is_for_whom_the_policy_says(self):
        shown = {"__schema": {"queryType": {"name": "Query"}}, "__typename": "Query"}
        for policy, known in (("public", True), ("public", False), ("authenticated", True)):
            with self.subTest(policy, known=known):
                self.assertEqual(self._introspect(policy, known)["data"], shown)
        for policy in ("authenticated", "off"):
            with self.assertRaises(UnauthenticatedError):
                self._introspect(policy, False)
        self.assertEqual(self._introspect("off", True)["errors"][0]["extensions"]["code"], "introspection_disabled")

    def test_public_introspection_opens_nothing_else(self):
        caller = Caller(self.env, is_known=False)
        for query in ("{ __typename viewer { scopes } }", "{ customers(first: 1) { totalCount } }"):
            with self.subTest(query), self.assertRaises(UnauthenticatedError):
                engine.answer(wire.Call(query), caller, Settings(introspection="public"), "test")

    def test_without_introspection_errors_suggest_no_names(self):
        for policy, suggested in (("authenticated", True), ("off", False)):
            body = self._answer("{ customer { externalIdd } }", settings=Settings(introspection=policy)).body
            self.assertEqual("Did you mean" in body["errors"][0]["message"], suggested)

    # === SETTINGS === #

    def test_settings_are_system_parameters(self):
        parameters = self.env["ir.config_parameter"]
        self.assertEqual(Settings.load(self.env), Settings())
        for name, text in (("max_cost", "7"), ("introspection", "public"), ("graphiql", "off"), ("max_depth", " 3 ")):
            parameters.set_param(PREFIX + name, text)
        loaded = Settings.load(self.env)
        self.assertEqual(
            (loaded.max_cost, loaded.introspection, loaded.graphiql, loaded.max_depth), (7, "public", "off", 3)
        )

    @mute_logger("odoo.addons.fusion_billing_graphql.limits.settings")
    def test_a_setting_that_makes_no_sense_opens_nothing(self):
        parameters = self.env["ir.config_parameter"]
        for name, text in (("max_cost", "-1"), ("introspection", "everybody"), ("graphiql", "yes")):
            parameters.set_param(PREFIX + name, text)
        loaded = Settings.load(self.env)
        self.assertEqual((loaded.max_cost, loaded.introspection, loaded.graphiql), (Settings.max_cost, "off", "off"))
