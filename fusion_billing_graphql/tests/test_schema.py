# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
from pathlib import Path

from graphql import (
    build_schema,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_introspection_type,
    is_object_type,
)
from graphql.type import is_specified_scalar_type

from odoo.addons.fusion_centralize_billing.api.operations import OPERATIONS, SCOPES
from odoo.tests import TransactionCase, tagged

from ..schema import LISTINGS, SCHEMA, printed
from ..schema.scopes import needed_scope
from .common import ROOT_CONNECTIONS
from .deprecations import find_faults

#: Operations that a replica does not serve, although they read.
_QUERIES = {"getInvoicePdf", "getCreditNotePdf", "billingProof"}
_PRINTED = Path(__file__).parents[1] / "schema" / "schema.graphql"


@tagged("post_install", "-at_install")
class TestSchema(TransactionCase):
    def _get_types(self):
        return [
            type_
            for type_ in SCHEMA.type_map.values()
            if not is_introspection_type(type_) and not is_specified_scalar_type(type_)
        ]

    def _get_parts(self):
        """Return (name, part) of all types, fields, arguments and values."""
        for type_ in self._get_types():
            yield type_.name, type_
            if is_enum_type(type_):
                yield from ((f"{type_.name}.{name}", value) for name, value in type_.values.items())
            elif is_object_type(type_) or is_interface_type(type_) or is_input_object_type(type_):
                for name, field in type_.fields.items():
                    yield f"{type_.name}.{name}", field
                    for argument, details in getattr(field, "args", {}).items():
                        yield f"{type_.name}.{name}({argument})", details

    def test_the_printed_schema_is_the_contract(self):
        self.assertEqual(
            printed(),
            _PRINTED.read_text(),
            "The schema changed. If that is meant, and breaks no client, write printed() to schema/schema.graphql.",
        )

    def test_every_type_field_argument_and_value_is_described(self):
        self.assertEqual([name for name, part in self._get_parts() if not part.description], [])

    def test_what_is_deprecated_tells_what_to_use_and_goes_in_time(self):
        version = self.env["ir.module.module"]._get("fusion_billing_graphql").latest_version
        major, minor = map(int, version.split(".")[2:4])
        self.assertEqual(find_faults(SCHEMA, (major, minor)), [])

    def test_the_check_of_deprecations_finds_each_breach(self):
        cases = [
            ("Use total; goes with version 1.4.", None),
            ("Use Other.total; goes with version 2.0.", None),
            ("No longer supported", "the reason does not say what to use and when it goes"),
            ("Goes with version 1.4.", "the reason does not say what to use and when it goes"),
            ("Use total.", "the reason does not say what to use and when it goes"),
            ("Use sum; goes with version 1.4.", "the replacement does not exist"),
            ("Use Nothing.total; goes with version 1.4.", "the replacement does not exist"),
            ("Use former; goes with version 1.4.", "the replacement is deprecated, too"),
            ("Use total; goes with version 1.2.", "it should have gone"),
        ]
        for reason, expected in cases:
            with self.subTest(reason):
                mark = f"@deprecated(reason: {json.dumps(reason)})"
                former = 'former: Int @deprecated(reason: "Use total; goes with version 1.4.")'
                schema = build_schema(f"""
                    type Query {{
                        amount: Int {mark} total: Int {former}
                        list(amount: Int {mark} total: Int {former}): Kind
                    }}
                    type Other {{ total: Int }}
                    enum Kind {{ amount {mark} total {former.replace(": Int", "")} }}
                """)
                found = find_faults(schema, (1, 2))
                places = ("Query.amount", "Query.list(amount)", "Kind.amount")
                self.assertEqual(
                    sorted(found), sorted(f"{place}: {expected}: {reason!r}" for place in places if expected)
                )

    def test_every_listed_type_has_a_connection_that_tests_know(self):
        listed = {
            name
            for name, field in SCHEMA.query_type.fields.items()
            if get_named_type(field.type).name.endswith("Connection")
        }
        self.assertEqual(listed, set(ROOT_CONNECTIONS))
        self.assertEqual(set(LISTINGS) - set(ROOT_CONNECTIONS.values()), {"InvoiceLine"}, "listed by invoices only")

    def test_every_type_with_data_has_a_scope(self):
        without = {name for name in LISTINGS if needed_scope(name) is None}
        self.assertEqual(without, {"Metric", "Service"})
        self.assertLessEqual({needed_scope(name) for name in LISTINGS} - {None}, set(SCOPES))

    def test_every_operation_of_the_table_is_there(self):
        mutations = set(SCHEMA.mutation_type.fields)
        changing = {name for name, operation in OPERATIONS.items() if not operation.readonly}
        self.assertEqual(mutations, changing - _QUERIES, "PDFs and the proof are queries")

    def test_every_operation_that_can_be_repeated_takes_a_key(self):
        for name, field in SCHEMA.mutation_type.fields.items():
            self.assertEqual("idempotencyKey" in field.args, OPERATIONS[name].takes_idempotency_key, name)

    def test_every_column_of_a_listing_exists(self):
        for name, listing in LISTINGS.items():
            model = listing.model_in(self.env)
            for column in (*listing.orders.values(), *listing.columns):
                if column == "end_date" and name == "Subscription":
                    continue  # not in every edition
                with self.subTest(name, column=column):
                    self.assertIn(column, model._fields)
            for column in listing.orders.values():
                self.assertTrue(model._fields[column].store, column)
            for filter_ in listing.filters.values():
                self.assertIn(filter_.expression.split(".")[0], model._fields)
