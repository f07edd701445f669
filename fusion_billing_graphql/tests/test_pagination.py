# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import base64
import json

from odoo.tests import tagged

from .common import GraphqlCase, unique

_PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $order: CustomerOrder) {
    customers(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {
        totalCount nodes { externalId } edges { cursor node { externalId } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}"""


@tagged("post_install", "-at_install")
class TestPagination(GraphqlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = cls._create_service()
        cls.names = [f"c{number}" for number in range(7)]
        for name in cls.names:
            cls._create_link(external_id=name)

    def _page(self, **variables):
        """Return (external ids, page info) of a page."""
        page = self._ask(_PAGE, variables)["customers"]
        names = [edge["node"]["externalId"] for edge in page["edges"]]
        self.assertEqual([node["externalId"] for node in page["nodes"]], names)
        return names, page["pageInfo"]

    def _walk(self, size, backward=False, insert=None, **variables):
        """Return all external ids, page by page; ``insert`` is called after each page."""
        names, cursor, more = [], None, True
        while more:
            window = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
            page, info = self._page(**window, **variables)
            names = page + names if backward else names + page
            cursor, more = (
                (info["startCursor"], info["hasPreviousPage"]) if backward else (info["endCursor"], info["hasNextPage"])
            )
            if insert:
                insert()
        return names

    def test_pages_forward_and_backward_give_every_object_once_in_one_order(self):
        by_name = {"field": "EXTERNAL_ID", "direction": "ASC"}
        from_last = {"field": "EXTERNAL_ID", "direction": "DESC"}
        for size in (1, 2, 3, 7, 100):
            for backward in (False, True):
                with self.subTest(size=size, backward=backward):
                    self.assertEqual(self._walk(size, backward), self.names)
                    self.assertEqual(self._walk(size, backward, order=by_name), self.names)
                    self.assertEqual(self._walk(size, backward, order=from_last), self.names[::-1])

    def test_the_page_info_tells_whether_there_is_more(self):
        cases = [
            ({"first": 3}, self.names[:3], True, False),
            ({"first": 7}, self.names, False, False),
            ({"first": 0}, [], True, False),
            ({"last": 2}, self.names[-2:], False, True),
            ({"last": 7}, self.names, False, False),
        ]
        for variables, names, has_next, has_previous in cases:
            with self.subTest(**variables):
                page, info = self._page(**variables)
                self.assertEqual(page, names)
                self.assertEqual((info["hasNextPage"], info["hasPreviousPage"]), (has_next, has_previous))

    def test_what_is_inserted_meanwhile_shifts_no_page(self):
        def insert():
            self._create_link(external_id=unique("a"))  # before every other one

        order = {"field": "EXTERNAL_ID", "direction": "ASC"}
        self.assertEqual(self._walk(2, insert=insert, order=order), self.names)

    def test_what_is_made_meanwhile_comes_at_the_end(self):
        made = iter([unique("new")])
        walked = self._walk(3, insert=lambda: [self._create_link(external_id=name) for name in made])
        self.assertEqual(walked[:7], self.names)
        self.assertEqual(len(walked), 8)

    def test_a_deleted_object_s_cursor_still_works(self):
        _page, info = self._page(first=3)
        self.env["fusion.billing.account.link"].search([("external_id", "=", "c2")]).unlink()
        self.assertEqual(self._page(first=2, after=info["endCursor"])[0], self.names[3:5])

    def test_empty_values_are_sorted_last_and_paged_through(self):
        days = ["2026-03-01", False, "2026-01-01", False, "2026-02-01"]
        orders = [self._create_subscription(confirm=False, start_date=day) for day in days]
        query = """query($after: String, $before: String, $first: Int, $last: Int, $direction: Direction) {
            subscriptions(first: $first, after: $after, last: $last, before: $before,
                          orderBy: {field: START_DATE, direction: $direction}) {
                nodes { subscriptionId } pageInfo { startCursor endCursor hasNextPage hasPreviousPage }
            }
        }"""
        expected = [orders[2].id, orders[4].id, orders[0].id, orders[1].id, orders[3].id]
        for direction, wanted in (("ASC", expected), ("DESC", expected[::-1])):
            for backward in (False, True):
                found, cursor, more = [], None, True
                while more:
                    window = {"last": 2, "before": cursor} if backward else {"first": 2, "after": cursor}
                    page = self._ask(query, {**window, "direction": direction})["subscriptions"]
                    ids, info = [node["subscriptionId"] for node in page["nodes"]], page["pageInfo"]
                    found = ids + found if backward else found + ids
                    cursor = info["startCursor" if backward else "endCursor"]
                    more = info["hasPreviousPage" if backward else "hasNextPage"]
                with self.subTest(direction, backward=backward):
                    self.assertEqual(found, wanted)

    def test_the_total_counts_all_pages(self):
        self.assertEqual(self._ask(_PAGE, {"first": 1})["customers"]["totalCount"], 7)

    def test_nested_lists_have_pages_of_their_own(self):
        order = self._create_subscription()
        other = self._create_subscription()
        for number in range(5):
            self._use(order, number)
        self._use(other, 9)
        query = """query($after: String) { subscriptions(first: 10) { nodes {
            subscriptionId
            usage(first: 2, after: $after) {
                totalCount nodes { quantity } pageInfo { hasNextPage endCursor }
            } } } }"""

        def pages(**variables):
            nodes = self._ask(query, variables)["subscriptions"]["nodes"]
            return {node["subscriptionId"]: node["usage"] for node in nodes}

        first = pages()
        self.assertEqual([node["quantity"] for node in first[order.id]["nodes"]], ["0", "1"])
        self.assertEqual((first[order.id]["totalCount"], first[other.id]["totalCount"]), (5, 1))
        self.assertEqual([node["quantity"] for node in first[other.id]["nodes"]], ["9"])
        second = pages(after=first[order.id]["pageInfo"]["endCursor"])
        self.assertEqual([node["quantity"] for node in second[order.id]["nodes"]], ["2", "3"])

    def test_a_page_needs_a_size_from_0_to_100(self):
        cases = [
            ({}, "pagination_required"),
            ({"first": 1, "last": 1}, "pagination_required"),
            ({"first": 101}, "page_size_out_of_range"),
            ({"last": 101}, "page_size_out_of_range"),
            ({"first": -1}, "page_size_out_of_range"),
        ]
        for variables, code in cases:
            with self.subTest(**variables):
                answer = self._answer(_PAGE, variables)
                self.assertFalse(answer.executed)
                self.assertEqual([error["extensions"]["code"] for error in answer.body["errors"]], [code])

    def test_a_cursor_must_be_of_this_list_and_order(self):
        def cursor(*parts):
            return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()

        made_up = [
            *(
                "",
                "x",
                "é",
                "====",
                "bnVsbA==",
                cursor("EXTERNAL_ID", "a", 1),
                cursor("ID", None),
                cursor("ID", 1, "1"),
            ),
            *(
                cursor("ID", 1, True),
                cursor("ID", 1, -1),
                cursor("ID", 1, 2**40),
                base64.b64encode(b"[" * 9999).decode(),
            ),
        ]
        for text in made_up:
            with self.subTest(text[:40]):
                self.assertEqual(self._get_codes(_PAGE, {"first": 1, "after": text}), ["invalid_cursor"])
        by_day = (
            "query($after: String) { invoices(first: 1, after: $after, orderBy: {field: INVOICE_DATE}) { totalCount } }"
        )
        for value in ("yesterday", 5, [], {}, "2026-01-01T00:00:00", True):
            with self.subTest(value=value):
                self.assertEqual(
                    self._get_codes(by_day, {"after": cursor("INVOICE_DATE", value, 1)}), ["invalid_cursor"]
                )

    def test_first_goes_with_after_and_last_with_before(self):
        _page, info = self._page(first=1)
        for variables in ({"first": 1, "before": info["endCursor"]}, {"last": 1, "after": info["endCursor"]}):
            with self.subTest(**variables):
                self.assertEqual(self._get_codes(_PAGE, variables), ["pagination_invalid"])
