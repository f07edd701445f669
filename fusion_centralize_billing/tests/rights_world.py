# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""One record of every model of ours, and of every native one that has fields of ours, for each of several services."""

import contextlib

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command

from .common import BillingCase, unique


class RightsCase(BillingCase):
    """Two services of the class's company, and one of another company that has its own products and people."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.env["res.company"].create({"name": unique("Other company"), "country_id": False})
        cls.own = cls._create_world(cls.service)
        cls.neighbour = cls._create_world(cls._create_service())
        with cls._in_company(cls.other_company):
            cls.abroad = cls._create_world(cls._create_service())

    @classmethod
    @contextlib.contextmanager
    def _in_company(cls, company):
        """Let what the class's helpers create belong to a company."""
        former = cls.env, cls.company, cls.metric
        cls.env = cls.env(context={**cls.env.context, "allowed_company_ids": company.ids})
        cls.company = company.with_env(cls.env)
        cls.metric = cls._create_metric()
        cls._ensure_accounting()
        try:
            yield
        finally:
            cls.env, cls.company, cls.metric = former

    @classmethod
    def _is_ours(cls, name):
        # By who made it: on Enterprise subscriptions and their plans are Odoo's.
        return name in cls.registry and (cls.registry[name]._original_module or "").startswith("fusion_")

    @classmethod
    def _get_models(cls):
        """Return the names of our models that have records, transient ones included."""
        return sorted(name for name, model in cls.registry.items() if cls._is_ours(name) and not model._abstract)

    # === WORLDS === #

    @classmethod
    def _create_world(cls, service):
        """Return ``{model: records}`` of a service, as its customer's first month leaves them behind."""
        cls._listen(service)
        recurrence = cls.env["sale.subscription.plan"].create({"name": "Monthly", "company_id": cls.company.id})
        partner = cls.env["res.partner"].create({"name": "Customer"})
        catalogue = cls._create_catalogue(service)
        with trap_jobs():
            order = cls._create_subscription(
                catalogue["fusion.billing.plan"], service, partner_id=partner.id, x_fc_minimum_commitment=5
            )
            bill = cls._bill(order)
        cls._create_link(service, partner)
        cls._forget()
        return {
            **catalogue,
            **bill,
            **cls._create_by_hand(order, bill["account.move"]),
            "sale.subscription.plan": recurrence,
            "fusion.billing.service": service,
            "fusion.billing.account.link": service.account_link_ids,
            "fusion.billing.customer.token": cls._create_token(service.account_link_ids[:1])[1],
            "fusion.billing.webhook": cls._find("fusion.billing.webhook", service_id=service.id),
            "res.partner": partner,
            "res.company": cls.company,
            "product.template": cls.fee.product_tmpl_id,
        }

    @classmethod
    def _create_catalogue(cls, service):
        service.action_generate_api_key()
        plan = cls._create_plan(service_id=service.id)
        charge = cls._create_charge(
            plan,
            charge_model="graduated",
            tiers=[{"price_per_unit": 1}],
            filter_ids=[Command.create({"name": "region", "value": "eu"})],
        )
        cls._create_charge(plan, is_additional=True)
        return {
            "fusion.billing.api.key": service.api_key_ids,
            "fusion.billing.metric": cls.metric,
            "fusion.billing.plan": plan,
            "fusion.billing.charge": charge,
            "fusion.billing.charge.filter": charge.filter_ids,
            "fusion.billing.charge.tier": charge.tier_ids,
            "fusion.billing.charge.version": charge.version_ids,
        }

    @classmethod
    def _bill(cls, order):
        """Record, correct, rate and invoice a month of usage; return the records that come of it."""
        usages = cls.env["fusion.billing.usage"]
        record = [order, cls.metric.code, 5]
        usage = usages._record_usage(*record, "2026-01-10", "2026-01-10", unique("key"))
        usages._record_usage(*record, "2026-01-11", "2026-01-11")._void("mistaken")
        invoice = cls()._invoice_on(order, "2026-02-01")
        usages._record_usage(*record, "2026-02-03", "2026-02-03")
        cls._forget()  # rated counters are worked out in the database
        ratings = order.x_fc_rating_ids
        rated = ratings.filtered(lambda rating: rating.charge_id and rating.total_quantity)[:1]
        counters = cls.env["fusion.billing.rated.counter"].with_context(rating_id=rated.id)
        return {
            "sale.order": order,
            "sale.order.line": order.order_line.filtered("x_fc_charge_id"),
            "account.move": invoice,
            "account.move.line": invoice.invoice_line_ids[:1],
            "fusion.billing.usage": usage,
            "fusion.billing.usage.change": cls._find("fusion.billing.usage.change", subscription_id=order.id),
            "fusion.billing.usage.history": cls._find("fusion.billing.usage.history", subscription_id=order.id),
            "fusion.billing.rating": ratings,
            "fusion.billing.rated.counter": counters.search([]),
            "fusion.billing.period": cls._find("fusion.billing.period", subscription_id=order.id),
        }

    @classmethod
    def _create_by_hand(cls, order, invoice):
        """Return records that only faults, proofs, payments and retries of requests make."""
        proof = cls.env["fusion.billing.proof"].create({"company_id": cls.company.id})
        line = {"proof_id": proof.id, "status": "invoiced"}
        key = {"service_id": order.x_fc_service_id.id, "key": unique("key"), "operation": "upsertCustomer"}
        attention = cls.env["fusion.billing.attention"]
        transaction = cls._create_transaction(invoice)
        begun = {"transaction_id": transaction.id, "begun_at": "2026-02-01"}
        return {
            "fusion.billing.attention": attention._note(order, "rating", "product_missing", "No product."),
            "fusion.billing.idempotency.key": cls.env["fusion.billing.idempotency.key"].create(
                {**key, "fingerprint": "f"}
            ),
            "fusion.billing.commitment": cls.env["fusion.billing.commitment"].create(
                {"subscription_id": order.id, "amount": 5}
            ),
            "fusion.billing.payment.call": cls.env["fusion.billing.payment.call"].create(begun),
            "payment.transaction": transaction,
            "fusion.billing.proof": proof,
            "fusion.billing.proof.line": cls.env["fusion.billing.proof.line"].create(line),
            "fusion.billing.proof.finding": cls.env["fusion.billing.proof.finding"].create(
                {"proof_id": proof.id, "code": "unexplained"}
            ),
            "fusion.billing.reconciliation": cls._create_reconciliation(order),
            **cls._create_history_of_community(order),
        }

    @classmethod
    def _create_reconciliation(cls, order):
        return cls.env["fusion.billing.reconciliation"].create(
            {
                "service_id": order.x_fc_service_id.id,
                "partner_id": order.partner_id.id,
                "subscription_id": order.id,
                "currency_id": order.currency_id.id,
                "period_start": "2026-01-01",
                "period_end": "2026-02-01",
                "odoo_amount": 25,
                "external_amount": 20,
            }
        )

    @classmethod
    def _create_transaction(cls, invoice):
        providers = cls.env["payment.provider"].sudo()
        provider = providers.search([("company_id", "=", cls.company.id)], limit=1)
        provider = provider or providers.search([], limit=1).copy({"company_id": cls.company.id})
        method = cls.env["payment.method"].with_context(active_test=False).search([], limit=1)
        return cls.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": method.id,
                "reference": unique("charge"),
                "amount": 1,
                "currency_id": invoice.currency_id.id,
                "partner_id": invoice.partner_id.id,
                "x_fc_invoice_id": invoice.id,
            }
        )

    @classmethod
    def _create_history_of_community(cls, order):
        if "fusion.subscription.period" not in cls.env:
            return {}
        fee = order.order_line.filtered("x_fc_is_recurring")[:1]
        pause = cls.env["fusion.subscription.pause"].create({"order_id": order.id, "date_from": "2026-01-05"})
        return {
            "fusion.subscription.pause": pause,
            "fusion.subscription.period": order.x_fc_period_ids,
            "fusion.subscription.fee": order.x_fc_fee_ids,
            "fusion.subscription.line.term": cls.env["fusion.subscription.line.term"].create(
                {"order_line_id": fee.id, "quantity": 1, "price_unit": 20}
            ),
        }

    # === HELPERS === #

    @classmethod
    def _find(cls, name, **values):
        return cls.env[name].search([(field, "=", value) for field, value in values.items()])

    @classmethod
    def _forget(cls):
        """Empty the cache, in which the tests' superuser has read everything."""
        cls.env.flush_all()
        cls.env.invalidate_all()
