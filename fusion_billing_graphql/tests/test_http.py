# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
from unittest.mock import patch
from urllib.parse import urlencode

from odoo.addons.fusion_centralize_billing.api.http_request import MAX_BODY
from odoo.exceptions import ConcurrencyError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import GRAPHQL_JSON, JSON, GraphqlHttpCase, unique

_LOGGERS = ("odoo.addons.fusion_centralize_billing.api.errors", "odoo.http", "odoo.sql_db", "odoo.service.model")
_MUTATION = 'mutation { upsertCustomer(input: {externalId: "EXTERNAL"}) { userErrors { code } } }'


@tagged("post_install", "-at_install")
class TestHttp(GraphqlHttpCase):
    # === MEDIA TYPES === #

    def test_the_answer_has_the_media_type_that_is_preferred(self):
        cases = [
            (None, JSON),
            ("", JSON),
            ("*/*", JSON),
            ("application/*", JSON),
            (JSON, JSON),
            (f"{JSON}; charset=utf-8", JSON),
            (GRAPHQL_JSON, GRAPHQL_JSON),
            (f"{GRAPHQL_JSON}; charset=utf-8", GRAPHQL_JSON),
            (f"{GRAPHQL_JSON}, {JSON}", GRAPHQL_JSON),
            (f"{GRAPHQL_JSON}, {JSON};q=0.9", GRAPHQL_JSON),
            (f"{GRAPHQL_JSON};q=0.5, {JSON}", JSON),
            (f"{GRAPHQL_JSON}, */*;q=0.1", GRAPHQL_JSON),
            ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        ]
        for accept, expected in cases:
            with self.subTest(accept):
                response = self._send("{ __typename }", accept=accept)
                self.assertEqual(response.status_code, 200)
                self.assertEqual(response.headers["Content-Type"], f"{expected}; charset=utf-8")
                self.assertEqual(response.headers["Vary"], "Accept, Origin")
                self.assertEqual(response.json()["data"], {"__typename": "Query"})

    def test_other_media_types_are_refused(self):
        for accept in ("text/html", "application/xml", f"{JSON};q=0", "image/*"):
            self.assertErrors(self._send("{ __typename }", accept=accept), 406, "not_acceptable")

    def test_a_document_that_is_refused_has_a_status_by_media_type(self):
        cases = [
            ("{", None, "syntax_error"),
            ("{ nope }", None, "invalid_document"),
            ("query($n: Int!) { customers(first: $n) { totalCount } }", None, "invalid_variables"),
            ("query($n: Int!) { customers(first: $n) { totalCount } }", {"n": "1"}, "invalid_variables"),
            ("{ customers { totalCount } }", None, "pagination_required"),
            ("query a { __typename } query b { __typename }", None, "operation_name_required"),
            ("subscription { customers(first: 1) { totalCount } }", None, "unsupported_operation"),
            ("{ a: __typename " + " ".join(f"b{n}: __typename" for n in range(99)) + "}", None, "alias_limit_exceeded"),
        ]
        for query, variables, code in cases:
            for accept, status in ((JSON, 200), (GRAPHQL_JSON, 400)):
                with self.subTest(code, accept=accept):
                    answer = self.assertErrors(
                        self._send(query, variables, accept=accept), status, code, media_type=accept
                    )
                    self.assertNotIn("data", answer)
                    self.assertIn("cost", answer["extensions"])

    def test_an_error_of_one_field_is_a_200(self):
        for accept in (JSON, GRAPHQL_JSON):
            response = self._send('{ __typename node(id: "x") { id } }', accept=accept)
            answer = self.assertErrors(response, 200, "invalid_id", media_type=accept)
            self.assertEqual(answer["data"], {"__typename": "Query", "node": None})
            self.assertEqual(answer["errors"][0]["path"], ["node"])

    # === REQUESTS === #

    def test_bad_requests_are_refused(self):
        cases = [
            ("", "invalid_json"),
            ("{", "invalid_json"),
            ("null", "invalid_payload"),
            ('"query"', "invalid_payload"),
            ("[]", "batching_not_supported"),
            ('[{"query": "{ __typename }"}]', "batching_not_supported"),
            ("{}", "invalid_payload"),
            ('{"query": 7}', "invalid_payload"),
            ('{"query": ""}', "invalid_payload"),
            ('{"query": "{ __typename }", "query": "{ viewer { scopes } }"}', "invalid_json"),
            ('{"query": "{ __typename }", "variables": "x"}', "invalid_payload"),
            ('{"query": "{ __typename }", "variables": []}', "invalid_payload"),
            ('{"query": "{ __typename }", "operationName": {}}', "invalid_payload"),
            ('{"query": "{ __typename }", "extensions": 7}', "invalid_payload"),
        ]
        for body, code in cases:
            for accept in (JSON, GRAPHQL_JSON):
                with self.subTest(body, accept=accept):
                    self.assertErrors(self._send(body=body, accept=accept), 400, code, media_type=accept)

    def test_absent_and_null_parameters_are_the_same(self):
        body = {"query": "query a { __typename }", "variables": None, "operationName": None, "extensions": None}
        self.assertEqual(self._send(body=json.dumps(body)).status_code, 200)
        self.assertEqual(self._send(body=json.dumps({**body, "extensions": {}, "variables": {}})).status_code, 200)

    def test_the_operation_is_chosen_by_name(self):
        body = {"query": "query a { a: __typename } query b { b: __typename }", "operationName": "b"}
        self.assertEqual(self._send(body=json.dumps(body)).json()["data"], {"b": "Query"})
        self.assertErrors(self._send(body=json.dumps({**body, "operationName": "c"})), 200, "unknown_operation")

    def test_other_content_types_are_refused(self):
        for content_type in (
            "text/plain",
            "application/graphql",
            "application/x-www-form-urlencoded",
            None,
            f"{JSON}; charset=utf-16",
        ):
            with self.subTest(content_type):
                response = self._send("{ __typename }", headers={"Content-Type": content_type})
                self.assertErrors(response, 415, "unsupported_media_type")
        response = self._send("{ __typename }", headers={"Content-Type": f"{JSON}; charset=UTF-8"})
        self.assertEqual(response.status_code, 200)

    def test_a_huge_body_is_refused(self):
        body = json.dumps({"query": "{ __typename }", "variables": {"a": "x" * MAX_BODY}})
        self.assertErrors(self._send(body=body), 413, "payload_too_large")

    # === METHODS AND PATHS === #

    def _get(self, headers=None, **parameters):
        return self._send(path=f"?{urlencode(parameters)}", headers=headers)

    def test_queries_may_be_asked_with_get(self):
        response = self._get(
            query="query a($n: Int!) { metrics(first: $n) { totalCount } }", variables='{"n": 1}', operationName="a"
        )
        self.assertEqual(response.status_code, 200)
        self.assertGreater(response.json()["data"]["metrics"]["totalCount"], 0)
        self.assertErrors(self._get(query="{ __typename }", variables="{"), 400, "invalid_json")
        self.assertErrors(self._get(query="{ __typename }", variables="[]"), 400, "invalid_payload")
        self.assertErrors(self._get(), 400, "invalid_payload")

    def test_mutations_over_get_are_refused(self):
        external_id = unique("get")
        response = self._get(query=_MUTATION.replace("EXTERNAL", external_id))
        self.assertErrors(response, 405, "method_not_allowed")
        self.assertEqual(response.headers["Allow"], "POST")
        self.assertFalse(self.env["fusion.billing.account.link"].search([("external_id", "=", external_id)]))

    def test_other_methods_are_refused(self):
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
            with self.subTest(method):
                response = self._send("{ __typename }", method=method)
                self.assertErrors(response, 405, "method_not_allowed")
                self.assertEqual(response.headers["Allow"], "GET, POST")

    def test_other_paths_are_not_found(self):
        for path in ("/x", "/v1/graphql", "/é"):
            self.assertErrors(self._send("{ __typename }", path=path), 404, "unknown_path")

    # === CALLERS === #

    def test_without_a_key_nothing_is_answered(self):
        for headers in (
            {"Authorization": None},
            {"Authorization": ""},
            {"Authorization": "Bearer x"},
            {"Authorization": "Basic eDp5"},
        ):
            for accept in (JSON, GRAPHQL_JSON):
                response = self._send("{ __typename }", headers=headers, accept=accept)
                self.assertErrors(response, 401, "unauthenticated", media_type=accept)
                self.assertIn("Bearer", response.headers["WWW-Authenticate"])

    def test_the_schema_is_public_where_the_setting_says_so(self):
        self.env["ir.config_parameter"].set_param("fusion_billing_graphql.introspection", "public")
        anonymous = {"Authorization": None}
        response = self._send("{ __schema { queryType { name } } }", headers=anonymous)
        self.assertEqual(response.json()["data"], {"__schema": {"queryType": {"name": "Query"}}})
        for query in ("{ viewer { scopes } }", "{ __typename customers(first: 1) { totalCount } }"):
            self.assertErrors(self._send(query, headers=anonymous), 401, "unauthenticated")
        self.assertErrors(self._send("{ __typename }", key="unknown"), 401, "unauthenticated")

    def test_what_a_key_may_not_do_is_forbidden(self):
        raw = self.env["fusion.billing.api.key"]._generate(self.service, name="Key", scopes="usage:write")
        for accept in (JSON, GRAPHQL_JSON):
            response = self._send("{ customers(first: 1) { totalCount } }", key=raw, accept=accept)
            self.assertErrors(response, 403, "insufficient_scope", media_type=accept)

    def test_a_service_whose_technical_user_got_other_rights_gets_no_answer(self):
        self.service.user_id.group_ids += self.env.ref("fusion_centralize_billing.group_billing_manager")
        self.assertErrors(self._send("{ customers { totalCount } }"), 403, "technical_user_unusable")

    def test_no_session_is_made(self):
        response = self._send("{ __typename }")
        self.assertNotIn("Set-Cookie", response.headers)
        self.assertEqual(response.headers["Cache-Control"], "no-store")

    # === REQUEST IDS === #

    def test_a_request_has_an_id(self):
        self.assertEqual(
            self._send("{ __typename }", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"], "abc-1"
        )
        for given in ({}, {"X-Request-Id": "x" * 65}, {"X-Request-Id": "a b"}):
            self.assertRegex(self._send("{", headers=given).headers["X-Request-Id"], "^[0-9a-f]{32}$")

    def test_a_fault_of_ours_is_masked_and_named_by_the_request_s_id(self):
        with (
            mute_logger(*_LOGGERS, "odoo.addons.fusion_billing_graphql.server.errors"),
            patch.object(self.registry["sale.order"], "_fc_get_current_usage", side_effect=ZeroDivisionError("secret")),
        ):
            self._create_subscription()
            query = "{ metrics(first: 1) { totalCount } subscriptions(first: 1) { nodes { currentUsage { amount } } } }"
            response = self._send(query, headers={"X-Request-Id": "req-7"})
        answer = self.assertErrors(response, 200, "internal")
        self.assertEqual(answer["errors"][0]["extensions"], {"code": "internal", "requestId": "req-7"})
        self.assertNotIn("secret", response.text)
        self.assertNotIn("ZeroDivision", response.text)

    # === TRANSACTIONS === #

    def _patch_upsert(self, *outcomes):
        """Let upsertCustomer write, then raise the outcomes one after the other; None succeeds."""
        service = self.registry["fusion.billing.service"]
        original, left = service._api_upsert_customer, list(outcomes)

        def upsert(record, payload):
            answer = original(record, payload)
            outcome = left.pop(0)
            if outcome:
                raise outcome
            return answer

        return patch.object(service, "_api_upsert_customer", upsert)

    def _exists(self, external_id):
        return bool(self.env["fusion.billing.account.link"].search([("external_id", "=", external_id)]))

    def test_odoo_runs_a_conflicting_request_again(self):
        external_id = unique("retry")
        with mute_logger(*_LOGGERS), self._patch_upsert(ConcurrencyError("again"), None), patch("time.sleep"):
            response = self._send(_MUTATION.replace("EXTERNAL", external_id))
        self.assertEqual(response.json()["data"], {"upsertCustomer": {"userErrors": []}})
        self.assertTrue(self._exists(external_id))

    def test_a_mutation_with_a_fault_is_a_500_and_leaves_nothing(self):
        external_id = unique("fault")
        with (
            mute_logger(*_LOGGERS, "odoo.addons.fusion_billing_graphql.server.errors"),
            self._patch_upsert(None, ZeroDivisionError("secret")),
        ):
            mutation = f"""mutation {{
                a: upsertCustomer(input: {{externalId: "{external_id}"}}) {{ userErrors {{ code }} }}
                b: upsertCustomer(input: {{externalId: "{external_id}-2"}}) {{ userErrors {{ code }} }} }}"""
            response = self._send(mutation)
        self.assertErrors(response, 500, "internal")
        self.assertIsNone(response.json()["data"])
        self.assertFalse(self._exists(external_id))

    def test_a_mutation_with_a_fault_of_the_client_is_refused_and_leaves_nothing(self):
        selected = 'customer { subscriptions(first: 1, filter: {serviceId: {eq: "no id"}}) { totalCount } }'
        for accept, status in ((JSON, 200), (GRAPHQL_JSON, 400)):
            external_id = unique("refused")
            mutation = _MUTATION.replace("EXTERNAL", external_id).replace("userErrors { code }", selected)
            with self.subTest(accept):
                response = self._send(mutation, accept=accept)
                answer = self.assertErrors(response, status, "invalid_id", media_type=accept)
                self.assertIsNone(answer["data"])
                self.assertFalse(self._exists(external_id))

    def test_reading_is_done_on_a_cursor_that_cannot_write(self):
        seen = []
        original = self.registry["fusion.billing.metric"]._search

        def search(record, *args, **kwargs):
            seen.append(record.env.cr.readonly)
            return original(record, *args, **kwargs)

        with patch.object(self.registry["fusion.billing.metric"], "_search", search):
            self._send("{ metrics(first: 1) { totalCount } }")
            self._send(path="?query=%7Bmetrics(first:1)%7BtotalCount%7D%7D")
        self.assertEqual(set(seen), {True})
        service = self.registry["fusion.billing.service"]
        upsert = service._api_upsert_customer
        seen.clear()

        def note(record, payload):
            seen.append(record.env.cr.readonly)
            return upsert(record, payload)

        with patch.object(service, "_api_upsert_customer", note):
            self._send(_MUTATION.replace("EXTERNAL", unique("w")))
        self.assertEqual(seen, [False])
