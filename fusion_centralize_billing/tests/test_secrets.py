# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

from cryptography.fernet import Fernet

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import config

from ..crypto import secret_box
from ..crypto.secret_box import ENVIRONMENT_VARIABLE, SecretKeyError
from .common import BillingCase

_SECRET = "correct horse battery staple"


@tagged("post_install", "-at_install")
class TestSecrets(BillingCase):
    def _keys(self, *keys):
        """Use these encryption keys inside the block."""
        return patch.dict(os.environ, {ENVIRONMENT_VARIABLE: ",".join(keys)})

    def _read_stored(self):
        self.env.flush_all()
        self.env.cr.execute("SELECT to_json(s)::text FROM fusion_billing_service s WHERE id = %s", [self.service.id])
        return self.env.cr.fetchone()[0]

    def _read_secret(self):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.service.webhook_secret

    # === AT REST === #

    def test_the_secret_can_be_read_back(self):
        self.service.webhook_secret = _SECRET
        self.assertEqual(self._read_secret(), _SECRET)

    def test_the_database_does_not_hold_the_secret(self):
        self.service.webhook_secret = _SECRET
        self.assertNotIn(_SECRET, self._read_stored())

    def test_one_secret_is_encrypted_differently_each_time(self):
        tokens = {secret_box.encrypt(_SECRET) for _time in range(3)}
        self.assertEqual(len(tokens), 3)

    def test_a_secret_can_be_given_when_the_service_is_made(self):
        service = self._create_service(webhook_secret=_SECRET)
        self.assertEqual(service._get_webhook_secret(), _SECRET)

    def test_a_secret_can_be_removed(self):
        self.service.webhook_secret = _SECRET
        self.service.webhook_secret = False
        self.assertEqual(self.service._get_webhook_secret(), "")
        self.assertFalse(self.service.webhook_secret_encrypted)

    def test_a_copy_of_a_service_has_no_secret(self):
        self.service.webhook_secret = _SECRET
        self.assertFalse(self.service.copy().webhook_secret)

    # === KEYS === #

    def test_without_a_key_no_secret_is_stored(self):
        with self._keys(""), self.assertRaises(SecretKeyError):
            self.service.webhook_secret = _SECRET
            self.env.flush_all()

    def test_what_is_no_key_is_refused(self):
        with self._keys("too short"), self.assertRaises(SecretKeyError):
            secret_box.encrypt(_SECRET)

    def test_another_key_cannot_read_the_secret(self):
        self.service.webhook_secret = _SECRET
        with self._keys(Fernet.generate_key().decode()), self.assertRaises(SecretKeyError):
            self._read_secret()

    def test_with_another_key_a_delivery_fails_and_waits(self):
        self._listen()
        with trap_jobs():
            webhook = self.env["fusion.billing.webhook"]._enqueue(self.service, "invoice.paid", {})
            with self._keys(Fernet.generate_key().decode()), self._receiver() as received:
                self.env.flush_all()
                self.env.invalidate_all()
                webhook._job_deliver()
        self.assertFalse(received)
        self.assertEqual(webhook.state, "failed")

    def test_with_another_key_an_event_is_kept_without_a_signature(self):
        """Whoever posts an invoice is not kept from it by the state of a webhook's secret."""
        self._listen()
        self.env.flush_all()
        with trap_jobs(), self._keys(Fernet.generate_key().decode()):
            self.env.invalidate_all()
            webhook = self.env["fusion.billing.webhook"]._enqueue(self.service, "invoice.paid", {})
        self.assertRecordValues(webhook, [{"state": "pending", "signature": False}])

    def test_keys_are_replaced_without_a_stop(self):
        old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        with self._keys(old):
            self.service.webhook_secret = _SECRET
            self.env.flush_all()
        with self._keys(new, old):
            self.assertEqual(self._read_secret(), _SECRET)
            self.service.webhook_secret = f"{_SECRET} again"
            self.env.flush_all()
        with self._keys(new):
            self.assertEqual(self._read_secret(), f"{_SECRET} again")

    def test_the_key_can_stand_in_the_configuration_or_in_a_file(self):
        key = Fernet.generate_key().decode()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "key")
            file.write_text(f"{key}\n")
            for name, value in (("secret_key", key), ("secret_key_file", str(file))):
                with self.subTest(name):
                    self._check_configured(Path(folder, f"{name}.conf"), f"[fusion_billing]\n{name} = {value}\n", key)

    def _check_configured(self, path, text, key):
        path.write_text(text)
        configured = {**config.options, "config": str(path)}
        with patch.dict(os.environ), patch.object(secret_box, "config", configured):
            del os.environ[ENVIRONMENT_VARIABLE]
            token = secret_box.encrypt(_SECRET)
        self.assertEqual(Fernet(key).decrypt(token.encode()).decode(), _SECRET)

    # === WHO SEES IT === #

    def test_billing_users_cannot_read_secret_or_hash(self):
        self.service.webhook_secret = _SECRET
        user = self._create_user("fusion_centralize_billing.group_billing_user")
        service = self.service.with_user(user)
        for name in ("webhook_secret", "webhook_secret_encrypted", "api_key_hash"):
            with self.subTest(name), self.assertRaises(AccessError):
                service.read([name])

    def test_the_service_itself_cannot_read_its_secret(self):
        self.service.webhook_secret = _SECRET
        with self.assertRaises(AccessError):
            self.service._as_technical_user().read(["webhook_secret"])

    def test_the_chatter_does_not_tell_the_secret(self):
        self._run_tracking()
        self.service.write({"webhook_secret": _SECRET, "webhook_url": "https://hooks.example.com/other"})
        self._run_tracking()
        told = self.service.message_ids.mapped("body")
        told += self.service.message_ids.tracking_value_ids.mapped("new_value_char")
        self.assertIn("https://hooks.example.com/other", told)
        self.assertFalse([text for text in told if text and _SECRET in text])

    def _run_tracking(self):
        """Do what happens before a commit: changes go to the chatter."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        self.env.invalidate_all()
