# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common import BillingHttpCase, unique
from .editions import only_on


@tagged("post_install", "-at_install")
class TestRestSubscriptionChanges(BillingHttpCase):
    def _patch(self, order, **values):
        return self._call(f"/subscriptions/{order.x_fc_external_id or order.id}", values, method="PATCH")

    def _change(self, order, **values):
        response = self._patch(order, **values)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def _in_days(self, days):
        return str(fields.Date.today() + timedelta(days=days))

    # === EXTERNAL ID === #

    def test_a_subscription_is_renamed_and_reached_by_its_new_name(self):
        order, name = self._create_subscription(), unique("renamed")
        old = order.x_fc_external_id
        self.assertEqual(self._change(order, external_id=name)["external_id"], name)
        self.assertEqual(self._call(f"/subscriptions/{name}").json()["subscription_id"], order.id)
        self.assertRefused(self._call(f"/subscriptions/{old}"), 404, "subscription_not_found")

    def test_the_name_of_another_subscription_is_a_conflict(self):
        order, other = self._create_subscription(), self._create_subscription()
        response = self._patch(order, external_id=other.x_fc_external_id)
        self.assertRefused(response, 409, "external_id_conflict", "external_id")

    def test_the_name_of_another_services_subscription_is_free(self):
        other = self._create_subscription(service=self._create_service())
        self._change(self._create_subscription(), external_id=other.x_fc_external_id)

    # === PLANNED END === #

    def test_an_end_is_planned_moved_and_taken_back(self):
        order = self._create_subscription(start_date=fields.Date.today())
        for end_date in (self._in_days(40), self._in_days(10), None):
            with self.subTest(end_date):
                answer = self._change(order, end_date=end_date)
                self.assertEqual((answer["end_date"], answer["subscription_state"]), (end_date, "3_progress"))
        self.assertFalse(order.end_date)
        self.assertGreater(order.next_invoice_date, fields.Date.today() + timedelta(days=20))

    def test_an_end_that_is_not_after_today_is_for_terminate(self):
        order = self._create_subscription(start_date=fields.Date.today() - timedelta(days=3))
        for days in (0, -1):
            self.assertRefused(self._patch(order, end_date=self._in_days(days)), 422, "end_date_refused", "end_date")
        self.assertFalse(order.end_date)

    def test_what_has_ended_cannot_be_changed(self):
        order = self._create_subscription(start_date=fields.Date.today() - timedelta(days=3))
        line = {"line_id": order.order_line.id, "quantity": 2}
        self._call(f"/subscriptions/{order.x_fc_external_id}/terminate", {})
        for values in ({"end_date": None}, {"end_date": self._in_days(5)}, {"lines": [line]}):
            with self.subTest(**values):
                self.assertRefused(self._patch(order, **values), 422, "subscription_not_active", next(iter(values)))

    # === QUANTITIES === #

    @only_on("community")
    def test_another_quantity_is_billed_at_the_agreed_price(self):
        order = self._create_subscription()
        answer = self._change(order, lines=[{"line_id": order.order_line.id, "quantity": "2.5"}])
        self.assertEqual((answer["lines"][0]["quantity"], answer["lines"][0]["unit_price"]), ("2.5", "20"))
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 20)
        following = order.plan_id._get_recurrence().next_boundary(order.start_date, fields.Date.today())
        self.assertEqual(order.x_fc_term_ids.sorted("id")[-1].effective_from, following)

    @only_on("community")
    def test_a_quantity_holds_from_the_day_that_the_service_names(self):
        cases = [
            # effective_at, first day, invoices of January and February, at 310.00 a month, reason
            (None, "2026-02-01", [310, 620], "the rule of the plan"),
            ("now", "2026-01-11", [520, 620], "10 days of 1 and 21 of 2: by the day of invoicing it was 620"),
            ("period_end", "2026-02-01", [310, 620], "the period that runs is that of today"),
            ("2026-02-15", "2026-02-15", [310, 465], "a day in the future"),
            ("2026-01-01", "2026-01-01", [620, 620], "a day that is not invoiced yet"),
        ]
        for effective_at, first_day, amounts, reason in cases:
            with self.subTest(reason):
                lines = [{"product_id": self.fee.id, "price_unit": 310}]
                order = self._create_subscription(order_line=[Command.create(line) for line in lines])
                with self._on("2026-01-11"):
                    change = {"lines": [{"line_id": order.order_line.id, "quantity": 2}]}
                    if effective_at:
                        change["effective_at"] = effective_at
                    answer = self.service._api_update_subscription(
                        {"subscription_external_id": order.x_fc_external_id, **change}
                    )
                [line] = answer["lines"]
                self.assertEqual((line["quantity"], line["effective_from"]), ("2", first_day))
                moves = self._invoice_on(order, "2026-03-01")
                self.assertEqual(moves.sorted("invoice_date").mapped("amount_untaxed"), amounts)

    @only_on("community")
    def test_a_day_that_is_invoiced_is_refused(self):
        order = self._create_subscription()
        self._invoice_on(order, "2026-02-01")
        lines = [{"line_id": order.order_line.id, "quantity": 2}]
        response = self._patch(order, lines=lines, effective_at="2026-01-31")
        self.assertRefused(response, 422, "effective_at_refused", "effective_at")
        self._change(order, lines=lines, effective_at="2026-02-01")
        terms = order.x_fc_term_ids
        self._change(order, lines=lines, effective_at="2026-02-01")
        self.assertEqual(order.x_fc_term_ids, terms, "the same request again changes nothing")

    def test_what_is_no_first_day_is_refused_in_words_for_people(self):
        order = self._create_subscription()
        lines = [{"line_id": order.order_line.id, "quantity": 2}]
        for text in ("tomorrow", "2026-02-31", "2026-1-1", "", "２０２６-02-01"):
            with self.subTest(text):
                answer = self.assertRefused(
                    self._patch(order, lines=lines, effective_at=text), 400, "invalid_payload", "effective_at"
                )
                self.assertIn("now, period_end, or a date", answer["message"])

    def test_the_agreed_price_and_discount_survive_a_pricelist(self):
        line = {"product_id": self.fee.id, "price_unit": 17, "discount": 10}
        order = self._create_subscription(order_line=[Command.create(line)])
        order.pricelist_id.item_ids = [Command.create({"compute_price": "fixed", "fixed_price": 3, "min_quantity": 2})]
        self._change(order, lines=[{"line_id": order.order_line.id, "quantity": 2}])
        self.assertRecordValues(order.order_line, [{"product_uom_qty": 2, "price_unit": 17, "discount": 10}])

    def test_only_recurring_lines_of_the_subscription_change(self):
        self._create_charge()
        once = {"product_id": self._create_product(name="Set-up").id, "price_unit": 99}
        order = self._create_subscription(
            order_line=[Command.create({"product_id": self.fee.id}), Command.create(once)]
        )
        self._use(order, 5)
        self._rate(order)
        fee, setup, usage = order.order_line
        foreign = self._create_subscription().order_line
        cases = [
            (setup, 422, "line_not_recurring"),
            (usage, 404, "line_not_found"),
            (foreign, 404, "line_not_found"),
        ]
        for line, status, code in cases:
            with self.subTest(code):
                changes = [{"line_id": fee.id, "quantity": 7}, {"line_id": line.id, "quantity": 7}]
                self.assertRefused(self._patch(order, lines=changes), status, code, "lines.1.line_id")
        self.assertEqual(fee.product_uom_qty, 1)  # nothing of what was refused is kept
        twice = [{"line_id": fee.id, "quantity": 7}] * 2
        self.assertRefused(self._patch(order, lines=twice), 400, "repeated_line", "lines.1.line_id")

    # === PLAN === #

    def test_a_subscription_keeps_its_plan(self):
        order = self._create_subscription()
        other = self._create_plan()
        self.assertRefused(self._patch(order, plan_code=other.code), 422, "plan_change_refused", "plan_code")
        self._change(order, plan_code=self.plan.code)

    def test_a_change_is_done_wholly_or_not_at_all(self):
        order = self._create_subscription()
        name = order.x_fc_external_id
        response = self._patch(order, external_id=unique("new"), end_date="2026-01-02")
        self.assertRefused(response, 422, "end_date_refused")
        self.assertEqual(order.x_fc_external_id, name)

    # === TERMINATION === #

    def _end(self, order, **values):
        return self._call(f"/subscriptions/{order.x_fc_external_id}/terminate", values)

    def test_a_subscription_ends_now_or_with_its_period(self):
        today = fields.Date.today()
        order = self._create_subscription(start_date=today)
        end = str(order.next_invoice_date)
        for _time in range(2):
            answer = self._end(order, at="period_end").json()
            self.assertEqual((answer["end_date"], answer["subscription_state"]), (end, "3_progress"))
        answer = self._end(order, at="now").json()
        self.assertEqual((answer["end_date"], answer["subscription_state"]), (str(today), "6_churn"))
        # It has ended: the end of its period is the end that it had.
        self.assertEqual(self._end(order, at="period_end").json()["end_date"], str(today))

    def test_a_quotation_has_no_period_to_end_with(self):
        order = self._create_subscription(confirm=False)
        self.assertRefused(self._end(order, at="period_end"), 422, "no_billing_period", "at")
