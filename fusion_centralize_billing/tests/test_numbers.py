# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
from decimal import Decimal

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import tagged

from ..api.jsonrpc_methods import PATH
from ..api.numbers import CODE
from .common import BillingCase, BillingHttpCase

#: Texts of numbers that would take gigabytes once they are written out, or that Python refuses to read.
OUT_OF_RANGE = (
    "1e999999999",
    "1E+101",
    "-1e-999999999",
    "0e99999999999999999999999999999999",
    "1" * 101,
    "1" * 100_000,
    "0." + "1" * 100_000,
    f"1e{'9' * 100_000}",
)


@tagged("post_install", "-at_install")
class TestNumbersOutOfRange(BillingHttpCase):
    """A number that nobody could write out is refused with its path, wherever it stands."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with trap_jobs():
            cls.order = cls._create_subscription()

    def _bodies(self, number):
        """Yield (path in REST, body, path of the fault) for each place that a number can stand in."""
        places = [
            ("quantity", "NUMBER", "quantity"),
            ("quantity", "TEXT", "quantity"),
            ("properties", {"tier": "NUMBER"}, "properties.tier"),
            ("idempotency_key", "NUMBER", "idempotency_key"),
            ("subscription_external_id", "NUMBER", "subscription_external_id"),
            ("period_start", "NUMBER", "period_start"),
            ("surplus", "NUMBER", "surplus"),
        ]
        for field, value, path in places:
            event = {**self._event(self.order), field: value}
            body = {"events": [self._event(self.order), event]}
            yield "/usage", self._with_number(body, number), f"events.1.{path}"
        line = {"product_id": "NUMBER", "quantity": 1}
        body = {"external_customer_id": "x", "plan_id": 1, "lines": [line]}
        yield "/subscriptions", self._with_number(body, number), "lines.0.product_id"

    def _with_number(self, body, number):
        return json.dumps(body).replace('"NUMBER"', number).replace('"TEXT"', f'"{number}"')

    def test_in_a_body(self):
        for number in OUT_OF_RANGE:
            for rest_path, body, path in self._bodies(number):
                with self.subTest(number[:20], path=path):
                    self.assertRefused(self._call(rest_path, body=body), 400, CODE, path)

    def test_in_a_call_of_jsonrpc(self):
        methods = {"/usage": "recordUsage", "/subscriptions": "createSubscription"}
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        for number in OUT_OF_RANGE:
            for rest_path, body, path in self._bodies(number):
                message = f'[{{"jsonrpc": "2.0", "id": 1, "method": "{methods[rest_path]}", "params": {body}}}]'
                with self.subTest(number[:20], path=path):
                    [answer] = self.url_open(PATH, data=message, headers=headers).json()
                    data = answer["error"]["data"]
                    self.assertEqual((answer["id"], data["code"], data["errors"][0]["path"]), (1, CODE, path))

    def test_as_the_id_of_a_call(self):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        for number in OUT_OF_RANGE:
            message = f'{{"jsonrpc": "2.0", "id": {number}, "method": "catalog"}}'
            with self.subTest(number[:20]):
                answer = self.url_open(PATH, data=message, headers=headers)
                self.assertEqual(answer.status_code, 400)
                data = answer.json()["error"]["data"]
                self.assertEqual((answer.json()["id"], data["code"], data["errors"][0]["path"]), (None, CODE, "id"))

    def test_in_a_query_or_path(self):
        for number in [number for number in OUT_OF_RANGE if len(number) < 1000]:
            with self.subTest(number):
                self.assertRefused(self._call("/customers", params={"limit": number}), 400, CODE, "limit")
                self.assertRefused(self._call(f"/invoices/{number}"), 400, CODE, "invoice_id")

    def test_one_counter_of_a_batch_is_rejected_alone(self):
        events = [self._event(self.order), self._event(self.order, quantity="NUMBER")]
        body = self._with_number({"events": events, "error_policy": "reject_failed_rows"}, "1e999999999")
        good, bad = self._call("/usage", body=body).json()["results"]
        self.assertEqual(good["status"], "accepted")
        self.assertEqual([(fault["path"], fault["code"]) for fault in bad["errors"]], [("events.1.quantity", CODE)])

    def test_numbers_within_the_bounds_are_taken_for_what_they_are(self):
        cases = [
            ("1E+5", "100000"),
            ("1e0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e100", "0"),
            ("1e-18", "0.000000000000000001"),
            ("5.000000", "5"),
            ('"1E+5"', "100000"),
        ]
        for number, quantity in cases:
            with self.subTest(number):
                event = {**self._event(self.order), "quantity": "NUMBER", "idempotency_key": number}
                response = self._call("/usage", body=self._with_number({"events": [event]}, number))
                self.assertEqual(response.status_code, 202, response.text)
                usage = self.env["fusion.billing.usage"].search([("idempotency_key", "=", number)])
                self.assertEqual(usage._get_exact_quantities()[usage.id], Decimal(quantity))

    def test_what_is_within_the_bounds_but_no_quantity_is_told_as_before(self):
        for number, code in (
            ("1e100", "decimal_max_digits"),
            ("1e-100", "decimal_max_digits"),
            ("-1", "negative_quantity"),
        ):
            with self.subTest(number):
                body = self._with_number({"events": [{**self._event(self.order), "quantity": "NUMBER"}]}, number)
                answer = self.assertRefused(
                    self._call("/usage", body=body), 400, "invalid_payload", "events.0.quantity"
                )
                self.assertEqual(answer["errors"][0]["code"], code)


@tagged("post_install", "-at_install")
class TestPropertyValues(BillingCase):
    """A whole number is one value, however it was written."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with trap_jobs():
            cls.order = cls._create_subscription()

    def _record(self, value, quantity=1):
        event = {"subscription_external_id": self.order.x_fc_external_id, "metric_code": self.metric.code}
        times = {"period_start": "2026-01-10", "period_end": "2026-01-10"}
        self.service._api_record_usage({"events": [{**event, **times, "quantity": quantity, "properties": value}]})

    def _get_values(self):
        usages = self.env["fusion.billing.usage"].search([("subscription_id", "=", self.order.id)], order="id")
        return [usage.properties["tier"] for usage in usages]

    def test_values_are_kept_as_text(self):
        cases = [
            (5, "5", "an integer"),
            ("5", "5", "a text"),
            (Decimal("5.0"), "5", "no fraction"),
            (Decimal("5.000000"), "5", "no fraction, however many zeros tell so"),
            (Decimal("50e-1"), "5", "an exponent"),
            (Decimal("1E+5"), "100000", "written out"),
            ("5.0", "5", "a client that sends numbers as text means the same"),
            (Decimal("1.50"), "1.5", "a number has no last zeros"),
            ("1.10", "1.10", "a text with a fraction may be a version"),
            ("1.0.0", "1.0.0", "no number"),
            ("05.0", "05.0", "no number in JSON"),
            ("1e5", "1e5", "a text is not worked out"),
            (-3, "-3", "below zero"),
            (Decimal("-0.0"), "0", "there is one zero"),
            ("-0.0", "0", "there is one zero"),
            (True, "true", "a truth value"),
            ("eu", "eu", "a text"),
        ]
        for value, _kept, _reason in cases:
            self._record({"tier": value})
        for kept, (value, expected, reason) in zip(self._get_values(), cases, strict=True):
            with self.subTest(reason, value=value):
                self.assertEqual(kept, expected)

    def test_charges_filter_and_group_by_the_value(self):
        values = (5, "5", Decimal("5.0"), Decimal("5.000000"), "5.0")
        for value in values:
            self._record({"tier": value})
        self._record({"tier": 6})
        filtered = self._create_charge(
            filter_ids=[Command.create({"name": "tier", "value": "5.0"})], is_additional=True
        )
        self.assertEqual(filtered.filter_ids.value, "5")
        self.assertEqual(self.order._fc_rate_usage(filtered, "2026-01-01", "2026-02-01"), 5)
        grouped = self._create_charge(group_by="tier", is_additional=True)
        self.assertEqual(self.order._fc_rate_usage(grouped, "2026-01-01", "2026-02-01"), 6)
        rows = self._get_ratings(self.order).filtered(lambda row: row.charge_id == grouped)
        self.assertEqual({row.dimensions: row.amount for row in rows}, {"tier: 5": 5, "tier: 6": 1})
        request = {"subscription_external_id": self.order.x_fc_external_id, "group_by": "properties.tier"}
        totals = self.service._api_query_usage({**request, "from": "2026-01-01", "to": "2026-02-01"})["usage"]
        self.assertEqual({row["properties"]["tier"]: row["quantity"] for row in totals}, {"5": "5", "6": "1"})

    def test_people_write_the_same_values(self):
        usage = self._use(self.order, 1)
        usage.properties = {"tier": 5.0, "size": 7, "version": "1.10"}
        self.assertEqual(usage.properties, {"tier": "5", "size": "7", "version": "1.10"})

    def test_a_counter_sent_again_in_another_spelling_is_the_same(self):
        event = {"subscription_external_id": self.order.x_fc_external_id, "metric_code": self.metric.code}
        event |= {"period_start": "2026-01-10", "period_end": "2026-01-10", "quantity": 1, "idempotency_key": "k"}
        for value, status in ((5, "accepted"), ("5", "duplicate"), (Decimal("5.00"), "duplicate"), (6, "updated")):
            answer = self.service._api_record_usage({"events": [{**event, "properties": {"tier": value}}]})
            self.assertEqual(answer["results"][0]["status"], status, value)
