# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from ..delivery import addresses
from .common import BillingCase, load_script, unique

_PORTS = "fusion_centralize_billing.webhook_ports"
_LOOPBACK = "fusion_centralize_billing.webhook_allow_loopback"


@tagged("post_install", "-at_install")
class TestWebhookAddresses(BillingCase):
    def _set(self, name, value):
        self.env["ir.config_parameter"].set_param(name, value)

    def test_urls_are_taken_or_refused_for_what_they_say(self):
        cases = [
            # URL, whether it is taken, why
            ("https://hooks.example.com/billing?a=1", True, "an ordinary one"),
            ("http://hooks.example.com", True, "without a path"),
            ("https://hooks.example.com:8443/", True, "a web port"),
            ("https://[2001:db8::1]:443/", True, "an address of IPv6"),
            ("https://hooks.ex\u00e4mple.com/", True, "a name that is not ASCII"),
            ("https://hooks.example.com\t/", False, "a tab"),
            ("https://hooks.example.com/\r\nX-Injected: 1", False, "line ends"),
            ("ht\ntps://hooks.example.com/", False, "a line end in the scheme"),
            (" https://hooks.example.com/", False, "a blank before"),
            ("https://hooks.example.com/ ", False, "a blank behind"),
            ("https://hooks.example.com/a b", False, "a blank inside"),
            ("https://hooks.example.com/\x00", False, "a null"),
            ("https://hooks.example.com/\x7f", False, "a delete"),
            ("https://hooks.example.com/\x85", False, "a control character beyond ASCII"),
            ("https://hooks.example.com/\u2028", False, "a line separator"),
            ("https://hooks.example.com/\u200b", False, "a character without width"),
            ("https://hooks.example.com\\@elsewhere.example.com/", False, "a backslash"),
            ("https://@hooks.example.com/", False, "an empty user name"),
            ("https://hooks.example.com:22/", False, "the port of SSH"),
            ("https://hooks.example.com:5432/", False, "the port of PostgreSQL"),
            ("https://hooks.example.com:0/", False, "no port"),
            ("https://hooks.example.com:65536/", False, "beyond the ports"),
            ("https://hooks.example.com:https/", False, "a name for a port"),
        ]
        for url, is_taken, reason in cases:
            with self.subTest(reason, url=url):
                if is_taken:
                    self.service.webhook_url = url
                else:
                    with self.assertRaises(ValidationError):
                        self.service.webhook_url = url

    def test_a_setting_names_the_ports(self):
        self._set(_PORTS, "443, 4443")
        self.service.webhook_url = "https://hooks.example.com:4443/"
        with self.assertRaises(ValidationError):
            self.service.webhook_url = "https://hooks.example.com:8443/"

    def test_any_port_is_taken_where_loopback_is(self):
        self._set(_LOOPBACK, "True")
        self.service.webhook_url = "http://127.0.0.1:5555/"
        with self.assertRaises(ValidationError):
            self.service.webhook_url = "http://127.0.0.1:5555/\n"

    def test_the_address_is_looked_at_again_when_something_is_sent(self):
        self._listen()
        cases = ["https://hooks.example.com:22/", "https://hooks.example.com/\tx", "ftp://hooks.example.com/"]
        for url in cases:
            with self.subTest(url), trap_jobs():
                self.env.flush_all()
                self.env.cr.execute(
                    "UPDATE fusion_billing_service SET webhook_url = %s WHERE id = %s", [url, self.service.id]
                )
                self.env.invalidate_all()
                webhook = self.env["fusion.billing.webhook"]._enqueue(self.service, "invoice.paid", {})
                with self._receiver() as received:
                    webhook._job_deliver()
                self.assertEqual((received, webhook.state), ([], "failed"))
                self.assertIn("Webhook URL", webhook.last_error)

    def test_the_settings_take_ports_only(self):
        settings = self.env["res.config.settings"].create({"x_fc_webhook_ports": "443, 9443"})
        settings.execute()
        self.assertEqual(self.env["fusion.billing.webhook"]._get_ports(), (443, 9443))
        for text in ("443, https", "0", "70000", "-1", "4\u0664"):
            with self.subTest(text), self.assertRaises(ValidationError):
                self.env["res.config.settings"].create({"x_fc_webhook_ports": text}).execute()
        self.env["res.config.settings"].create({"x_fc_webhook_ports": False}).execute()
        self.assertEqual(self.env["fusion.billing.webhook"]._get_ports(), addresses.WEB_PORTS)

    # === UPGRADE === #

    def _upgrade(self, *urls):
        """Return the setting after the upgrade of a database whose services have these URLs."""
        self.env["ir.config_parameter"].search([("key", "=", _PORTS)]).unlink()
        services = [self._create_service(code=unique("old")) for _url in urls]
        self.env.flush_all()
        self.env.cr.execute("UPDATE fusion_billing_service SET webhook_url = NULL")
        for service, url in zip(services, urls, strict=True):
            self.env.cr.execute("UPDATE fusion_billing_service SET webhook_url = %s WHERE id = %s", [url, service.id])
        load_script("19.0.1.2.0/post-webhook_ports.py").migrate(self.env.cr, "19.0.1.1.0")
        self.env.invalidate_all()
        self.env.registry.clear_cache("stable")
        self.env.registry.clear_cache()
        return self.env["ir.config_parameter"].get_param(_PORTS)

    def test_an_upgrade_allows_the_ports_that_services_use_already(self):
        setting = self._upgrade("https://a.example.com:3000/", "http://b.example.com/", "https://c.example.com:8443/")
        self.assertEqual(setting, "80, 443, 3000, 8000, 8080, 8443, 8888")

    def test_an_upgrade_sets_nothing_where_all_ports_are_web_ports(self):
        self.assertFalse(self._upgrade("https://a.example.com/"))

    def test_an_upgrade_says_which_addresses_are_refused_from_now_on(self):
        with self.assertLogs(level="WARNING") as logs:
            self.assertFalse(self._upgrade("https://a.example.com:3000/\n"))
        self.assertIn("control characters", "".join(logs.output))
