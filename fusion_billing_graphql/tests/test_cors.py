# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Pages of other origins: which may ask, and read the answer, over HTTP."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.addons.fusion_centralize_billing.limits import buckets, slots
from odoo.addons.fusion_centralize_billing.limits.settings import PREFIX
from odoo.addons.fusion_centralize_billing.limits.settings import Settings as CoreSettings
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..controllers.graphql import URL
from .common import GRAPHQL_JSON, GraphqlHttpCase

_PAGE, _OTHER_PAGE, _STRANGER = "https://app.example.com", "https://other.example.com", "https://evil.example.com"
_ALLOWED = "Access-Control-Allow-Origin"
_ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
_MUTATION = 'mutation { upsertCustomer(input: {externalId: "made-by-a-page"}) { userErrors { code } } }'


@tagged("post_install", "-at_install")
class TestCors(GraphqlHttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.frontend_origins = _PAGE
        cls.other = cls._create_service(frontend_origins=_OTHER_PAGE)
        cls.link = cls._create_link()
        cls.raw, cls.token = cls._create_token(cls.link)
        # Tests of limits have customers of their own.
        cls._limit(customer_reads_per_second=0)

    @classmethod
    def _limit(cls, **values):
        for name, value in values.items():
            cls.env["ir.config_parameter"].set_param(PREFIX + name, str(value))

    def _query(self, query="{ viewer { customer { externalId } } }", origin=_PAGE, key=None, **options):
        headers = {"Origin": origin, **options.pop("headers", {})}
        return self._send(query, key=key or self.raw, headers=headers, **options)

    def _ask_ahead(self, origin, **headers):
        asked = {"Origin": origin, **_ASKED, **headers}
        return self.url_open(URL, headers={k: v for k, v in asked.items() if v}, method="OPTIONS", timeout=60)

    def assertReadable(self, response, origin=_PAGE):
        """Check that a browser shows a response to pages of an origin, of none if it is None."""
        self.assertEqual(response.headers.get(_ALLOWED), origin)
        self.assertEqual(response.headers["Vary"], "Accept, Origin")
        self.assertNotIn("Access-Control-Allow-Credentials", response.headers)

    # === PREFLIGHT === #

    def test_a_page_of_a_listed_origin_is_told_that_it_may_ask(self):
        for origin in (_PAGE, _OTHER_PAGE):
            response = self._ask_ahead(origin)
            with self.subTest(origin):
                self.assertEqual((response.status_code, response.content), (204, b""))
                self.assertReadable(response, origin)
                self.assertEqual(response.headers["Access-Control-Allow-Methods"], "GET, POST")
                self.assertIn("Authorization", response.headers["Access-Control-Allow-Headers"])
                self.assertIn("Content-Type", response.headers["Access-Control-Allow-Headers"])
                self.assertEqual(response.headers["Access-Control-Max-Age"], "600")
                self.assertNotIn("Set-Cookie", response.headers)

    def test_pages_of_other_origins_are_told_that_they_may_not(self):
        for origin in (
            _STRANGER,
            "null",
            f"{_PAGE}.evil.example",
            f"{_PAGE}:8443",
            "http://app.example.com",
            "x" * 5000,
            "http://[",
            "https://[::1",
            "://",
            f"{_PAGE}, {_STRANGER}",
        ):
            with self.subTest(origin[:50]):
                response = self._ask_ahead(origin)
                self.assertErrors(response, 403, "origin_not_allowed")
                self.assertReadable(response, None)

    def test_an_archived_service_lets_no_page_in(self):
        self.service.active = False
        self.assertErrors(self._ask_ahead(_PAGE), 403, "origin_not_allowed")

    def test_options_without_a_page_is_no_method(self):
        for origin, method in ((None, "POST"), (_PAGE, None)):
            response = self._ask_ahead(origin, **{"Access-Control-Request-Method": method})
            self.assertErrors(response, 405, "method_not_allowed")

    def test_other_endpoints_let_no_page_in(self):
        headers = {"Origin": _PAGE, **_ASKED}
        for path in ("/api/billing/v1/plans", "/api/billing/jsonrpc", f"{URL}/more"):
            with self.subTest(path):
                response = self.url_open(path, headers=headers, method="OPTIONS", timeout=60)
                self.assertGreaterEqual(response.status_code, 400)
                self.assertNotIn(_ALLOWED, response.headers)

    # === ANSWERS === #

    def test_a_page_of_the_service_reads_the_answer_and_its_headers(self):
        self._limit(customer_reads_per_second=1000)
        response = self._query()
        self.assertEqual(response.json()["data"], {"viewer": {"customer": {"externalId": self.link.external_id}}})
        self.assertReadable(response)
        shown = response.headers["Access-Control-Expose-Headers"].split(", ")
        for name in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-Id"):
            self.assertIn(name, shown)
            self.assertIn(name, response.headers)
        self.assertNotIn("Set-Cookie", response.headers)

    def test_a_page_of_another_service_or_of_nobody_gets_no_answer(self):
        for origin in (_OTHER_PAGE, _STRANGER, "null", "http://["):
            with self.subTest(origin):
                response = self._query(origin=origin)
                self.assertErrors(response, 403, "origin_not_allowed")
                self.assertReadable(response, None)

    def test_without_a_page_and_from_our_own_a_token_is_answered_without_permission(self):
        ours = self.base_url()
        for origin in (None, ours):
            response = self._query(origin=origin)
            with self.subTest(origin):
                self.assertEqual(response.status_code, 200)
                self.assertReadable(response, None)

    @mute_logger("odoo.http")
    def test_errors_are_readable_as_well(self):
        self.assertReadable(self._query("{"))
        self.assertReadable(self._query("{", accept=GRAPHQL_JSON))
        self.assertReadable(self._query(accept="text/html"))
        self.assertReadable(self._query(headers={"Content-Type": "text/plain"}))
        refused = self._query(_MUTATION)
        self.assertErrors(refused, 403, "read_only")
        self.assertReadable(refused)
        unknown = self._query(key="fcbt_00000000_unknown")
        self.assertErrors(unknown, 401, "unauthenticated")
        self.assertReadable(unknown)
        self.assertReadable(self._query(origin=_STRANGER, key="fcbt_00000000_unknown"), None)

    @mute_logger("odoo.http")
    def test_too_many_queries_of_one_customer_are_refused_readably_and_stop_no_one_else(self):
        self._limit(customer_reads_per_second=1)
        partner = self.env["res.partner"].create({"name": "Busy"})
        first, second = (self._create_token(self._create_link(partner=partner))[0] for _number in range(2))
        stopped = buckets._LEASE.replace("+ %(rate)s", "+ 0 * %(rate)s")
        with patch.object(buckets, "_LEASE", stopped):
            statuses = [self._query(key=first).status_code for _number in range(3)]
            response = self._query(key=first)
            self.assertEqual(self._query(key=second).status_code, 200)
            self.assertEqual(self._send("{ __typename }").status_code, 200)
        self.assertEqual(statuses, [200, 200, 429])
        self.assertErrors(response, 429, "rate_limited")
        self.assertReadable(response)
        self.assertIn("Retry-After", response.headers)
        self.assertIn("Retry-After", response.headers["Access-Control-Expose-Headers"])

    @mute_logger("odoo.http")
    def test_costly_queries_of_customers_leave_places_to_the_service(self):
        self._limit(costly_at_once=1)
        query = "{ subscriptions(first: 1) { nodes { currentUsage { amount } } } }"
        held = slots.take(self.env.cr.dbname, f"customers of {self.service.id}", CoreSettings(costly_at_once=1))
        self.addCleanup(held.release)
        response = self._query(query)
        self.assertErrors(response, 429, "too_many_costly_requests")
        self.assertReadable(response)
        self.assertEqual(self._send(query).status_code, 200)
        self.assertEqual(self._query().status_code, 200)

    # === WHO MAY NOT === #

    def test_a_token_that_has_ended_opens_nothing(self):
        self.token.expires_at = fields.Datetime.now() - timedelta(seconds=1)
        self.assertErrors(self._query(), 401, "unauthenticated")

    def test_a_key_is_refused_from_a_page_and_nothing_is_done(self):
        for origin, readable in ((_PAGE, _PAGE), (_STRANGER, None)):
            with self.subTest(origin):
                response = self._query(_MUTATION, origin=origin, key=self.key)
                self.assertErrors(response, 403, "key_in_browser")
                self.assertReadable(response, readable)
        self.assertFalse(self.link.search([("external_id", "=", "made-by-a-page")]))
        # A page of our own, such as GraphiQL.
        response = self._query("{ viewer { service { code } } }", origin=self.base_url(), key=self.key)
        self.assertEqual(response.json()["data"]["viewer"]["service"]["code"], self.service.code)

    def test_a_session_is_shown_to_no_other_page(self):
        user = self._create_user("fusion_centralize_billing.group_billing_user")
        self.authenticate(user.login, user.login)
        response = self._query(headers={"Authorization": None})
        self.assertEqual(response.status_code, 200)
        self.assertReadable(response, None)
