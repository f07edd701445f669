# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import base64
from unittest.mock import patch

from odoo.addons.fusion_centralize_billing.api.errors import ForbiddenError
from odoo.tests import tagged

from .common import GraphqlCase, GraphqlHttpCase

_OPEN = """mutation($input: CreateSubscriptionInput!, $key: String) {
    createSubscription(input: $input, idempotencyKey: $key) {
        subscription { subscriptionId } userErrors { field code } } }"""


@tagged("post_install", "-at_install")
class TestInvoiceOperations(GraphqlCase):
    """What the parity tests do not ask: links between documents, PDFs, the way from an invoice to counters."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        cls.billed = cls._create_billed_customer()
        cls.invoice = cls.billed["Invoice"]

    def _credit(self):
        line = self._get_line(self.invoice, self.usage_product)
        given = {"invoiceId": self.invoice.id, "reason": "Late"}
        given["lines"] = [{"invoiceLineId": line.id, "amount": "2.50"}]
        mutation = """mutation($input: CreateCreditNoteInput!) { createCreditNote(input: $input) {
            creditNote { type amountUntaxed creditedInvoice { id creditNotes(first: 5) { nodes { id } } } id }
            userErrors { field code } } }"""
        return self._ask(mutation, {"input": given})["createCreditNote"]

    def test_an_invoice_and_its_credit_notes_lead_to_each_other(self):
        note = self._credit()["creditNote"]
        self.assertEqual((note["type"], note["amountUntaxed"]), ("CREDIT_NOTE", "2.50"))
        self.assertEqual(note["creditedInvoice"]["id"], self._get_id(self.invoice, "Invoice"))
        self.assertEqual(note["creditedInvoice"]["creditNotes"]["nodes"], [{"id": note["id"]}])

    def test_the_counters_behind_an_invoice_can_be_followed(self):
        data = self._ask(
            """query($id: ID!) { invoice(id: $id) { ratings(first: 5) { nodes { quantity
                usage(first: 5) { totalCount nodes { id quantity } } } } } }""",
            {"id": self._get_id(self.invoice, "Invoice")},
        )
        (rating,) = data["invoice"]["ratings"]["nodes"]
        used = {"id": self._get_id(self.billed["UsageRecord"], "UsageRecord"), "quantity": "10"}
        self.assertEqual(rating, {"quantity": "10", "usage": {"totalCount": 1, "nodes": [used]}})

    def test_the_usage_of_a_rating_is_what_the_ledger_says(self):
        """With filters, groups, void counters and a commitment."""
        plan = self._create_plan(minimum_commitment=1000, commitment_product_id=self.usage_product.id)
        eu = [{"name": "region", "value": "eu"}, {"name": "region", "value": "us"}]
        self._create_charge(plan=plan, filter_ids=[(0, 0, values) for values in eu])
        self._create_charge(plan=plan, group_by="team", is_additional=True)
        order = self._create_subscription(plan=plan)
        counters = [{"region": "eu", "team": "a"}, {"region": "us"}, {"region": "asia", "team": "b"}, None]
        for number, properties in enumerate([*counters, *counters]):
            event = {"subscription_external_id": order.x_fc_external_id, "metric_code": self.metric.code}
            event |= {"period_start": "2026-01-10", "period_end": "2026-01-10", "properties": properties}
            self.service._api_record_usage({"events": [{**event, "quantity": number + 1}]})
        order.x_fc_usage_ids[:1]._void("Test")
        self._invoice_on(order, "2026-02-01")
        ratings = order.x_fc_rating_ids
        self.assertEqual(set(ratings.mapped("kind")), {"usage", "commitment"})
        self.assertGreaterEqual(len(ratings), 5)
        query = """{ ratings(first: 50) { nodes { id usage(first: 50) { nodes { id } }
            counters(first: 50) { nodes { number usageRecord { id } } } } } }"""
        shown = {node["id"]: node for node in self._ask(query)["ratings"]["nodes"]}
        for rating in ratings:
            numbers = {counter["counter_id"] for counter in rating._get_counters()}
            node = shown[self._get_id(rating, "Rating")]
            self.assertEqual({item["number"] for item in node["counters"]["nodes"]}, numbers, rating.display_name)
            ids = {self._get_id(self.env["fusion.billing.usage"].browse(number), "UsageRecord") for number in numbers}
            self.assertEqual({item["id"] for item in node["usage"]["nodes"]}, ids, rating.display_name)
            self.assertEqual({item["usageRecord"]["id"] for item in node["counters"]["nodes"]}, ids)

    # === PDF === #

    def _get_pdf(self, record, **options):
        report = self.env.registry["ir.actions.report"]
        query = "query($id: ID!) { invoicePdf(id: $id) { filename contentType contentBase64 } }"
        with (
            patch.object(report, "get_wkhtmltopdf_state", lambda self: "ok"),
            patch.object(report, "_render_qweb_pdf", lambda *args, **kwargs: (b"%PDF", "pdf")),
        ):
            return self._ask(query, {"id": self._get_id(record, "Invoice")}, **options)["invoicePdf"]

    def test_an_invoice_is_read_as_a_pdf(self):
        document = self._get_pdf(self.invoice)
        self.assertEqual(
            (document["contentType"], base64.b64decode(document["contentBase64"])), ("application/pdf", b"%PDF")
        )
        self.assertTrue(document["filename"].endswith(".pdf"))

    def test_the_pdf_of_another_service_is_not_there(self):
        other = self._create_service()
        self.assertIsNone(self._get_pdf(self.invoice, key=self._create_key(other)))

    def test_pdfs_are_too_costly_to_ask_for_many(self):
        global_id = self._get_id(self.invoice, "Invoice")
        pdfs = " ".join(f'a{number}: invoicePdf(id: "{global_id}") {{ filename }}' for number in range(5))
        self.assertEqual(self._get_codes(f"{{ {pdfs} }}"), ["cost_limit_exceeded"])

    def test_totals_of_usage_are_for_services(self):
        user = self._create_user("fusion_centralize_billing.group_billing_manager")
        answer = self._answer('{ usageTotals(subscriptionExternalId: "x") { rows } }', env=self.env(user=user))
        self.assertEqual(answer.body["errors"][0]["extensions"]["code"], ForbiddenError.code)

    # === IDEMPOTENCY === #

    def _open(self, key, **values):
        given = {"externalCustomerId": self.link.external_id, "planCode": self.plan.code, **values}
        return self._ask(_OPEN, {"input": given, "key": key})["createSubscription"]

    def test_a_mutation_sent_twice_with_a_key_is_done_once(self):
        first, second, other = self._open("g-1"), self._open("g-1"), self._open("g-2")
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)

    def test_another_input_with_the_key_is_a_conflict(self):
        self._open("g-3")
        errors = self._open("g-3", startDate="2026-01-01")["userErrors"]
        self.assertEqual(errors, [{"field": None, "code": "idempotency_key_reused"}])

    def test_a_planned_end_is_taken_back_with_null(self):
        order = self._create_subscription()
        mutation = """mutation($input: UpdateSubscriptionInput!) { updateSubscription(input: $input) {
            subscription { endDate } userErrors { code } } }"""
        for end_date in ("2090-01-01", None):
            given = {"subscriptionExternalId": order.x_fc_external_id, "endDate": end_date}
            changed = self._ask(mutation, {"input": given})["updateSubscription"]
            self.assertEqual(changed, {"subscription": {"endDate": end_date}, "userErrors": []})


@tagged("post_install", "-at_install")
class TestIdempotencyHeader(GraphqlHttpCase):
    def test_the_header_of_rest_is_refused_rather_than_ignored(self):
        response = self._send("{ viewer { scopes } }", headers={"Idempotency-Key": "k"})
        self.assertErrors(response, 400, "idempotency_key_not_supported")
