# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Every operation, with good and bad payloads, on every transport: the same answers, the same errors."""

import json
import re
from unittest.mock import patch

from odoo.exceptions import AccessError, LockError, MissingError, UserError, ValidationError
from odoo.tools import mute_logger

from ..api.errors import ConflictError
from ..api.operations import OPERATIONS, SCOPES
from ..api.payloads import MAX_EVENTS
from .common import unique
from .parity_invoices import InvoiceCases
from .parity_lists import ListCases
from .transports import JsonrpcTransport, RestTransport

#: What differs from run to run beside numbers.
_PASSING = "number|reference|created_at|updated_at|rated_at|voided_at|next_cursor|filename|content_base64"


class ParityMixin(ListCases, InvoiceCases):
    """Runs each case on each transport, with records of its own, and compares what a client learns."""

    # Odoo runs the tests of the class itself only, unless it is told otherwise.
    allow_inherited_tests_method = True
    operations = OPERATIONS
    transports = (RestTransport(), JsonrpcTransport())
    loggers = ("odoo.addons.fusion_centralize_billing.api.errors", "odoo.http", "odoo.sql_db", "odoo.service.model")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        charge = cls._create_charge()
        charge.write({"price_per_unit": 2, "price_effective_from": "2099-01-01"})
        cls._set_up_demo()
        # Odoo's tests render in HTML, but only after they looked for the program.
        report = cls.registry["ir.actions.report"]
        cls.startClassPatcher(patch.object(report, "get_wkhtmltopdf_state", lambda self: "ok"))

    # === CASES === #

    def _get_cases(self):
        """Return ``{operation: [(payload of a tag, code of the error or None, path of its first fault)]}``.

        The tag makes the ids of one run; it is "TAG" in what is compared.
        """
        return {
            "upsertCustomer": self._get_customer_cases(),
            "recordUsage": self._get_usage_cases(),
            "catalog": [
                (lambda tag: {}, None, None),
                (lambda tag: {"page": "2"}, "invalid_payload", "page"),
            ],
            "createSubscription": self._get_subscription_cases(),
            "terminateSubscription": self._get_termination_cases(),
            **self._get_list_cases(),
            **self._get_invoice_cases(),
        }

    def _get_customer_cases(self):
        customer = {"name": "Acme", "email": "billing@acme.example"}
        return [
            (lambda tag: {"external_id": tag, **customer}, None, None),
            (lambda tag: {"external_id": tag}, None, None),
            (lambda tag: {}, "invalid_payload", "external_id"),
            (lambda tag: {"external_id": tag, "email": "nobody"}, "invalid_payload", "email"),
            (lambda tag: {"external_id": "a\0b"}, "invalid_payload", "external_id"),
            (lambda tag: {"external_id": 7, "name": "", "email": []}, "invalid_payload", "external_id"),
        ]

    def _get_usage_cases(self):
        def one(**values):
            return lambda tag: {"events": [self._event(self._open(tag), **values)]}

        def with_taken_key(tag):
            self._use(self._create_subscription(), 1, idem=tag)
            return one(idempotency_key=tag)(tag)

        def partly(*others):
            def build(tag):
                events = [self._event(self._open(tag)), *others]
                return {"events": events, "error_policy": "reject_failed_rows"}

            return build

        return [
            (one(quantity=1.5), None, None),
            (lambda tag: one(quantity="0.000000000000000001", idempotency_key=tag)(tag), None, None),
            (partly(self._event(), self._event(quantity=-1)), None, None),
            (partly({"quantity": -1}), None, None),
            (partly(), None, None),  # with a warning: no charge prices it
            (lambda tag: {}, "invalid_payload", "events"),
            (lambda tag: {"events": []}, "invalid_payload", "events"),
            (lambda tag: {"events": [self._event()] * (MAX_EVENTS + 1)}, "batch_too_large", "events"),
            (lambda tag: {"events": [self._event()]}, "subscription_not_found", "events.0.subscription_external_id"),
            (one(metric_code="unknown"), "metric_not_found", "events.0.metric_code"),
            (one(quantity=-1), "invalid_payload", "events.0.quantity"),
            (one(period_start="2026-01-12T00:00:00Z"), "end_before_start", "events.0.period_end"),
            (one(period_start="2025-01-01", period_end="2025-01-01"), "usage_before_start", "events.0.period_end"),
            (with_taken_key, "idempotency_conflict", "events.0.idempotency_key"),
        ]

    def _get_subscription_cases(self):
        def one(**values):
            return lambda tag: {"external_customer_id": self._create_link(external_id=tag).external_id, **values}

        def again(tag):
            self._open(tag)
            return one(external_id=tag, plan_code=self.plan.code, start_date="2026-02-02")(tag)

        def ended(tag):
            self._open(tag)._fc_terminate()
            return one(external_id=tag, plan_code=self.plan.code)(tag)

        def long_ago(tag):
            self.company.x_fc_start_days_back = 0
            return one(plan_code=self.plan.code, start_date="2026-01-31")(tag)

        yearly = self.env["sale.subscription.plan"].create({"name": "Yearly", "billing_period_unit": "year"})
        line = {"product_id": self.usage_product.id, "quantity": 2}
        unknown_line = {"product_id": 2**31 - 1}
        return [
            (one(plan_code=self.plan.code, start_date="2026-01-31"), None, None),
            (one(plan_id=self.recurrence.id, lines=[line]), None, None),
            (one(), "invalid_payload", "plan_code"),
            (lambda tag: {"external_customer_id": tag, "plan_id": 1}, "customer_not_found", "external_customer_id"),
            (one(plan_code="unknown"), "plan_not_found", "plan_code"),
            (one(plan_code=self.plan.code, plan_id=yearly.id), "recurrence_mismatch", "plan_id"),
            (one(plan_id=self.recurrence.id, lines=[unknown_line]), "product_not_found", "lines.0.product_id"),
            (one(plan_id=self.recurrence.id, lines=[{**line, "quantity": 0}]), "invalid_payload", "lines.0.quantity"),
            (again, "external_id_conflict", "external_id"),
            (ended, "external_id_ended", "external_id"),
            (long_ago, "start_date_out_of_range", "start_date"),
        ]

    def _get_termination_cases(self):
        def one(**values):
            return lambda tag: {"subscription_external_id": self._open(tag).x_fc_external_id, **values}

        return [
            (one(end_date="2026-03-01"), None, None),
            (one(at="now"), None, None),
            (one(at="period_end"), None, None),
            (one(at="now", end_date="2026-03-01"), "invalid_payload", "at"),
            (one(at="tomorrow"), "invalid_payload", "at"),
            (one(end_date="2025-01-01"), "end_date_refused", "end_date"),
            (one(end_date="tomorrow"), "invalid_payload", "end_date"),
            (one(reason="misuse"), None, None),
            (one(at="now", reason="not_paid"), None, None),
            (one(reason="none"), "invalid_payload", "reason"),
            (one(cause="misuse"), "invalid_payload", "cause"),
            (lambda tag: {"subscription_external_id": tag}, "subscription_not_found", "subscription_external_id"),
            (self._name_unowned, "subscription_not_given", "subscription_external_id"),
        ]

    def _open(self, tag):
        """Return a running subscription with the tag as its external id."""
        return self._create_subscription(x_fc_external_id=tag)

    def _name_unowned(self, _tag):
        """Return the payload that names a subscription of the back office, of a customer of the service."""
        order = self._create_subscription(x_fc_service_id=False, x_fc_external_id=False)
        return {"subscription_external_id": str(order.id)}

    # === HELPERS === #

    def _run_everywhere(self, name, build, key):
        """Run an operation on every transport, compare the outcomes, and return the first."""
        outcomes = []
        for transport in self.transports:
            tag = unique("tag")
            outcome = transport.run(self, name, build(tag), key)
            outcomes.append(self._without_identity(outcome.__dict__, tag))
        for transport, outcome in zip(self.transports[1:], outcomes[1:], strict=True):
            transport.compare(self, name, outcome, outcomes[0])
        return outcomes[0]

    def _get_unscoped_payloads(self, name):
        """Return payloads that a key without the scope must not learn anything about: a good one, bad ones."""
        good = self._get_cases()[name][0][0]
        malformed = {"subscription_external_id": "x", "unknown": "1"}
        return [good, lambda tag: {"subscription_external_id": "x"}, lambda tag: malformed]

    def _without_identity(self, value, tag):
        """Return a plain value with the tag, and the ids that differ from run to run, by name."""
        text = json.dumps(value).replace(tag, "TAG")
        text = re.sub(r'"(\w+_id)": \d+', r'"\1": "ID"', text)
        text = re.sub(r'"(rating_ids)": \[\d[^]]*\]', r'"\1": "IDS"', text)
        return json.loads(re.sub(rf'"({_PASSING})": "[^"]+"', r'"\1": "PASSING"', text))

    # === TESTS === #

    def test_every_operation_has_good_and_bad_cases(self):
        cases = self._get_cases()
        self.assertEqual(set(cases), set(OPERATIONS))
        for name, rows in cases.items():
            good = [row for row in rows if row[1] is None] or name in self._by_edition((), ("retryPayment",))
            self.assertTrue(good and [row for row in rows if row[1]], name)

    def test_every_transport_gives_the_same_answers_and_errors(self):
        cases = self._get_cases()
        for name in self.operations:
            for number, (build, code, path) in enumerate(cases[name]):
                with self.subTest(f"{name} {number}: {code or 'ok'}"):
                    outcome = self._run_everywhere(name, build, self.key)
                    self.assertEqual(outcome["code"], code)
                    self.assertEqual(outcome["answer"] is None, code is not None)
                    if path is not None:
                        self.assertEqual(outcome["errors"][0]["path"], path)

    def test_every_transport_asks_for_the_scope_before_the_payload(self):
        for name, operation in self.operations.items():
            scopes = set(SCOPES) - {operation.scope}
            keys = self.env["fusion.billing.api.key"]
            key = keys._generate(self.service, name="Key", scopes=" ".join(sorted(scopes)))
            for number, build in enumerate(self._get_unscoped_payloads(name)):
                with self.subTest(f"{name} {number}"):
                    outcome = self._run_everywhere(name, build, key)
                    self.assertEqual(outcome["code"], "insufficient_scope")

    def test_every_transport_needs_a_key(self):
        for name in self.operations:
            for key in (None, "unknown"):
                with self.subTest(f"{name} {key}"), mute_logger(*self.loggers):
                    outcome = self._run_everywhere(name, lambda tag: {"subscription_external_id": tag}, key)
                    self.assertEqual(outcome["code"], "unauthenticated")

    def test_every_transport_hides_exceptions_in_the_same_way(self):
        cases = [
            (ValueError("secret"), "internal"),
            (AccessError("secret"), "not_found"),
            (MissingError("secret"), "not_found"),
            (ValidationError("secret"), "validation_failed"),
            (UserError("secret"), "business_rule"),
            (LockError("secret"), "locked"),
            (ConflictError("Known.", code="known", path="a"), "known"),
        ]
        for exception, code in cases:
            with self.subTest(repr(exception)), self._failing(exception), mute_logger(*self.loggers):
                outcome = self._run_everywhere("upsertCustomer", lambda tag: {"external_id": tag}, self.key)
                self.assertEqual(outcome["code"], code)
                self.assertNotIn("secret", str(outcome))

    def test_every_transport_refuses_what_the_database_refuses(self):
        def duplicate(service, payload):
            service.env.cr.execute(
                "INSERT INTO fusion_billing_service (name, code, company_id) SELECT name, code, company_id"
                " FROM fusion_billing_service WHERE id = %s",
                [service.id],
            )

        service = self.registry["fusion.billing.service"]
        with patch.object(service, "_api_upsert_customer", duplicate), mute_logger(*self.loggers):
            outcome = self._run_everywhere("upsertCustomer", lambda tag: {"external_id": tag}, self.key)
        self.assertEqual(outcome["code"], "validation_failed")

    def _failing(self, exception):
        def fail(service, payload):
            raise exception

        return patch.object(self.registry["fusion.billing.service"], "_api_upsert_customer", fail)
