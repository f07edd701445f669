# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Access tokens of customers: what makes them, and all that ends them."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..api.errors import ForbiddenError
from ..api.execution import execute
from ..logs.keys import without_keys
from .common import BillingCase, BillingHttpCase, load_script, unique

_GROUP = "fusion_centralize_billing.group_billing_"
_SCRIPT = "19.0.1.3.0/pre-account_links.py"


@tagged("post_install", "-at_install")
class TestCustomerTokens(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.link = cls._create_link()
        cls.keys = cls.env["fusion.billing.api.key"]
        cls.tokens = cls.env["fusion.billing.customer.token"]
        raw_key = cls.keys._generate(cls.service, "Frontends", scopes="tokens:write")
        cls.key = cls.keys._authenticate(raw_key)

    def _make(self, **values):
        """Return ``(answer, record)`` of a token that the class's key has asked for."""
        asked = {"external_customer_id": self.link.external_id, **values}
        answer = execute(self.key, "createCustomerToken", asked)
        return answer, self.tokens._authenticate(answer["token"])

    # === WHAT MAKES ONE === #

    def test_a_token_is_told_once_and_kept_as_a_hash(self):
        answer, token = self._make()
        self.assertTrue(answer["token"].startswith(token.prefix))
        self.assertEqual(answer["external_customer_id"], self.link.external_id)
        self.assertEqual((token.account_link_id, token.api_key_id), (self.link, self.key))
        self.env.flush_all()
        self.env.cr.execute("SELECT to_jsonb(token)::text FROM fusion_billing_customer_token AS token")
        secret = answer["token"].removeprefix(token.prefix)
        self.assertFalse([row for (row,) in self.env.cr.fetchall() if secret in row])

    def test_it_ends_after_a_quarter_of_an_hour_or_as_asked(self):
        for values, seconds in (({}, 900), ({"expires_in": 60}, 60), ({"expires_in": 3600}, 3600)):
            before = fields.Datetime.now()
            token = self._make(**values)[1]
            after = fields.Datetime.now()
            with self.subTest(seconds):
                span = timedelta(seconds=seconds)
                self.assertTrue(before + span <= token.expires_at <= after + span)

    def test_one_user_reads_for_all_customers_of_a_service_and_has_no_other_rights(self):
        self._make()
        user = self.service.customer_user_id
        self.link = self._create_link(partner=self.env["res.partner"].create({"name": "Second"}))
        self._make()
        self.assertEqual(self.service.customer_user_id, user)
        self.assertEqual(user.group_ids, self.env.ref(f"{_GROUP}customer"))
        self.assertNotEqual(user, self.service.user_id)
        self.assertTrue(user._fc_is_technical())

    def test_another_service_makes_none_for_it(self):
        key = self.keys._authenticate(self.keys._generate(self._create_service(), "Other"))
        with self.assertRaises(UserError) as caught:
            execute(key, "createCustomerToken", {"external_customer_id": self.link.external_id})
        self.assertEqual(caught.exception.code, "customer_not_found")

    def test_it_needs_a_key_of_the_service(self):
        with self.assertRaises(ForbiddenError):
            self.service._api_create_customer_token({"external_customer_id": self.link.external_id})

    # === WHAT ENDS IT === #

    def test_whatever_takes_away_its_ground_ends_it_at_once(self):
        soon = fields.Datetime.now() - timedelta(seconds=1)
        cases = {
            "its time": lambda token: token.write({"expires_at": soon}),
            "its key is revoked": lambda token: token.api_key_id.action_revoke(),
            "its key has ended": lambda token: token.api_key_id.write({"expires_at": soon}),
            "its key is gone": lambda token: token.api_key_id.unlink(),
            "its service is archived": lambda token: token.service_id.write({"active": False}),
            "a person revokes it": lambda token: token.account_link_id.action_revoke_tokens(),
            "its customer is gone": lambda token: token.account_link_id.unlink(),
            "its customer is another contact": self._move,
        }
        for name, act in cases.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                answer, token = self._make()
                self.assertTrue(token)
                act(token)
                self.env.flush_all()
                self.env.invalidate_all()
                self.assertFalse(self.tokens._authenticate(answer["token"]))
                savepoint.rollback()
                self.env.invalidate_all()

    def _move(self, token):
        # As Odoo's merge of contacts does it.
        other = self.env["res.partner"].create({"name": "Merged"})
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE fusion_billing_account_link SET partner_id = %s WHERE id = %s", [other.id, token.account_link_id.id]
        )

    def test_a_token_that_was_altered_opens_nothing(self):
        raw = self._make()[0]["token"]
        for text in (raw[:-1], raw + "a", raw.upper(), raw.replace("fcbt_", "fcb_"), raw[:14], "", None, "fcbt_" * 99):
            with self.subTest(text):
                self.assertFalse(self.tokens._authenticate(text))

    def test_frontends_do_not_read_as_a_user_with_other_rights(self):
        self._make()
        user = self.service.customer_user_id
        for values in ({"active": False}, {"group_ids": [(4, self.env.ref(f"{_GROUP}service").id)]}):
            with self.subTest(values), self.env.cr.savepoint() as savepoint:
                user.write(values)
                with self.assertRaises(ForbiddenError) as caught:
                    self.link._as_customer()
                self.assertEqual(caught.exception.code, "technical_user_unusable")
                savepoint.rollback()
                self.env.registry.clear_all_caches()
                self.env.invalidate_all()

    def test_what_ended_is_swept_a_day_later(self):
        ended, running = self._make()[1], self._make()[1]
        ended.expires_at = fields.Datetime.now() - timedelta(days=1, seconds=1)
        self.tokens._gc_ended()
        self.assertFalse(ended.exists())
        self.assertTrue(running.exists())

    # === WHAT PEOPLE SEE === #

    def test_people_see_how_many_there_are_and_managers_end_them(self):
        token = self._make()[1]
        self._make()[1].expires_at = fields.Datetime.now()
        token.last_used_at = "2026-01-05 10:00:00"
        user, manager = self._create_user(f"{_GROUP}user"), self._create_user(f"{_GROUP}manager")
        seen = self.link.with_user(user)
        self.assertEqual(seen.active_token_count, 1)
        self.assertEqual(fields.Datetime.to_string(seen.token_last_used_at), "2026-01-05 10:00:00")
        with mute_logger("odoo.addons.base.models.ir_model"), self.assertRaises(AccessError):
            seen.action_revoke_tokens()
        self.link.with_user(manager).action_revoke_tokens()
        self.assertFalse(token.exists())

    def test_the_upgrade_fills_in_whose_subscriptions_are_where_that_is_clear(self):
        shared = self.env["res.partner"].create({"name": "Shared"})
        only = self._create_link(partner=self.env["res.partner"].create({"name": "Only"}))
        clear = self._create_subscription(partner_id=only.partner_id.id)
        doubtful = self._create_subscription(partner_id=shared.id)
        for _number in range(2):
            self._create_link(partner=shared)
        of_nobody = self._create_subscription(service=self.env["fusion.billing.service"], x_fc_external_id=False)
        self.env.flush_all()
        self.env.cr.execute("ALTER TABLE sale_order DROP COLUMN x_fc_account_link_id")
        load_script(_SCRIPT).migrate(self.env.cr, "19.0.1.2.0")
        self.env.cr.execute(
            "SELECT id, x_fc_account_link_id FROM sale_order WHERE id = ANY(%s)", [(clear | doubtful | of_nobody).ids]
        )
        self.assertEqual(dict(self.env.cr.fetchall()), {clear.id: only.id, doubtful.id: None, of_nobody.id: None})


@tagged("post_install", "-at_install")
class TestCustomerTokensOverHttp(BillingHttpCase):
    """REST and JSON-RPC make tokens, and take none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.link = cls._create_link()

    def test_a_token_is_made_over_rest_and_opens_nothing_there(self):
        response = self._call(f"/customers/{self.link.external_id}/tokens", {})
        self.assertEqual(response.status_code, 201)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        token = response.json()["token"]
        for path in ("/plans", "/customers", f"/customers/{self.link.external_id}", "/invoices"):
            self.assertRefused(self._call(path, key=token), 401, "unauthenticated")
        self.assertRefused(
            self._call(f"/customers/{self.link.external_id}/tokens", {}, key=token), 401, "unauthenticated"
        )
        call = {"jsonrpc": "2.0", "id": 1, "method": "catalog"}
        headers = {"Authorization": f"Bearer {token}"}
        response = self.url_open("/api/billing/jsonrpc", json=call, headers=headers, timeout=60)
        self.assertEqual(response.status_code, 401)

    def test_no_answer_with_a_token_is_kept_for_a_repetition(self):
        path = f"/customers/{self.link.external_id}/tokens"
        response = self._call(path, {}, headers={"Idempotency-Key": unique("k")})
        self.assertRefused(response, 400, "idempotency_key_not_supported")
        self.assertFalse(self.link.customer_token_ids)

    def test_of_a_token_in_the_log_only_its_kind_is_left(self):
        token = self._call(f"/customers/{self.link.external_id}/tokens", {}).json()["token"]
        for text in (f"GET /plans?key={token}", f"GET /plans?key={token.replace('_', '%5F')}"):
            self.assertEqual(without_keys(text), "GET /plans?key=fcb_...")


@tagged("post_install", "-at_install")
class TestFrontendOrigins(BillingCase):
    def test_origins_are_kept_as_browsers_write_them(self):
        cases = [
            ("https://app.example.com", "https://app.example.com"),
            ("  HTTPS://App.Example.COM/ ", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("https://app.example.com:8443", "https://app.example.com:8443"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://BU\u0308CHER.example", "https://xn--bcher-kva.example"),
            ("https://xn--strae-oqa.example", "https://xn--strae-oqa.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://a.example\n\nhttps://b.example\nhttps://A.example", "https://a.example\nhttps://b.example"),
            ("", False),
            ("\n", False),
        ]
        for text, kept in cases:
            with self.subTest(text):
                self.service.frontend_origins = text
                self.assertEqual(self.service.frontend_origins or False, kept)
        self.assertEqual(
            self._create_service(frontend_origins="https://NEW.example/").frontend_origins, "https://new.example"
        )

    def test_what_is_no_origin_or_too_wide_is_refused(self):
        for text in (
            *("*", "https://*", "https://*.example.com", "null", "app.example.com", "//app.example.com"),
            *("http://app.example.com", "http://localhost.example.com", "ftp://app.example.com", "file:///tmp"),
            *("https://app.example.com/path", "https://app.example.com?", "https://app.example.com#", "https://"),
            *("https://user@app.example.com", "https://app.example.com:", "https://app.example.com:0"),
            *("https://app.example.com:99999", "https://app example.com", "https://a.example, https://b.example"),
            *("https://a.example https://b.example", "https://.example.com", "javascript:alert(1)", "https://[::1"),
            # Browsers do not ask strasse.example, which Python's codec makes of it.
            *("https://straße.example", "https://λόγος.example", "https://a\u200db.example"),
        ):
            with self.subTest(text), self.assertRaises(UserError):
                self.service.frontend_origins = text
        with self.assertRaises(UserError):
            self.service.frontend_origins = "\n".join(f"https://a{number}.example" for number in range(51))

    def test_only_active_services_that_list_exactly_this_origin_are_found(self):
        self.service.frontend_origins = "https://app.example.com"
        find = self.env["fusion.billing.service"]._find_by_origin
        self.assertEqual(find("https://app.example.com"), self.service)
        for other in (
            *("https://app.example.com.evil.example", "https://evil-app.example.com", "http://app.example.com"),
            *("https://app.example.com:8443", "https://example.com", "null", "", "https://app.example.com "),
        ):
            with self.subTest(other):
                self.assertFalse(find(other))
        self.service.active = False
        self.assertFalse(find("https://app.example.com"))
