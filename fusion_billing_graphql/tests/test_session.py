# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Back-office users ask the same schema; their access rights decide what they see."""

import json
from unittest.mock import patch

from odoo.addons.fusion_centralize_billing.limits.deadline import Deadline
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..controllers.graphql import URL
from .common import GraphqlHttpCase

_BILLING = "fusion_centralize_billing.group_billing_user"


@tagged("post_install", "-at_install")
class TestSession(GraphqlHttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        cls.services = [cls._create_service(), cls._create_service()]
        cls.worlds = [cls._create_billed_customer(service=service) for service in cls.services]

    def _login(self, *groups, **values):
        user = self._create_user(*groups, **values)
        user.password = user.login
        self.authenticate(user.login, user.login)
        return user

    def _send_as_session(self, query, variables=None):
        body = json.dumps({"query": query, "variables": variables or {}})
        return self.url_open(URL, data=body, headers={"Content-Type": "application/json"}, timeout=60)

    def _get_customers(self):
        response = self._send_as_session(
            "{ customers(first: 100) { nodes { externalId } } viewer { service { code } scopes } }"
        )
        self.assertEqual(response.status_code, 200, response.text)
        data = response.json()["data"]
        self.assertEqual(data["viewer"], {"service": None, "scopes": None})
        return {node["externalId"] for node in data["customers"]["nodes"]}

    def test_a_billing_user_sees_the_customers_of_all_services(self):
        self._login(_BILLING)
        self.assertLessEqual({world["Customer"].external_id for world in self.worlds}, self._get_customers())

    def test_a_user_of_another_company_does_not(self):
        company = self.env["res.company"].create({"name": "Other"})
        self._login(_BILLING, company_id=company.id, company_ids=[(6, 0, company.ids)])
        self.assertEqual(self._get_customers(), set())

    @mute_logger("odoo.http")
    def test_a_question_of_a_user_that_takes_too_long_is_given_up(self):
        self._login(_BILLING)
        with patch.object(Deadline, "left", lambda deadline: 0.0):
            response = self._send_as_session("{ viewer { scopes } }")
        self.assertErrors(response, 503, "deadline_exceeded")
        self.assertNotIn("RateLimit-Limit", response.headers)

    @mute_logger("odoo.addons.fusion_centralize_billing.api.errors", "odoo.addons.base.models.ir_model")
    def test_without_sales_rights_there_are_no_subscriptions(self):
        self._login(_BILLING)
        response = self._send_as_session("{ subscriptions(first: 1) { totalCount } }")
        self.assertErrors(response, 200, "forbidden")
        found = self._send_as_session("{ usageRecords(first: 1) { nodes { quantity subscription { id } } } }").json()[
            "data"
        ]
        self.assertEqual(found["usageRecords"]["nodes"][0]["subscription"], None)

    def test_with_sales_and_accounting_rights_there_are(self):
        self._login(_BILLING, "sales_team.group_sale_salesman_all_leads", "account.group_account_invoice")
        query = """query($id: ID!) { node(id: $id) { ... on Customer { subscriptions(first: 9) { nodes {
            currentUsage { amount } invoices(first: 9) { nodes { number lines(first: 9) { totalCount } } } } } } } }"""
        world = self.worlds[0]
        answer = self._send_as_session(query, {"id": self._get_id(world["Customer"], "Customer")}).json()
        self.assertNotIn("errors", answer)
        (subscription,) = answer["data"]["node"]["subscriptions"]["nodes"]
        self.assertEqual(subscription["currentUsage"], [{"amount": "5.00"}])
        self.assertEqual(
            subscription["invoices"]["nodes"], [{"number": world["Invoice"].name, "lines": {"totalCount": 2}}]
        )

    def test_an_id_that_two_services_use_needs_the_service(self):
        self._login(_BILLING)
        for service in self.services:
            self._create_link(service=service, external_id="same")
        query = 'query($code: String) { customer(externalId: "same", serviceCode: $code) { service { code } } }'
        self.assertErrors(self._send_as_session(query), 200, "ambiguous")
        code = self.services[1].code
        self.assertEqual(
            self._send_as_session(query, {"code": code}).json()["data"]["customer"], {"service": {"code": code}}
        )

    def test_a_session_cannot_mutate(self):
        self._login("fusion_centralize_billing.group_billing_manager")
        response = self._send_as_session(
            'mutation { upsertCustomer(input: {externalId: "s"}) { userErrors { code } } }'
        )
        self.assertErrors(response, 403, "forbidden")
        self.assertFalse(self.env["fusion.billing.account.link"].search([("external_id", "=", "s")]))

    def test_other_users_are_refused(self):
        for groups in ((), ("sales_team.group_sale_manager",)):
            self._login(*groups)
            self.assertErrors(self._send_as_session("{ __typename }"), 403, "forbidden")

    def test_nobody_is_refused(self):
        self.authenticate(None, None)
        self.assertErrors(self._send_as_session("{ __typename }"), 401, "unauthenticated")

    def test_a_key_goes_before_the_session(self):
        self._login(_BILLING)
        key = self.services[0].action_generate_api_key()
        response = self._send("{ viewer { service { code } } }", key=key)
        self.assertEqual(response.json()["data"]["viewer"]["service"], {"code": self.services[0].code})
        self.assertErrors(self._send("{ __typename }", key="unknown"), 401, "unauthenticated")

    def test_a_form_of_another_site_does_nothing(self):
        self._login(_BILLING)
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            response = self.url_open(URL, data='{"query": "{ __typename }"}', headers={"Content-Type": content_type})
            self.assertErrors(response, 415, "unsupported_media_type")
