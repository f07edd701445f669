# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import base64
import hashlib
import hmac
from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged

from ..crypto import webhook_secrets
from .common import BillingCase

_MANAGER = "fusion_centralize_billing.group_billing_manager"
_COLUMNS = ("webhook_secret_encrypted", "webhook_secret_previous_encrypted", "webhook_secret_previous_until")
_STRONG = "whsec_" + base64.b64encode(bytes(range(3, 250, 8))).decode()
_OTHER_STRONG = "k3Vw9ZpQx7Ls2Nf8Hd5Rt1Yb6Mc4Jg0A"


def _whsec(key):
    return "whsec_" + base64.b64encode(key).decode()


@tagged("post_install", "-at_install")
class TestWebhookSecrets(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._create_user(_MANAGER)

    def _forget(self):
        self.env.flush_all()
        self.env.invalidate_all()

    def _deliver(self):
        """Return the headers of one attempt."""
        with trap_jobs():
            webhook = self.env["fusion.billing.webhook"]._enqueue(self.service, "invoice.paid", {"a": 1})
        with self._receiver() as received:
            webhook._job_deliver()
        [(request, _options)] = received
        return request.headers

    # === NOBODY READS IT === #

    def test_no_person_reads_the_secret(self):
        self.service.webhook_secret = _STRONG
        administrator = self._create_user("base.group_system", _MANAGER)
        for user in (self.manager, administrator):
            user.group_ids += self.env.ref("base.group_allow_export")
            service = self.service.with_user(user)
            self.assertEqual(service.read(["webhook_secret"])[0]["webhook_secret"], False)
            self.assertEqual(service.export_data(["webhook_secret"])["datas"], [[""]])
            self.assertFalse(service.sudo().webhook_secret)

    def test_what_code_has_read_does_not_reach_a_person_by_the_cache(self):
        self.service.webhook_secret = _STRONG
        self._forget()
        self.assertEqual(self.service.webhook_secret, _STRONG)
        self.assertFalse(self.service.with_user(self.manager).webhook_secret)
        self.assertEqual(self.service.webhook_secret, _STRONG)

    def test_saving_the_form_does_not_answer_with_the_secret(self):
        service = self.service.with_user(self.manager)
        [answer] = service.web_save({"webhook_secret": _STRONG}, {"webhook_secret": {}, "webhook_secret_state": {}})
        self.assertEqual((answer["webhook_secret"], answer["webhook_secret_state"]), (False, "Set"))
        self.assertEqual(self.service._get_webhook_secret(), _STRONG)

    def test_a_new_service_does_not_answer_with_its_secret(self):
        services = self.env["fusion.billing.service"].with_user(self.manager)
        values = {"name": "New", "code": "new-with-secret", "webhook_secret": _STRONG}
        [answer] = services.web_save(values, {"webhook_secret": {}})
        self.assertFalse(answer["webhook_secret"])
        self.assertEqual(self.env["fusion.billing.service"].browse(answer["id"])._get_webhook_secret(), _STRONG)

    def test_the_form_keeps_the_secret_unless_a_new_one_is_typed(self):
        self.service.webhook_secret = _STRONG
        self._forget()
        with Form(self.service.with_user(self.manager)) as form:
            self.assertFalse(form.webhook_secret)
            form.name = "Renamed"
        self.assertEqual(self.service._get_webhook_secret(), _STRONG)

    def test_nobody_reads_or_writes_the_columns(self):
        administrator = self._create_user("base.group_system", _MANAGER)
        for user in (self.manager, administrator):
            for name in _COLUMNS:
                with self.subTest(name, user=user.login):
                    service = self.service.with_user(user)
                    with self.assertRaises(AccessError):
                        service.read([name])
                    with self.assertRaises(AccessError):
                        service.write({name: False})
                    with self.assertRaises(AccessError):
                        service.search([(name, "!=", False)])

    def test_a_related_field_of_an_administrator_tells_nothing(self):
        self.service.webhook_secret = _STRONG
        self._forget()
        values = {"name": "x_told", "field_description": "Told", "ttype": "char", "related": "webhook_secret"}
        model = self.env["ir.model"]._get("fusion.billing.service")
        self.env["ir.model.fields"].create({**values, "model_id": model.id, "store": False})
        service = self.service.with_user(self._create_user("base.group_system", _MANAGER))
        self.assertFalse(service.read(["x_told"])[0]["x_told"])

    # === WHAT PEOPLE MAY SET === #

    def test_what_people_set_has_at_least_24_random_bytes(self):
        random = bytes(range(3, 250, 8))
        cases = [
            # secret, whether it is taken, why
            (_whsec(random[:24]), True, "24 bytes"),
            (_whsec(random * 2), False, "the same bytes twice"),
            (_whsec(random[:23]), False, "23 bytes"),
            (_whsec(bytes(range(5, 250, 5)) + random[:15]), True, "64 bytes"),
            (_whsec(bytes(range(5, 250, 5)) + random[:16]), False, "65 bytes"),
            (_whsec(bytes(24)), False, "zeros only"),
            (_whsec(bytes(range(24))), False, "counted, not drawn"),
            ("whsec_" + "?" * 40, False, "no base64"),
            ("whsec_", False, "nothing behind the prefix"),
            (_OTHER_STRONG, True, "32 mixed characters"),
            (_OTHER_STRONG[:31], False, "31 mixed characters"),
            ("s3cret", False, "short"),
            ("a" * 40, False, "one character"),
            ("passwordpasswordpasswordPASSWORD", False, "a word, repeated"),
            ("abcdefghijklmnopqrstuvwxyz0123456789ABCDEF", False, "in order"),
            ("correct horse battery staple and other words", False, "words with blanks"),
            (hashlib.sha256(b"a").hexdigest(), True, "64 hexadecimal digits"),
            (hashlib.sha256(b"a").hexdigest()[:48], True, "48 hexadecimal digits are 24 bytes"),
            (hashlib.sha256(b"a").hexdigest()[:47], False, "47 hexadecimal digits"),
            ("k3vw9zpqx7ls2nf8hd5rt1yb6mc4jg0a", False, "32 small letters and digits"),
            ("k3vw9zpqx7ls2nf8hd5rt1yb6mc4jg0a8u2eo7i", True, "39 small letters and digits"),
            ("\u00e9" + _OTHER_STRONG, False, "not ASCII"),
        ]
        for secret, is_taken, reason in cases:
            with self.subTest(reason):
                service = self.service.with_user(self.manager)
                if is_taken:
                    service.webhook_secret = secret
                    self.assertEqual(self.service._get_webhook_secret(), secret)
                else:
                    with self.assertRaisesRegex(ValidationError, "at least 24 random bytes"):
                        service.webhook_secret = secret

    def test_secrets_that_are_made_are_good_and_differ(self):
        made = {webhook_secrets.generate() for _time in range(200)}
        self.assertEqual(len(made), 200)
        for secret in made:
            self.assertTrue(webhook_secrets.is_strong(secret))
            self.assertEqual(len(webhook_secrets.standard_key(secret)), 32)

    def test_code_sets_any_secret_and_the_form_warns_of_a_weak_one(self):
        cases = [
            # URL, secret, the warning
            (False, False, False),
            ("https://hooks.example.com/", False, "nothing is sent"),
            ("https://hooks.example.com/", "s3cret", "can be guessed"),
            ("https://hooks.example.com/", _STRONG, False),
        ]
        for url, secret, warning in cases:
            with self.subTest(warning):
                self.service.write({"webhook_url": url, "webhook_secret": secret})
                self._forget()
                shown = self.service.with_user(self.manager).webhook_secret_warning
                self.assertIn(warning, shown) if warning else self.assertFalse(shown)
                self.assertNotIn(secret or "s3cret", str(shown))

    def test_a_secret_of_another_encryption_key_is_warned_of_and_replaced(self):
        self.service.webhook_secret = _STRONG
        self.env.flush_all()
        self.env.cr.execute("UPDATE fusion_billing_service SET webhook_secret_encrypted = 'x'")
        self.env.invalidate_all()
        service = self.service.with_user(self.manager)
        self.assertIn("another key", service.webhook_secret_warning)
        service.action_new_webhook_secret()
        self.assertFalse(service.webhook_secret_warning)
        self.assertEqual(len(self.service._get_webhook_secrets()), 1)

    # === SHOWN ONCE === #

    def test_the_button_makes_a_secret_and_shows_it_once(self):
        action = self.service.with_user(self.manager).action_new_webhook_secret()
        shown = self.env[action["res_model"]].with_user(self.manager).with_context(**action["context"])
        self.assertEqual(Form(shown).raw_secret, self.service._get_webhook_secret())
        self.assertTrue(webhook_secrets.is_strong(self.service._get_webhook_secret()))
        self.assertFalse(shown.create({}).with_context({}).read(["raw_secret"])[0]["raw_secret"])
        secret = self.service._get_webhook_secret()
        self.env.flush_all()
        self.env.cr.execute("SELECT to_json(s)::text FROM fusion_billing_service s WHERE id = %s", self.service.ids)
        self.assertNotIn(secret, self.env.cr.fetchone()[0])

    def test_only_managers_make_secrets(self):
        for groups in (["fusion_centralize_billing.group_billing_user"], ["base.group_system"]):
            with self.subTest(groups), self.assertRaises(AccessError):
                self.service.with_user(self._create_user(*groups)).action_new_webhook_secret()

    # === REPLACING === #

    def test_the_former_secret_signs_as_well_until_its_time_is_over(self):
        self._listen(webhook_secret=_STRONG)
        with self._on("2026-05-01"):
            self.service.with_user(self.manager).webhook_secret = _OTHER_STRONG
            self.assertEqual(self.service._get_webhook_secrets(), [_OTHER_STRONG, _STRONG])
            self.assertIn("2026-05-02 12:00:00", self.service.webhook_secret_state)
        with self._on("2026-05-02", time="11:59:59"):
            self.assertEqual(self.service._get_webhook_secrets(), [_OTHER_STRONG, _STRONG])
        with self._on("2026-05-02"):
            self.assertEqual(self.service._get_webhook_secrets(), [_OTHER_STRONG])
            self.assertEqual(self.service.webhook_secret_state, "Set")

    def test_the_former_secret_is_deleted_when_its_time_is_over(self):
        self._listen(webhook_secret=_STRONG)
        with self._on("2026-05-01"):
            self.service.webhook_secret = _OTHER_STRONG
            self.env["fusion.billing.webhook"]._cron_dispatch()
            self.assertTrue(self.service.webhook_secret_previous_encrypted)
        self.service.active = False
        with self._on("2026-05-03"):
            self.env["fusion.billing.webhook"]._cron_dispatch()
            self.assertFalse(self.service.webhook_secret_previous_encrypted)

    def test_the_company_sets_how_long_the_former_secret_signs(self):
        for hours, expected in ((0, [_OTHER_STRONG]), (1, [_OTHER_STRONG, _STRONG])):
            with self.subTest(hours):
                self.service.webhook_secret = False
                self.service.webhook_secret = _STRONG
                self.company.x_fc_webhook_secret_overlap_hours = hours
                self.service.webhook_secret = _OTHER_STRONG
                self.assertEqual(self.service._get_webhook_secrets(), expected)

    def test_a_secret_that_is_removed_signs_no_more(self):
        self.service.webhook_secret = _STRONG
        self.service.webhook_secret = _OTHER_STRONG
        self.service.webhook_secret = False
        self.assertEqual(self.service._get_webhook_secrets(), [])

    def test_the_same_secret_again_keeps_the_former_one(self):
        self.service.webhook_secret = _STRONG
        self.service.webhook_secret = _OTHER_STRONG
        self.service.webhook_secret = _OTHER_STRONG
        self.assertEqual(self.service._get_webhook_secrets(), [_OTHER_STRONG, _STRONG])

    def test_the_former_secret_is_encrypted_as_well(self):
        self.service.webhook_secret = _STRONG
        self.service.webhook_secret = _OTHER_STRONG
        self.env.flush_all()
        self.env.cr.execute("SELECT to_json(s)::text FROM fusion_billing_service s WHERE id = %s", self.service.ids)
        [stored] = self.env.cr.fetchone()
        self.assertNotIn(_STRONG, stored)
        self.assertNotIn(_OTHER_STRONG, stored)

    # === WHAT IS SENT === #

    def test_standard_webhooks_own_example_has_its_signature(self):
        key = webhook_secrets.standard_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        signature = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', key)
        self.assertEqual(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")

    def test_each_form_of_secret_sends_its_headers(self):
        standard = ("webhook-id", "webhook-timestamp", "webhook-signature")
        cases = [
            # secret, whether the headers of Standard Webhooks are sent, why
            (_STRONG, True, "its form"),
            (_whsec(b"short"), True, "its form, set by code"),
            (_OTHER_STRONG, False, "another form"),
            ("whsec_no base64", False, "the prefix only"),
            ("whsec_", False, "no key"),
        ]
        for secret, is_standard, reason in cases:
            with self.subTest(reason):
                self.service.webhook_secret = False
                self._listen(webhook_secret=secret)
                sent = self._deliver()
                self.assertEqual([name in sent for name in standard], [is_standard] * 3)
                signature = hmac.new(secret.encode(), b'{"a":1}', hashlib.sha256).hexdigest()
                self.assertEqual(sent["X-Fusion-Signature"], signature)
                self.assertNotIn("X-Fusion-Signature-Previous", sent)

    def test_both_secrets_sign_while_one_replaces_the_other(self):
        cases = [(_STRONG, _whsec(b"0123456789abcdef")), (_STRONG, _OTHER_STRONG), (_OTHER_STRONG, _STRONG)]
        for current, former in cases:
            with self.subTest(current=current, former=former):
                self.service.webhook_secret = False
                self._listen(webhook_secret=former)
                self.service.webhook_secret = current
                sent = self._deliver()
                for name, secret in (("X-Fusion-Signature", current), ("X-Fusion-Signature-Previous", former)):
                    self.assertEqual(sent[name], hmac.new(secret.encode(), b'{"a":1}', hashlib.sha256).hexdigest())
                keys = [webhook_secrets.standard_key(secret) for secret in (current, former)]
                id_, time = sent["webhook-id"], int(sent["webhook-timestamp"])
                expected = [headers_of(id_, time, b'{"a":1}', key) for key in keys if key]
                self.assertEqual(sent["webhook-signature"].split(" "), expected)

    def test_the_time_is_that_of_the_attempt_and_the_id_that_of_the_delivery(self):
        self._listen(webhook_secret=_STRONG)
        with trap_jobs():
            webhook = self.env["fusion.billing.webhook"]._enqueue(self.service, "invoice.paid", {})
            with self._receiver(status=500) as received:
                for now in (1_700_000_000.9, 1_700_000_120.1):
                    with patch("time.time", lambda now=now: now):
                        webhook._job_deliver()
        stamps = [(request.headers["webhook-id"], request.headers["webhook-timestamp"]) for request, _ in received]
        uuid = webhook.delivery_uuid
        self.assertEqual(stamps, [(uuid, "1700000000"), (uuid, "1700000120")])

    def test_no_log_holds_what_is_sent_beside_the_body(self):
        self._listen(webhook_secret=_STRONG)
        self.service.webhook_secret = _OTHER_STRONG
        with self.assertLogs(level="DEBUG") as logs:
            sent = self._deliver()
            self.env.flush_all()
        text = "\n".join(line for line in logs.output if ":odoo.sql_db:" not in line)
        for name in ("webhook-signature", "X-Fusion-Signature-Previous"):
            self.assertNotIn(sent[name], text)
        for secret in (_STRONG, _OTHER_STRONG):
            self.assertNotIn(secret, "\n".join(logs.output))


def headers_of(message_id, timestamp, body, key):
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
