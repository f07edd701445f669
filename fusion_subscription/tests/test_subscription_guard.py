# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

import json
from datetime import timedelta

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command, Datetime
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import SubscriptionCommon

# What a salesperson might send over Odoo's RPC to have a period billed again, or never
FORGED = {
    "subscription_state": "6_churn",
    "last_invoice_date": "2027-01-01",
    "next_invoice_date": "2027-01-01",
    "x_fc_fee_invoiced_until": "2027-01-01",
    "x_fc_fee_due_on": "2027-01-01",
    "x_fc_rest_due_on": "2027-01-01",
    "x_fc_trial_end_date": "2027-01-01",
    "x_fc_invoice_on": "2027-01-01",
}


@tagged("post_install", "-at_install")
class TestSubscriptionGuard(SubscriptionCommon):
    """Salespeople and accountants write on orders over RPC: their rights as they are, nothing as superuser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesman, cls.biller = (
            new_test_user(cls.env, login=f"guard_{group}", groups=f"base.group_user,{group}")
            for group in ("sales_team.group_sale_salesman", "account.group_account_invoice")
        )
        cls.order = cls._create_subscription(user_id=cls.salesman.id)

    def _as(self, user, order=None):
        """Return an order as a user sees it, with nothing left in the cache of what others have read."""
        self.env.flush_all()
        self.env.invalidate_all()
        return (order or self.order).with_user(user).sudo(False)

    def _get_values(self, **values):
        return {"partner_id": self.partner_a.id, "plan_id": self.plan_month.id, **values}

    # === WHAT ONLY CODE WRITES === #

    def test_nobody_writes_how_far_a_subscription_is_billed_nor_its_state(self):
        self._invoice_on(self.order, "2026-02-01")
        for user in (self.salesman, self.biller):
            for name, value in FORGED.items():
                for written in (value, False):
                    if written == self.order[name]:
                        continue
                    with self.subTest(user=user.login, field=name, value=written), self.assertRaises(UserError):
                        self._as(user).write({name: written})
        self.assertDates(self.order, last_invoice_date="2026-02-01", next_invoice_date="2026-03-01")

    def test_nobody_opens_an_order_that_is_billed_already(self):
        for name, value in FORGED.items():
            with self.subTest(field=name), self.assertRaises(UserError):
                self.env["sale.order"].with_user(self.salesman).create(self._get_values(**{name: value}))

    def test_nobody_duplicates_an_order_into_one_that_is_billed_already(self):
        for name, value in FORGED.items():
            with self.subTest(field=name), self.assertRaises(UserError):
                self._as(self.salesman).copy({name: value})

    def test_defaults_do_not_reach_what_only_code_writes(self):
        sent = {f"default_{name}": value for name, value in FORGED.items()}
        for user_default in (False, True):
            with self.subTest("kept for the user" if user_default else "sent with the request"):
                if user_default:
                    for name, value in FORGED.items():
                        self.env["ir.default"].with_user(self.salesman).set(
                            "sale.order", name, value, user_id=self.salesman.id
                        )
                orders = self.env["sale.order"].with_user(self.salesman)
                order = orders.with_context({} if user_default else sent).create(self._get_values())
                self.assertEqual(order.subscription_state, "1_draft")
                self.assertFalse([name for name in FORGED if name != "subscription_state" and order[name]])

    def test_a_copy_starts_as_a_quotation_of_which_nothing_is_billed(self):
        order = self._create_subscription(user_id=self.salesman.id, x_fc_fee_timing="advance", x_fc_trial_days=3)
        self._invoice_on(order, "2026-02-05")
        copy = self._as(self.salesman, order).copy()
        self.assertEqual((copy.subscription_state, copy.x_fc_fee_timing), ("1_draft", "advance"))
        self.assertFalse([name for name in FORGED if name != "subscription_state" and copy[name]])
        self.assertFalse(copy.x_fc_period_ids or copy.x_fc_fee_ids or copy.x_fc_pause_ids)

    def test_what_is_written_unchanged_is_no_change(self):
        order = self._as(self.salesman)
        order.write({name: order[name] for name in FORGED})
        self.assertEqual(order.subscription_state, "3_progress")

    def test_periods_fees_and_pauses_are_not_reached_through_the_order(self):
        self.order = self._create_subscription(user_id=self.salesman.id, x_fc_fee_timing="advance")
        self._invoice_on(self.order, "2026-02-01")
        with self._on("2026-02-10"):
            self.order.action_pause()
        day = {"date_from": "2026-03-01", "date_to": "2027-03-01"}
        period = {"period_start": "2026-03-01", "period_end": "2026-04-01"}
        for user in (self.salesman, self.biller):
            for name, command in (
                ("x_fc_pause_ids", Command.create(day)),
                ("x_fc_pause_ids", Command.update(self.order.x_fc_pause_ids.id, day)),
                ("x_fc_pause_ids", Command.delete(self.order.x_fc_pause_ids.id)),
                ("x_fc_pause_ids", Command.clear()),
                ("x_fc_period_ids", Command.create(period)),
                ("x_fc_period_ids", Command.clear()),
                ("x_fc_fee_ids", Command.update(self.order.x_fc_fee_ids[:1].id, {"amount": 0})),
                ("x_fc_fee_ids", Command.clear()),
            ):
                with self.subTest(user=user.login, field=name, command=command), self.assertRaises(AccessError):
                    self._as(user).write({name: [command]})

    def test_the_default_that_a_user_keeps_does_not_make_a_pause_last(self):
        defaults = self.env["ir.default"].with_user(self.salesman)
        defaults.set("fusion.subscription.pause", "date_to", "2027-01-01", user_id=self.salesman.id)
        with self._on("2026-01-10"):
            self._as(self.salesman).action_pause()
            self._as(self.salesman).action_resume()
        self.assertEqual(str(self.order.x_fc_pause_ids.date_to), "2026-01-10")
        self.assertEqual(self._invoice_on(self.order, "2026-02-01").amount_untaxed, 100)

    # === TERMS AND THE ORDER'S STATE === #

    def test_terms_are_set_until_the_subscription_starts_and_not_after(self):
        other = self._create_plan(billing_period_unit="year")
        table = [
            ("plan_id", other.id),
            ("start_date", "2025-01-01"),
            ("x_fc_proration", "day"),
            ("x_fc_fee_timing", "advance"),
            ("x_fc_trial_days", 30),
            ("x_fc_grace_days", 5),
        ]
        quotation = self._create_subscription(confirm=False, user_id=self.salesman.id)
        for name, value in table:
            with self.subTest(name, started=False):
                self._as(self.salesman, quotation).write({name: value})
            with self.subTest(name, started=True), self.assertRaises(UserError):
                self._as(self.salesman).write({name: value})
        with self.assertRaises(UserError):
            self._as(self.salesman).write({"is_subscription": False})

    def test_a_started_subscription_is_not_reopened_or_cancelled_by_its_state_alone(self):
        for state in ("draft", "sent", "cancel"):
            for user in (self.salesman, self.biller):
                with self.subTest(state, user=user.login), self.assertRaises(UserError):
                    self._as(user).write({"state": state})
        with self.assertRaises(UserError):
            self._as(self.salesman).write({"state": "draft", "start_date": "2025-01-01"})
        for forged in (True, "object", {}, [1]):
            order = self._as(self.salesman).with_context(fusion_subscription_state_by_action=forged)
            with self.subTest(context=forged), self.assertRaises(UserError):
                order.write({"state": "draft"})
        self.assertEqual(self.order.state, "sale")

    def test_a_cancelled_subscription_is_not_revived_by_its_state_alone(self):
        with self._on("2026-01-10"):
            self._as(self.salesman).action_cancel()
        for state in ("sale", "draft"):
            with self.subTest(state), self.assertRaises(UserError):
                self._as(self.salesman).write({"state": state})

    # === RECURRING LINES === #

    def test_a_recurring_line_stays_one_and_is_billed_per_period_only(self):
        other = self._create_subscription(user_id=self.salesman.id)
        line = self.order.order_line
        for user in (self.salesman, self.biller):
            for values in (
                {"x_fc_is_recurring": False},
                {"qty_to_invoice": 5},
                {"qty_invoiced": 5},
                {"invoice_status": "to invoice"},
                {"is_downpayment": True},
                {"order_id": other.id},
            ):
                with self.subTest(user=user.login, values=values), self.assertRaises(UserError):
                    self._as(user, line).write(values)
        with self.assertRaises(UserError):
            self._as(self.salesman).write({"order_line": [Command.update(line.id, {"x_fc_is_recurring": False})]})

    def test_a_line_is_not_made_recurring_by_hand(self):
        values = {"order_id": self.order.id, "product_id": self.setup.id}
        lines = self.env["sale.order.line"].with_user(self.salesman)
        with self.assertRaises(UserError):
            lines.create({**values, "x_fc_is_recurring": True})
        self.assertFalse(lines.with_context(default_x_fc_is_recurring=True).create(values).x_fc_is_recurring)

    def test_a_salesperson_agrees_on_price_and_quantity_as_ever(self):
        with self._on("2026-01-10"):
            line = self._as(self.salesman, self.order.order_line)
            line.write({"price_unit": 90, "product_uom_qty": 3, "discount": 50})
        self.assertEqual(self._invoice_on(self.order, "2026-03-01").mapped("amount_untaxed"), [100, 135])

    # === WHAT SALESPEOPLE DO === #

    def test_a_salesperson_opens_changes_and_confirms_a_subscription(self):
        orders = self.env["sale.order"].with_user(self.salesman)
        order = orders.create(self._get_values(order_line=[Command.create({"product_id": self.fee.id})]))
        order.write({"start_date": "2026-01-15", "x_fc_grace_days": 2})
        with self._on("2026-01-15"):
            order.action_confirm()
        self.assertEqual(order.subscription_state, "3_progress")
        self.assertTrue(order.order_line.x_fc_is_recurring)
        self.assertDates(order, next_invoice_date="2026-02-15", x_fc_invoice_on="2026-02-17")

    def test_a_salesperson_invoices_period_after_period_with_the_wizard(self):
        for day in ("2026-02-01", "2026-03-01"):
            with self._on(day):
                order = self._as(self.salesman)
                wizard = self.env["sale.advance.payment.inv"].with_user(self.salesman)
                wizard = wizard.with_context(active_model="sale.order", active_ids=order.ids, active_id=order.id)
                wizard.create({"advance_payment_method": "delivered"}).create_invoices()
        self.assertEqual(
            self._get_periods(self.order),
            [("2026-01-01", "2026-02-01", 100.0), ("2026-02-01", "2026-03-01", 100.0)],
        )

    def test_a_salesperson_moves_the_end_and_invoices_the_last_period(self):
        with self._on("2026-01-10"):
            self._as(self.salesman).end_date = "2026-02-01"
        with self._on("2026-02-01"):
            self._as(self.salesman)._create_invoices()
        self.assertEqual(self.order.subscription_state, "6_churn")
        self.assertEqual(self._get_periods(self.order), [("2026-01-01", "2026-02-01", 100.0)])

    def test_a_salesperson_pauses_resumes_and_closes(self):
        with self._on("2026-01-10"), trap_jobs():
            self._as(self.salesman).action_pause()
            self.assertEqual(self.order.subscription_state, "4_paused")
            self._as(self.salesman).action_resume()
            self.assertEqual(self.order.subscription_state, "3_progress")
            self._as(self.salesman).action_close()
        self.assertEqual(self.order.subscription_state, "6_churn")

    def test_a_salesperson_cancels_reopens_and_confirms_again(self):
        with self._on("2026-01-10"):
            self._as(self.salesman).action_cancel()
            self.assertEqual((self.order.state, self.order.subscription_state), ("cancel", "6_churn"))
            self._as(self.salesman).action_draft()
            self.assertEqual((self.order.state, self.order.subscription_state), ("draft", "1_draft"))
            self._as(self.salesman).write({"start_date": "2026-01-05"})
            self._as(self.salesman).action_confirm()
        self.assertEqual(self.order.subscription_state, "3_progress")
        self.assertDates(self.order, next_invoice_date="2026-02-05")

    def test_an_order_that_is_no_subscription_changes_as_ever(self):
        order = self._create_subscription(plan_id=False, user_id=self.salesman.id)
        self._as(self.salesman, order).write({"state": "cancel"})
        self._as(self.salesman, order).write({"state": "draft"})
        self.assertEqual(order.state, "draft")


@tagged("post_install", "-at_install")
class TestSubscriptionGuardOverRpc(SubscriptionCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesman = new_test_user(
            cls.env, login="guard_rpc", groups="base.group_user,sales_team.group_sale_salesman_all_leads"
        )
        expiration = Datetime.now() + timedelta(days=1)
        cls.token = cls.env["res.users.apikeys"].with_user(cls.salesman).sudo()._generate("rpc", "Test", expiration)
        cls.order = cls._create_subscription()

    def _write(self, vals, **context):
        response = self.url_open(
            "/json/2/sale.order/write",
            data=json.dumps({"ids": self.order.ids, "vals": vals, "context": context}),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            timeout=60,
        )
        self.env.invalidate_all()
        return response

    @mute_logger("odoo.http")
    def test_json_2_takes_no_billing_dates_and_no_context_that_only_code_has(self):
        before = {name: self.order[name] for name in (*FORGED, "state")}
        context = {"fusion_subscription_state_by_action": True, "fusion_subscription_today": "2027-01-01"}
        for name, value in {**FORGED, "state": "draft"}.items():
            with self.subTest(name):
                self.assertEqual(self._write({name: value}, **context).status_code, 422)
                self.assertEqual(self.order[name], before[name])

    def test_json_2_takes_what_salespeople_may_write(self):
        self.assertEqual(self._write({"end_date": "2027-01-01"}).status_code, 200)
        self.assertDates(self.order, end_date="2027-01-01")
