# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import hashlib
from datetime import timedelta
from unittest.mock import patch

from psycopg2.errors import UniqueViolation

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import Form, tagged
from odoo.tests.test_cursor import TestCursor
from odoo.tools import mute_logger

from ..api.operations import SCOPES
from .common import BillingCase

_execute = TestCursor.execute


def _execute_without_isolation_level(cursor, query, *args, **options):
    # A test's transaction has begun already, so that its isolation level cannot be chosen any more.
    return None if str(query).startswith("SET TRANSACTION") else _execute(cursor, query, *args, **options)


@tagged("post_install", "-at_install")
class TestServiceKeys(BillingCase):
    def _generate(self, **values):
        return self.env["fusion.billing.api.key"]._generate(self.service, name="Key", **values)

    def _find(self, raw):
        key_hash = hashlib.sha256(raw.encode()).hexdigest()
        return self.env["fusion.billing.api.key"].with_context(active_test=False).search([("key_hash", "=", key_hash)])

    def _match(self, raw):
        return self.env["fusion.billing.service"]._match_api_key(raw)

    # === MAKING === #

    def test_the_service_returns_a_long_key(self):
        raw = self.service.action_generate_api_key()
        self.assertIsInstance(raw, str)
        self.assertGreaterEqual(len(raw), 20)

    def test_two_keys_differ(self):
        self.assertNotEqual(self._generate(), self._generate())

    def test_the_services_hash_is_the_sha256_of_its_key(self):
        raw = self.service.action_generate_api_key()
        self.assertEqual(self.service.api_key_hash, hashlib.sha256(raw.encode()).hexdigest())

    def test_the_hash_is_that_of_the_default_key_only(self):
        self._generate()
        self.assertFalse(self.service.api_key_hash)

    def test_the_key_is_stored_nowhere(self):
        raw = self.service.action_generate_api_key()
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT to_json(k)::text FROM fusion_billing_api_key k WHERE service_id = %s", [self.service.id]
        )
        stored = "".join(row[0] for row in self.env.cr.fetchall())
        self.assertNotIn(raw, stored)
        self.assertNotIn(raw.split("_", 2)[-1], stored)

    def test_the_prefix_of_a_key_is_visible(self):
        raw = self.service.action_generate_api_key()
        prefix = self.service.api_key_ids.prefix
        self.assertTrue(raw.startswith(f"{prefix}_"))
        self.assertLess(len(prefix), 20)

    def test_the_wizard_shows_the_key_in_a_dialog_that_saves_nothing(self):
        wizard = self.env["fusion.billing.api.key.wizard"].create({"service_id": self.service.id, "name": "Backend"})
        action = wizard.action_generate()
        raw = action["context"]["default_raw_key"]
        self.assertEqual(self._match(raw), self.service)
        shown = self.env[action["res_model"]].with_context(**action["context"]).create({})
        self.env.flush_all()
        self.env.cr.execute("SELECT to_json(s)::text FROM fusion_billing_api_key_shown s WHERE id = %s", [shown.id])
        self.assertNotIn(raw, self.env.cr.fetchone()[0])

    def test_the_dialog_shows_the_key(self):
        dialog = self.env["fusion.billing.api.key.shown"].with_context(
            default_service_id=self.service.id, default_raw_key="fcb_shown"
        )
        self.assertEqual(dialog.default_get(["raw_key"]), {"raw_key": "fcb_shown"})
        self.assertEqual(Form(dialog).raw_key, "fcb_shown")

    # === MATCHING === #

    def test_a_key_opens_its_service(self):
        self.assertEqual(self._match(self.service.action_generate_api_key()), self.service)

    def test_what_is_no_key_opens_nothing(self):
        raw = self.service.action_generate_api_key()
        prefix = self.service.api_key_ids.prefix
        not_keys = ("", None, False, "unknown", raw[:-1], f"{raw}x", raw.upper(), prefix, self.service.api_key_hash)
        for wrong in (*not_keys, "x" * 1_000_000):
            with self.subTest(str(wrong)[:40]):
                self.assertEqual(self._match(wrong), self.env["fusion.billing.service"])

    def test_a_key_of_broken_unicode_opens_nothing(self):
        self.assertFalse(self._match("\ud800"))

    def test_the_key_of_an_inactive_service_opens_nothing(self):
        raw = self.service.action_generate_api_key()
        self.service.active = False
        self.assertEqual(self._match(raw), self.env["fusion.billing.service"])

    def test_a_revoked_key_opens_nothing(self):
        raw = self._generate()
        self._find(raw).action_revoke()
        self.assertFalse(self._match(raw))

    def test_a_key_opens_until_it_expires(self):
        now = fields.Datetime.now()
        self.assertEqual(self._match(self._generate(expires_at=now + timedelta(minutes=5))), self.service)

    def test_an_expired_key_opens_nothing(self):
        now = fields.Datetime.now()
        self.assertFalse(self._match(self._generate(expires_at=now - timedelta(seconds=1))))

    # === SEVERAL KEYS === #

    def test_a_new_default_key_replaces_the_former(self):
        former, new = self.service.action_generate_api_key(), self.service.action_generate_api_key()
        self.assertFalse(self._match(former))
        self.assertEqual(self._match(new), self.service)
        self.assertEqual(self.service.api_key_hash, self._find(new).key_hash)

    def test_a_new_default_key_leaves_the_other_keys(self):
        other = self._generate()
        self.service.action_generate_api_key()
        self.assertEqual(self._match(other), self.service)

    @mute_logger("odoo.sql_db")
    def test_a_service_cannot_have_two_default_keys(self):
        self.service.action_generate_api_key()
        with self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            self.service.api_key_ids.copy({"key_hash": "other", "is_default": True})
            self.env.flush_all()

    @mute_logger("odoo.sql_db")
    def test_two_keys_cannot_have_one_hash(self):
        raw = self._generate()
        with self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            self._find(raw).copy()
            self.env.flush_all()

    # === SCOPES === #

    def test_a_key_without_scopes_may_do_everything(self):
        key = self._find(self._generate())
        for scope in SCOPES:
            self.assertTrue(key._allows(scope), scope)

    def test_a_key_may_do_what_its_scopes_say(self):
        key = self._find(self._generate(scopes="usage:write catalog:read"))
        allowed = {scope for scope in SCOPES if key._allows(scope)}
        self.assertEqual(allowed, {"usage:write", "catalog:read"})

    def test_a_part_of_a_scope_allows_nothing(self):
        self.assertFalse(self._find(self._generate(scopes="usage:write"))._allows("usage"))

    def test_unknown_scopes_are_refused(self):
        with self.assertRaises(ValidationError):
            self._generate(scopes="usage:write usage:erase")

    # === LAST USE === #

    def _run_after_commit(self):
        """Run what waits for the commit on the test's own cursor."""
        with self.enter_registry_test_mode(), patch.object(TestCursor, "execute", _execute_without_isolation_level):
            self.env.cr.postcommit.run()
        self.env.invalidate_all()

    def test_the_use_of_a_key_is_noted_after_the_request(self):
        raw = self._generate()
        with self._on("2026-05-01"):
            self._match(raw)
            self.assertFalse(self._find(raw).last_used_at)
            self._run_after_commit()
        self.assertEqual(str(self._find(raw).last_used_at), "2026-05-01 12:00:00")

    def test_the_use_is_noted_again_after_ten_minutes_only(self):
        raw = self._generate()
        key = self._find(raw)
        now = fields.Datetime.now()
        for minutes, expected in ((9, False), (11, True)):
            with self.subTest(minutes=minutes):
                key.last_used_at = earlier = now - timedelta(minutes=minutes)
                self.env.flush_all()
                self._match(raw)
                self._run_after_commit()
                self.assertEqual(key.last_used_at != earlier, expected)

    def test_a_refused_key_notes_no_use(self):
        raw = self._generate(expires_at="2020-01-01 00:00:00")
        self._match(raw)
        self._run_after_commit()
        self.assertFalse(self._find(raw).last_used_at)

    # === SERVICE === #

    def test_a_copy_of_a_service_has_its_own_user_and_no_keys(self):
        self.service.action_generate_api_key()
        copy = self.service.copy()
        self.assertNotEqual(copy.code, self.service.code)
        self.assertNotEqual(copy.user_id, self.service.user_id)
        self.assertFalse(copy.api_key_ids)
        self.assertFalse(copy.api_key_hash)

    def test_the_technical_user_cannot_log_in(self):
        user = self.service.user_id
        self.env.flush_all()
        self.env.cr.execute("SELECT password FROM res_users WHERE id = %s", [user.id])
        self.assertFalse(self.env.cr.fetchone()[0])
        self.assertEqual(user.company_ids, self.service.company_id)
        self.assertTrue(user.share)
