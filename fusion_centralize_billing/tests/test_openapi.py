# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
import re
import unittest

from odoo.tests import tagged

from ..api.openapi import document
from ..api.operations import OPERATIONS
from .common import BASE, BillingHttpCase

try:
    from openapi_spec_validator import validate
except ImportError:
    validate = None


@tagged("post_install", "-at_install")
class TestOpenapi(BillingHttpCase):
    def test_the_document_is_served_without_a_key(self):
        response = self._call("/openapi.json", headers={"Authorization": None})
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.json(), json.loads(json.dumps(document(BASE))))

    @unittest.skipUnless(validate, "openapi-spec-validator is not installed")
    def test_the_document_is_valid_openapi(self):
        validate(json.loads(json.dumps(document(BASE))))

    def test_the_document_names_every_operation(self):
        described = {
            item["operationId"]: (verb.upper(), path)
            for path, verbs in document(BASE)["paths"].items()
            for verb, item in verbs.items()
        }
        self.assertEqual(
            described, {name: (operation.verb, _template(operation)) for name, operation in OPERATIONS.items()}
        )

    def test_every_operation_tells_its_status_scope_and_errors(self):
        paths = document(BASE)["paths"]
        for operation in OPERATIONS.values():
            with self.subTest(operation.name):
                item = paths[_template(operation)][operation.verb.lower()]
                self.assertLessEqual(
                    {
                        str(int(operation.status)),
                        *["400", "401", "403", "404", "409", "413", "415", "422", "429", "503"],
                    },
                    set(item["responses"]),
                )
                self.assertIn(operation.scope, item["description"])
                self.assertEqual("requestBody" in item, operation.verb != "GET")

    def test_every_answer_has_a_schema(self):
        described = document(BASE)
        for operation in OPERATIONS.values():
            response = described["paths"][_template(operation)][operation.verb.lower()]["responses"]
            (content_type,) = response[str(int(operation.status))]["content"]
            self.assertEqual(content_type, operation.content_type, operation.name)
            if content_type == "application/json":
                reference = response[str(int(operation.status))]["content"][content_type]["schema"]["$ref"]
                schema = described["components"]["schemas"][reference.removeprefix("#/components/schemas/")]
                self.assertEqual(schema["properties"]["status"]["const"], "ok", operation.name)

    def test_every_reference_leads_somewhere(self):
        described = json.dumps(document(BASE))
        references = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', described))
        self.assertLess({"InvoiceAnswer", "CreateCreditNote", "Error"}, references)
        self.assertLessEqual(references, set(document(BASE)["components"]["schemas"]))

    def test_queries_and_keys_are_parameters(self):
        paths = document(BASE)["paths"]
        listing = {item["name"]: item for item in paths["/invoices"]["get"]["parameters"]}
        self.assertLessEqual({"limit", "cursor", "from", "to", "state"}, set(listing))
        self.assertEqual({item["in"] for item in listing.values()}, {"query"})
        needed = {item["name"] for item in paths["/usage"]["get"]["parameters"] if item["required"]}
        self.assertEqual(needed, {"subscription_external_id"})
        for operation in OPERATIONS.values():
            item = paths[_template(operation)][operation.verb.lower()]
            headers = [parameter["name"] for parameter in item["parameters"] if parameter["in"] == "header"]
            self.assertEqual(headers, ["Idempotency-Key"] if operation.takes_idempotency_key else [], operation.name)

    def test_what_is_in_the_path_is_no_part_of_the_required_body(self):
        described = document(BASE)
        operation = OPERATIONS["terminateSubscription"]
        item = described["paths"][_template(operation)]["post"]
        in_path = [parameter["name"] for parameter in item["parameters"] if parameter["in"] == "path"]
        self.assertEqual(in_path, ["subscription_external_id"])
        self.assertNotIn(
            "subscription_external_id", described["components"]["schemas"]["TerminateSubscription"]["required"]
        )


def _template(operation):
    return operation.path.replace("<", "{").replace(">", "}")
