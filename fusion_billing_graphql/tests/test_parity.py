# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.fusion_centralize_billing.api.operations import OPERATIONS
from odoo.addons.fusion_centralize_billing.tests.parity import ParityMixin
from odoo.addons.fusion_centralize_billing.tests.transports import RestTransport
from odoo.tests import tagged

from .common import GraphqlHttpCase
from .operations import DIFFERENCES, SIDES, WITHOUT_GRAPHQL
from .transport import GraphqlTransport


@tagged("post_install", "-at_install")
class TestGraphqlParity(ParityMixin, GraphqlHttpCase):
    """The cases of REST and JSON-RPC, asked over REST and GraphQL."""

    loggers = (*ParityMixin.loggers, "odoo.addons.fusion_billing_graphql.server.errors")
    operations = {name: row for name, row in OPERATIONS.items() if name not in WITHOUT_GRAPHQL}
    transports = (RestTransport(), GraphqlTransport())

    def _get_unscoped_payloads(self, name):
        # Types are checked with the document, before anybody's scopes: they tell nothing but the schema.
        return super()._get_unscoped_payloads(name)[:1]

    def test_every_operation_has_a_graphql_side_or_a_reason_for_having_none(self):
        self.assertEqual(set(SIDES) | set(WITHOUT_GRAPHQL), set(OPERATIONS))
        self.assertFalse(set(SIDES) & set(WITHOUT_GRAPHQL))
        self.assertTrue(all(WITHOUT_GRAPHQL.values()))

    def test_every_transport_gives_the_same_answers_and_errors(self):
        graphql = GraphqlTransport()
        self.transports = (RestTransport(), graphql)
        super().test_every_transport_gives_the_same_answers_and_errors()
        self.assertEqual(graphql.differences_met, set(DIFFERENCES), "a known difference that no case meets")
