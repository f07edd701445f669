# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

from werkzeug.exceptions import BadRequest

from odoo import fields
from odoo.exceptions import ConcurrencyError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..api.http_request import MAX_BODY
from ..api.jsonrpc_methods import PATH
from ..api.openrpc import document
from ..api.operations import OPERATIONS
from ..limits.settings import Settings
from .common import BillingHttpCase, unique

BATCH_COST = Settings.batch_cost
_LOGGERS = ("odoo.addons.fusion_centralize_billing.api.errors", "odoo.http", "odoo.sql_db", "odoo.service.model")


def call(method, params=None, call_id=1):
    """Return a request object; without an id (None) it is a notification."""
    request = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        request["params"] = params
    return request | ({} if call_id is None else {"id": call_id})


class JsonrpcCase(BillingHttpCase):
    def _send(self, message=None, *, body=None, key=None, method="POST", headers=None, path=PATH):
        """Send a message, or a body as it is, and return the HTTP response."""
        sent = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json", **(headers or {})}
        sent = {name: value for name, value in sent.items() if value is not None}
        data = json.dumps(message) if body is None else body
        return self.url_open(path, data=data, headers=sent, method=method, timeout=120)

    def _do(self, method, params=None, **options):
        """Make one call and return its result."""
        response = self._send(call(method, params), **options)
        self.assertEqual(response.status_code, 200, response.text[:500])
        answer = response.json()
        self.assertEqual(set(answer), {"jsonrpc", "result", "id"}, answer)
        self.assertEqual((answer["jsonrpc"], answer["id"]), ("2.0", 1))
        return answer["result"]

    def assertFailed(self, answer, number, code, call_id=1):
        """Check an error object of the specification's section 5.1 with our data."""
        self.assertEqual((set(answer), answer["jsonrpc"]), ({"jsonrpc", "error", "id"}, "2.0"))
        error = answer["error"]
        self.assertEqual((error["code"], error["data"]["code"], answer["id"]), (number, code, call_id))
        self.assertEqual((set(error), set(error["data"])), ({"code", "message", "data"}, {"code", "message", "errors"}))
        self.assertTrue(error["message"] and error["data"]["message"])
        return error["data"]["errors"]

    def assertFailedHttp(self, response, status, number, code):
        """Check a request that failed as a whole: its status, and a response object whose id is null."""
        self.assertEqual(response.status_code, status, response.text[:500])
        self.assertEqual(response.headers["Content-Type"], "application/json; charset=utf-8")
        return self.assertFailed(response.json(), number, code, None)

    def _count_links(self, *external_ids):
        domain = [("external_id", "in", external_ids), ("service_id", "=", self.service.id)]
        return self.env["fusion.billing.account.link"].search_count(domain)


@tagged("post_install", "-at_install")
class TestJsonrpcCalls(JsonrpcCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_subscription()

    def _get_quantities(self):
        usages = self.env["fusion.billing.usage"].search([("subscription_id", "=", self.order.id)], order="id")
        return usages.mapped("quantity")

    # === PARAMETERS === #

    def test_named_parameters_are_the_payload(self):
        customer = unique("customer")
        answer = self._do("upsertCustomer", {"external_id": customer, "name": "Acme"})
        self.assertEqual((answer["status"], answer["external_id"]), ("ok", customer))
        self.assertEqual(self.env["res.partner"].browse(answer["partner_id"]).name, "Acme")

    def test_positional_parameters_stand_for_the_fields_in_order(self):
        customer = unique("customer")
        answer = self._do("upsertCustomer", [customer, "Acme", f"{customer}@acme.example"])
        self.assertEqual(answer["external_id"], customer)
        link = self.env["fusion.billing.account.link"].search([("external_id", "=", customer)])
        self.assertEqual((link.external_name, link.external_email), ("Acme", f"{customer}@acme.example"))

    def test_positional_parameters_that_are_needed_come_first(self):
        answer = self._do("recordUsage", [[self._event(self.order), self._event()], "reject_failed_rows"])
        self.assertEqual([result["status"] for result in answer["results"]], ["accepted", "rejected"])
        self.assertEqual(self._do("recordUsage", [[self._event(self.order)]])["accepted"], 1)
        self.assertEqual(self._get_quantities(), [1, 1])

    def test_a_parameter_too_many_is_refused(self):
        for method, params, path in (("catalog", [1], "0"), ("recordUsage", [[], "reject_everything", 3], "2")):
            with self.subTest(method):
                errors = self.assertFailed(self._send(call(method, params)).json(), -32602, "invalid_payload")
                self.assertIn((path, "unknown_field"), [(error["path"], error["code"]) for error in errors])

    def test_parameters_may_be_left_out_or_empty(self):
        answers = [self._do("catalog"), self._do("catalog", {}), self._do("catalog", [])]
        self.assertEqual(answers[0]["status"], "ok")
        self.assertEqual(answers, [answers[0]] * 3)

    def test_faults_are_listed_with_their_paths(self):
        answer = self._send(call("recordUsage", [[self._event(self.order, quantity=-1, metric_code="")]])).json()
        errors = self.assertFailed(answer, -32602, "invalid_payload")
        self.assertEqual({error["path"] for error in errors}, {"events.0.quantity", "events.0.metric_code"})
        self.assertEqual(answer["error"]["message"], "Invalid params")

    def test_numbers_do_not_pass_through_floats(self):
        number = "12345678901234567890.123456789012345678"
        body = json.dumps(call("recordUsage", {"events": [self._event(self.order, quantity="NUMBER")]}))
        self.assertEqual(self._send(body=body.replace('"NUMBER"', number)).json()["result"]["accepted"], 1)
        query = "SELECT quantity::text FROM fusion_billing_usage WHERE subscription_id = %s"
        self.env.cr.execute(query, [self.order.id])
        self.assertEqual(Decimal(self.env.cr.fetchone()[0]), Decimal(number))

    # === ERRORS === #

    def test_an_unknown_method_is_not_found(self):
        for method in ("foobar", "", "rpc.unknown", "_api_catalog", "Catalog", "catalog "):
            with self.subTest(method):
                response = self._send(call(method, [1, 2]))
                self.assertEqual(response.status_code, 200)
                self.assertFailed(response.json(), -32601, "unknown_operation")

    def test_errors_of_ours_have_numbers_of_the_servers_range(self):
        other = self._create_subscription()
        self._use(other, 1, idem="k")
        cases = [
            ({"subscription_external_id": "unknown"}, -32004, "subscription_not_found"),
            ({"idempotency_key": "k"}, -32009, "idempotency_conflict"),
            ({"period_start": "2025-01-01", "period_end": "2025-01-01"}, -32022, "usage_before_start"),
        ]
        for values, number, code in cases:
            with self.subTest(code):
                response = self._send(call("recordUsage", [[self._event(self.order, **values)]]))
                self.assertEqual(response.status_code, 200)
                errors = self.assertFailed(response.json(), number, code)
                self.assertTrue(errors[0]["path"].startswith("events.0."))
        self.assertFalse(self._get_quantities())

    def test_a_fault_of_ours_tells_nothing(self):
        def fail(service, payload):
            raise ValueError("secret")

        with patch.object(self.registry["fusion.billing.service"], "_api_catalog", fail), mute_logger(*_LOGGERS):
            response = self._send(call("catalog"))
        self.assertEqual(response.status_code, 200)
        self.assertFailed(response.json(), -32603, "internal")
        self.assertNotIn("secret", response.text)
        self.assertNotIn("Traceback", response.text)

    def test_another_services_subscription_is_not_found(self):
        stranger = self.env["res.partner"].create({"name": "Stranger"})
        foreign = self._create_subscription(service=self._create_service(), partner_id=stranger.id)
        answer = self._send(call("terminateSubscription", [foreign.x_fc_external_id])).json()
        self.assertFailed(answer, -32004, "subscription_not_found")

    # === TRANSACTIONS === #

    def _failing_after_the_write(self):
        """Let upsertCustomer fail for names "bad", after its work is written."""
        upsert = self.registry["fusion.billing.service"]._api_upsert_customer

        def fail(service, payload):
            answer = upsert(service, payload)
            service.env.flush_all()
            if payload.name == "bad":
                raise ValueError("too late")
            return answer

        return patch.object(self.registry["fusion.billing.service"], "_api_upsert_customer", fail)

    def test_of_a_failed_call_nothing_is_kept(self):
        customer = unique("customer")
        for message in (call("upsertCustomer", [customer, "bad"]), call("upsertCustomer", [customer, "bad"], None)):
            with self._failing_after_the_write(), mute_logger(*_LOGGERS):
                self._send(message)
            self.assertEqual(self._count_links(customer), 0)

    def test_a_failed_member_leaves_the_others_of_its_batch(self):
        first, bad, last = unique("first"), unique("bad"), unique("last")
        batch = [
            call("upsertCustomer", [first, "good"], "a"),
            call("upsertCustomer", [bad, "bad"], "b"),
            call("upsertCustomer", [last, "good"], "c"),
        ]
        with self._failing_after_the_write(), mute_logger(*_LOGGERS):
            answers = self._send(batch).json()
        self.assertEqual([answer["id"] for answer in answers], ["a", "b", "c"])
        self.assertEqual(["result" in answer for answer in answers], [True, False, True])
        self.assertFailed(answers[1], -32603, "internal", "b")
        self.assertEqual((self._count_links(first, last), self._count_links(bad)), (2, 0))

    def test_a_member_that_the_database_refuses_leaves_the_others(self):
        def duplicate(service, payload):
            service.env.cr.execute("INSERT INTO fusion_billing_metric (name) VALUES (NULL)")

        customer = unique("customer")
        batch = [call("upsertCustomer", [name], number) for number, name in ((1, customer), (3, unique("customer")))]
        batch.insert(1, call("catalog", call_id=2))
        with patch.object(self.registry["fusion.billing.service"], "_api_catalog", duplicate), mute_logger(*_LOGGERS):
            answers = self._send(batch).json()
        self.assertFailed(answers[1], -32022, "validation_failed", 2)
        self.assertEqual(["result" in answer for answer in answers], [True, False, True])
        self.assertEqual(self._count_links(customer), 1)

    def _conflicting_once(self, conflict):
        """Let the catalogue meet a concurrent transaction the first time it is asked for."""
        catalog = self.registry["fusion.billing.service"]._api_catalog
        runs = []

        def fail_once(service, payload=None):
            runs.append(1)
            if len(runs) == 1:
                conflict(service)
            return catalog(service, payload)

        return runs, patch.object(self.registry["fusion.billing.service"], "_api_catalog", fail_once)

    def _send_with_conflict(self, message, conflict):
        runs, patched = self._conflicting_once(conflict)
        with patched, patch("odoo.service.model.time.sleep"), mute_logger(*_LOGGERS):
            response = self._send(message)
        self.assertEqual(len(runs), 2, "the call was not run again")
        self.assertNotIn("Set-Cookie", response.headers)
        return response.json()

    def test_a_conflict_of_transactions_runs_the_call_again(self):
        def serialization_failure(service):
            service.env.cr.execute("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$")

        def deadlock(service):
            service.env.cr.execute("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40P01'; END $$")

        def concurrency_error(service):
            raise ConcurrencyError("conflict")

        self._create_charge()
        for conflict in (serialization_failure, deadlock, concurrency_error):
            with self.subTest(conflict.__name__):
                self.assertIn("result", self._send_with_conflict(call("catalog"), conflict))
                event = self._event(self.order, idempotency_key=unique("key"))
                answers = self._send_with_conflict([call("recordUsage", [[event]]), call("catalog")], conflict)
                self.assertEqual(["result" in answer for answer in answers], [True, True])
                # Not "duplicate": what was done before is committed, and not done again.
                self.assertEqual(answers[0]["result"]["results"], [{"index": 0, "status": "accepted"}])
        self.assertEqual(self._get_quantities(), [1, 1, 1])

    def test_a_call_that_loses_every_race_may_be_sent_again_and_leaves_the_others(self):
        def conflict(service, payload):
            raise ConcurrencyError("conflict")

        customer = unique("customer")
        batch = [call("upsertCustomer", [customer]), call("catalog")]
        with (
            patch.object(self.registry["fusion.billing.service"], "_api_catalog", conflict),
            patch("odoo.service.model.time.sleep"),
            mute_logger(*_LOGGERS),
        ):
            answers = self._send(batch).json()
        self.assertIn("result", answers[0])
        self.assertFailed(answers[1], -32603, "try_again")
        self.assertEqual(self._count_links(customer), 1)

    # === NOTIFICATIONS === #

    def test_a_notification_is_carried_out_and_not_answered(self):
        response = self._send(call("recordUsage", [[self._event(self.order, quantity=7)]], None))
        self.assertEqual((response.status_code, response.content), (204, b""))
        self.assertNotIn("Content-Type", response.headers)
        self.assertEqual(self._get_quantities(), [7])

    def test_a_notification_that_fails_is_not_answered(self):
        for method, params in (("recordUsage", [[self._event()]]), ("foobar", [1]), ("catalog", [1])):
            with self.subTest(method):
                response = self._send(call(method, params, None))
                self.assertEqual((response.status_code, response.content), (204, b""))

    def test_a_batch_of_notifications_is_not_answered(self):
        customers = [unique("customer") for _number in range(3)]
        response = self._send([call("upsertCustomer", [customer], None) for customer in customers])
        self.assertEqual((response.status_code, response.content), (204, b""))
        self.assertEqual(self._count_links(*customers), 3)

    # === BATCHES === #

    def test_a_batch_sees_what_its_earlier_calls_did(self):
        customer, subscription = unique("customer"), unique("subscription")
        event = self._event(subscription_external_id=subscription)
        batch = [
            call("upsertCustomer", [customer], 1),
            call("createSubscription", [customer, subscription, self.plan.code, None, "2026-01-01"], 2),
            call("recordUsage", [[event]], 3),
            call("terminateSubscription", [subscription, "2026-03-01"], 4),
        ]
        answers = self._send(batch).json()
        self.assertEqual([answer.get("error") for answer in answers], [None] * 4)
        self.assertEqual(answers[3]["result"]["end_date"], "2026-03-01")

    def test_the_mixed_batch_of_the_specification_is_answered_member_by_member(self):
        customer = unique("customer")
        batch = [
            call("upsertCustomer", [customer], "1"),
            call("upsertCustomer", [unique("customer")], None),
            call("catalog", [], "2"),
            {"foo": "boo"},
            call("foo.get", {"name": "myself"}, "5"),
            call("recordUsage", {"events": []}, "9"),
        ]
        response = self._send(batch)
        self.assertEqual(response.status_code, 200)
        answers = response.json()
        self.assertEqual([answer["id"] for answer in answers], ["1", "2", None, "5", "9"])
        numbers = [answer.get("error", {}).get("code") for answer in answers]
        self.assertEqual(numbers, [None, None, -32600, -32601, -32602])
        self.assertEqual(answers[0]["result"]["external_id"], customer)

    def test_a_batch_of_the_greatest_cost_is_answered(self):
        answers = self._send([call("catalog", call_id=number) for number in range(BATCH_COST)]).json()
        self.assertEqual([answer["id"] for answer in answers], list(range(BATCH_COST)))

    def test_a_batch_that_costs_more_is_refused_with_none_of_it_done(self):
        customer = unique("customer")
        upsert = call("upsertCustomer", [customer])
        counters = [self._event(idempotency_key=str(number)) for number in range(5000)]
        cases = [
            ([call("catalog")] * (BATCH_COST + 1), "too_many_calls", "more calls than the cost has units"),
            ([upsert] * (BATCH_COST // 5 + 1), "batch_too_costly", "a write costs 5"),
            ([upsert] + [call("previewInvoice", ["x"])] * (BATCH_COST // 20), "batch_too_costly", "a preview costs 20"),
            ([upsert] + [1] * (BATCH_COST - 4), "batch_too_costly", "what is no call costs 1"),
            (
                [upsert, upsert] + [call("recordUsage", [counters])] * 9,
                "batch_too_costly",
                "5000 counters cost 50 more",
            ),
        ]
        for batch, code, reason in cases:
            with self.subTest(reason):
                self.assertFailedHttp(self._send(batch), 400, -32600, code)
        self.assertEqual(self._count_links(customer), 0)

    def test_calls_beyond_the_room_for_results_are_not_made(self):
        first, second, third = unique("first"), unique("second"), unique("third")
        batch = [call("upsertCustomer", [name], number) for number, name in enumerate((first, second, third))]
        batch.insert(1, call("rpc.discover", call_id="d"))
        with patch("odoo.addons.fusion_centralize_billing.api.jsonrpc_methods.MAX_RESULTS", 1000):
            answers = self._send(batch).json()
        self.assertEqual(["result" in answer for answer in answers], [True, True, False, False])
        for answer, number in zip(answers[2:], (1, 2), strict=True):
            self.assertFailed(answer, -32013, "answer_too_large", number)
        self.assertEqual((self._count_links(first), self._count_links(second, third)), (1, 0))

    def test_results_that_nobody_is_sent_take_no_room(self):
        customer = unique("customer")
        batch = [call("rpc.discover", call_id=None), call("upsertCustomer", [customer])]
        with patch("odoo.addons.fusion_centralize_billing.api.jsonrpc_methods.MAX_RESULTS", 1000):
            [answer] = self._send(batch).json()
        self.assertEqual(answer["result"]["external_id"], customer)

    # === DISCOVERY === #

    def test_the_description_is_served(self):
        described = json.loads(json.dumps(document(PATH)))
        for params in (None, {}, []):
            self.assertEqual(self._do("rpc.discover", params), described)
        self.assertFailed(self._send(call("rpc.discover", {"a": 1})).json(), -32602, "invalid_payload")

    def test_every_described_method_can_be_called(self):
        for name in OPERATIONS:
            answer = self._send(call(name, {"unknown": 1})).json()
            errors = self.assertFailed(answer, -32602, "invalid_payload")
            self.assertIn("unknown", [error["path"] for error in errors])


@tagged("post_install", "-at_install")
class TestJsonrpcHttp(JsonrpcCase):
    # === KEYS === #

    def test_without_a_good_key_nothing_is_answered(self):
        expired = self.env["fusion.billing.api.key"]._generate(
            self.service, name="Key", expires_at=fields.Datetime.now() - timedelta(seconds=1)
        )
        for header in (None, "", "Bearer", "Bearer unknown", f"Basic {self.key}", self.key, f"Bearer {expired}"):
            for message in (call("catalog"), [call("catalog")], call("catalog", None, None), [], call("rpc.discover")):
                with self.subTest(f"{header} {message}"):
                    response = self._send(message, headers={"Authorization": header})
                    self.assertFailedHttp(response, 401, -32001, "unauthenticated")
                    self.assertIn("Bearer", response.headers["WWW-Authenticate"])

    def test_a_key_without_the_scope_is_forbidden(self):
        key = self.env["fusion.billing.api.key"]._generate(self.service, name="Key", scopes="catalog:read")
        batch = [call("catalog"), call("upsertCustomer", [unique("c")], 2), call("recordUsage", [1, 2, 3], 3)]
        answers = self._send(batch, key=key).json()
        self.assertEqual(answers[0]["result"]["status"], "ok")
        self.assertFailed(answers[1], -32003, "insufficient_scope", 2)
        self.assertFailed(answers[2], -32003, "insufficient_scope", 3)

    # === BODIES === #

    def test_what_is_no_json_is_a_parse_error(self):
        bodies = [
            b"",
            b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
            b'[{"jsonrpc": "2.0", "method": "catalog", "id": "1"}, {"jsonrpc": "2.0", "method"]',
            b'{"jsonrpc":"2.0","method":"catalog","id":1,"id":2}',
            b'{"jsonrpc":"2.0","method":"catalog","id":NaN}',
            b"\xff",
            b"[" * 100_000,
        ]
        for body in bodies:
            with self.subTest(body[:40]):
                response = self._send(body=body)
                self.assertFailedHttp(response, 400, -32700, "invalid_json")
                self.assertEqual(response.json()["error"]["message"], "Parse error")

    def test_what_is_no_request_is_invalid(self):
        bodies = [
            '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
            "[]",
            "{}",
            "1",
            '"catalog"',
            "null",
            '{"jsonrpc": "1.0", "method": "catalog", "id": 1}',
            '{"jsonrpc": "2.0", "method": "catalog", "id": "\\ud800"}',
            '{"jsonrpc": "2.0", "method": "catalog", "params": null, "id": 1}',
        ]
        for body in bodies:
            with self.subTest(body):
                response = self._send(body=body)
                self.assertFailedHttp(response, 400, -32600, "invalid_request")
                self.assertEqual(response.json()["error"]["message"], "Invalid Request")

    def test_a_batch_of_what_is_no_request_is_answered_for_each_member(self):
        for body, members in (("[1]", 1), ("[1,2,3]", 3)):
            response = self._send(body=body)
            self.assertEqual(response.status_code, 200)
            self.assertEqual(len(response.json()), members)
            for answer in response.json():
                self.assertFailed(answer, -32600, "invalid_request", None)

    def test_ids_come_back_as_they_were_sent(self):
        for body_id in ("0", "-1", "1.5", '"a"', '""', "null", "12345678901234567890", '"schlüssel-\U0001f511"'):
            with self.subTest(body_id):
                response = self._send(body=('{"jsonrpc":"2.0","method":"catalog","id":%s}' % body_id).encode())
                self.assertTrue(response.text.endswith(f'"id":{body_id}}}'), response.text[-60:])

    def test_a_body_beyond_the_limit_is_refused(self):
        response = self._send(body=b" " * (MAX_BODY + 1))
        self.assertFailedHttp(response, 413, -32013, "payload_too_large")

    def test_a_body_that_breaks_off_is_no_request(self):
        with patch("odoo.addons.fusion_centralize_billing.controllers.jsonrpc.json_body", side_effect=BadRequest):
            self.assertFailedHttp(self._send(call("catalog")), 400, -32600, "invalid_payload")

    def test_other_content_types_are_refused(self):
        body = json.dumps(call("catalog")).encode()
        content_types = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None)
        for content_type in content_types:
            with self.subTest(content_type):
                response = self._send(body=body, headers={"Content-Type": content_type})
                self.assertFailedHttp(response, 415, -32015, "unsupported_media_type")

    def test_the_content_types_of_json_are_accepted(self):
        for content_type in ("application/json; charset=utf-8", "Application/JSON", "application/json-rpc"):
            with self.subTest(content_type):
                self._do("catalog", headers={"Content-Type": content_type})

    # === PATHS AND METHODS === #

    def test_other_methods_are_refused(self):
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
            with self.subTest(method):
                response = self._send(call("catalog"), method=method)
                self.assertFailedHttp(response, 405, -32005, "method_not_allowed")
                self.assertEqual(response.headers["Allow"], "POST")
        self.assertEqual(self._send(call("catalog"), method="HEAD").status_code, 405)

    def test_paths_below_are_not_found(self):
        for path in (f"{PATH}/catalog", f"{PATH}/a/b"):
            with self.subTest(path):
                self.assertFailedHttp(self._send(call("catalog"), path=path), 404, -32004, "unknown_path")

    def test_answers_are_not_cached_and_set_no_cookie(self):
        response = self._send(call("catalog"))
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertEqual(response.headers["Content-Type"], "application/json; charset=utf-8")
        self.assertNotIn("Set-Cookie", response.headers)


@tagged("post_install", "-at_install")
class TestJson2(JsonrpcCase):
    """Odoo's own RPC stays what it is for people of the back office; services have nothing to do with it."""

    def _search(self, token, model="fusion.billing.rating", method="search_read", **arguments):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = json.dumps(arguments)
        return self.url_open(f"/json/2/{model}/{method}", data=body, headers=headers, method="POST", timeout=60)

    def _create_token(self, *groups):
        user = self._create_user(*groups)
        expiration = fields.Datetime.now() + timedelta(days=1)
        return self.env["res.users.apikeys"].with_user(user).sudo()._generate("rpc", "Test", expiration)

    def test_a_billing_user_reads_the_ledger(self):
        self._create_charge()
        order = self._create_subscription()
        self._use(order, 5)
        self._rate(order)
        token = self._create_token("fusion_centralize_billing.group_billing_user")
        response = self._search(token, domain=[["subscription_id", "=", order.id]], fields=["amount", "state"])
        self.assertEqual(response.status_code, 200, response.text[:500])
        self.assertEqual([(row["amount"], row["state"]) for row in response.json()], [(5, "open")])

    def test_another_user_does_not(self):
        self.assertEqual(self._search(self._create_token(), domain=[], fields=["amount"]).status_code, 403)

    @mute_logger("odoo.http")
    def test_a_services_key_opens_nothing_of_it(self):
        self.assertEqual(self._search(self.key, domain=[], fields=["amount"]).status_code, 401)

    @mute_logger("odoo.http")
    def test_the_handlers_of_the_api_cannot_be_called(self):
        token = self._create_token("fusion_centralize_billing.group_billing_manager")
        response = self._search(token, "fusion.billing.service", "_api_catalog", ids=self.service.ids)
        self.assertIn(response.status_code, (403, 404))

    @mute_logger("odoo.http")
    def test_a_salesperson_does_not_write_until_when_usage_is_billed(self):
        token = self._create_token("sales_team.group_sale_salesman_all_leads")
        order = self._create_subscription()
        before = order.x_fc_billed_until
        response = self._search(token, "sale.order", "write", ids=order.ids, vals={"x_fc_billed_until": "2027-01-01"})
        self.assertEqual(response.status_code, 422, response.text[:500])
        context = response.json()["context"]
        self.assertEqual((context["code"], context["errors"][0]["path"]), ("field_not_writable", "x_fc_billed_until"))
        order.invalidate_recordset()
        self.assertEqual(order.x_fc_billed_until, before)
        response = self._search(token, "sale.order", "write", ids=order.ids, vals={"note": "Hello"})
        self.assertEqual(response.status_code, 200, response.text[:500])
