# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo.tests import tagged

from .common import GraphqlCase, unique

_COUNTERS = """query($first: Int, $after: String, $last: Int, $before: String) { ratings(first: 1) { nodes { quantity
    counters(first: $first, after: $after, last: $last, before: $before) {
        totalCount
        nodes { idempotencyKey quantity currentQuantity correction voidReason usageRecord { quantity } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }"""


@tagged("post_install", "-at_install")
class TestRatedCounters(GraphqlCase):
    """The counters of a rating as they were when it was rated, as REST lists them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = cls._create_service()
        cls._create_link()
        cls._create_charge()
        cls.order = cls._create_subscription()
        cls.keys = [unique(f"k{number}") for number in range(5)]
        cls.counters = [cls._use(cls(), cls.order, number + 1, idem=key) for number, key in enumerate(cls.keys)]
        cls._invoice_on(cls(), cls.order, "2026-02-01")
        cls.counters[1]._amend(Decimal(10), "Meter was off")
        cls.counters[2]._void("Counted twice")
        cls.counters[3].unlink()

    def _read(self, **place):
        (rating,) = self._ask(_COUNTERS, place)["ratings"]["nodes"]
        return rating

    def test_quantities_are_those_that_were_rated_and_those_of_now_stand_beside_them(self):
        rating = self._read(first=10)
        found = [list(node.values()) for node in rating["counters"]["nodes"]]
        present = [{"quantity": quantity} for quantity in ("1", "10", "3", "5")]
        self.assertEqual(
            found,
            [
                [self.keys[0], "1", "1", None, None, present[0]],
                [self.keys[1], "2", "10", "AMENDED", None, present[1]],
                [self.keys[2], "3", "3", "VOIDED", "Counted twice", present[2]],
                [self.keys[3], "4", None, "DELETED", None, None],
                [self.keys[4], "5", "5", None, None, present[3]],
            ],
        )
        self.assertEqual(rating["quantity"], "15")

    def test_pages_go_on_in_both_directions(self):
        for name, beyond, cursor, more in (
            ("first", "after", "endCursor", "hasNextPage"),
            ("last", "before", "startCursor", "hasPreviousPage"),
        ):
            found, place = [], {}
            while place is not None:
                page = self._read(**{name: 2, **place})["counters"]
                keys = [node["idempotencyKey"] for node in page["nodes"]]
                found = found + keys if name == "first" else keys + found
                place = {beyond: page["pageInfo"][cursor]} if page["pageInfo"][more] else None
                self.assertEqual(page["totalCount"], 5)
            self.assertEqual(found, self.keys)

    def test_a_cursor_of_another_list_is_refused(self):
        answer = self._answer("{ usageRecords(first: 1) { pageInfo { endCursor } } }")
        cursor = answer.body["data"]["usageRecords"]["pageInfo"]["endCursor"]
        answer = self._answer(_COUNTERS, {"first": 1, "after": cursor})
        self.assertEqual(answer.body["errors"][0]["extensions"]["code"], "invalid_cursor")

    def test_a_service_sees_its_own_counters_only(self):
        other = self._create_service()
        values = [other.id, self.counters[0].id]
        self.env.cr.execute("UPDATE fusion_billing_usage SET service_id = %s WHERE id = %s", values)
        page = self._read(first=10)["counters"]
        self.assertEqual(([node["idempotencyKey"] for node in page["nodes"]], page["totalCount"]), (self.keys[1:], 4))
