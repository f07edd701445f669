# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import date
from itertools import pairwise

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import SubscriptionCommon

BY_DAY = {"x_fc_change_timing": "by_day"}
ADVANCE = {"x_fc_fee_timing": "advance"}
DAY = {"x_fc_proration": "day"}


@tagged("post_install", "-at_install")
class TestTermsByDay(SubscriptionCommon):
    """A fee of 20.00 a month since January 1; what prices a period is known by day."""

    @classmethod
    def _open(cls, quantity=1, price=20.0, lines=(), **values):
        fee = {"product_id": cls.fee.id, "product_uom_qty": quantity, "price_unit": price}
        return cls._create_subscription([fee, *lines], **values)

    def _change(self, order, day, effective_from=None, line=None, **values):
        """Change the fee on a day, by its rule, or from a chosen day on."""
        line = line or order.order_line[:1]
        with self._on(day):
            if effective_from:
                order._change_recurring_lines({line: values}, date.fromisoformat(effective_from))
            else:
                line.write(values)

    def _get_lines(self, order):
        """Return (invoice date, what the line says, amount) of all invoice lines, oldest first."""
        moves = order.invoice_ids.sorted(lambda move: (move.invoice_date, move.id))
        return [
            (str(move.invoice_date), line.name.split("\n")[1], -line.price_subtotal * line.move_id.direction_sign)
            for move in moves
            for line in move.invoice_line_ids
        ]

    # === QUANTITIES AND PRICES === #

    def test_a_period_is_billed_with_the_quantities_of_its_days(self):
        table = [
            # quantity at first, terms, changes (on, from or None for the rule, values), run on, amounts, reason
            (
                1,
                {"x_fc_grace_days": 5},
                [("2026-02-03", None, {"product_uom_qty": 50})],
                "2026-04-10",
                [20, 20, 1000],
                "January was billed 1000: 50 seats are agreed in its days of grace, and begin in March",
            ),
            (
                1,
                {"x_fc_grace_days": 5, **BY_DAY},
                [("2026-02-03", None, {"product_uom_qty": 50})],
                "2026-04-10",
                [20, 930, 1000],
                "January was billed 1000: February is 2 days of 1 seat, 1.43, and 26 days of 50, 928.57",
            ),
            (
                100,
                {},
                [("2026-01-31", None, {"product_uom_qty": 1})],
                "2026-03-01",
                [2000, 20],
                "January was billed 20: 100 seats were there until its last day",
            ),
            (
                100,
                BY_DAY,
                [("2026-01-31", None, {"product_uom_qty": 1})],
                "2026-03-01",
                [1936.13, 20],
                "30 days of 100 seats, 1935.48, and a day of one, 0.65",
            ),
            (
                1,
                {},
                [("2026-01-10", "2026-01-20", {"price_unit": 31})],
                "2026-03-01",
                [24.26, 31],
                "a chosen day: 19 days at 20, 12.26, and 12 days at 31, 12.00",
            ),
            (1, {}, [("2026-01-10", None, {"discount": 50})], "2026-03-01", [20, 10], "discounts are terms, too"),
            (1, {}, [("2026-01-10", None, {"product_uom_qty": 0})], "2026-03-01", [20], "quantity 0 ends a line"),
            (
                1,
                {},
                [
                    ("2026-01-10", None, {"price_unit": 30}),
                    ("2026-01-12", "2026-01-17", {"product_uom_qty": 2}),
                ],
                "2026-03-01",
                [29.67, 60],
                "a price that is planned for February does not come early with another quantity: 16/31 + 2 x 15/31",
            ),
            (
                1,
                {},
                [
                    ("2026-01-10", None, {"product_uom_qty": 50}),
                    ("2026-01-12", "2026-01-12", {"product_uom_qty": 50}),
                ],
                "2026-02-01",
                [652.26],
                "what was planned is brought forward: 11 days of 1 seat, 7.10, 20 days of 50, 645.16",
            ),
            (
                1,
                {},
                [("2026-01-10", None, {"product_uom_qty": 50}), ("2026-01-20", None, {"product_uom_qty": 3})],
                "2026-03-01",
                [20, 60],
                "what is agreed later wins",
            ),
        ]
        for quantity, terms, changes, day, expected, reason in table:
            with self.subTest(reason):
                order = self._open(quantity, **terms)
                for on, effective_from, values in changes:
                    self._change(order, on, effective_from, **values)
                self._invoice_on(order, day)
                self.assertEqual([amount for _day, amount in self._get_invoices(order)], expected)

    def test_both_parts_of_a_period_explain_themselves(self):
        order = self._open(2, **BY_DAY)
        self._change(order, "2026-01-16", product_uom_qty=3, discount=10)
        self._invoice_on(order, "2026-02-01")
        self.assertEqual(
            self._get_lines(order),
            [
                (
                    "2026-02-01",
                    "2 x 20.00, 01/01/2026 to 01/15/2026, 15 of the 31 days of 01/01/2026 to 01/31/2026",
                    19.35,
                ),
                (
                    "2026-02-01",
                    "3 x 20.00, 01/16/2026 to 01/31/2026, 16 of the 31 days of 01/01/2026 to 01/31/2026",
                    27.87,
                ),
            ],
        )

    def test_a_change_within_a_fee_that_is_billed_in_advance_credits_and_bills_the_rest(self):
        for rule in ("none", "day"):
            with self.subTest(rule):
                order = self._open(**ADVANCE, **BY_DAY, x_fc_proration=rule)
                self._invoice_on(order, "2026-02-01")
                self._change(order, "2026-02-15", product_uom_qty=3)
                self._invoice_on(order, "2026-03-01")
                february = "14 of the 28 days of 02/01/2026 to 02/28/2026"
                self.assertEqual(
                    self._get_lines(order)[2:],
                    [
                        ("2026-03-01", f"Not used: 1 x 20.00, 02/15/2026 to 02/28/2026, {february}", -10),
                        ("2026-03-01", f"3 x 20.00, 02/15/2026 to 02/28/2026, {february}", 30),
                        ("2026-03-01", "03/01/2026 to 03/31/2026", 60),
                    ],
                )

    def test_both_timings_bill_the_same_over_a_life_of_changes(self):
        changes = [
            ("2026-01-10", None, {"product_uom_qty": 3}),
            ("2026-01-20", "2026-02-05", {"price_unit": 33.33}),
            ("2026-02-03", None, {"discount": 12.5}),
            ("2026-03-20", "2026-03-10", {"product_uom_qty": 1}),
            ("2026-03-25", None, {"product_uom_qty": 7}),
        ]
        days = [f"2026-{month:02}-{day:02}" for month in range(1, 7) for day in (1, 6, 15, 25)]
        for terms in ({}, DAY, BY_DAY, {**BY_DAY, **DAY}, {**BY_DAY, "x_fc_trial_days": 5}):
            for closed_on in ("2026-04-01", "2026-04-10"):
                totals = {}
                for timing in ("arrears", "advance"):
                    order = self._open(x_fc_fee_timing=timing, x_fc_grace_days=3, **terms)
                    for day in sorted({*days, *(change[0] for change in changes), closed_on}):
                        for on, effective_from, values in changes:
                            if on == day:
                                self._change(order, on, effective_from, **values)
                        if day == closed_on:
                            self._close(order, day)
                        self._invoice_on(order, day)
                    totals[timing] = round(sum(amount for _day, amount in self._get_invoices(order)), 2)
                with self.subTest(terms=terms, closed_on=closed_on):
                    self.assertEqual(totals["advance"], totals["arrears"])

    def test_days_that_are_invoiced_are_refused(self):
        order = self._open()
        self._invoice_on(order, "2026-02-01")
        with self.assertRaises(UserError):
            self._change(order, "2026-02-10", "2026-01-31", product_uom_qty=2)
        self._change(order, "2026-02-10", "2026-02-01", product_uom_qty=2)
        self._invoice_on(order, "2026-03-01")
        self.assertEqual(self._get_invoices(order)[1:], [("2026-03-01", 40)])

    def test_a_client_cannot_choose_the_day_by_its_context(self):
        line = self._open().order_line
        with self._on("2026-01-10"):
            line.with_context(fusion_subscription_change_day="2026-01-01").write({"product_uom_qty": 2})
        self.assertEqual(str(line.x_fc_term_ids.sorted("id")[-1:].effective_from), "2026-02-01")

    def test_a_line_that_is_added_begins_by_the_rule(self):
        table = [
            # rule, invoices, reason
            ({}, [100, 107], "an add-on of 7.00 was billed for the whole of January"),
            (BY_DAY, [103.61, 107], "16 of 31 days"),
        ]
        for terms, expected, reason in table:
            with self.subTest(reason):
                order = self._open(price=100, **terms)
                with self._on("2026-01-16"):
                    order.order_line = [Command.create({"product_id": self.fee.id, "price_unit": 7})]
                self._invoice_on(order, "2026-03-01")
                self.assertEqual([amount for _day, amount in self._get_invoices(order)], expected)

    def test_a_change_before_the_start_holds_from_the_start(self):
        order = self._open(start_date="2026-03-01")
        self._change(order, "2026-02-10", product_uom_qty=4)
        self._invoice_on(order, "2026-04-01")
        self.assertEqual(self._get_invoices(order), [("2026-04-01", 80)])

    def test_the_history_says_what_holds_from_when_and_who_agreed(self):
        order = self._open()
        self._change(order, "2026-01-10", product_uom_qty=2)
        self._change(order, "2026-02-10", price_unit=25)
        terms = [(str(term.effective_from or "start"), term.quantity, term.price_unit) for term in order.x_fc_term_ids]
        self.assertEqual(terms, [("2026-03-01", 2, 25), ("2026-02-01", 2, 20), ("start", 1, 20)])
        self.assertEqual(order.x_fc_term_ids.create_uid, self.env.user)
        with self.assertRaises(UserError):
            order.x_fc_term_ids[:1].sudo(False).with_user(self.env.ref("base.user_admin")).quantity = 9

    def test_a_subscription_of_before_keeps_its_terms_until_they_change(self):
        order = self._open()
        order.sudo().x_fc_term_ids.unlink()
        self._change(order, "2026-01-10", product_uom_qty=2)
        self._invoice_on(order, "2026-03-01")
        self.assertEqual([amount for _day, amount in self._get_invoices(order)], [20, 40])

    # === AGREED PRICES === #

    def test_an_agreed_price_is_never_looked_up_again(self):
        features = self.env.ref("sale.group_discount_per_so_line")
        self.env.user.group_ids |= features
        rules = [
            {"compute_price": "percentage", "percent_price": 10},
            {"compute_price": "formula", "price_discount": 25},
            {"compute_price": "fixed", "fixed_price": 3, "min_quantity": 2},
        ]
        for rule in rules:
            with self.subTest(rule=rule):
                pricelist = self.env["product.pricelist"].create(
                    {"name": "Sale", "item_ids": [Command.create({"applied_on": "3_global", **rule})]}
                )
                order = self._open(pricelist_id=pricelist.id, lines=[], price=20)
                order.order_line.discount = 0
                with self._on("2026-01-10"), self.env.cr.savepoint():
                    order.order_line.product_uom_qty = 5
                    order.action_update_prices()
                    order.order_line.with_context(force_price_recomputation=True)._compute_price_unit()
                    order.order_line._compute_discount()
                self.assertRecordValues(order.order_line, [{"product_uom_qty": 5, "price_unit": 20, "discount": 0}])
                self._invoice_on(order, "2026-03-01")
                self.assertEqual([amount for _day, amount in self._get_invoices(order)], [20, 100])

    def test_a_quotation_is_priced_by_its_pricelist_as_ever(self):
        pricelist = self.env["product.pricelist"].create(
            {"name": "Sale", "item_ids": [Command.create({"compute_price": "fixed", "fixed_price": 3})]}
        )
        order = self._create_subscription(confirm=False, pricelist_id=pricelist.id)
        self.assertEqual(order.order_line.price_unit, 3)
        order.order_line.price_unit = 50
        order.action_update_prices()
        self.assertEqual(order.order_line.price_unit, 3)

    # === THE ROLE OF A LINE === #

    def test_the_role_says_how_a_line_is_billed_and_not_its_product(self):
        table = [
            # product is recurring, role, invoices of January and February
            (True, "product", [20, 20]),
            (False, "product", [20]),
            (True, "recurring", [20, 20]),
            (False, "recurring", [20, 20]),
            (True, "one_off", [20]),
            (False, "one_off", [20]),
        ]
        for is_recurring, role, expected in table:
            with self.subTest(is_recurring=is_recurring, role=role):
                product = self.fee if is_recurring else self.setup
                line = {"product_id": product.id, "price_unit": 20, "x_fc_recurrence": role}
                order = self._create_subscription([line])
                self._invoice_on(order, "2026-03-01")
                self.assertEqual([amount for _day, amount in self._get_invoices(order)], expected)

    def test_a_flag_that_the_product_gets_later_changes_nothing(self):
        order = self._create_subscription([{"product_id": self.setup.id}])
        self.setup.recurring_invoice = True
        self._invoice_on(order, "2026-03-01")
        self.assertEqual([amount for _day, amount in self._get_invoices(order)], [30])

    def test_the_role_of_a_started_line_cannot_change(self):
        order = self._open(lines=[{"product_id": self.setup.id}])
        fee, setup = order.order_line
        for line, values in (
            (fee, {"x_fc_recurrence": "one_off"}),
            (fee, {"product_id": self.setup.id}),
            (setup, {"x_fc_recurrence": "recurring"}),
        ):
            with self.subTest(values=values), self.assertRaises(UserError), self.cr.savepoint():
                line.write(values)

    # === DISCOUNTS === #

    def test_a_recurring_discount_does_not_depend_on_what_people_choose_about_down_payments(self):
        discounts = [{"product_uom_qty": -1, "price_unit": 5}, {"price_unit": -5}]
        for discount in discounts:
            for final in (False, True):
                with self.subTest(discount=discount, final=final):
                    order = self._open(lines=[{"product_id": self.fee.id, **discount}])
                    with self._on("2026-02-01"):
                        order._create_invoices(final=final)
                    self.assertEqual(self._get_invoices(order), [("2026-02-01", 15)])

    def test_a_discount_above_the_fee_is_a_credit_note_that_deducts_no_down_payment_unasked(self):
        order = self._open(lines=[{"product_id": self.fee.id, "price_unit": -50}, {"product_id": self.setup.id}])
        with self._on("2026-01-10"):
            order._create_invoices()
            order.order_line[2:].product_uom_qty = 0
        with self._on("2026-02-01"):
            note = order._create_invoices(final=False)
        self.assertRecordValues(note, [{"move_type": "out_refund", "amount_untaxed": 30}])

    # === THE END === #

    def test_a_subscription_that_ends_on_its_first_day_invoices_its_set_up_fee(self):
        for terms in ({}, ADVANCE):
            with self.subTest(terms=terms):
                order = self._open(lines=[{"product_id": self.setup.id}], **terms)
                self._close(order, "2026-01-01")
                with self._on("2026-01-01"):
                    self.assertTrue(self.env["sale.order"].search(order._get_due_subscriptions_domain()) & order)
                self._invoice_on(order, "2026-01-01")
                self.assertEqual(self._get_invoices(order), [("2026-01-01", 30)])
                self.assertFalse(order.x_fc_rest_due_on)
                self.assertFalse(self._invoice_on(order, "2026-03-01"))

    def test_a_line_added_after_the_last_run_is_invoiced_when_the_subscription_ends_on_its_boundary(self):
        order = self._open()
        self._invoice_on(order, "2026-02-01")
        order.order_line = [Command.create({"product_id": self.setup.id})]
        self._close(order, "2026-02-01")
        self._invoice_on(order, "2026-02-02")
        self.assertEqual(self._get_invoices(order), [("2026-02-01", 20), ("2026-02-02", 30)])

    # === PAUSES === #

    def test_pauses_that_meet_count_as_one(self):
        table = [
            # paused and resumed on, amounts of January, February, March, reason
            (
                ["2026-02-01", "2026-02-10", "2026-02-10", "2026-03-01"],
                {},
                [20, None, 20],
                "February was billed: they meet",
            ),
            (["2026-02-01", "2026-02-10", "2026-02-11", "2026-03-01"], {}, [20, 20, 20], "it ran on the 10th"),
            (
                ["2026-01-15", "2026-02-01"],
                {"x_fc_trial_days": 14},
                [None, 20, 20],
                "January was billed: it lies within trial and pause",
            ),
            (
                ["2026-01-16", "2026-02-01"],
                {"x_fc_trial_days": 14},
                [10.97, 20, 20],
                "it ran for a day: 17/31, as if there had been no pause",
            ),
        ]
        for days, terms, expected, reason in table:
            for timing in ("arrears", "advance"):
                with self.subTest(reason, timing=timing):
                    order = self._open(x_fc_fee_timing=timing, **terms)
                    for number, day in enumerate(days):
                        self._invoice_on(order, day)
                        with self._on(day):
                            order.action_resume() if number % 2 else order.action_pause()
                    self._invoice_on(order, "2026-04-01")
                    months = [date(2026, month, 1) for month in (1, 2, 3, 4)]
                    fees = [float(order._get_recurring_fee(start, end)) or None for start, end in pairwise(months)]
                    self.assertEqual(fees, expected)
                    billed = sum(amount for _day, amount in self._get_invoices(order))
                    next_fee = 20 if timing == "advance" else 0
                    self.assertAlmostEqual(billed, sum(filter(None, expected)) + next_fee, 2)

    def test_whether_a_period_owes_a_fee_and_which_share(self):
        order = self._open(x_fc_trial_days=40)
        january, february, march = (date(2026, month, 1) for month in (1, 2, 3))
        self.assertFalse(order._owes_recurring_fee(january, february))
        self.assertTrue(order._owes_recurring_fee(february, march))
        self.assertEqual(order._get_recurring_share(january, february), 0)
        self.assertEqual(order._get_recurring_share(february, march) * 28, 19)
