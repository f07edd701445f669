# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from ..api.jsonrpc_methods import PATH
from ..api.operations import OPERATIONS
from .common import BillingHttpCase, unique


@tagged("post_install", "-at_install")
class TestIdempotency(BillingHttpCase):
    """Two services of one request: what a client that got no answer may do."""

    def _post(self, path, payload, idempotency_key, **options):
        headers = {"Idempotency-Key": idempotency_key}
        return self._call(path, payload, headers=headers, **options)

    def _open(self, idempotency_key, **values):
        payload = {"external_customer_id": self.link.external_id, "plan_code": self.plan.code, **values}
        return self._post("/subscriptions", payload, idempotency_key)

    def _count_subscriptions(self):
        return self.env["sale.order"].search_count([("x_fc_service_id", "=", self.service.id)])

    def _rpc(self, *calls):
        body = json.dumps([{"jsonrpc": "2.0", "id": number, **call} for number, call in enumerate(calls)])
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        return self.url_open(PATH, data=body, headers=headers, timeout=60).json()

    # === THE SAME REQUEST === #

    def test_a_request_sent_twice_is_done_once_and_answered_alike(self):
        first, second = self._open("k-1"), self._open("k-1")
        self.assertEqual(first.status_code, 200)
        self.assertEqual(second.text, first.text)
        self.assertNotIn("Idempotent-Replayed", first.headers)
        self.assertEqual(second.headers["Idempotent-Replayed"], "true")
        self.assertEqual(self._count_subscriptions(), 1)

    def test_the_status_is_replayed_too(self):
        order = self._create_subscription()
        answers = [self._post("/usage", {"events": [self._event(order)]}, "k-2") for _time in range(2)]
        self.assertEqual([answer.status_code for answer in answers], [202, 202])
        self.assertEqual(len(order.x_fc_usage_ids), 1)

    def test_without_a_key_a_request_is_done_each_time(self):
        for _time in range(2):
            self._call("/subscriptions", {"external_customer_id": self.link.external_id, "plan_code": self.plan.code})
        self.assertEqual(self._count_subscriptions(), 2)

    def test_another_writing_of_the_same_request_is_the_same(self):
        order = self._create_subscription()
        one = self._event(order, quantity=1, period_start="2026-01-10T01:00:00+01:00")
        other = dict(reversed(self._event(order, quantity=1, period_start="2026-01-10T00:00:00Z").items()))
        self._post("/usage", {"events": [one]}, "k-3")
        self.assertEqual(self._post("/usage", {"events": [other]}, "k-3").headers["Idempotent-Replayed"], "true")

    def test_the_answer_stays_that_of_then(self):
        external_id = unique("s")
        first = self._open("k-4", external_id=external_id)
        self._call(f"/subscriptions/{external_id}/terminate", {"at": "now"})
        self.assertEqual(self._open("k-4", external_id=external_id).json(), first.json())

    # === ANOTHER REQUEST === #

    def test_another_body_with_the_key_is_a_conflict(self):
        self._open("k-5")
        self.assertRefused(self._open("k-5", start_date="2026-01-01"), 409, "idempotency_key_reused")
        self.assertEqual(self._count_subscriptions(), 1)

    def test_another_operation_with_the_key_is_a_conflict(self):
        self._open("k-6")
        response = self._post("/customers", {"external_id": "c"}, "k-6")
        self.assertRefused(response, 409, "idempotency_key_reused")

    def test_another_path_with_the_key_is_a_conflict(self):
        orders = [self._create_subscription() for _time in range(2)]
        paths = [f"/subscriptions/{order.x_fc_external_id}/terminate" for order in orders]
        self.assertEqual(self._post(paths[0], {}, "k-7").status_code, 200)
        self.assertRefused(self._post(paths[1], {}, "k-7"), 409, "idempotency_key_reused")
        self.assertEqual(orders[1].subscription_state, "3_progress")

    def test_the_keys_of_another_service_are_others(self):
        other = self._create_service()
        self._open("k-8")
        response = self._post("/customers", {"external_id": "c"}, "k-8", key=other.action_generate_api_key())
        self.assertEqual(response.status_code, 200)
        self.assertNotIn("Idempotent-Replayed", response.headers)

    # === FAILURES === #

    def test_a_request_that_failed_may_be_sent_again_even_changed(self):
        self.assertRefused(self._open("k-9", plan_code="unknown"), 404, "plan_not_found")
        self.assertFalse(self.env["fusion.billing.idempotency.key"].search([("key", "=", "k-9")]))
        self.assertEqual(self._open("k-9").status_code, 200)

    def test_what_changes_nothing_or_tells_a_secret_takes_no_key(self):
        for operation in OPERATIONS.values():
            with self.subTest(operation.name):
                payload = None if operation.verb == "GET" else {}
                response = self._post(operation.path, payload, "k", method=operation.verb)
                refused = response.json().get("code") == "idempotency_key_not_supported"
                self.assertEqual(refused, operation.scope.endswith(":read") or operation.tells_secret)

    def test_senseless_keys_are_refused(self):
        for key in ("", "x" * 256, "ä".encode().decode("latin-1"), "a\tb"):
            with self.subTest(key):
                self.assertRefused(self._open(key), 400, "invalid_idempotency_key")
        self.assertEqual(self._open("x" * 255).status_code, 200)
        self.assertEqual(self._count_subscriptions(), 1)

    def test_the_scope_is_asked_before_the_key(self):
        key = self.env["fusion.billing.api.key"]._generate(self.service, name="Key", scopes="catalog:read")
        self.assertRefused(self._post("/customers", {"external_id": "c"}, "", key=key), 403, "insufficient_scope")

    # === JSON-RPC === #

    def test_each_call_of_a_batch_has_its_own_key(self):
        call = {
            "method": "createSubscription",
            "params": {"external_customer_id": self.link.external_id, "plan_code": self.plan.code},
        }
        one, other, again = self._rpc(*({**call, "idempotency_key": key} for key in ("r-1", "r-2", "r-1")))
        self.assertEqual(again["result"], one["result"])
        self.assertNotEqual(other["result"]["subscription_id"], one["result"]["subscription_id"])
        self.assertEqual(self._count_subscriptions(), 2)

    def test_a_key_is_the_same_on_every_transport(self):
        first = self._open("r-3")
        call = {"external_customer_id": self.link.external_id, "plan_code": self.plan.code}
        (response,) = self._rpc({"method": "createSubscription", "params": call, "idempotency_key": "r-3"})
        self.assertEqual(response["result"], first.json())
        self.assertEqual(self._count_subscriptions(), 1)

    def test_a_call_that_failed_in_a_batch_keeps_no_key(self):
        bad = {"method": "upsertCustomer", "params": {"external_id": "c", "email": "nobody"}, "idempotency_key": "r-4"}
        good = {**bad, "params": {"external_id": "c"}}
        failed, done = self._rpc(bad, good)
        self.assertEqual(failed["error"]["data"]["code"], "invalid_payload")
        self.assertEqual(done["result"]["external_id"], "c")

    def test_calls_that_read_and_wrong_keys_are_refused(self):
        for call, code in (
            ({"method": "catalog", "idempotency_key": "k"}, "idempotency_key_not_supported"),
            ({"method": "rpc.discover", "idempotency_key": "k"}, "idempotency_key_not_supported"),
            ({"method": "upsertCustomer", "params": ["c"], "idempotency_key": 7}, "invalid_idempotency_key"),
            ({"method": "upsertCustomer", "params": ["c"], "idempotency_key": "ä"}, "invalid_idempotency_key"),
        ):
            with self.subTest(call["method"]):
                (response,) = self._rpc(call)
                self.assertEqual(response["error"]["data"]["code"], code)

    def test_the_header_of_rest_is_refused_rather_than_ignored(self):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}", "Idempotency-Key": "k"}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "upsertCustomer", "params": ["c"]})
        response = self.url_open(PATH, data=body, headers=headers)
        self.assertEqual(response.status_code, 400)
        self.assertEqual(response.json()["error"]["data"]["code"], "idempotency_key_not_supported")

    # === KEEPING === #

    def test_keys_are_kept_for_more_than_a_day_and_forgotten_then(self):
        keys = self.env["fusion.billing.idempotency.key"]
        for hours in (25, 49):
            self._open(f"v-{hours}")
            self.env.cr.execute(
                "UPDATE fusion_billing_idempotency_key SET create_date = %s WHERE key = %s",
                [fields.Datetime.now() - timedelta(hours=hours), f"v-{hours}"],
            )
        keys.invalidate_model()
        keys._gc_old_keys()
        self.assertEqual(keys.search([("key", "like", "v-")]).mapped("key"), ["v-25"])
