# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..api.errors import UnauthenticatedError
from ..api.execution import authenticate
from ..api.operations import OPERATIONS
from .common import BillingHttpCase

_LOGGERS = ("odoo.addons.fusion_centralize_billing.api.errors", "odoo.http", "odoo.sql_db")


@tagged("post_install", "-at_install")
class TestRestAccess(BillingHttpCase):
    def _generate(self, **values):
        return self.env["fusion.billing.api.key"]._generate(self.service, name="Key", **values)

    def _refuse_key(self, **options):
        response = self._call("/plans", **options)
        self.assertRefused(response, 401, "unauthenticated")
        self.assertIn("Bearer", response.headers["WWW-Authenticate"])

    # === KEYS === #

    def test_without_a_key_nothing_is_answered(self):
        for operation in OPERATIONS.values():
            with self.subTest(operation.name):
                response = self._call(operation.path, {}, method=operation.verb, headers={"Authorization": None})
                self.assertRefused(response, 401, "unauthenticated")

    def test_what_is_no_bearer_key_opens_nothing(self):
        headers = [
            "",
            "Bearer",
            "Bearer ",
            "Bearer unknown",
            f"Basic {self.key}",
            self.key,
            f"Token {self.key}",
            f"Bearer {self.key} x",
        ]
        for header in headers:
            with self.subTest(header.replace(self.key, "KEY")):
                self._refuse_key(headers={"Authorization": header})

    def test_the_scheme_may_be_written_in_any_case(self):
        for scheme in ("bearer", "BEARER"):
            response = self._call("/plans", headers={"Authorization": f"{scheme} {self.key}"})
            self.assertEqual(response.status_code, 200)

    def test_a_key_in_the_query_opens_nothing(self):
        self._refuse_key(headers={"Authorization": None}, params={"api_key": self.key})

    def test_a_long_key_opens_nothing(self):
        self._refuse_key(key="x" * 30_000)

    def test_a_key_of_a_megabyte_opens_nothing(self):
        # Not over HTTP: servers cut such a header themselves.
        with self.assertRaises(UnauthenticatedError):
            authenticate(self.env, "x" * 1_000_000)

    def test_a_revoked_key_opens_nothing(self):
        revoked = self._generate()
        self.service.api_key_ids.filtered(lambda key: revoked.startswith(key.prefix)).action_revoke()
        self._refuse_key(key=revoked)

    def test_an_expired_key_opens_nothing(self):
        self._refuse_key(key=self._generate(expires_at=fields.Datetime.now() - timedelta(seconds=1)))

    def test_the_key_of_an_inactive_service_opens_nothing(self):
        self.service.active = False
        self._refuse_key()

    def test_a_key_without_the_scope_is_forbidden(self):
        for operation in OPERATIONS.values():
            others = {other.scope for other in OPERATIONS.values()} - {operation.scope}
            key = self._generate(scopes=" ".join(sorted(others)))
            with self.subTest(operation.name):
                payload = None if operation.verb == "GET" else {}
                response = self._call(operation.path, payload, method=operation.verb, key=key)
                self.assertRefused(response, 403, "insufficient_scope")

    def test_the_scope_alone_is_enough(self):
        self.assertEqual(self._call("/plans", key=self._generate(scopes="catalog:read")).status_code, 200)

    def test_the_scope_is_asked_before_the_payload_is_judged(self):
        key = self._generate(scopes="catalog:read")
        self.assertRefused(self._call("/usage", {"events": [{}]}, key=key), 403, "insufficient_scope")

    # === PATHS AND METHODS === #

    def test_unknown_paths_are_not_found(self):
        for path in (
            "",
            "/",
            "/unknown",
            "/usage/1",
            "/plans/",
            "/Plans",
            "/plans%00",
            "/../v1/plans/x",
            "/invoices//pdf",
        ):
            with self.subTest(path):
                self.assertRefused(self._call(path), 404, "unknown_path")

    def test_other_methods_are_named(self):
        cases = [
            ("/usage", "DELETE", "POST"),
            ("/plans", "POST", "GET"),
            ("/subscriptions/x", "POST", "PATCH"),
            ("/customers", "DELETE", "POST"),
            ("/plans", "PUT", "GET"),
        ]
        for path, method, allowed in cases:
            with self.subTest(f"{method} {path}"):
                response = self._call(path, {} if method != "GET" else None, method=method)
                self.assertRefused(response, 405, "method_not_allowed")
                self.assertIn(allowed, response.headers["Allow"].split(", "))
                self.assertNotIn(method, response.headers["Allow"].split(", "))

    def test_a_get_with_an_unknown_query_is_refused(self):
        response = self._call("/plans", params={"page": "2"})
        answer = self.assertRefused(response, 400, "invalid_payload", "page")
        self.assertEqual(answer["errors"][0]["code"], "unknown_field")

    def test_a_query_that_names_a_field_twice_is_refused(self):
        response = self._call("/customers", params=[("limit", "1"), ("limit", "2")])
        self.assertRefused(response, 400, "repeated_parameter", "limit")

    def test_a_number_in_a_path_is_a_number(self):
        for number in ("x", "1.5", "-1", "0", "1" * 30):
            with self.subTest(number):
                self.assertRefused(self._call(f"/invoices/{number}"), 400, "invalid_payload", "invoice_id")

    def test_a_number_in_a_body_is_no_text(self):
        response = self._call("/credit_notes", {"invoice_id": "1", "reason": "None"})
        self.assertRefused(response, 400, "invalid_payload", "invoice_id")

    def test_answers_are_not_cached_and_set_no_cookie(self):
        response = self._call("/plans")
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertNotIn("session_id", response.headers.get("Set-Cookie", ""))

    def test_an_unexpected_fault_tells_nothing(self):
        handler = OPERATIONS["catalog"].handler
        self.patch(self.registry["fusion.billing.service"], handler, lambda *args: 1 / 0)
        with mute_logger(*_LOGGERS):
            response = self._call("/plans")
        self.assertRefused(response, 500, "internal")
        self.assertNotIn("division", response.text)

    def test_a_fault_of_access_names_no_record(self):
        def read_a_user(service, _payload):
            return service.env["res.users"].browse(1).login

        self.patch(self.registry["fusion.billing.service"], OPERATIONS["catalog"].handler, read_a_user)
        with mute_logger(*_LOGGERS):
            response = self._call("/plans")
        self.assertRefused(response, 404, "not_found")
        self.assertNotIn("res.users", response.text)

    def test_what_fails_at_the_end_is_rolled_back(self):
        def create_and_fail(service, _payload):
            service.env["fusion.billing.metric"].sudo().create({"name": "Lost", "code": "lost-metric"})
            raise ValueError("too late")

        self.patch(self.registry["fusion.billing.service"], OPERATIONS["upsertCustomer"].handler, create_and_fail)
        with mute_logger(*_LOGGERS):
            self.assertRefused(self._call("/customers", {"external_id": "c"}), 500, "internal")
        self.assertFalse(self.env["fusion.billing.metric"].search([("code", "=", "lost-metric")]))
