# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
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
                    {str(int(operation.status)), "400", "401", "403", "404", "409", "422"}, set(item["responses"])
                )
                self.assertIn(operation.scope, item["description"])
                self.assertEqual("requestBody" in item, operation.verb != "GET")

    def test_what_is_in_the_path_is_no_part_of_the_required_body(self):
        described = document(BASE)
        operation = OPERATIONS["terminateSubscription"]
        item = described["paths"][_template(operation)]["post"]
        self.assertEqual([parameter["name"] for parameter in item["parameters"]], ["subscription_external_id"])
        self.assertNotIn(
            "subscription_external_id", described["components"]["schemas"]["TerminateSubscription"]["required"]
        )


def _template(operation):
    return operation.path.replace("<", "{").replace(">", "}")
