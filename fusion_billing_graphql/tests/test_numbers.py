# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import gzip
import json
from unittest.mock import patch

from odoo.addons.fusion_centralize_billing.api import json_text
from odoo.addons.fusion_centralize_billing.api.numbers import CODE
from odoo.addons.fusion_centralize_billing.tests.test_numbers import OUT_OF_RANGE
from odoo.tests import tagged

from ..limits.settings import PREFIX
from ..limits.variables import MAX_ITEMS, MAX_VALUES
from ..server import documents, wire
from .common import GraphqlHttpCase

_RECORD = """mutation($events: [UsageEventInput!]!) {
    recordUsage(input: {events: $events}) { accepted userErrors { field code } } }"""
_EVENT = """mutation { recordUsage(input: {events: [{subscriptionExternalId: "x", metricCode: "m", quantity: NUMBER,
    periodStart: "2026-01-01", periodEnd: "2026-01-02"}]}) { accepted userErrors { field code } } }"""


@tagged("post_install", "-at_install")
class TestNumbersAndBodies(GraphqlHttpCase):
    """What a request may cost before anything of it is executed."""

    # === NUMBERS === #

    def test_a_number_out_of_range_in_a_document_is_refused(self):
        places = [
            ("a decimal", _EVENT),
            ("a text of a decimal", _EVENT.replace("NUMBER", '"NUMBER"')),
            ("an integer", "{ metrics(first: NUMBER) { totalCount } }"),
            ("an id", "{ node(id: NUMBER) { id } }"),
            ("no argument of the field", "{ viewer(a: [{b: NUMBER}]) { scopes } }"),
        ]
        for number in [number for number in OUT_OF_RANGE if not number.startswith("0e")]:
            for place, document in places:
                with self.subTest(place, number=number[:20]):
                    response = self._send(document.replace("NUMBER", number))
                    error = response.json()["errors"][0]
                    self.assertEqual(error["extensions"]["code"], CODE, response.text[:300])
                    self.assertLess(len(response.text), 2000)

    def test_a_number_out_of_range_in_variables_is_refused_with_its_path(self):
        documents_ = {
            "variables.events.0.quantity": (_RECORD, '{"events": [{"quantity": NUMBER}]}'),
            "variables.n": ("query($n: Int) { metrics(first: $n) { totalCount } }", '{"n": NUMBER}'),
            "variables.id": ("query($id: ID!) { node(id: $id) { id } }", '{"id": NUMBER}'),
            "variables.unknown.0": ("{ viewer { scopes } }", '{"unknown": [NUMBER]}'),
        }
        for number in OUT_OF_RANGE:
            for path, (query, variables) in documents_.items():
                with self.subTest(path, number=number[:20]):
                    body = json.dumps({"query": query, "variables": 0})
                    body = body.replace('"variables": 0', f'"variables": {variables.replace("NUMBER", number)}')
                    answer = self.assertErrors(self._send(body=body), 400, CODE)
                    self.assertEqual(answer["errors"][0]["extensions"]["errors"][0]["path"], path)

    # === SIZES === #

    def test_a_query_of_more_than_a_megabyte_is_refused_before_it_is_read(self):
        query = "{ __typename }".ljust(documents.MAX_LENGTH)
        self.assertEqual(self._send(query).status_code, 200)
        with patch.object(documents, "parse", side_effect=AssertionError("it was parsed")):
            self.assertErrors(self._send(query + " "), 413, "query_too_large")

    def test_variables_have_the_limits_of_a_body_of_rest(self):
        answer = self.assertErrors(self._send(_RECORD, {"events": [{}] * (MAX_ITEMS + 1)}), 400, "batch_too_large")
        self.assertEqual(answer["errors"][0]["extensions"]["errors"][0]["path"], "variables.events")
        many = {"events": [[0] * 100] * (MAX_VALUES // 100)}
        self.assertErrors(self._send(_RECORD, many), 400, "too_many_values")

    def test_a_compressed_request_is_read(self):
        body = gzip.compress(json.dumps({"query": "{ __typename }"}).encode())
        response = self._send(body=body, headers={"Content-Encoding": "gzip"})
        self.assertEqual(response.json()["data"], {"__typename": "Query"})
        self.assertErrors(self._send(body=b"{", headers={"Content-Encoding": "gzip"}), 400, "invalid_gzip")

    # === WHO ASKS === #

    def test_nothing_is_decoded_for_who_may_not_ask(self):
        for headers in ({"Authorization": None}, {"Authorization": "Bearer none"}):
            for body in (json.dumps({"query": "{ __typename }"}), "no JSON"):
                with (
                    self.subTest(headers, body=body),
                    patch.object(json_text, "loads", side_effect=AssertionError("it was decoded")),
                ):
                    self.assertErrors(self._send(body=body, headers=headers), 401, "unauthenticated")

    def test_nothing_large_is_read_before_the_key_was_looked_at(self):
        large, small = " " * 70_000, "{}"
        bodies = [({}, large), ({"Content-Encoding": "gzip"}, gzip.compress(small.encode())), ({}, iter([b"{}"]))]
        for headers, body in bodies:
            with (
                self.subTest(type(body), headers=headers),
                patch.object(wire, "read_body", side_effect=AssertionError("it was read")),
            ):
                response = self._send(body=body, headers={"Authorization": "Bearer none", **headers})
                self.assertErrors(response, 401, "unauthenticated")

    def test_a_body_is_decoded_and_a_document_parsed_once(self):
        query = "{ metrics(first: 1) { nodes { code } } } # once"
        with (
            patch.object(json_text, "loads", wraps=json_text.loads) as loads,
            patch.object(documents, "parse", wraps=documents.parse) as parse,
        ):
            self.assertEqual(self._send(query).status_code, 200)
        self.assertEqual((loads.call_count, parse.call_count), (1, 1))

    def test_who_has_no_key_asks_for_little_where_the_schema_is_public(self):
        self.env["ir.config_parameter"].set_param(PREFIX + "introspection", "public")
        short = "{ __schema { queryType { name } } }"
        self.assertEqual(self._send(short, headers={"Authorization": None}).status_code, 200)
        response = self._send(short.ljust(70_000), headers={"Authorization": None})
        self.assertErrors(response, 413, "payload_too_large")

    def test_a_mutation_with_an_escaped_name_may_write(self):
        body = json.dumps(
            {"query": 'mutation { upsertCustomer(input: {externalId: "escaped"}) { userErrors { code } } }'}
        )
        response = self._send(body=body.replace("mutation", "\\u006dutation"))
        self.assertEqual(response.json()["data"], {"upsertCustomer": {"userErrors": []}})
