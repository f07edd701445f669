# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo.exceptions import UserError
from odoo.tests import Form, new_test_user, tagged

from .common import SubscriptionCommon


@tagged("post_install", "-at_install")
class TestSubscriptionChange(SubscriptionCommon):
    """Salespeople are asked from when a change holds, and told what it means."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesman = new_test_user(
            cls.env, login="change_sales", groups="base.group_user,sales_team.group_sale_salesman"
        )
        cls.order = cls._create_subscription(
            [{"product_id": cls.fee.id, "price_unit": 31}, {"product_id": cls.setup.id}], user_id=cls.salesman.id
        )

    def _open_form(self, order=None):
        action = (order or self.order).with_user(self.salesman).action_change_subscription()
        return Form(self.env[action["res_model"]].with_user(self.salesman).with_context(**action["context"]))

    def test_each_choice_has_its_first_day(self):
        table = [
            # choice, day, invoices of January and February, what it means
            ("now", None, [30 + 51, 62], "Days as before: 11, with the new terms: 20, of 31"),
            ("next_period", None, [30 + 31, 62], "begins on 02/01/2026"),
            ("day", "2026-01-02", [30 + 61, 62], "Days as before: 1, with the new terms: 30, of 31"),
            ("day", "2026-02-01", [30 + 31, 62], "begins on 02/01/2026"),
        ]
        for choice, day, expected, meaning in table:
            with self.subTest(choice, day=day):
                order = self.order.copy({"start_date": "2026-01-01"})
                order.action_confirm()
                with self._on("2026-01-12"):
                    with self._open_form(order) as form:
                        form.timing = choice
                        if day:
                            form.day = day
                        with form.line_ids.edit(0) as line:
                            line.quantity = 2
                        self.assertIn(meaning, form.summary)
                        self.assertIn("1 x 31.00 until then, 2 x 31.00 from", form.summary)
                    form.record.action_change()
                self._invoice_on(order, "2026-03-01")
                self.assertEqual([amount for _day, amount in self._get_invoices(order)], expected)
                self.assertEqual(order.x_fc_term_ids.create_uid, self.salesman | self.env.user)

    def test_only_recurring_lines_are_asked_for_and_the_rule_is_proposed(self):
        form = self._open_form()
        self.assertEqual((len(form.line_ids), form.timing, form.summary), (1, "next_period", False))
        by_day = self._create_subscription(x_fc_change_timing="by_day", user_id=self.salesman.id)
        self.assertEqual(self._open_form(by_day).timing, "now")

    def test_a_billed_day_is_refused_and_said_to_be(self):
        self._invoice_on(self.order, "2026-02-01")
        with self._on("2026-02-10"):
            with self._open_form() as form:
                form.timing = "day"
                form.day = "2026-01-20"
                with form.line_ids.edit(0) as line:
                    line.discount = 10
                self.assertIn("invoiced already", form.summary)
            with self.assertRaises(UserError):
                form.record.action_change()

    def test_a_change_of_nothing_is_refused(self):
        with self._open_form() as form:
            pass
        with self.assertRaises(UserError):
            form.record.action_change()

    def test_a_fee_in_advance_is_said_to_be_billed_anew(self):
        order = self._create_subscription(x_fc_fee_timing="advance", user_id=self.salesman.id)
        self._invoice_on(order, "2026-01-01")
        with self._on("2026-01-12"), self._open_form(order) as form:
            form.timing = "now"
            with form.line_ids.edit(0) as line:
                line.price_unit = 50
            self.assertIn("credits the rest of it", form.summary)
