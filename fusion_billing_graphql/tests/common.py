# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json

from odoo.addons.fusion_centralize_billing.api.execution import authenticate
from odoo.addons.fusion_centralize_billing.tests.common import BillingCase, BillingHttpCase, unique
from odoo.addons.queue_job.tests.common import trap_jobs

from ..controllers.graphql import URL
from ..limits.settings import Settings
from ..schema import ids
from ..server import engine, wire
from ..server.caller import Caller

GRAPHQL_JSON = wire.GRAPHQL_JSON
JSON = wire.JSON

#: Every connection of the query root, with the type that it lists.
ROOT_CONNECTIONS = {
    "customers": "Customer",
    "subscriptions": "Subscription",
    "usageRecords": "UsageRecord",
    "ratings": "Rating",
    "invoices": "Invoice",
    "webhookDeliveries": "WebhookDelivery",
    "plans": "Plan",
    "charges": "Charge",
    "metrics": "Metric",
    "services": "Service",
}


class GraphqlMixin:
    """Creators of whole customers, from the link to the paid line, and a way to ask without HTTP."""

    @classmethod
    def _create_key(cls, service=None, **values):
        """Return the record of a new key."""
        raw = cls.env["fusion.billing.api.key"]._generate(service or cls.service, name="Key", **values)
        return authenticate(cls.env, raw)

    @classmethod
    def _create_billed_customer(cls, service=None, plan=None, link=None, **values):
        """Create a customer whose January was invoiced with 10 units, and who has used 5 units in February.

        :param link: the customer; a new one without it
        :param values: of the subscription
        :return: dict of records by the name of their type
        """
        service = service or cls.service
        if link is None:
            partner = cls.env["res.partner"].create({"name": "Billed"})
            link = cls._create_link(service=service, partner=partner, external_name="Billed")
        order = cls._create_subscription(service=service, plan=plan, partner_id=link.partner_id.id, **values)
        usage = cls.env["fusion.billing.usage"]
        first = usage._record_usage(order, cls.metric.code, 10, "2026-01-10", "2026-01-10", unique("key"))
        usage._record_usage(order, cls.metric.code, 5, "2026-02-10", "2026-02-10", unique("key"))
        with trap_jobs():
            invoice = cls._invoice_first_period(order)
        return {
            "Customer": link,
            "Subscription": order,
            "UsageRecord": first,
            "Rating": order.x_fc_rating_ids[:1],
            "Invoice": invoice,
            "InvoiceLine": invoice.invoice_line_ids.filtered("x_fc_rating_ids"),
        }

    @classmethod
    def _invoice_first_period(cls, order):
        case = cls()
        with case._on("2026-02-01"):
            invoice = order._create_invoices()
            invoice.action_post()
        return invoice

    def _answer(self, query, variables=None, *, key=None, env=None, settings=None):
        """Return the Answer to a document, asked with a key (by default of the class's service) or a user's env."""
        self.env.flush_all()
        self.env.invalidate_all()
        if env is not None:
            caller = Caller(env)
        else:
            key = key or self._key()
            caller = Caller(key.service_id._as_technical_user().env, key)
        call = wire.Call(query, variables or {})
        return engine.answer(call, caller, settings or Settings(), "test")

    def _ask(self, query, variables=None, **options):
        """Return the data of an answer without errors."""
        body = self._answer(query, variables, **options).body
        self.assertNotIn("errors", body)
        return body["data"]

    def _get_codes(self, query, variables=None, **options):
        """Return the codes of an answer's errors."""
        body = self._answer(query, variables, **options).body
        return [error["extensions"]["code"] for error in body.get("errors", ())]

    def _key(self):
        if not hasattr(self, "_default_key"):
            self._default_key = self._create_key()
        return self._default_key

    def _get_id(self, record, type_name):
        return ids.encode(type_name, record.id)


class GraphqlCase(GraphqlMixin, BillingCase):
    """Tests without HTTP, where queries can be counted."""


class GraphqlHttpCase(GraphqlMixin, BillingHttpCase):
    """Tests over HTTP."""

    def _send(
        self,
        query=None,
        variables=None,
        *,
        accept=JSON,
        key=None,
        body=None,
        headers=None,
        method=None,
        path="",
        **options,
    ):
        """Make a request and return the response; ``body`` is sent instead of the query if it is given."""
        if body is None and query is not None:
            body = json.dumps({"query": query, "variables": variables or {}})
        sent = {"Accept": accept, "Authorization": f"Bearer {key or self.key}", "Content-Type": JSON, **(headers or {})}
        sent = {name: value for name, value in sent.items() if value is not None}
        method = method or ("POST" if body is not None else "GET")
        return self.url_open(f"{URL}{path}", data=body, headers=sent, method=method, timeout=60, **options)

    def assertErrors(self, response, status, *codes, media_type=JSON):
        """Check that a response is JSON with these error codes, and tells nothing of the server."""
        self.assertEqual(response.status_code, status, response.text[:500])
        self.assertEqual(response.headers["Content-Type"], f"{media_type}; charset=utf-8")
        answer = response.json()
        self.assertEqual([error["extensions"]["code"] for error in answer["errors"]], list(codes), response.text[:500])
        self.assertNotIn("Traceback", response.text)
        return answer
