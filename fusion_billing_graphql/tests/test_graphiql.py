# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..limits.settings import PREFIX
from .common import GraphqlHttpCase

_URL = "/api/billing/graphiql"
_IS_INSTALLED = "odoo.addons.fusion_billing_graphql.controllers.graphiql._is_installed"


@tagged("post_install", "-at_install")
class TestGraphiql(GraphqlHttpCase):
    def setUp(self):
        super().setUp()
        self.startPatcher(patch(_IS_INSTALLED, lambda: True))

    def _login(self, *groups):
        user = self._create_user(*groups)
        user.password = user.login
        self.authenticate(user.login, user.login)

    def _get(self):
        return self.url_open(_URL, allow_redirects=False)

    def test_billing_users_get_the_page_with_nothing_from_elsewhere(self):
        self._login("fusion_centralize_billing.group_billing_user")
        response = self._get()
        self.assertEqual(response.status_code, 200)
        self.assertIn('data-url="/api/billing/graphql"', response.text)
        self.assertNotIn("//", response.text.replace("<!DOCTYPE html>", ""))
        self.assertIn("default-src 'none'", response.headers["Content-Security-Policy"])

    def test_others_do_not(self):
        response = self._get()
        self.assertEqual(response.status_code, 303)
        self.assertIn("/web/login", response.headers["Location"])
        self._login("sales_team.group_sale_manager")
        with mute_logger("odoo.http"):
            self.assertEqual(self._get().status_code, 403)

    def test_everybody_gets_it_where_the_setting_says_so(self):
        self.env["ir.config_parameter"].set_param(f"{PREFIX}graphiql", "public")
        self.assertEqual(self._get().status_code, 200)

    def test_nobody_gets_it_where_it_is_off_or_not_installed(self):
        self._login("fusion_centralize_billing.group_billing_manager")
        with patch(_IS_INSTALLED, lambda: False):
            self.assertEqual(self._get().status_code, 404)
        self.env["ir.config_parameter"].set_param(f"{PREFIX}graphiql", "off")
        self.assertEqual(self._get().status_code, 404)
