# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import hashlib
import hmac
import json
import socket
from datetime import timedelta
from unittest.mock import patch

import requests
import urllib3

from odoo import fields
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tests.common import _super_send

from .common import BillingCase

_PAYLOAD = {"b": 1, "a": {"d": [1, 2], "c": "é"}}


@tagged("post_install", "-at_install")
class TestWebhooks(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._listen()

    def _enqueue(self, payload=None, event_type="invoice.paid"):
        return self.env["fusion.billing.webhook"]._enqueue(self.service, event_type, payload or _PAYLOAD)

    def _deliver(self, webhook, times=1, **receiver):
        """Make attempts and return what the receiver got."""
        with self._receiver(**receiver) as received:
            for _time in range(times):
                webhook._job_deliver()
        return received

    # === ENQUEUEING === #

    def test_a_delivery_is_stored_pending(self):
        with trap_jobs():
            webhook = self._enqueue()
        expected = {
            "state": "pending",
            "attempts": 0,
            "event_type": "invoice.paid",
            "payload": _PAYLOAD,
            "last_error": False,
        }
        self.assertRecordValues(webhook, [expected])

    def test_a_waiting_delivery_holds_the_signature_of_its_body(self):
        with trap_jobs():
            webhook = self._enqueue()
        expected = hmac.new(b"s3cret", b'{"a":{"c":"\\u00e9","d":[1,2]},"b":1}', hashlib.sha256).hexdigest()
        self.assertEqual(webhook.signature, expected)
        self.assertEqual(webhook.signature, webhook._sign("s3cret", webhook.body))

    def test_what_waits_is_signed_again_with_the_secret_that_holds_when_it_is_sent(self):
        with trap_jobs():
            webhook = self._enqueue()
        waiting = webhook.signature
        self.service.webhook_secret = "another s3cret"
        [(request, _options)] = self._deliver(webhook)
        signatures = [request.headers["X-Fusion-Signature"], request.headers["X-Fusion-Signature-Previous"]]
        self.assertEqual(signatures, [webhook._sign("another s3cret", request.body), waiting])
        self.assertEqual(webhook.signature, signatures[0])

    def test_without_a_secret_an_event_waits_without_a_signature(self):
        self.service.webhook_secret = False
        with trap_jobs():
            webhook = self._enqueue()
        self.assertRecordValues(webhook, [{"state": "pending", "signature": False}])

    def test_each_delivery_has_one_job(self):
        with trap_jobs() as trap:
            webhooks = self._enqueue() | self._enqueue()
            trap.assert_jobs_count(2)
            for webhook in webhooks:
                trap.assert_jobs_count(1, only=webhook._job_deliver)

    def test_the_job_is_in_the_channel_of_webhooks(self):
        webhook = self._enqueue()
        job = self.env["queue.job"].search([("identity_key", "=", f"fusion_centralize_billing.webhook.{webhook.id}.0")])
        self.assertEqual((job.channel, job.state, job.eta), ("root.billing.webhook", "pending", False))
        self.assertEqual(self.env["queue.job"].search(webhook.action_view_jobs()["domain"]), job)

    def test_an_event_for_a_service_without_address_is_not_stored(self):
        self.service.webhook_url = False
        self.assertFalse(self.env["fusion.billing.webhook"]._emit(self.service, "invoice.paid", {}))

    # === WHAT IS SENT === #

    def test_the_body_is_json_with_sorted_keys_and_no_spaces(self):
        [(request, _options)] = self._deliver(self._enqueue())
        self.assertEqual(request.body, b'{"a":{"c":"\\u00e9","d":[1,2]},"b":1}')
        self.assertEqual(self._enqueue().body, request.body.decode())

    def test_the_signature_is_the_hmac_of_the_body(self):
        webhook = self._enqueue()
        [(request, _options)] = self._deliver(webhook)
        expected = hmac.new(b"s3cret", request.body, hashlib.sha256).hexdigest()
        self.assertEqual(request.headers["X-Fusion-Signature"], expected)
        self.assertEqual(webhook.signature, expected)

    def test_sign_returns_a_known_signature(self):
        webhooks = self.env["fusion.billing.webhook"]
        known = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        text = "The quick brown fox jumps over the lazy dog"
        self.assertEqual([webhooks._sign("key", text), webhooks._sign("key", text.encode())], [known, known])

    def test_the_headers_name_event_and_delivery(self):
        webhook = self._enqueue()
        [(request, _options)] = self._deliver(webhook)
        self.assertEqual(request.headers["X-Fusion-Event"], "invoice.paid")
        self.assertEqual(request.headers["X-Fusion-Delivery"], webhook.delivery_uuid)
        self.assertEqual(request.headers["Content-Type"], "application/json")
        self.assertEqual((request.method, request.url), ("POST", self.service.webhook_url))

    def test_a_repetition_is_the_same_delivery(self):
        webhook = self._enqueue()
        (first, _), (second, _) = self._deliver(webhook, times=2, status=500)
        for name in ("X-Fusion-Delivery", "X-Fusion-Signature"):
            self.assertEqual(first.headers[name], second.headers[name])
        self.assertEqual(first.body, second.body)

    def test_the_receiver_has_ten_seconds(self):
        [(_request, options)] = self._deliver(self._enqueue())
        self.assertEqual(options["timeout"], (10, 10))

    def test_no_proxy_of_the_environment_is_used(self):
        with patch.dict("os.environ", {"http_proxy": "http://proxy.test", "https_proxy": "http://proxy.test"}):
            [(_request, options)] = self._deliver(self._enqueue())
        self.assertFalse(options["proxies"])

    # === ANSWERS === #

    def test_every_2xx_is_taken(self):
        for status in (200, 201, 202, 204, 299):
            with self.subTest(status):
                webhook = self._enqueue()
                with self._on("2026-05-01"):
                    self._deliver(webhook, status=status)
                expected = {
                    "state": "sent",
                    "attempts": 1,
                    "last_status": status,
                    "next_retry_at": False,
                    "last_error": False,
                }
                self.assertRecordValues(webhook, [expected])
                self.assertEqual(str(webhook.sent_at), "2026-05-01 12:00:00")

    def test_every_other_status_is_a_failure(self):
        for status in (301, 302, 307, 400, 401, 404, 410, 429, 500, 503):
            with self.subTest(status):
                webhook = self._enqueue()
                received = self._deliver(webhook, status=status, body=b"no thanks")
                self.assertEqual(len(received), 1)
                expected = {
                    "state": "failed",
                    "attempts": 1,
                    "last_status": status,
                    "last_error": f"HTTP {status}: no thanks",
                }
                self.assertRecordValues(webhook, [expected])

    def test_a_redirect_is_not_followed(self):
        headers = {"Location": "https://elsewhere.example.com/"}
        self.assertEqual(len(self._deliver(self._enqueue(), status=307, headers=headers)), 1)

    def test_a_long_answer_is_cut(self):
        webhook = self._enqueue()
        self._deliver(webhook, status=500, body=b"x" * 100_000)
        self.assertLess(len(webhook.last_error), 600)

    def test_an_answer_that_is_no_text_does_no_harm(self):
        webhook = self._enqueue()
        self._deliver(webhook, status=500, body=b"\xff\x00\xfe")
        self.env.flush_all()
        self.assertEqual(webhook.state, "failed")

    def test_an_answer_that_is_not_compressed_as_it_says_does_no_harm(self):
        webhook = self._enqueue()
        self._deliver(webhook, status=500, body=b"no gzip", headers={"Content-Encoding": "gzip"})
        self.assertEqual(webhook.state, "failed")

    def test_an_answer_that_breaks_off_does_no_harm(self):
        webhook = self._enqueue()
        with patch("urllib3.response.HTTPResponse.read", side_effect=urllib3.exceptions.ReadTimeoutError(None, "", "")):
            self._deliver(webhook, status=500)
        self.assertEqual(webhook.state, "failed")

    def test_a_receiver_that_does_not_answer_is_a_failure(self):
        errors = [
            requests.ConnectTimeout("too slow"),
            requests.ReadTimeout("too slow"),
            requests.ConnectionError("refused"),
            requests.exceptions.SSLError("bad certificate"),
            requests.exceptions.ChunkedEncodingError("broken"),
            OSError("broken"),
        ]
        for error in errors:
            with self.subTest(type(error).__name__):
                webhook = self._enqueue()
                self._deliver(webhook, error=error)
                self.assertEqual((webhook.state, webhook.last_status), ("failed", 0))
                self.assertIn(type(error).__name__, webhook.last_error)

    def test_a_job_succeeds_although_its_attempt_failed(self):
        with self._receiver(status=500):
            self.assertIn("failed", self._enqueue()._job_deliver())

    # === RETRIES === #

    def test_the_waiting_time_doubles_until_the_delivery_is_dead(self):
        webhook = self._enqueue()
        for attempt in range(1, 8):
            with self._on("2026-05-01"), trap_jobs() as trap:
                self._deliver(webhook, status=500)
                now = fields.Datetime.now()
                self.assertRecordValues(webhook, [{"state": "failed", "attempts": attempt}])
                self.assertEqual(webhook.next_retry_at, now + timedelta(minutes=2**attempt))
                key = f"fusion_centralize_billing.webhook.{webhook.id}.{attempt}"
                properties = {"identity_key": key, "eta": webhook.next_retry_at}
                trap.assert_enqueued_job(webhook._job_deliver, properties=properties)
        with trap_jobs() as trap:
            self._deliver(webhook, status=500)
            trap.assert_jobs_count(0, only=webhook._job_deliver)
        self.assertRecordValues(webhook, [{"state": "dead", "attempts": 8, "next_retry_at": False}])

    def test_a_dead_delivery_is_not_sent(self):
        webhook = self._enqueue()
        self.assertEqual(len(self._deliver(webhook, times=9, status=500)), 8)

    def test_a_sent_delivery_is_not_sent_again(self):
        self.assertEqual(len(self._deliver(self._enqueue(), times=2)), 1)

    def test_a_late_success_ends_the_retries(self):
        webhook = self._enqueue()
        self._deliver(webhook, times=7, status=500)
        with trap_jobs() as trap:
            self._deliver(webhook)
            trap.assert_jobs_count(0)
        self.assertRecordValues(webhook, [{"state": "sent", "attempts": 8, "last_error": False}])

    def test_a_deleted_delivery_is_not_sent(self):
        webhook = self._enqueue()
        webhook.unlink()
        self.assertFalse(self._deliver(webhook))

    def test_the_owner_gets_one_activity_for_all_dead_deliveries(self):
        for _time in range(2):
            self._deliver(self._enqueue(), times=8, status=500, body=b"gone")
        activity = self.service.activity_ids
        self.assertEqual((len(activity), activity.user_id), (1, self.service.owner_id))
        self.assertIn("HTTP 500: gone", str(activity.note))

    def test_a_service_without_owner_gets_no_activity(self):
        self.service.owner_id = False
        webhook = self._enqueue()
        self._deliver(webhook, times=8, status=500)
        self.assertEqual((webhook.state, len(self.service.activity_ids)), ("dead", 0))

    # === AGAIN BY HAND === #

    def test_a_dead_delivery_can_be_started_again(self):
        webhook = self._enqueue()
        self._deliver(webhook, times=8, status=500)
        uuid = webhook.delivery_uuid
        with trap_jobs() as trap:
            webhook.action_retry()
            trap.assert_jobs_count(1, only=webhook._job_deliver)
        self.assertRecordValues(webhook, [{"state": "pending", "attempts": 0, "delivery_uuid": uuid}])
        self._deliver(webhook)
        self.assertEqual(webhook.state, "sent")

    def test_a_sent_delivery_cannot_be_started_again(self):
        webhook = self._enqueue()
        self._deliver(webhook)
        with self.assertRaises(UserError):
            webhook.action_retry()

    # === WHERE NOTHING IS SENT === #

    def test_without_a_secret_nothing_is_sent(self):
        webhook = self._enqueue()
        self.service.webhook_secret = False
        self.assertFalse(self._deliver(webhook))
        self.assertEqual(webhook.state, "failed")
        self.assertIn("secret", webhook.last_error)

    def test_without_an_address_nothing_is_sent(self):
        webhook = self._enqueue()
        self.service.webhook_url = False
        self.assertFalse(self._deliver(webhook))
        self.assertEqual(webhook.state, "failed")

    def test_private_addresses_are_refused(self):
        addresses = ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[fd00::1]", "0.0.0.0"]
        for address in addresses:
            with self.subTest(address):
                self._check_unreachable(f"http://{address}:8080/hook")

    def test_a_name_of_a_private_address_is_refused(self):
        private = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))]
        with patch.object(socket, "getaddrinfo", return_value=private):
            self._check_unreachable("https://rebound.example.com/hook")

    def _check_unreachable(self, url):
        self.service.webhook_url = url
        webhook = self._enqueue()
        with (
            patch.object(requests.Session, "send", _super_send),
            patch("urllib3.connectionpool.HTTPConnectionPool.urlopen", side_effect=AssertionError("connected")),
        ):
            webhook._job_deliver()
        self.assertEqual((webhook.state, webhook.last_status), ("failed", 0))
        self.assertIn("InvalidIPAddress", webhook.last_error)

    def test_the_own_machine_is_reached_if_configured(self):
        parameter = "fusion_centralize_billing.webhook_allow_loopback"
        self.env["ir.config_parameter"].set_param(parameter, "True")
        self.service.webhook_url = "http://127.0.0.1:9/hook"
        webhook = self._enqueue()
        with (
            patch.object(requests.Session, "send", _super_send),
            patch("urllib3.connectionpool.HTTPConnectionPool.urlopen", side_effect=OSError("reached")),
        ):
            webhook._job_deliver()
        self.assertIn("reached", webhook.last_error)

    def test_addresses_that_no_webhook_can_have_are_refused(self):
        for url in (
            "ftp://example.com/",
            "example.com",
            "https://",
            "https://user:pass@example.com/",
            "file:///etc/passwd",
        ):
            with self.subTest(url), self.assertRaises(ValidationError):
                self.service.webhook_url = url

    # === LOST JOBS === #

    def _sweep(self):
        """Return the deliveries to which the cron gave a job."""
        with trap_jobs() as trap:
            self.env["fusion.billing.webhook"]._cron_dispatch()
            return self.env["fusion.billing.webhook"].union(*(job.recordset for job in trap.enqueued_jobs))

    def _backdate(self, webhook, **values):
        webhook.write({"next_retry_at": fields.Datetime.now() - timedelta(minutes=6), **values})
        return webhook

    def test_overdue_deliveries_get_a_job(self):
        with trap_jobs():
            lost = self._backdate(self._enqueue()) | self._backdate(self._enqueue(), state="failed", attempts=3)
        self.assertLessEqual(lost, self._sweep())

    def test_deliveries_that_wait_sent_or_dead_get_no_job(self):
        with trap_jobs():
            waiting, sent, dead = self._enqueue(), self._backdate(self._enqueue(), state="sent"), self._enqueue()
        self._backdate(dead, state="dead")
        self.assertFalse(self._sweep() & (waiting | sent | dead))

    def test_a_delivery_whose_job_failed_gets_another_one_a_day_later(self):
        webhook = self._backdate(self._enqueue())
        job = self.env["queue.job"].search([("identity_key", "=", webhook._get_job_key())])
        job.state = "failed"
        self.assertFalse(self._sweep() & webhook)
        job.date_started = fields.Datetime.now() - timedelta(hours=25)
        self.assertLessEqual(webhook, self._sweep())

    def test_a_job_that_still_waits_is_not_doubled(self):
        webhook = self._backdate(self._enqueue())
        for _time in range(2):
            self.env["fusion.billing.webhook"]._cron_dispatch()
        domain = [("identity_key", "=", f"fusion_centralize_billing.webhook.{webhook.id}.0")]
        self.assertEqual(self.env["queue.job"].search_count(domain), 1)

    def test_the_cron_runs_as_scheduled(self):
        with trap_jobs():
            webhook = self._backdate(self._enqueue())
        cron = self.env.ref("fusion_centralize_billing.ir_cron_dispatch_webhooks").sudo()
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        domain = [("identity_key", "=", f"fusion_centralize_billing.webhook.{webhook.id}.0")]
        self.assertTrue(self.env["queue.job"].search(domain))

    def test_payloads_survive_the_database_unchanged(self):
        payload = {"amount": "0.10", "nothing": None, "list": [], "text": "é \U0001f600"}
        webhook = self._enqueue(payload)
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(json.loads(webhook.body), payload)
