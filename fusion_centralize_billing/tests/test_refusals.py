# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
import logging
import re
from unittest.mock import patch

from odoo.exceptions import ConcurrencyError
from odoo.tests import tagged

from .common import BillingHttpCase

_LOGGER = "odoo.addons.fusion_centralize_billing.api.refusals"
_LINE = re.compile(r"API request (\S+) refused: service=(\S+) operation=(\S+) code=(\S+) status=(\d+)")
_KEY = "fcb_0123abcd_" + "Zz9-_" * 8
_SECRET_TEXT = "what-only-the-client-knows"


@tagged("post_install", "-at_install")
class TestRefusals(BillingHttpCase):
    # Levels are numbers here: by the name INFO Odoo calls another one (odoo/netsvc.py).
    def _log_of(self, act):
        """Return what ``act`` returned, the lines of refusals, and all other lines from INFO on, of its requests."""
        with self.assertLogs(level=logging.INFO) as logs:
            answer = act()
        lines = [record.getMessage() for record in logs.records if record.name == _LOGGER]
        others = [record.getMessage() for record in logs.records if record.name != _LOGGER]
        return answer, [_LINE.fullmatch(line).groups() for line in lines], others

    def _rpc(self, message, key=None, headers=None):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key or self.key}", **(headers or {})}
        return self.url_open("/api/billing/jsonrpc", data=json.dumps(message), headers=headers)

    def test_each_refusal_of_rest_is_one_line_and_tells_nothing_else(self):
        event = self._event(idempotency_key=_SECRET_TEXT)
        broken = '{"events": "%s"' % _SECRET_TEXT
        get, post = {}, {"method": "POST"}
        service = self.service.code
        cases = [
            # path, request, service, operation, code, status
            ("/plans", {**get, "key": _KEY}, "-", "catalog", "unauthenticated", 401),
            (f"/nowhere/{_SECRET_TEXT}", get, "-", "-", "unknown_path", 404),
            ("/usage", {"method": "DELETE"}, "-", "-", "method_not_allowed", 405),
            ("/usage", {**post, "body": broken}, service, "recordUsage", "invalid_json", 400),
            (
                "/usage",
                {**post, "body": "x", "headers": {"Content-Type": "text/plain"}},
                *(service, "recordUsage"),
                "unsupported_media_type",
                415,
            ),
            ("/usage", {"payload": {"events": [event]}}, service, "recordUsage", "subscription_not_found", 404),
            ("/usage", {"payload": {"events": _SECRET_TEXT}}, service, "recordUsage", "invalid_payload", 400),
        ]
        for path, request, *expected in cases:
            with self.subTest(path, expected=expected):
                response, lines, others = self._log_of(lambda path=path, request=request: self._call(path, **request))
                self.assertEqual(response.status_code, expected[-1], response.text)
                request_id = response.headers["X-Request-Id"]
                answered = [request_id, *expected[:-2], response.json()["code"], str(response.status_code)]
                self.assertEqual([list(line) for line in lines], [answered])
                self.assertEqual(expected[2], response.json()["code"])
                told = [line for line in others if _SECRET_TEXT in line and "HTTP/1" not in line]
                self.assertFalse(told)
                self.assertFalse([line for line in (*others, str(lines)) if _KEY in line or self.key in line])

    def test_what_was_answered_leaves_no_line(self):
        with self.assertNoLogs(_LOGGER, level=logging.INFO):
            self.assertEqual(self._call("/plans").status_code, 200)
            self.assertEqual(self._rpc({"jsonrpc": "2.0", "method": "catalog", "id": 1}).status_code, 200)

    def test_a_request_that_odoo_runs_again_leaves_one_line(self):
        def refuse(_service, _request):
            raise ConcurrencyError("again")

        handler = patch.object(self.registry["fusion.billing.service"], "_api_catalog", refuse)
        with handler, patch("time.sleep"):
            response, lines, others = self._log_of(lambda: self._call("/plans"))
        self.assertEqual(response.status_code, 503)
        self.assertFalse([line for line in others if "Exception during request handling" in line])
        self.assertEqual([line[1:] for line in lines], [(self.service.code, "catalog", "try_again", "503")])

    def test_each_failed_call_of_json_rpc_is_one_line(self):
        call = {"jsonrpc": "2.0", "id": 1}
        batch = [
            {**call, "method": "catalog"},
            {**call, "method": _SECRET_TEXT},
            {**call, "method": "recordUsage", "params": {"events": [self._event()]}},
            {"jsonrpc": "2.0", "method": "recordUsage", "params": {"events": _SECRET_TEXT}},
            {"jsonrpc": "1.0", "method": _SECRET_TEXT},
            {**call, "method": "rpc.discover", "params": {"a": 1}},
        ]
        response, lines, others = self._log_of(lambda: self._rpc(batch, headers={"X-Request-Id": "mine-1"}))
        self.assertEqual((response.status_code, response.headers["X-Request-Id"]), (200, "mine-1"))
        expected = [
            # operation, code, status of the error
            ("-", "unknown_operation", "404"),
            ("recordUsage", "subscription_not_found", "404"),
            ("recordUsage", "invalid_payload", "400"),
            ("rpc.discover", "invalid_payload", "400"),
            ("-", "invalid_request", "400"),
        ]
        self.assertEqual(lines, [("mine-1", self.service.code, *line) for line in expected])
        self.assertFalse([line for line in others if _SECRET_TEXT in line])

    def test_a_message_of_json_rpc_that_failed_as_a_whole_is_one_line(self):
        cases = [
            # message, key, service, code, status
            ([], None, self.service.code, "invalid_request", 400),
            ([{}] * 501, None, self.service.code, "too_many_calls", 400),
            ({}, None, self.service.code, "invalid_request", 400),
            ({}, _KEY, "-", "unauthenticated", 401),
        ]
        for message, key, *expected in cases:
            with self.subTest(expected):
                response, lines, _others = self._log_of(lambda message=message, key=key: self._rpc(message, key))
                service, code, status = expected
                self.assertEqual(response.status_code, status)
                self.assertEqual(lines, [(response.headers["X-Request-Id"], service, "-", code, str(status))])

    def test_a_client_names_its_request_if_the_name_is_short_and_plain(self):
        cases = [
            # sent, whether it is taken
            ("a-1_b.C", True),
            ("x" * 64, True),
            ("x" * 65, False),
            ("two words", False),
            ("\u00e9", False),
            ("", False),
            (_KEY, False),
        ]
        for sent, is_taken in cases:
            with self.subTest(sent):
                response = self._call("/plans", headers={"X-Request-Id": sent.encode()})
                answered = response.headers["X-Request-Id"]
                self.assertEqual(answered, sent) if is_taken else self.assertRegex(answered, r"^[0-9a-f]{32}$")

    def test_two_requests_have_different_ids(self):
        self.assertNotEqual(*(self._call("/plans").headers["X-Request-Id"] for _time in range(2)))

    def test_no_error_says_a_key_again(self):
        event = self._event(subscription_external_id=_KEY, metric_code=_KEY)
        answers = [
            self._call("/usage", {"events": [event]}),
            self._call("/usage", {"events": [{**event, _KEY: 1}], _KEY: 1}),
            self._call(f"/subscriptions/{_KEY}"),
            self._call("/customers", params={_KEY: _KEY, "external_id": _KEY}),
            self._call("/customers", params=[(_KEY, "1"), (_KEY, "2")]),
            self._rpc({"jsonrpc": "2.0", "method": _KEY, "id": 1, "params": {_KEY: 1}}),
            self._rpc({"jsonrpc": "2.0", "method": "catalog", "id": 1, "params": {_KEY: _KEY}}),
            self._rpc({"jsonrpc": "2.0", "method": "getSubscription", "id": 1, "params": {"subscription": _KEY}}),
        ]
        for answer in answers:
            with self.subTest(answer.url):
                self.assertIn('"code"', answer.text)
                self.assertNotIn(_KEY, answer.text)
