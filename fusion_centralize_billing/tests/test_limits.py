# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..api.jsonrpc_methods import PATH
from ..limits import admission, buckets, failures, slots
from ..limits.deadline import Deadline
from ..limits.failures import network
from ..limits.settings import PREFIX, Settings
from .common import BillingCase, unique
from .test_jsonrpc import JsonrpcCase, call


@tagged("post_install", "-at_install")
class TestLimitsOfRequests(JsonrpcCase):
    """What a client sees of its limits, in the form of each transport."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        cls.order = cls._create_subscription()

    def setUp(self):
        super().setUp()
        # A key of its own for each test: what was charged to a key outlives the test.
        self.key = self.env["fusion.billing.api.key"]._generate(self.service, unique("key"))
        self.api_key = self.service.api_key_ids[0]

    def _limit(self, **values):
        for name, value in values.items():
            self.env["ir.config_parameter"].set_param(PREFIX + name, str(value))

    def assertTold(self, response, status, code):
        """Check a refusal in the form of REST or JSON-RPC, and when to come again."""
        self.assertEqual(response.status_code, status, response.text[:500])
        answer = response.json()
        self.assertEqual(answer["code"] if "code" in answer else answer["error"]["data"]["code"], code)
        self.assertGreaterEqual(int(response.headers["Retry-After"]), 1)

    # === RATES === #

    def test_answers_tell_what_is_left_of_the_limit(self):
        self._limit(reads_per_second=7)
        for send in (lambda: self._call("/plans"), lambda: self._send(call("catalog"))):
            headers = send().headers
            self.assertEqual(headers["RateLimit-Limit"], "14")
            self.assertLess(int(headers["RateLimit-Remaining"]), 14)
            self.assertGreaterEqual(int(headers["RateLimit-Reset"]), 1)

    def test_refused_requests_tell_what_is_left_too(self):
        self.assertIn("RateLimit-Remaining", self._call("/invoices/1").headers)
        self.assertNotIn("RateLimit-Remaining", self._call("/plans", key="no").headers)

    def test_requests_beyond_the_rate_are_refused_and_other_classes_go_on(self):
        self._limit(reads_per_second=1)
        with self._stopped_clock():
            statuses = [self._call("/plans").status_code for _number in range(4)]
            self.assertEqual(statuses, [200, 200, 429, 429])
            self.assertTold(self._call("/plans"), 429, "rate_limited")
            self.assertTold(self._send(call("catalog")), 429, "rate_limited")
            self.assertEqual(self._call("/customers", {"external_id": unique("c"), "name": "A"}).status_code, 200)
            other = self._create_service().action_generate_api_key()
            self.assertEqual(self._call("/plans", key=other).status_code, 200)

    def test_a_batch_counts_each_of_its_calls(self):
        self._limit(reads_per_second=2)
        with self._stopped_clock():
            self.assertEqual(self._send([call("catalog")] * 3).status_code, 200)
            self.assertTold(self._send([call("catalog")] * 2), 429, "rate_limited")

    def test_requests_that_cannot_be_read_count_too(self):
        self._limit(reads_per_second=1)
        batch = [call("catalog")] * 501
        with self._stopped_clock():
            self.assertFailedHttp(self._send(body=b"{"), 400, -32700, "invalid_json")
            self.assertFailedHttp(self._send(batch), 400, -32600, "too_many_calls")
            self.assertTold(self._send(body=b"{"), 429, "rate_limited")
            self.assertTold(self._send(batch), 429, "rate_limited")

    def test_a_limit_of_nothing_is_no_limit(self):
        self._limit(reads_per_second=0)
        response = self._call("/plans")
        self.assertEqual((response.status_code, response.headers.get("RateLimit-Limit")), (200, None))

    @contextmanager
    def _stopped_clock(self):
        """Let no token come back while the block runs, however slow the machine is."""
        with patch.object(buckets, "_LEASE", buckets._LEASE.replace("+ %(rate)s", "+ 0 * %(rate)s")):
            yield

    # === SLOTS === #

    def test_costly_requests_beyond_the_slots_are_refused_and_others_go_on(self):
        self._limit(costly_at_once=1)
        preview = f"/subscriptions/{self.order.x_fc_external_id}/preview"
        query = {"subscription_external_id": self.order.x_fc_external_id, "metric_code": self.metric.code}
        held = slots.take(self.env.cr.dbname, self.api_key._as_client().name, Settings(costly_at_once=1))
        self.addCleanup(held.release)
        self.assertTold(self._call(preview, {}), 429, "too_many_costly_requests")
        self.assertTold(self._call("/usage", params=query), 429, "too_many_costly_requests")
        self.assertTold(self._send([call("catalog")] * 2), 429, "too_many_costly_requests")
        self.assertEqual(self._send(call("catalog")).status_code, 200)
        self.assertEqual(self._call("/plans").status_code, 200)
        self.assertEqual(self._call("/usage", {"events": [self._event(self.order)]}).status_code, 202)
        held.release()
        self.assertEqual(self._call(preview, {}).status_code, 200)

    def test_a_slot_is_free_again_after_each_request_whatever_became_of_it(self):
        self._limit(costly_at_once=1)

        def fail(service, payload):
            raise ValueError

        failing = patch.object(self.registry["fusion.billing.service"], "_api_preview_invoice", fail)
        with failing, mute_logger("odoo.addons.fusion_centralize_billing.api.errors", "odoo.http"):
            self.assertEqual(self._call("/subscriptions/1/preview", {}).status_code, 500)
        self.assertEqual(self._call("/subscriptions/none/preview", {}).status_code, 404)
        self.assertEqual(self._send([call("catalog"), call("nothing")]).status_code, 200)
        slot = slots.take(self.env.cr.dbname, self.api_key._as_client().name, Settings(costly_at_once=1))
        self.assertTrue(slot)
        slot.release()

    # === DEADLINES === #

    def _sleeping(self, seconds):
        catalog = self.registry["fusion.billing.service"]._api_catalog

        def sleep(service, payload=None):
            service.env.cr.execute("SELECT pg_sleep(%s)", [seconds], log_exceptions=False)
            return catalog(service, payload)

        return patch.object(self.registry["fusion.billing.service"], "_api_catalog", sleep)

    def test_a_request_that_takes_too_long_is_given_up(self):
        self._limit(request_seconds=1)
        with self._sleeping(60), mute_logger("odoo.http"):
            self.assertTold(self._call("/plans"), 503, "deadline_exceeded")
            answer = self._send(call("catalog")).json()
        self.assertFailed(answer, -32603, "deadline_exceeded")

    def test_a_request_of_many_short_statements_is_given_up_too(self):
        passed = []

        def go_on(service, payload=None):
            for _number in range(3):
                passed.append(True)
                service.env.cr.execute("SELECT 1")

        with (
            patch.object(self.registry["fusion.billing.service"], "_api_catalog", go_on),
            patch.object(Deadline, "left", lambda deadline: 0.0 if passed else 60.0),
            mute_logger("odoo.http"),
        ):
            self.assertTold(self._call("/plans"), 503, "deadline_exceeded")
        self.assertEqual(len(passed), 1)
        self.assertEqual(self._call("/plans").status_code, 200, "the next request has its own time")

    def test_what_was_done_of_a_batch_before_its_deadline_is_kept(self):
        first, late, passed = unique("first"), unique("late"), []

        def outlast(service, payload=None):
            passed.append(True)
            service.env.cr.execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(60)", log_exceptions=False)

        batch = [call("upsertCustomer", [first]), call("catalog"), call("upsertCustomer", [late])]
        with (
            patch.object(self.registry["fusion.billing.service"], "_api_catalog", outlast),
            patch.object(Deadline, "left", lambda deadline: 0.0 if passed else 60.0),
        ):
            answers = self._send(batch).json()
        self.assertIn("result", answers[0])
        for answer in answers[1:]:
            self.assertFailed(answer, -32603, "deadline_exceeded")
        self.assertEqual((self._count_links(first), self._count_links(late)), (1, 0))

    def test_the_tries_of_a_request_share_one_deadline(self):
        deadlines = []

        def note(deadline, cr):
            deadlines.append(deadline)
            if len(deadlines) == 1:
                cr.execute("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$", log_exceptions=False)

        with patch.object(Deadline, "enforce", note), patch("odoo.service.model.time.sleep"):
            self.assertEqual(self._call("/plans").status_code, 200)
        self.assertEqual(len(deadlines), 2)
        self.assertIs(deadlines[0], deadlines[1])

    def test_a_conflict_is_not_repeated_when_odoos_pause_could_outlast_the_deadline(self):
        def conflict(service, payload=None):
            service.env.cr.execute("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")

        with (
            patch.object(self.registry["fusion.billing.service"], "_api_catalog", conflict),
            patch("odoo.service.model.time.sleep") as pause,
            patch.object(Deadline, "left", lambda deadline: 2.0),
            mute_logger("odoo.sql_db", "odoo.http"),
        ):
            self.assertTold(self._call("/plans"), 503, "try_again")
            self.assertFailed(self._send(call("catalog")).json(), -32603, "try_again")
        pause.assert_not_called()

    # === FAILURES === #

    def test_failures_beyond_the_limit_are_told_so_and_a_good_key_is_let_through(self):
        self._limit(failures_at_once=3)
        address = patch.object(failures, "network", return_value=unique("address"))
        with address, self._stopped_clock(), mute_logger("odoo.http"):
            statuses = [self._call("/plans", key="no").status_code for _number in range(5)]
            self.assertEqual(statuses, [401, 401, 401, 429, 429])
            self.assertTold(self._call("/plans", key="no"), 429, "too_many_failures")
            self.assertTold(self._send(call("catalog"), key="no"), 429, "too_many_failures")
            self.assertEqual(self._call("/plans").status_code, 200)

    # === DAYS === #

    def test_a_service_makes_so_many_customers_a_day_and_changes_those_that_it_has(self):
        self._limit(customers_per_day=2)
        service = self._create_service()
        key = service.action_generate_api_key()

        def upsert(name):
            return self._call("/customers", {"external_id": name, "name": unique("name")}, key=key)

        self.assertEqual([upsert(name).status_code for name in ("a", "b", "c", "a")], [200, 200, 429, 200])
        self.assertTold(upsert("c"), 429, "daily_limit")
        self.assertFailed(self._send(call("upsertCustomer", ["c"]), key=key).json(), -32029, "daily_limit")
        links = self.env["fusion.billing.account.link"].search([("service_id", "=", service.id)])
        self.env.cr.execute(
            "UPDATE fusion_billing_account_link SET create_date = %s WHERE id IN %s",
            [fields.Datetime.now() - timedelta(days=1), tuple(links.ids)],
        )
        self.assertEqual(upsert("c").status_code, 200, "yesterday's do not count")

    def test_a_service_opens_so_many_subscriptions_a_day(self):
        self._limit(subscriptions_per_day=1)
        order = {"external_customer_id": self.link.external_id, "plan_code": self.plan.code}
        for name, status in (("first", 200), ("second", 429), ("first", 200)):
            response = self._call("/subscriptions", {**order, "external_id": name})
            self.assertEqual(response.status_code, status, response.text)

    # === OVER ODOO === #

    def test_the_costs_stand_in_the_descriptions(self):
        paths = self._call("/openapi.json").json()["paths"]
        self.assertEqual(paths["/usage"]["get"]["x-cost"], 10)
        self.assertEqual(paths["/plans"]["get"]["x-cost-class"], "read")
        methods = {method["name"]: method for method in self._do("rpc.discover")["methods"]}
        self.assertEqual(methods["previewInvoice"]["x-cost"], 20)
        self.assertEqual(PATH, "/api/billing/jsonrpc")


@tagged("post_install", "-at_install")
class TestBuckets(BillingCase):
    """Token buckets, in transactions of their own."""

    def setUp(self):
        super().setUp()
        self.name = unique("bucket")
        self.addCleanup(self._forget)

    def _forget(self):
        with buckets.open_cursor(self.env.cr.dbname) as cr:
            cr.execute(f"DELETE FROM {buckets.TABLE} WHERE name = %s", [self.name])

    def _spend(self, limit, count=1):
        return buckets.spend(self.env.cr.dbname, self.name, limit, count)

    def test_workers_together_get_what_is_in_the_bucket(self):
        limit = buckets.Limit(0.001, 50)
        given = 0
        for _worker in range(5):
            buckets._leases.clear()  # another worker remembers nothing
            while self._spend(limit, 3).allowed:
                given += 3
        self.assertLessEqual(given, 50)
        self.assertGreaterEqual(given, 48)

    def test_a_busy_worker_does_not_write_the_row_for_each_token(self):
        limit = buckets.Limit(500, 1000)
        counted = patch.object(buckets, "_fill", side_effect=buckets._fill)
        with counted as fill, patch.object(buckets, "LEASE_SECONDS", 1000):
            self.assertTrue(all(self._spend(limit).allowed for _number in range(100)))
        self.assertEqual(fill.call_count, 4)

    def test_a_refusal_does_not_ask_the_database_each_time(self):
        limit = buckets.Limit(0.001, 1)
        self.assertTrue(self._spend(limit).allowed)
        with patch.object(buckets, "LEASE_SECONDS", 1000):
            refused = self._spend(limit)
            with patch.object(buckets, "_fill") as fill:
                self.assertFalse(self._spend(limit).allowed)
        fill.assert_not_called()
        self.assertFalse(refused.allowed)
        self.assertGreater(refused.retry_after, 1)

    def test_more_than_a_bucket_holds_counts_as_all_of_it(self):
        self.assertTrue(self._spend(buckets.Limit(1, 5), 100).allowed)
        self.assertFalse(self._spend(buckets.Limit(0.001, 5)).allowed)

    def test_tokens_come_back_by_the_clock_of_the_database(self):
        limit = buckets.Limit(10, 10)
        self.assertTrue(self._spend(limit, 10).allowed)
        with buckets.open_cursor(self.env.cr.dbname) as cr:
            back = f"UPDATE {buckets.TABLE} SET filled_at = filled_at - interval '1 hour' WHERE name = %s"
            cr.execute(back, [self.name])
        self.assertTrue(self._spend(limit, 10).allowed)

    def test_what_a_worker_remembers_is_bounded(self):
        with patch.object(buckets, "_MAX_REMEMBERED", 3), patch.object(buckets, "_fill"):
            for number in range(10):
                buckets.spend(self.env.cr.dbname, f"{self.name}-{number}", buckets.Limit(1, 1))
            self.assertLessEqual(len(buckets._leases), 3 + 1)
        buckets._leases.clear()

    def test_old_buckets_are_forgotten(self):
        self._spend(buckets.Limit(1, 5))
        with buckets.open_cursor(self.env.cr.dbname) as cr:
            old = f"UPDATE {buckets.TABLE} SET filled_at = now() - interval '2 days' WHERE name = %s"
            cr.execute(old, [self.name])
        self.env["fusion.billing.token.bucket"]._gc_old_buckets()
        self.env.cr.execute(f"SELECT count(*) FROM {buckets.TABLE} WHERE name = %s", [self.name])
        self.assertEqual(self.env.cr.fetchone(), (0,))


@tagged("post_install", "-at_install")
class TestSlots(BillingCase):
    def test_a_key_has_so_many_slots_and_another_key_has_its_own(self):
        taken = []
        settings = Settings(costly_at_once=2)
        for key in (1, 1, 1, 2):
            slot = slots.take(self.env.cr.dbname, -key, settings)
            if slot:
                self.addCleanup(slot.release)
            taken.append(slot is not None)
        self.assertEqual(taken, [True, True, False, True])

    def test_all_keys_together_leave_one_worker_free(self):
        with patch("odoo.addons.fusion_centralize_billing.limits.settings._workers", return_value=4):
            taken = [slots.take(self.env.cr.dbname, -key, Settings()) for key in range(1, 6)]
        for slot in taken:
            if slot:
                self.addCleanup(slot.release)
        self.assertEqual([slot is not None for slot in taken], [True, True, True, False, False])

    def test_half_of_the_workers_but_at_least_one_are_a_keys(self):
        cases = [(1, 1, 1), (2, 1, 1), (3, 1, 2), (4, 2, 3), (9, 4, 8)]
        for workers, of_key, of_node in cases:
            with patch("odoo.addons.fusion_centralize_billing.limits.settings._workers", return_value=workers):
                settings = Settings()
                self.assertEqual((settings.slots_of_key, settings.slots_of_node), (of_key, of_node), workers)


@tagged("post_install", "-at_install")
class TestLimitSettings(BillingCase):
    def test_people_set_limits_on_the_screen_and_nothing_is_a_limit_too(self):
        screen = self.env["res.config.settings"].create({})
        self.assertEqual(screen.x_fc_limit_request_seconds, 15)
        screen.write({"x_fc_limit_request_seconds": 30, "x_fc_limit_reads_per_second": 0})
        screen.execute()
        settings = Settings.load(self.env)
        self.assertEqual((settings.request_seconds, settings.reads_per_second), (30, 0))
        self.assertEqual(self.env["res.config.settings"].create({}).x_fc_limit_reads_per_second, 0)

    @mute_logger("odoo.addons.fusion_centralize_billing.limits.settings")
    def test_what_is_no_number_leaves_the_default(self):
        for text in ("many", "-1", "1e3", "9" * 20):
            self.env["ir.config_parameter"].set_param(PREFIX + "request_seconds", text)
            self.assertEqual(Settings.load(self.env).request_seconds, 15)

    def test_one_address_is_64_bits_of_ipv6(self):
        cases = [
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("fe80::1%eth0", "fe80::/64"),
            (None, "unknown"),
            ("no address", "unknown"),
        ]
        for address, expected in cases:
            self.assertEqual(network(address), expected)

    def test_outside_of_requests_there_is_no_limit(self):
        self.assertIsNone(admission.current())
        self.assertEqual(admission.headers(), {})
