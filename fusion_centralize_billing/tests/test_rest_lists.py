# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tests import tagged

from .common import BillingHttpCase, unique


@tagged("post_install", "-at_install")
class TestRestLists(BillingHttpCase):
    """Pages and filters of lists."""

    def _list(self, path, **params):
        response = self._call(path, params=params)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def _walk(self, path, plural, **params):
        """Return the items of all pages, and how many each page has."""
        items, sizes, cursor = [], [], {}
        while True:
            answer = self._list(path, **params, **cursor)
            items += answer[plural]
            sizes.append(len(answer[plural]))
            if not answer["next_cursor"]:
                return items, sizes
            cursor = {"cursor": answer["next_cursor"]}

    def _get_names(self, items, name="external_id"):
        return [item[name] for item in items]

    # === PAGES === #

    def test_pages_hold_everything_once_newest_first(self):
        links = [self._create_link() for _time in range(6)]
        items, sizes = self._walk("/customers", "customers", limit=3)
        self.assertEqual(self._get_names(items), [link.external_id for link in reversed([self.link, *links])])
        self.assertEqual(sizes, [3, 3, 1])

    def test_a_full_last_page_has_no_next_one(self):
        self._create_link()
        answer = self._list("/customers", limit=2)
        self.assertEqual((len(answer["customers"]), answer["next_cursor"]), (2, None))

    def test_what_is_added_meanwhile_shifts_no_page(self):
        self._create_link()
        first = self._list("/customers", limit=1)
        self._create_link()
        second = self._list("/customers", limit=1, cursor=first["next_cursor"])
        self.assertEqual(self._get_names(second["customers"]), [self.link.external_id])

    def test_a_page_has_fifty_by_default(self):
        for _time in range(50):
            self._create_link()
        self.assertEqual(len(self._list("/customers")["customers"]), 50)

    def test_a_cursor_is_of_one_list_with_its_filters_and_service(self):
        orders = [self._create_subscription() for _time in range(3)]
        cursor = self._list("/subscriptions", limit=1)["next_cursor"]
        other_key = self._create_service().action_generate_api_key()
        cases = [
            ("/subscriptions", {"plan_code": self.plan.code}, self.key, "other filters"),
            ("/subscriptions", {"subscription_state": "3_progress"}, self.key, "other filters"),
            ("/customers", {}, self.key, "another list"),
            ("/invoices", {}, self.key, "another list"),
            ("/subscriptions", {}, other_key, "another service"),
        ]
        for path, params, key, reason in cases:
            with self.subTest(f"{reason}: {path}"):
                response = self._call(path, params={**params, "cursor": cursor}, key=key)
                self.assertRefused(response, 400, "invalid_cursor", "cursor")
        again = self._list("/subscriptions", limit=2, cursor=cursor)  # the size of the pages may change
        self.assertEqual(self._get_names(again["subscriptions"], "subscription_id"), [orders[1].id, orders[0].id])

    def test_what_is_no_cursor_is_refused(self):
        self._create_link()
        cursor = self._list("/customers", limit=1)["next_cursor"]
        for text in ("x", "!", "ä", "=", cursor[:-1] + "!", cursor + "AAAA", cursor[1:], "9" * 200):
            with self.subTest(text):
                self.assertRefused(self._call("/customers", params={"cursor": text}), 400, "invalid_cursor", "cursor")
        for text in ("", "9" * 201):
            with self.subTest(text):
                self.assertRefused(self._call("/customers", params={"cursor": text}), 400, "invalid_payload", "cursor")

    def test_limits_are_numbers_from_1_to_100(self):
        for text in ("0", "101", "-1", "1.5", "1e1", "", "ten", "９", "99999999999999999999"):
            with self.subTest(text):
                self.assertRefused(self._call("/customers", params={"limit": text}), 400, "invalid_payload", "limit")
        self.assertEqual(len(self._list("/customers", limit="1")["customers"]), 1)

    # === CUSTOMERS === #

    def test_a_customer_is_shown_as_this_service_named_it(self):
        # Another service's name for the same partner is that service's affair.
        other = self._create_service()
        self._create_link(other, self.partner, external_name="Their name", external_email="their@example.com")
        self.link.write({"external_name": "Our name", "external_email": "our@example.com"})
        answer = self._list(f"/customers/{self.link.external_id}")
        expected = {"name": "Our name", "email": "our@example.com", "partner_id": self.partner.id}
        self.assertEqual({name: answer[name] for name in expected}, expected)
        self.assertEqual(len(self._list("/customers")["customers"]), 1)

    # === SUBSCRIPTIONS === #

    def test_a_subscription_tells_its_lines_without_usage(self):
        self._create_charge()
        order = self._create_subscription()
        self._use(order, 5)
        self._rate(order)
        self.assertEqual(len(order.order_line), 2)
        answer = self._list(f"/subscriptions/{order.x_fc_external_id}")
        (line,) = answer["lines"]
        self.assertEqual(
            (line["line_id"], line["quantity"], line["unit_price"], line["recurring"]),
            (order.order_line[0].id, "1", "20", True),
        )
        expected = {"external_customer_id": self.link.external_id, "plan_code": self.plan.code, "currency": "CAD"}
        self.assertEqual({name: answer[name] for name in expected}, expected)

    def test_subscriptions_are_filtered(self):
        partner = self.env["res.partner"].create({"name": "Other"})
        link, plan = self._create_link(partner=partner), self._create_plan()
        mine, other = self._create_subscription(), self._create_subscription(plan=plan, partner_id=partner.id)
        with self._on("2026-01-20"):
            mine._fc_terminate()
        cases = [
            ({}, [other, mine]),
            ({"external_customer_id": link.external_id}, [other]),
            ({"external_customer_id": self.link.external_id}, [mine]),
            ({"plan_code": plan.code}, [other]),
            ({"plan_code": plan.code, "external_customer_id": self.link.external_id}, []),
            ({"subscription_state": "6_churn"}, [mine]),
        ]
        for params, orders in cases:
            with self.subTest(**params):
                found = self._list("/subscriptions", **params)["subscriptions"]
                self.assertEqual(self._get_names(found, "subscription_id"), [order.id for order in orders])

    def test_a_quotation_of_the_back_office_without_a_plan_is_no_subscription(self):
        self.env["sale.order"].create({"partner_id": self.partner.id, "x_fc_service_id": self.service.id})
        self.assertEqual(self._list("/subscriptions")["subscriptions"], [])

    # === INVOICES === #

    def _bill(self, day="2026-02-01", **values):
        order = self._create_subscription(**values)
        return self._invoice_on(order, day)

    def test_invoices_are_filtered(self):
        partner = self.env["res.partner"].create({"name": "Other"})
        link = self._create_link(partner=partner)
        january, later = self._bill(), self._bill("2026-03-01", partner_id=partner.id, start_date="2026-02-01")
        self._pay(january)
        paid = january.payment_state
        external_id = later.x_fc_subscription_id.x_fc_external_id
        cases = [
            ({}, [later, january]),
            ({"external_customer_id": link.external_id}, [later]),
            ({"subscription_external_id": external_id}, [later]),
            ({"payment_state": paid}, [january]),
            ({"payment_state": "not_paid"}, [later]),
            ({"from": "2026-02-02"}, [later]),
            ({"from": "2026-02-01", "to": "2026-03-01"}, [january]),
            ({"state": "cancel"}, []),
        ]
        for params, moves in cases:
            with self.subTest(**params):
                found = self._list("/invoices", **params)["invoices"]
                self.assertEqual(self._get_names(found, "invoice_id"), [move.id for move in moves])

    def test_drafts_are_not_shown(self):
        draft = self._create_native_invoice_on(self._create_subscription(), "2026-02-01")
        self.assertEqual(draft.state, "draft")
        self.assertEqual(self._list("/invoices")["invoices"], [])
        for path in ("", "/pdf", "/ratings"):
            response = self._call(f"/invoices/{draft.id}{path}")
            self.assertRefused(response, 404, "invoice_not_found", "invoice_id")

    def test_credit_notes_are_a_list_of_their_own(self):
        invoice = self._bill()
        note = invoice._fc_credit("Goodwill")
        (shown,) = self._list("/credit_notes", invoice_id=invoice.id)["credit_notes"]
        self.assertEqual(
            (shown["credit_note_id"], shown["invoice_id"], shown["reason"]), (note.id, invoice.id, "Goodwill")
        )
        self.assertEqual(self._get_names(self._list("/invoices")["invoices"], "invoice_id"), [invoice.id])
        self.assertRefused(self._call(f"/credit_notes/{invoice.id}"), 404, "credit_note_not_found", "credit_note_id")
        self.assertRefused(self._call(f"/invoices/{note.id}"), 404, "invoice_not_found", "invoice_id")

    # === USAGE === #

    def test_counters_are_shown_with_exact_quantities_and_their_state(self):
        order = self._create_subscription()
        event = self._event(order, quantity="12345678901234567.123456789", idempotency_key="k")
        self._call("/usage", {"events": [{**event, "properties": {"region": "eu"}}]})
        (shown,) = self._list("/usage/events")["usage"]
        expected = {
            "quantity": "12345678901234567.123456789",
            "properties": {"region": "eu"},
            "period_start": "2026-01-10T00:00:00Z",
            "attributed_at": "2026-01-10T23:59:59.999999Z",
            "idempotency_key": "k",
            "voided_at": None,
        }
        self.assertEqual({name: shown[name] for name in expected}, expected)
        self._call("/usage/void", {"idempotency_key": "k", "reason": "Test"})
        (shown,) = self._list("/usage/events")["usage"]
        self.assertTrue(shown["voided_at"])
        self.assertEqual(shown["void_reason"], "Test")

    def test_the_counters_behind_an_invoice_can_be_followed(self):
        self._create_charge()
        order = self._create_subscription()
        for day, key in (("2026-01-10", "a"), ("2026-01-20", "b"), ("2026-02-03", "c")):
            self._use(order, 5, day, idem=unique(key))
        invoice = self._invoice_on(order, "2026-02-01")
        answer = self._list(f"/invoices/{invoice.id}")
        rating_ids = [rating_id for line in answer["lines"] for rating_id in line["rating_ids"]]
        (rating,) = self._list(f"/invoices/{invoice.id}/ratings")["ratings"]
        self.assertEqual([rating["rating_id"]], rating_ids)
        self.assertEqual((rating["total_quantity"], rating["amount"], rating["state"]), ("10", "10.00", "billed"))
        used = self._list(f"/ratings/{rating['rating_id']}/usage")["usage"]
        self.assertEqual([item["idempotency_key"][0] for item in used], ["b", "a"])
