# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
import logging
import re

from odoo.addons.fusion_centralize_billing.tests.common import unique
from odoo.tests import tagged

from .common import GRAPHQL_JSON, GraphqlHttpCase

_LOGGER = "odoo.addons.fusion_centralize_billing.api.refusals"
_LINE = re.compile(r"API request (\S+) refused: service=(\S+) operation=(\S+) code=(\S+) status=(\d+)")
_TEXT = "onlyTheClientKnows"
_KEY = "fcb_0123abcd_" + "Zz9-_" * 8


@tagged("post_install", "-at_install")
class TestRefusals(GraphqlHttpCase):
    def _log_of(self, *args, **kwargs):
        """Send a request; return the response, the lines of refusals, and all other lines from INFO on."""
        # A number: by the name INFO Odoo calls another level (odoo/netsvc.py).
        with self.assertLogs(level=logging.INFO) as logs:
            response = self._send(*args, headers={"X-Request-Id": "mine-1"}, **kwargs)
        self.assertEqual(response.headers["X-Request-Id"], "mine-1")
        lines = [record.getMessage() for record in logs.records if record.name == _LOGGER]
        others = [record.getMessage() for record in logs.records if record.name != _LOGGER]
        return response, [_LINE.fullmatch(line).groups() for line in lines], others

    def test_each_error_is_one_line_and_tells_nothing_else(self):
        service = self.service.code
        unknown = '{ %s: subscriptions(first: 1, filter: {serviceId: {eq: "%s"}}) { totalCount } }' % (_TEXT, _TEXT)
        mutation = (
            'mutation %s { %s: upsertCustomer(input: {externalId: "", name: "%s"}) { userErrors { code } } }'
        ) % ((_TEXT,) * 3)
        cases = [
            # document, key, service, (operation, code, status of the error) of each line
            ("{ %s" % _TEXT, None, service, ("-", "syntax_error", "400")),
            ("{ %s }" % _TEXT, None, service, ("-", "invalid_document", "400")),
            ("{ __typename }", _KEY, "-", ("-", "unauthenticated", "401")),
            (unknown, None, service, ("subscriptions", "invalid_id", "400")),
            (mutation, None, service, ("upsertCustomer", "invalid_payload", "400")),
        ]
        for document, key, code, *expected in cases:
            with self.subTest(document):
                response, lines, others = self._log_of(document, key=key, accept=GRAPHQL_JSON)
                self.assertEqual(lines, [("mine-1", code, *line) for line in expected], response.text)
                self.assertFalse([line for line in (*others, str(lines)) if _TEXT in line or _KEY in line])

    def test_a_request_that_is_no_graphql_is_one_line(self):
        for body, expected in (("[]", "batching_not_supported"), ("{", "invalid_json"), ("{}", "invalid_payload")):
            with self.subTest(body):
                _response, lines, _others = self._log_of(body=body)
                self.assertEqual([(line[3], line[4]) for line in lines], [(expected, "400")])

    def test_an_answer_without_errors_leaves_no_line(self):
        with self.assertNoLogs(_LOGGER, level=logging.INFO):
            self.assertNotIn("errors", self._send("{ metrics(first: 1) { totalCount } }").json())

    def test_a_mutation_that_is_undone_leaves_its_line(self):
        selected = 'customer { subscriptions(first: 1, filter: {serviceId: {eq: "no id"}}) { totalCount } }'
        mutation = 'mutation { upsertCustomer(input: {externalId: "%s"}) { %s } }' % (unique("undone"), selected)
        response, lines, _others = self._log_of(mutation)
        self.assertEqual(response.json()["data"], None)
        self.assertEqual([line[2:] for line in lines], [("subscriptions", "invalid_id", "400")])

    def test_no_error_says_a_key_again(self):
        documents = [
            ("{ %s }" % _KEY.replace("-", "_"), {}),
            ('{ subscriptions(first: 1, filter: {serviceId: {eq: "%s"}}) { totalCount } }' % _KEY, {}),
            ("query ($a: Int!) { metrics(first: $a) { totalCount } }", {"a": _KEY}),
            ('{ metrics(first: "%s") { totalCount } }' % _KEY, {}),
        ]
        for document, variables in documents:
            with self.subTest(document):
                response = self._send(body=json.dumps({"query": document, "variables": variables}))
                self.assertIn("errors", response.json())
                self.assertNotIn(_KEY[13:], response.text)
                self.assertNotIn(_KEY.replace("-", "_")[13:], response.text)
