# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import contextlib
import datetime
import importlib.util
import io
import json
import os
import uuid
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import requests
from cryptography.fernet import Fernet
from urllib3.response import HTTPResponse

from odoo import fields
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import HttpCase, TransactionCase, new_test_user
from odoo.tests.common import _super_send

from ..crypto.secret_box import ENVIRONMENT_VARIABLE
from ..models.usage_row import UsageRow
from .editions import EditionMixin

BASE = "/api/billing/v1"


def load_script(path):
    """Return a script of an upgrade as a module, by its path below migrations/."""
    file = Path(__file__).parents[1] / "migrations" / path
    spec = importlib.util.spec_from_file_location(file.stem.replace("-", "_"), file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unique(text):
    """Return a code that no record of the database under test has."""
    return f"{text}-{uuid.uuid4().hex[:12]}"


class BillingMixin(EditionMixin):
    """One service with a customer and a monthly plan of 20.00 in Canadian dollars, all without taxes.

    Orders have the plan's pricelist, so that amounts do not depend on the company's currency.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(patch.dict(os.environ, {ENVIRONMENT_VARIABLE: Fernet.generate_key().decode()}))
        cls.company = cls.env.company
        cls.company.x_fc_start_days_back = 36500  # the days of the tests do not depend on today
        cls._ensure_accounting()
        cls.recurrence = cls.env["sale.subscription.plan"].create({"name": "Monthly"})
        cls.fee = cls._create_product(name="Platform fee", recurring_invoice=True, list_price=20)
        cls.usage_product = cls._create_product(name="Usage")
        cls.metric = cls._create_metric()
        cls.plan = cls._create_plan()
        cls.service = cls._create_service()
        cls.partner = cls.env["res.partner"].create({"name": "Customer"})
        cls.link = cls._create_link()

    @classmethod
    def _ensure_accounting(cls):
        domain = [("type", "=", "sale"), ("company_id", "=", cls.company.id)]
        if not cls.env["account.journal"].search_count(domain, limit=1):
            cls.env["account.chart.template"].try_loading("generic_coa", company=cls.company, install_demo=False)

    # === CREATORS === #

    @classmethod
    def _create_product(cls, **values):
        defaults = {"name": "Product", "type": "service", "list_price": 1, "invoice_policy": "order"}
        return cls.env["product.product"].create({**defaults, "taxes_id": [Command.clear()], **values})

    @classmethod
    def _create_metric(cls, aggregation="sum", **values):
        return cls.env["fusion.billing.metric"].create(
            {"name": "Metric", "code": unique("metric"), "aggregation": aggregation, **values}
        )

    @classmethod
    def _get_currency(cls, name):
        currency = cls.env["res.currency"].with_context(active_test=False).search([("name", "=", name)])
        currency.active = True
        return currency

    @classmethod
    def _create_pricelist(cls, currency="CAD", **values):
        return cls.env["product.pricelist"].create(
            {
                "name": f"List in {currency}",
                "currency_id": cls._get_currency(currency).id,
                "company_id": cls.company.id,
                **values,
            }
        )

    @classmethod
    def _create_plan(cls, currency="CAD", **values):
        return cls.env["fusion.billing.plan"].create(
            {
                "name": "Plan",
                "code": unique("plan"),
                "plan_id": cls.recurrence.id,
                "pricelist_id": cls._create_pricelist(currency).id,
                "product_id": cls.fee.id,
                "price": 20,
                **values,
            }
        )

    @classmethod
    def _create_charge(cls, plan=None, tiers=(), **values):
        """Create a charge of 1.00 per unit on the class's plan and metric, which begun periods have as well."""
        return cls.env["fusion.billing.charge"].create(
            {
                "name": "Charge",
                "plan_code": (plan or cls.plan).code,
                "metric_id": cls.metric.id,
                "product_id": cls.usage_product.id,
                "price_per_unit": 0 if tiers else 1,
                "tier_ids": [Command.create(tier) for tier in tiers],
                "price_effective_from": "2000-01-01",
                **values,
            }
        )

    @classmethod
    def _create_service(cls, **values):
        return cls.env["fusion.billing.service"].create({"name": "Source App", "code": unique("app"), **values})

    @classmethod
    def _create_link(cls, service=None, partner=None, **values):
        return cls.env["fusion.billing.account.link"].create(
            {
                "service_id": (service or cls.service).id,
                "external_id": unique("customer"),
                "partner_id": (partner or cls.partner).id,
                **values,
            }
        )

    @classmethod
    def _create_subscription(cls, plan=None, service=None, confirm=True, with_fee=True, **values):
        """Create a monthly subscription of the class's plan and service since January 1, 2026."""
        plan = cls.plan if plan is None else plan
        lines = [{"product_id": cls.fee.id, "price_unit": 20}] if with_fee else []
        order = cls.env["sale.order"].create(
            {
                "partner_id": cls.partner.id,
                "plan_id": cls.recurrence.id,
                "pricelist_id": plan.pricelist_id.id,
                "start_date": "2026-01-01",
                "x_fc_service_id": (cls.service if service is None else service).id,
                "x_fc_external_id": unique("subscription"),
                "x_fc_plan_code": plan.code,
                "order_line": [Command.create(line) for line in lines],
                **values,
            }
        )
        if confirm:
            order.action_confirm()
            cls._begin_first_period(order)
        return order

    @classmethod
    def _create_user(cls, *groups, **values):
        return new_test_user(cls.env, login=unique("user"), groups=",".join(("base.group_user", *groups)), **values)

    # === USAGE AND RATING === #

    def _use(self, order, quantity, at="2026-01-10", metric=None, idem=None):
        """Record an instant event."""
        metric = metric or self.metric
        return self.env["fusion.billing.usage"]._record_usage(order, metric.code, quantity, at, at, idem)

    def _upsert(self, service, *rows):
        """Record counters given as (order, quantity, start, end, key), in one batch."""
        usage_rows = [
            UsageRow(order.id, self.metric.id, quantity, _time(start), _time(end), key)
            for order, quantity, start, end, key in rows
        ]
        return self.env["fusion.billing.usage"]._upsert(service, usage_rows)

    def _rate(self, order, day="2026-01-20"):
        with self._on(day):
            return order._fc_rate()

    def _get_ratings(self, order):
        """Return the ledger of an order, oldest first."""
        ratings = self.env["fusion.billing.rating"].search([("subscription_id", "=", order.id)])
        return ratings.sorted(lambda rating: (rating.period_start, rating.charge_id.id, rating.sequence))

    def _get_ledger(self, order):
        """Return the ledger of an order as (first day, sequence, state, amount), oldest first."""
        return [
            (str(rating.period_start.date()), rating.sequence, rating.state, rating.amount)
            for rating in self._get_ratings(order)
        ]

    def _get_changes(self, order):
        return self.env["fusion.billing.usage.change"].search([("subscription_id", "=", order.id)])

    # === INVOICING === #

    @classmethod
    @contextlib.contextmanager
    def _on(cls, day, zone="UTC", time="12:00:00"):
        """Run the block at noon of a day, or at another time, with what depends on the clock recomputed.

        Not with freezegun, which looks through all of Odoo's modules each time.

        :param zone: whose day and time
        """
        local = datetime.datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=ZoneInfo(zone))
        noon = local.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        cls.env.invalidate_all()
        with (
            patch.object(fields.Datetime, "now", lambda *args: noon),
            patch.object(fields.Date, "today", lambda *args: noon.date()),
            patch.object(fields.Date, "context_today", lambda record, timestamp=None: (timestamp or noon).date()),
        ):
            yield

    def _invoice_on(self, order, day):
        """Run the recurring invoicing of an order."""
        with self._on(day), trap_jobs():
            return self._bill_what_is_due(order)

    def _create_native_invoice_on(self, order, day, zone="UTC"):
        """Do what the button "Create Invoice" does."""
        with self._on(day, zone), trap_jobs():
            wizard = self.env["sale.advance.payment.inv"].with_context(
                active_model="sale.order", active_ids=order.ids, active_id=order.id
            )
            wizard.create({"advance_payment_method": "delivered"}).create_invoices()
        return order.invoice_ids.sorted("id")[-1:]

    def _run_closing_jobs(self, order, day, zone="UTC"):
        """Run the jobs that end a subscription, until none is left."""
        with self._on(day, zone), trap_jobs() as trap:
            order._job_rate()
            while any(job.method_name == "_job_invoice_remaining_usage" for job in trap.enqueued_jobs):
                trap.enqueued_jobs = []
                order._job_invoice_remaining_usage()

    def _pay(self, invoice, amount=None):
        """Register a payment of an invoice, in full by default."""
        wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
        return wizard.create({"amount": amount} if amount else {})._create_payments()

    def _get_line(self, move, product):
        return move.invoice_line_ids.filtered(lambda line: line.product_id == product)

    def _get_usage_lines(self, order):
        return order.order_line.filtered("x_fc_charge_id")

    # === WEBHOOKS === #

    @classmethod
    def _listen(cls, service=None, **values):
        """Let a service hear of events; its address is public and never connected to."""
        service = service or cls.service
        service.write({"webhook_url": "https://hooks.example.com/billing", "webhook_secret": "s3cret", **values})
        return service

    def _get_events(self, service=None, *event_types):
        webhooks = self.env["fusion.billing.webhook"].search(
            [("service_id", "=", (service or self.service).id)], order="id"
        )
        return webhooks.filtered(lambda webhook: not event_types or webhook.event_type in event_types)

    @contextlib.contextmanager
    def _receiver(self, status=200, body=b"", headers=None, error=None):
        """Stand in for the receiver at the transport of requests; yield what it got."""
        received = []

        def send(_adapter, request, **options):
            received.append((request, options))
            if error:
                raise error
            return _response(request, status, body, headers)

        with (
            patch.object(requests.Session, "send", _super_send),
            patch.object(requests.adapters.HTTPAdapter, "send", send),
        ):
            yield received

    @contextlib.contextmanager
    def _commits_ignored(self):
        """Let cron methods run, whose commits a test transaction refuses."""
        with patch.object(self.registry["ir.cron"], "_commit_progress", lambda *args, **kwargs: 1.0):
            yield


class BillingCase(BillingMixin, TransactionCase):
    """Tests on models."""


class BillingHttpCase(BillingMixin, HttpCase):
    """Tests over HTTP, with a key of the class's service."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls.service.action_generate_api_key()
        # All tests come from one address, the limit counts beyond the transaction under test, and machines are slow.
        for name in ("failures_at_once", "request_seconds", "preview_seconds"):
            cls.env["ir.config_parameter"].set_param(f"fusion_centralize_billing.{name}", "0")

    def _call(self, path, payload=None, *, key=None, method=None, body=None, headers=None, params=None):
        """Make a request and return the response; ``payload`` is sent as JSON, ``body`` as it is."""
        if payload is not None:
            body = json.dumps(payload)
        sent = {"Authorization": f"Bearer {key or self.key}"}
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        sent = {name: value for name, value in sent.items() if value is not None}
        method = method or ("GET" if body is None else "POST")
        return self.url_open(f"{BASE}{path}", data=body, headers=sent, params=params, method=method, timeout=60)

    def _event(self, order=None, **values):
        return {
            "subscription_external_id": order.x_fc_external_id if order else "unknown",
            "metric_code": self.metric.code,
            "quantity": 1,
            "period_start": "2026-01-10T00:00:00Z",
            "period_end": "2026-01-11T00:00:00Z",
            **values,
        }

    def assertRefused(self, response, status, code, path=None):
        """Check the shape of an error: status, stable code, and the path of the first fault."""
        self.assertEqual(response.status_code, status, response.text[:500])
        self.assertEqual(response.headers["Content-Type"], "application/json; charset=utf-8")
        answer = response.json()
        self.assertEqual(set(answer), {"status", "code", "message", "errors"})
        self.assertEqual((answer["status"], answer["code"]), ("error", code))
        self.assertNotIn("Traceback", response.text)
        for fault in answer["errors"]:
            self.assertEqual(set(fault), {"path", "code", "message"})
        if path is not None:
            self.assertEqual(answer["errors"][0]["path"], path)
        return answer


def _time(value):
    return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value


def _response(request, status, body, headers):
    response = requests.Response()
    response.status_code = status
    response.request = request
    response.url = request.url
    response.raw = HTTPResponse(io.BytesIO(body), headers=headers, status=status, preload_content=False)
    return response
