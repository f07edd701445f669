# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
from decimal import Decimal

from psycopg2.errors import SerializationFailure

from odoo.exceptions import ConcurrencyError
from odoo.tests import tagged

from ..api.errors import from_exception
from ..api.payloads import MAX_REPORTED_ERRORS
from ..controllers.rest import MAX_BODY
from .common import BillingHttpCase, unique

_MAX_EVENTS = 5000


@tagged("post_install", "-at_install")
class TestRestUsage(BillingHttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        cls.order = cls._create_subscription()

    def _post(self, *events, **options):
        return self._call("/usage", {"events": list(events)}, **options)

    def _get_quantities(self):
        usages = self.env["fusion.billing.usage"].search([("subscription_id", "=", self.order.id)], order="id")
        return usages.mapped("quantity")

    def _refuse(self, response, status, code, path=None):
        """Check an error, and that nothing was kept."""
        answer = self.assertRefused(response, status, code, path)
        self.assertFalse(self._get_quantities())
        self.assertFalse(self._get_changes(self.order))
        return answer

    # === ACCEPTED === #

    def test_usage_is_accepted(self):
        response = self._post(self._event(self.order, quantity=5), self._event(self.order, quantity=2.5))
        self.assertEqual(response.status_code, 202)
        results = [{"index": 0, "status": "accepted"}, {"index": 1, "status": "accepted"}]
        self.assertEqual(response.json(), {"status": "ok", "accepted": 2, "results": results})
        self.assertEqual(self._get_quantities(), [5, 2.5])

    def test_each_counter_of_a_batch_is_told_what_became_of_it(self):
        known = self._event(self.order, quantity=5, idempotency_key="a")
        self._post(known)
        answer = self._post(known, {**known, "quantity": 6}, self._event(self.order, quantity=1)).json()
        self.assertEqual([result["status"] for result in answer["results"]], ["duplicate", "updated", "accepted"])
        self.assertEqual(self._get_quantities(), [6, 1])

    def test_a_repeated_counter_is_not_rated_again(self):
        event = self._event(self.order, quantity=5, idempotency_key="a")
        self._post(event)
        self.env["fusion.billing.usage.change"]._take(self.order)
        self._post(event)
        self.assertFalse(self._get_changes(self.order))

    def test_the_good_counters_of_a_batch_are_kept_if_that_is_wanted(self):
        self._post(self._event(self.order, quantity=5, idempotency_key="a"))
        other = self._create_metric()
        events = [
            self._event(self.order, quantity=-1),
            self._event(self.order, quantity=2),
            self._event(quantity=3),
            self._event(self.order, quantity=4, idempotency_key="a", metric_code=other.code),
            {"quantity": 1, "surplus": True},
        ]
        response = self._call("/usage", {"events": events, "error_policy": "reject_failed_rows"})
        self.assertEqual((response.status_code, response.json()["accepted"]), (202, 1))
        results = response.json()["results"]
        self.assertEqual(
            [(result["index"], result["status"]) for result in results],
            [(0, "rejected"), (1, "accepted"), (2, "rejected"), (3, "rejected"), (4, "rejected")],
        )
        faults = [(fault["path"], fault["code"]) for result in results for fault in result.get("errors", [])]
        self.assertEqual(
            faults[:3],
            [
                ("events.0.quantity", "negative_quantity"),
                ("events.2.subscription_external_id", "subscription_not_found"),
                ("events.3.idempotency_key", "idempotency_conflict"),
            ],
        )
        self.assertIn(("events.4.surplus", "unknown_field"), faults)
        self.assertEqual(sorted(self._get_quantities()), [2, 5])

    def test_a_subscription_is_also_named_by_its_odoo_id(self):
        self.assertEqual(
            self._post(self._event(self.order, subscription_external_id=str(self.order.id))).status_code, 202
        )
        self.assertEqual(self._get_quantities(), [1])

    def test_an_external_id_is_asked_before_the_odoo_id(self):
        other = self._create_subscription(x_fc_external_id=str(self.order.id))
        self._post(self._event(self.order, subscription_external_id=str(self.order.id)))
        self.assertFalse(self._get_quantities())
        self.assertEqual(self.env["fusion.billing.usage"].search_count([("subscription_id", "=", other.id)]), 1)

    def test_a_repeated_key_replaces_the_counter(self):
        for quantity in (100, 175):
            response = self._post(self._event(self.order, quantity=quantity, idempotency_key="k"))
            self.assertEqual(response.status_code, 202)
        self.assertEqual(self._get_quantities(), [175])

    def test_a_key_repeated_inside_a_batch_counts_once(self):
        events = [self._event(self.order, quantity=quantity, idempotency_key="k") for quantity in (1, 2, 3)]
        self.assertEqual(self._post(*events).json()["accepted"], 3)
        self.assertEqual(self._get_quantities(), [3])

    def test_numbers_do_not_pass_through_floats(self):
        body = json.dumps({"events": [self._event(self.order, quantity="NUMBER")]})
        number = "12345678901234567890.123456789012345678"
        self.assertEqual(self._call("/usage", body=body.replace('"NUMBER"', number)).status_code, 202)
        self.env.cr.execute(
            "SELECT quantity::text FROM fusion_billing_usage WHERE subscription_id = %s", [self.order.id]
        )
        self.assertEqual(Decimal(self.env.cr.fetchone()[0]), Decimal(number))

    def test_times_are_read_with_their_zone(self):
        cases = [
            ("2026-01-10T00:00:00Z", "2026-01-10 00:00:00"),
            ("2026-01-10T02:00:00+02:00", "2026-01-10 00:00:00"),
            ("2026-01-10T00:00:00", "2026-01-10 00:00:00"),
            ("2026-01-10", "2026-01-10 00:00:00"),
        ]
        for text, stored in cases:
            with self.subTest(text):
                key = unique("event")
                response = self._post(self._event(self.order, period_start=text, period_end=text, idempotency_key=key))
                self.assertEqual(response.status_code, 202, response.text)
                usage = self.env["fusion.billing.usage"].search([("idempotency_key", "=", key)])
                self.assertEqual(str(usage.period_start), stored)

    def test_the_largest_batch_is_accepted(self):
        response = self._post(*([self._event(self.order)] * _MAX_EVENTS))
        self.assertEqual((response.status_code, response.json()["accepted"]), (202, _MAX_EVENTS))

    def test_a_subscription_of_the_back_office_is_reached_through_its_customer(self):
        order = self._create_subscription(x_fc_service_id=False, x_fc_external_id=False)
        self.assertEqual(self._post(self._event(order, subscription_external_id=str(order.id))).status_code, 202)

    # === WHAT IS NOT THERE === #

    def test_an_unknown_metric_is_not_found(self):
        response = self._post(self._event(self.order, metric_code="unknown"))
        self._refuse(response, 404, "metric_not_found", "events.0.metric_code")

    def test_an_unknown_subscription_is_not_found(self):
        for name in ("unknown", "0", "999999999", "9" * 30, "-1", "1.0", " 1", "٣"):
            with self.subTest(name):
                response = self._post(self._event(self.order, subscription_external_id=name))
                self._refuse(response, 404, "subscription_not_found", "events.0.subscription_external_id")

    def test_an_order_that_is_no_subscription_is_not_found(self):
        order = self.env["sale.order"].create({"partner_id": self.partner.id})
        response = self._post(self._event(subscription_external_id=str(order.id)))
        self._refuse(response, 404, "subscription_not_found")

    def test_one_bad_event_keeps_the_whole_batch_out(self):
        response = self._post(self._event(self.order), self._event(self.order, metric_code="unknown"), self._event())
        answer = self._refuse(response, 404, "metric_not_found", "events.1.metric_code")
        paths = [fault["path"] for fault in answer["errors"]]
        self.assertEqual(paths, ["events.1.metric_code", "events.2.subscription_external_id"])

    def test_many_faults_are_listed_in_part(self):
        answer = self._refuse(self._post(*([self._event()] * 500)), 404, "subscription_not_found")
        self.assertEqual(len(answer["errors"]), MAX_REPORTED_ERRORS)
        self.assertIn("499 more", answer["message"])

    # === RULES === #

    def test_a_key_of_another_subscription_is_a_conflict(self):
        other = self._create_subscription()
        self._post(self._event(other, idempotency_key="k"))
        response = self._post(self._event(self.order), self._event(self.order, idempotency_key="k"))
        self._refuse(response, 409, "idempotency_conflict", "events.1.idempotency_key")

    def test_usage_before_the_start_or_after_the_end_is_refused(self):
        with self._on("2026-01-20"):
            self._close(self.order)
        self.env["fusion.billing.usage.change"]._take(self.order)
        cases = [
            ("2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z", "usage_before_start"),
            ("2026-01-20T00:00:00Z", "2026-01-20T00:00:00Z", "usage_after_end"),
        ]
        for start, end, code in cases:
            with self.subTest(code):
                response = self._post(self._event(self.order, period_start=start, period_end=end))
                self._refuse(response, 422, code, "events.0.period_end")
        edges = [("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), ("2026-01-19T00:00:00Z", "2026-01-20T00:00:00Z")]
        events = [self._event(self.order, period_start=start, period_end=end) for start, end in edges]
        self.assertEqual(self._post(*events).status_code, 202)

    def test_a_counter_that_was_acknowledged_may_be_repeated_after_the_end(self):
        event = self._event(
            self.order, period_start="2026-01-25T00:00:00Z", period_end="2026-01-25T00:00:00Z", idempotency_key="ahead"
        )
        self.assertEqual(self._post(event).status_code, 202)
        with self._on("2026-01-20"):
            self._close(self.order)
        answer = self._post(self._event(self.order), event)
        self.assertEqual(answer.status_code, 202, answer.text)
        self.assertEqual([result["status"] for result in answer.json()["results"]], ["accepted", "duplicate"])
        self.assertRefused(self._post({**event, "quantity": 8}), 422, "usage_after_end", "events.0.period_end")

    # === VALUES WITHOUT SENSE === #

    def test_senseless_values_are_refused_with_their_path(self):
        cases = [
            ("quantity", -1, "negative_quantity"),
            ("quantity", "-0.5", "negative_quantity"),
            ("quantity", True, "decimal_type"),
            ("quantity", None, "decimal_type"),
            ("quantity", "", "decimal_parsing"),
            ("quantity", "many", "decimal_parsing"),
            ("quantity", "１２", "decimal_parsing"),
            ("quantity", "١٢", "decimal_parsing"),
            ("quantity", "1_000", "decimal_parsing"),
            ("quantity", "NaN", "not_finite"),
            ("quantity", "Infinity", "not_finite"),
            ("quantity", [1], "decimal_type"),
            ("quantity", {"value": 1}, "decimal_type"),
            ("quantity", "0.0000000000000000001", "decimal_max_places"),
            ("period_start", "2026-02-30T00:00:00Z", "datetime_from_date_parsing"),
            ("period_start", "0000-01-01T00:00:00Z", None),
            ("period_start", "9999-12-31T23:59:59-23:00", "datetime_out_of_range"),
            ("period_start", "1999-12-31T23:59:59Z", "datetime_out_of_range"),
            ("period_start", "2026-01-10T25:00:00Z", None),
            ("period_start", "yesterday", None),
            ("period_start", 1767225600, "datetime_type"),
            ("period_start", 1767225600.5, "datetime_type"),
            ("period_start", None, "datetime_type"),
            ("period_start", True, "datetime_type"),
            ("subscription_external_id", 7, "string_type"),
            ("subscription_external_id", "", "string_too_short"),
            ("subscription_external_id", "  ", "blank"),
            ("subscription_external_id", None, "string_type"),
            ("subscription_external_id", "x" * 256, "string_too_long"),
            ("metric_code", ["a"], "string_type"),
            ("idempotency_key", "", "string_too_short"),
            ("idempotency_key", "x" * 256, "string_too_long"),
            ("idempotency_key", "x" * 1_000_000, "string_too_long"),
            ("idempotency_key", "a\0b", "invalid_characters"),
            ("idempotency_key", "a\nb", "invalid_characters"),
        ]
        for name, value, code in cases:
            with self.subTest(f"{name} {str(value)[:30]!r}"):
                response = self._post(self._event(self.order, **{name: value}))
                answer = self._refuse(response, 400, "invalid_payload", f"events.0.{name}")
                if code:
                    self.assertEqual(answer["errors"][0]["code"], code)

    def test_numbers_that_json_or_python_cannot_hold_are_refused(self):
        body = json.dumps({"events": [self._event(self.order, quantity="NUMBER")]})
        cases = [
            ("NaN", "invalid_json"),
            ("Infinity", "invalid_json"),
            ("-Infinity", "invalid_json"),
            ("1e400", "number_out_of_range"),
            ("1e-400", "number_out_of_range"),
            ("1e99999999999999999999", "number_out_of_range"),
            ("1e999999999", "number_out_of_range"),
            ("9" * 5000, "number_out_of_range"),
            ("9" * 100, "invalid_payload"),
            ("01", "invalid_json"),
            (".5", "invalid_json"),
            ("+1", "invalid_json"),
        ]
        for number, code in cases:
            with self.subTest(number[:30]):
                self._refuse(self._call("/usage", body=body.replace('"NUMBER"', number)), 400, code)

    def test_an_end_before_the_start_is_refused(self):
        response = self._post(self._event(self.order, period_start="2026-01-12T00:00:00Z"))
        self._refuse(response, 400, "end_before_start", "events.0.period_end")

    def test_missing_and_unknown_fields_are_refused(self):
        event = self._event(self.order)
        for name in event:
            with self.subTest(missing=name):
                rest = {key: value for key, value in event.items() if key != name}
                answer = self._refuse(self._post(rest), 400, "invalid_payload", f"events.0.{name}")
                self.assertEqual(answer["errors"][0]["code"], "missing")
        answer = self._refuse(self._post({**event, "price": 1}), 400, "invalid_payload", "events.0.price")
        self.assertEqual(answer["errors"][0]["code"], "unknown_field")

    def test_every_fault_is_reported(self):
        response = self._post(
            self._event(self.order, quantity=-1, metric_code=""), self._event(self.order, period_end="never")
        )
        paths = {fault["path"] for fault in self._refuse(response, 400, "invalid_payload")["errors"]}
        self.assertEqual(paths, {"events.0.quantity", "events.0.metric_code", "events.1.period_end"})

    # === SIZE === #

    def test_a_batch_of_one_too_many_is_refused(self):
        response = self._post(*([self._event(self.order)] * (_MAX_EVENTS + 1)))
        self._refuse(response, 400, "batch_too_large", "events")

    def test_a_batch_of_a_hundred_thousand_is_refused_unread(self):
        self._refuse(self._call("/usage", body=json.dumps({"events": [{}] * 100_000})), 400, "batch_too_large")

    def test_an_empty_batch_is_refused(self):
        self._refuse(self._post(), 400, "invalid_payload", "events")

    def test_a_body_beyond_the_limit_is_refused(self):
        self._refuse(self._call("/usage", body=b" " * (MAX_BODY + 1)), 413, "payload_too_large")

    # === BODIES === #

    def test_what_is_no_json_object_is_refused(self):
        event = json.dumps(self._event(self.order))
        cases = [
            ("empty", b"", "invalid_json"),
            ("broken", b'{"events":[', "invalid_json"),
            ("two values", b"{}{}", "invalid_json"),
            ("single quotes", b"{'events': []}", "invalid_json"),
            ("not UTF-8", b'{"events":"\xff\xfe\xfa"}', "invalid_json"),
            ("a duplicate name", b'{"events":[],"events":[]}', "invalid_json"),
            (
                "an inner duplicate name",
                b'{"events":[' + event.encode().replace(b"{", b'{"quantity":9,', 1) + b"]}",
                "invalid_json",
            ),
            ("deep nesting", b"[" * 100_000, "invalid_json"),
            ("deep nesting, closed", b"[" * 100_000 + b"]" * 100_000, "invalid_json"),
            ("deep nesting of objects", b'{"a":' * 100_000, "invalid_json"),
            ("an array", b"[]", "invalid_payload"),
            ("an array of events", f"[{event}]".encode(), "invalid_payload"),
            ("a text", b'"events"', "invalid_payload"),
            ("a number", b"1", "invalid_payload"),
            ("null", b"null", "invalid_payload"),
            ("no events", b"{}", "invalid_payload"),
            ("events that are no list", b'{"events":{}}', "invalid_payload"),
            ("events that are a text", b'{"events":"all"}', "invalid_payload"),
            ("events that are numbers", b'{"events":[1]}', "invalid_payload"),
            ("an unknown name", b'{"events":[],"more":1}', "invalid_payload"),
            ("a name of broken Unicode", b'{"events":[],"\\ud800":1}', "invalid_payload"),
            ("a name with NUL", b'{"events":[],"\\u0000":1}', "invalid_payload"),
        ]
        for reason, body, code in cases:
            with self.subTest(reason):
                self._refuse(self._call("/usage", body=body, method="POST"), 400, code)

    def test_lone_surrogates_are_refused(self):
        for name in ("subscription_external_id", "metric_code", "idempotency_key"):
            with self.subTest(name):
                body = json.dumps({"events": [self._event(self.order, **{name: "SURROGATE"})]})
                response = self._call("/usage", body=body.replace("SURROGATE", "\\ud83d"))
                self._refuse(response, 400, "invalid_payload", f"events.0.{name}")

    def test_text_outside_of_the_alphabet_is_kept(self):
        key = "schlüssel-\U0001f511"
        self._post(self._event(self.order, idempotency_key=key))
        self.assertEqual(
            self.env["fusion.billing.usage"].search([("subscription_id", "=", self.order.id)]).idempotency_key, key
        )

    def test_other_content_types_are_refused(self):
        body = json.dumps({"events": [self._event(self.order)]})
        for content_type in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/xml",
        ):
            with self.subTest(content_type):
                response = self._call("/usage", body=body, headers={"Content-Type": content_type})
                self._refuse(response, 415, "unsupported_media_type")

    def test_a_form_is_refused(self):
        self._refuse(
            self._call("/usage", body={"events": "[]"}, headers={"Content-Type": None}), 415, "unsupported_media_type"
        )

    def test_a_content_type_with_parameters_is_json(self):
        body = json.dumps({"events": [self._event(self.order)]})
        response = self._call("/usage", body=body, headers={"Content-Type": "Application/JSON; charset=utf-8"})
        self.assertEqual(response.status_code, 202)

    def test_usage_of_a_quotation_that_was_cancelled_is_refused(self):
        order = self._create_subscription(confirm=False)
        order._action_cancel()
        response = self._call("/usage", {"events": [self._event(order)]})
        self.assertRefused(response, 422, "subscription_cancelled", "events.0.subscription_external_id")

    def test_usage_of_a_running_subscription_that_was_cancelled_is_refused_too(self):
        order = self._create_subscription()
        with self._on("2026-01-20"):
            order._action_cancel()
        response = self._call("/usage", {"events": [self._event(order)]})
        self.assertRefused(response, 422, "subscription_cancelled", "events.0.subscription_external_id")

    def test_a_request_that_lost_every_race_may_be_sent_again(self):
        for conflict in (ConcurrencyError("lost"), SerializationFailure()):
            self.assertEqual((from_exception(conflict).http_status, from_exception(conflict).code), (503, "try_again"))
