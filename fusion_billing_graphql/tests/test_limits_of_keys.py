# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from odoo.addons.fusion_centralize_billing.limits import buckets, failures, slots
from odoo.addons.fusion_centralize_billing.limits.deadline import Deadline
from odoo.addons.fusion_centralize_billing.limits.settings import PREFIX
from odoo.addons.fusion_centralize_billing.limits.settings import Settings as CoreSettings
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..limits import cost
from ..server import engine, wire
from .common import GraphqlHttpCase, unique

_READ = "{ viewer { scopes } }"
_UPSERT = 'upsertCustomer(input: {externalId: "%s"}) { userErrors { code } }'
_PREVIEW = 'mutation { previewInvoice(input: {subscriptionExternalId: "none"}) { userErrors { code } } }'


@tagged("post_install", "-at_install")
class TestLimitsOfKeys(GraphqlHttpCase):
    """The limits on keys, in the form of GraphQL."""

    def setUp(self):
        super().setUp()
        self.key = self.env["fusion.billing.api.key"]._generate(self.service, unique("key"))

    def _limit(self, **values):
        for name, value in values.items():
            self.env["ir.config_parameter"].set_param(PREFIX + name, str(value))

    def _count_links(self, external_id):
        return self.env["fusion.billing.account.link"].search_count([("external_id", "=", external_id)])

    def test_answers_tell_what_is_left_of_the_limit(self):
        self.assertIn("RateLimit-Remaining", self._send(_READ).headers)
        self.assertNotIn("RateLimit-Remaining", self._send(_READ, key="no").headers)

    @mute_logger("odoo.http")
    def test_requests_beyond_the_rate_are_refused(self):
        self._limit(reads_per_second=1)
        stopped = buckets._LEASE.replace("+ %(rate)s", "+ 0 * %(rate)s")
        with patch.object(buckets, "_LEASE", stopped):
            statuses = [self._send(_READ).status_code for _number in range(3)]
            response = self._send(_READ)
        self.assertEqual(statuses, [200, 200, 429])
        self.assertErrors(response, 429, "rate_limited")
        self.assertGreaterEqual(int(response.headers["Retry-After"]), 1)
        self.assertEqual(response.headers["RateLimit-Remaining"], "0")

    @mute_logger("odoo.http")
    def test_costly_operations_beyond_the_slots_are_refused_and_others_go_on(self):
        self._limit(costly_at_once=1)
        key = self.env["fusion.billing.api.key"]._authenticate(self.key)
        held = slots.take(self.env.cr.dbname, key._as_client().name, CoreSettings(costly_at_once=1))
        self.addCleanup(held.release)
        self.assertErrors(self._send(_PREVIEW), 429, "too_many_costly_requests")
        self.assertEqual(self._send(_READ).status_code, 200)
        held.release()
        for _number in range(2):  # the first one has given its slot back
            self.assertEqual(self._send(_PREVIEW).status_code, 200)

    @mute_logger("odoo.http", "odoo.sql_db")
    def test_a_request_that_takes_too_long_is_given_up_with_nothing_of_it_kept(self):
        self._limit(request_seconds=1)
        name = unique("customer")

        def sleep(service, payload):
            service.env.cr.execute("SELECT pg_sleep(60)", log_exceptions=False)

        with patch.object(self.registry["fusion.billing.service"], "_api_terminate_subscription", sleep):
            response = self._send(
                'mutation { %s terminateSubscription(input: {subscriptionExternalId: "x"}) { userErrors { code } } }'
                % (_UPSERT % name)
            )
        self.assertErrors(response, 503, "deadline_exceeded")
        self.assertGreaterEqual(int(response.headers["Retry-After"]), 1)
        self.assertFalse(self._count_links(name))

    @mute_logger("odoo.http")
    def test_a_deadline_that_passes_between_two_mutations_ends_the_request(self):
        name, passed = unique("customer"), []
        upsert = self.registry["fusion.billing.service"]._api_upsert_customer

        def outlast(service, payload):
            passed.append(True)
            return upsert(service, payload)

        with (
            patch.object(self.registry["fusion.billing.service"], "_api_upsert_customer", outlast),
            patch.object(Deadline, "left", lambda deadline: 0.0 if passed else 60.0),
        ):
            response = self._send("mutation { a: %s b: %s }" % ((_UPSERT % name), (_UPSERT % unique("b"))))
        self.assertErrors(response, 503, "deadline_exceeded")
        self.assertFalse(self._count_links(name))

    @mute_logger("odoo.http")
    def test_failures_beyond_the_limit_are_told_so_with_a_wrong_key_and_without_one(self):
        self._limit(failures_at_once=2)
        stopped = buckets._LEASE.replace("+ %(rate)s", "+ 0 * %(rate)s")
        address = patch.object(failures, "network", return_value=unique("address"))
        with address, patch.object(buckets, "_LEASE", stopped):
            self.assertErrors(self._send(_READ, key="no"), 401, "unauthenticated")
            self.assertErrors(self._send(_READ, headers={"Authorization": None}), 401, "unauthenticated")
            self.assertErrors(self._send(_READ, headers={"Authorization": None}), 429, "too_many_failures")
            self.assertErrors(self._send(_READ, key="no"), 429, "too_many_failures")
            self.assertEqual(self._send(_READ).status_code, 200)

    def test_a_limit_of_the_day_is_an_error_of_the_user(self):
        self._limit(customers_per_day=1)
        service = self._create_service()
        key = service.action_generate_api_key()
        answers = [
            self._send("mutation { %s }" % (_UPSERT % name), key=key).json()["data"]["upsertCustomer"]["userErrors"]
            for name in ("a", "b", "a")
        ]
        self.assertEqual(answers, [[], [{"code": "daily_limit"}], []])

    def test_what_is_costly(self):
        cases = [
            (_READ, "read"),
            ("{ customers(first: 100) { nodes { id } } }", "read"),
            ("{ customers(first: 100) { nodes { subscriptions(first: 100) { nodes { id } } } } }", "costly"),
            ('{ usageTotals(subscriptionExternalId: "x") { quantity } }', "costly"),
            ("mutation { %s }" % (_UPSERT % "x"), "write"),
            (_PREVIEW, "costly"),
        ]
        for query, expected in cases:
            with self.subTest(query):
                document, operation, variables = engine._prepare(wire.Call(query), engine.Settings())
                analysis = cost.analyse(document.ast, operation, variables)
                work = cost.work(analysis, query.startswith("mutation"))
                self.assertEqual((list(work.calls), work.takes_slot), ([expected], expected == "costly"))
