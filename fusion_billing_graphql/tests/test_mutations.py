# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from psycopg2.errors import SerializationFailure

from odoo.addons.fusion_centralize_billing.api.errors import ForbiddenError
from odoo.exceptions import AccessError, ConcurrencyError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import GraphqlCase, unique

_RECORD = """mutation($input: RecordUsageInput!) { recordUsage(input: $input) {
    accepted results { index status errors { field code message } } userErrors { field code message } } }"""
_UPSERT = """mutation($input: UpsertCustomerInput!) { upsertCustomer(input: $input) {
    customer { externalId name email } userErrors { field code } } }"""
_CREATE = """mutation($input: CreateSubscriptionInput!) { createSubscription(input: $input) {
    subscription { subscriptionId externalId state startDate planCode customer { externalId } }
    userErrors { field code } } }"""
_TERMINATE = """mutation($input: TerminateSubscriptionInput!) { terminateSubscription(input: $input) {
    subscription { externalId state endDate } userErrors { field code } } }"""


@tagged("post_install", "-at_install")
class TestMutations(GraphqlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_subscription()

    def _event(self, **values):
        return {
            "subscriptionExternalId": self.order.x_fc_external_id,
            "metricCode": self.metric.code,
            "quantity": 1,
            "periodStart": "2026-01-10T00:00:00Z",
            "periodEnd": "2026-01-11T00:00:00Z",
            **values,
        }

    def _record(self, *events, policy=None):
        given = {"events": list(events), **({"errorPolicy": policy} if policy else {})}
        return self._ask(_RECORD, {"input": given})["recordUsage"]

    def _count_usage(self):
        return self.env["fusion.billing.usage"].search_count([("subscription_id", "=", self.order.id)])

    # === RECORD USAGE === #

    def test_each_counter_is_answered_in_its_place(self):
        key = unique("key")
        self._record(self._event(idempotencyKey=key, quantity="5"))
        found = self._record(
            self._event(quantity="0.5"),
            self._event(idempotencyKey=key, quantity="5"),
            self._event(idempotencyKey=key, quantity="7"),
            self._event(subscriptionExternalId="unknown"),
            self._event(metricCode="unknown"),
            self._event(quantity=-1),
            self._event(periodEnd="2026-01-09T00:00:00Z"),
            policy="REJECT_FAILED_ROWS",
        )
        statuses = ["ACCEPTED", "DUPLICATE", "UPDATED", "REJECTED", "REJECTED", "REJECTED", "REJECTED"]
        self.assertEqual([result["status"] for result in found["results"]], statuses)
        self.assertEqual([result["index"] for result in found["results"]], list(range(7)))
        faults = [(error["field"], error["code"]) for result in found["results"] for error in result["errors"]]
        self.assertEqual(
            faults,
            [
                (["events", "3", "subscriptionExternalId"], "subscription_not_found"),
                (["events", "4", "metricCode"], "metric_not_found"),
                (["events", "5", "quantity"], "negative_quantity"),
                (["events", "6", "periodEnd"], "end_before_start"),
            ],
        )
        self.assertEqual((found["accepted"], found["userErrors"]), (3, []))
        self.assertEqual(self._count_usage(), 2)

    def test_one_bad_counter_refuses_the_batch_by_default(self):
        for policy in (None, "REJECT_EVERYTHING"):
            with self.subTest(policy):
                found = self._record(self._event(), self._event(metricCode="unknown"), policy=policy)
                self.assertEqual((found["accepted"], found["results"]), (0, []))
                (error,) = found["userErrors"]
                self.assertEqual((error["field"], error["code"]), (["events", "1", "metricCode"], "metric_not_found"))
                self.assertEqual(self._count_usage(), 0)

    def test_quantities_are_exact_as_text_and_as_number(self):
        texts = ["0.1", "12345678901234567.123456789", "1e3"]
        self._record(*(self._event(quantity=text) for text in texts))
        self._ask(
            f"""mutation {{ recordUsage(input: {{events: [{{
                subscriptionExternalId: "{self.order.x_fc_external_id}", metricCode: "{self.metric.code}",
                quantity: 0.3, periodStart: "2026-01-10T00:00:00+02:00", periodEnd: "2026-01-10T00:00:00+02:00"
            }}]}}) {{ accepted }} }}"""
        )
        nodes = self._ask("{ usageRecords(first: 9) { nodes { quantity periodStart } } }")["usageRecords"]["nodes"]
        quantities = ["0.1", "12345678901234567.123456789", "1000", "0.3"]
        self.assertEqual([node["quantity"] for node in nodes], quantities)
        self.assertEqual(nodes[-1]["periodStart"], "2026-01-09T22:00:00Z")

    def test_what_is_no_number_or_time_is_refused_before_anything_is_done(self):
        for values in (
            {"quantity": "many"},
            {"quantity": "１２"},
            {"quantity": "1_000"},
            {"quantity": True},
            {"periodStart": "today"},
            {"periodStart": 1},
            {"quantity": None},
        ):
            with self.subTest(**values):
                codes = self._get_codes(_RECORD, {"input": {"events": [self._event(**values)]}})
                self.assertEqual(codes, ["invalid_variables"])

    def test_numbers_beyond_bounds_have_the_codes_of_rest(self):
        for quantity, code in (("NaN", "not_finite"), ("Infinity", "not_finite"), ("1e99", "decimal_max_digits")):
            with self.subTest(quantity):
                (error,) = self._record(self._event(quantity=quantity))["userErrors"]
                self.assertIn(error["code"], (code, "decimal_whole_digits"))

    def test_a_batch_has_a_size(self):
        (error,) = self._record()["userErrors"]
        self.assertEqual(error["field"], ["events"])
        (error,) = self._record(*[self._event()] * 5001)["userErrors"]
        self.assertEqual((error["field"], error["code"]), (["events"], "batch_too_large"))

    # === OTHER OPERATIONS === #

    def test_a_customer_is_made_and_changed(self):
        external_id = unique("c")
        for name in ("Acme", "Acme Inc."):
            given = {"externalId": external_id, "name": name, "email": "billing@acme.example"}
            found = self._ask(_UPSERT, {"input": given})["upsertCustomer"]
            self.assertEqual(found, {"customer": given, "userErrors": []})

    def test_a_bad_customer_is_refused_with_its_field(self):
        found = self._ask(_UPSERT, {"input": {"externalId": "c", "email": "nobody"}})["upsertCustomer"]
        self.assertIsNone(found["customer"])
        self.assertEqual(found["userErrors"][0]["field"], ["email"])

    def test_a_subscription_is_opened_and_ended(self):
        external_id = unique("s")
        given = {
            "externalCustomerId": self.link.external_id,
            "externalId": external_id,
            "planCode": self.plan.code,
            "startDate": "2026-01-01",
        }
        found = self._ask(_CREATE, {"input": given})["createSubscription"]
        opened = found["subscription"]
        self.assertEqual(found["userErrors"], [])
        self.assertEqual((opened["state"], opened["startDate"]), ("IN_PROGRESS", "2026-01-01"))
        self.assertEqual(opened["customer"], {"externalId": self.link.external_id})
        again = self._ask(_CREATE, {"input": given})["createSubscription"]["subscription"]
        self.assertEqual(again["subscriptionId"], opened["subscriptionId"])
        ending = {"subscriptionExternalId": external_id, "endDate": "2026-01-15"}
        ended = self._ask(_TERMINATE, {"input": ending})["terminateSubscription"]
        self.assertEqual(ended["userErrors"], [])
        self.assertEqual(ended["subscription"]["endDate"], "2026-01-15")

    def test_errors_of_rules_are_in_the_payload(self):
        cases = [
            (
                _CREATE,
                {"externalCustomerId": "unknown", "planCode": self.plan.code},
                "customer_not_found",
                ["externalCustomerId"],
            ),
            (
                _CREATE,
                {"externalCustomerId": self.link.external_id, "planCode": "unknown"},
                "plan_not_found",
                ["planCode"],
            ),
            (_CREATE, {"externalCustomerId": self.link.external_id}, "missing", ["planCode"]),
            (_TERMINATE, {"subscriptionExternalId": "unknown"}, "subscription_not_found", ["subscriptionExternalId"]),
            (
                *(_TERMINATE, {"subscriptionExternalId": self.order.x_fc_external_id, "endDate": "2025-01-01"}),
                *("end_date_refused", ["endDate"]),
            ),
        ]
        for mutation, given, code, field in cases:
            with self.subTest(code):
                (payload,) = self._ask(mutation, {"input": given}).values()
                self.assertIsNone(payload["subscription"])
                self.assertEqual(payload["userErrors"], [{"field": field, "code": code}])

    # === TRANSACTIONS === #

    def _fail_with(self, error, after_write=True):
        """Let upsertCustomer write, then fail."""
        service = self.env.registry["fusion.billing.service"]
        original = service._api_upsert_customer

        def fail(record, payload):
            if after_write:
                original(record, payload)
            raise error

        return patch.object(service, "_api_upsert_customer", fail)

    def _exists(self, external_id):
        return bool(self.env["fusion.billing.account.link"].search([("external_id", "=", external_id)]))

    @mute_logger("odoo.addons.fusion_centralize_billing.api.errors")
    def test_a_refused_mutation_leaves_nothing_and_the_others_stay(self):
        for error, code in ((UserError("No."), "business_rule"), (AccessError("res.partner(42,)"), "not_found")):
            external_id = unique("c")
            mutation = f"""mutation {{
                upsertCustomer(input: {{externalId: "{external_id}"}}) {{ userErrors {{ field code message }} }}
                recordUsage(input: {{events: [{{ subscriptionExternalId: "{self.order.x_fc_external_id}", quantity: 1,
                    metricCode: "{self.metric.code}",
                    periodStart: "2026-01-10T00:00:00Z", periodEnd: "2026-01-10T00:00:00Z"
                }}]}}) {{ accepted }} }}"""
            before = self._count_usage()
            with self.subTest(code), self._fail_with(error):
                found = self._ask(mutation)
                (shown,) = found["upsertCustomer"]["userErrors"]
                self.assertEqual((shown["code"], shown["field"]), (code, None))
                self.assertNotIn("42", shown["message"])
                self.assertEqual(found["recordUsage"]["accepted"], 1)
            self.assertFalse(self._exists(external_id))
            self.assertEqual(self._count_usage(), before + 1)

    @mute_logger("odoo.addons.fusion_centralize_billing.api.errors", "odoo.addons.fusion_billing_graphql.server.errors")
    def test_a_fault_of_ours_is_masked_and_the_operation_rolled_back(self):
        with self._fail_with(ZeroDivisionError("secret")):
            answer = self._answer(_UPSERT, {"input": {"externalId": "zero"}})
        self.assertTrue(answer.must_roll_back)
        self.assertIsNone(answer.body["data"])
        (error,) = answer.body["errors"]
        self.assertEqual(error["message"], "Internal error.")
        self.assertEqual(error["extensions"], {"code": "internal", "requestId": "test"})
        self.assertFalse(self._exists("zero"))

    def test_what_odoo_retries_is_not_swallowed(self):
        self._key()  # outside of assertRaises, which undoes what is done in it
        for error in (ConcurrencyError("again"), SerializationFailure("again")):
            with self.subTest(type(error)), self._fail_with(error), self.assertRaises(type(error)) as caught:
                self._answer(_UPSERT, {"input": {"externalId": "again"}})
            self.assertIs(caught.exception, error)

    def test_an_operation_that_failed_in_a_query_is_raised_too(self):
        error = SerializationFailure("again")
        self._key()
        with (
            patch.object(self.env.registry["sale.order"], "_fc_get_current_usage", side_effect=error),
            self.assertRaises(SerializationFailure),
        ):
            self._answer("{ subscriptions(first: 1) { nodes { currentUsage { amount } } } }")

    def test_mutations_see_what_those_before_them_did(self):
        external_id = unique("c")
        mutation = f"""mutation {{
            a: upsertCustomer(input: {{externalId: "{external_id}", name: "A"}}) {{ customer {{ name }} }}
            b: upsertCustomer(input: {{externalId: "{external_id}", name: "B"}}) {{ customer {{ name }} }}
        }}"""
        found = self._ask(mutation)
        self.assertEqual([payload["customer"]["name"] for payload in found.values()], ["A", "B"])

    def test_a_session_cannot_mutate(self):
        user = self._create_user("fusion_centralize_billing.group_billing_manager")
        with self.assertRaises(ForbiddenError):
            self._answer(_UPSERT, {"input": {"externalId": "c"}}, env=self.env(user=user))
