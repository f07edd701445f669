# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
import re

from odoo.tests import TransactionCase, tagged

from ..api.errors import (
    BusinessRuleError,
    ConflictError,
    ForbiddenError,
    InternalError,
    InvalidPayloadError,
    NotFoundError,
    PayloadTooLargeError,
    TooManyRequestsError,
)
from ..api.jsonrpc_methods import PATH, rpc_number
from ..api.openrpc import document, parameter_names
from ..api.operations import OPERATIONS

#: The members that OpenRPC 1.3 knows, and of them those that it demands.
_MEMBERS = {
    "document": ({"openrpc", "info", "servers", "methods", "components"}, {"openrpc", "info", "methods"}),
    "method": (
        {"name", "summary", "description", "paramStructure", "params", "result", "errors", "tags", "deprecated"},
        {"name", "params", "result"},
    ),
    "content descriptor": ({"name", "summary", "description", "required", "schema", "deprecated"}, {"name", "schema"}),
    "error": ({"code", "message", "data"}, {"code", "message"}),
    "server": ({"name", "url", "summary", "description", "variables"}, {"url"}),
    "info": ({"title", "version", "description", "termsOfService", "contact", "license"}, {"title", "version"}),
}


@tagged("post_install", "-at_install")
class TestOpenrpc(TransactionCase):
    def setUp(self):
        super().setUp()
        self.document = json.loads(json.dumps(document(PATH)))
        self.methods = {method["name"]: method for method in self.document["methods"]}

    def assertMembers(self, value, kind):
        known, needed = _MEMBERS[kind]
        self.assertLessEqual(needed, set(value), kind)
        self.assertLessEqual({name for name in value if not name.startswith("x-")}, known, kind)

    def test_the_document_has_the_shape_of_openrpc(self):
        self.assertMembers(self.document, "document")
        self.assertRegex(self.document["openrpc"], r"^1\.3\.\d+$")
        self.assertMembers(self.document["info"], "info")
        for server in self.document["servers"]:
            self.assertMembers(server, "server")
        for method in self.document["methods"]:
            self.assertMembers(method, "method")
            for descriptor in [*method["params"], method["result"]]:
                self.assertMembers(descriptor, "content descriptor")
            for error in method["errors"]:
                self.assertMembers(error, "error")

    def test_the_methods_are_the_operations(self):
        names = [method["name"] for method in self.document["methods"]]
        self.assertEqual(names, list(OPERATIONS))

    def test_the_parameters_are_the_fields_of_the_payloads(self):
        for name, operation in OPERATIONS.items():
            schema = operation.payload.model_json_schema(ref_template="#/components/schemas/{model}")
            params = self.methods[name]["params"]
            with self.subTest(name):
                self.assertEqual({param["name"]: param["schema"] for param in params}, schema["properties"])
                required = {param["name"] for param in params if param["required"]}
                self.assertEqual(required, set(schema.get("required", [])))
                self.assertEqual(self.methods[name]["paramStructure"], "either")

    def test_the_parameters_stand_in_the_order_of_positions(self):
        for name, operation in OPERATIONS.items():
            names = [param["name"] for param in self.methods[name]["params"]]
            self.assertEqual(names, parameter_names(operation), name)
        self.assertEqual(parameter_names(OPERATIONS["recordUsage"]), ["events", "error_policy"])
        self.assertEqual(parameter_names(OPERATIONS["upsertCustomer"]), ["external_id", "name", "email"])

    def test_parameters_that_are_needed_come_first(self):
        for method in self.document["methods"]:
            required = [param["required"] for param in method["params"]]
            self.assertEqual(required, sorted(required, reverse=True), method["name"])

    def test_every_reference_leads_somewhere(self):
        references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(self.document)))
        self.assertTrue(references)
        for reference in references:
            self.assertIn(reference.removeprefix("#/components/schemas/"), self.document["components"]["schemas"])

    def test_every_method_tells_its_scope_and_errors(self):
        errors = [InvalidPayloadError, ForbiddenError, NotFoundError, ConflictError, BusinessRuleError, InternalError]
        errors += [TooManyRequestsError, PayloadTooLargeError]
        numbers = {rpc_number(error("Text.")) for error in errors}
        for name, operation in OPERATIONS.items():
            self.assertIn(operation.scope, self.methods[name]["description"])
            self.assertEqual({error["code"] for error in self.methods[name]["errors"]}, numbers)
