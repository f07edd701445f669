# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from ..api.errors import BusinessRuleError
from .common import BillingCase, unique

_SALES = "sales_team.group_sale_salesman_all_leads"
_INVOICING = "account.group_account_invoice"
_BILLING_MANAGER = "fusion_centralize_billing.group_billing_manager"
#: What a client may send instead of an object that only server code has.
_FORGED = (True, 1, "object", {"a": 1}, [1])


class _Case(BillingCase):
    """People write over Odoo's RPC: with their own rights, any field, any context."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._listen()
        cls.charge = cls._create_charge()
        cls.salesperson = cls._create_user(_SALES, "base.group_partner_manager")
        cls.clerk = cls._create_user(_SALES, _INVOICING)
        cls.biller = cls._create_user(_SALES, "fusion_centralize_billing.group_billing_user")
        cls.manager = cls._create_user(_BILLING_MANAGER)
        with trap_jobs():
            cls.order = cls._create_subscription()

    def _as(self, user, records):
        """Return records as a user sees them, with nothing left in the cache of what others have read."""
        self.env.flush_all()
        self.env.invalidate_all()
        return records.with_user(user)

    def assertNotWritable(self, field, act):
        with self.assertRaises(BusinessRuleError) as caught:
            act()
        self.assertEqual(caught.exception.code, "field_not_writable")
        self.assertEqual(caught.exception.errors[0].path, field)


@tagged("post_install", "-at_install")
class TestOrdersWrittenByBilling(_Case):
    # === THE SUBSCRIPTION === #

    def test_nobody_says_until_when_usage_is_billed(self):
        for user in (self.salesperson, self.clerk, self.biller):
            orders = self._as(user, self.order)
            for field in ("x_fc_billed_until", "x_fc_ended_on"):
                forged = {field: "2027-01-01"}
                with self.subTest(field, user=user.login):
                    self.assertNotWritable(field, lambda orders=orders, forged=forged: orders.write(forged))

    def test_nobody_opens_or_duplicates_a_subscription_that_is_billed_already(self):
        orders = self._as(self.salesperson, self.order)
        for field in ("x_fc_billed_until", "x_fc_ended_on"):
            forged = {field: "2027-01-01"}
            values = {"partner_id": self.partner.id, "plan_id": self.recurrence.id}
            with self.subTest(field):
                self.assertNotWritable(field, lambda forged=forged, values=values: orders.create(values | forged))
                self.assertNotWritable(field, lambda forged=forged: orders.copy(forged))
                opened = orders.with_context(**{f"default_{field}": "2027-01-01"}).create(values)
                self.assertFalse(opened[field])
                self.env["ir.default"].with_user(self.salesperson).set(
                    "sale.order", field, "2027-01-01", user_id=self.salesperson.id
                )
                self.assertFalse(orders.create(values)[field])

    def test_a_rated_subscription_keeps_its_company(self):
        company = self.env["res.company"].create({"name": unique("Other company")})
        self.salesperson.company_ids += company
        self._use(self.order, 3)
        self._rate(self.order)
        with self.assertRaisesRegex(UserError, "rated subscription"):
            self._as(self.salesperson, self.order).company_id = company

    def test_a_rated_subscription_keeps_its_customer(self):
        other = self.env["res.partner"].create({"name": "Another customer"})
        order = self._as(self.salesperson, self.order)
        self._use(self.order, 3)
        self._rate(self.order)
        with self.assertRaisesRegex(UserError, "rated subscription"):
            order.partner_id = other
        order.partner_id = self.partner
        quotation = self._create_subscription(confirm=False)
        self._as(self.salesperson, quotation).partner_id = other
        self.assertEqual(quotation.partner_id, other)

    def test_a_subscription_with_usage_is_not_handed_to_another_service(self):
        other = self._create_service()
        self._upsert(self.service, (self.order, 5, "2026-01-10", "2026-01-11", "k"))
        order = self._as(self.salesperson, self.order)
        for service_id in (other.id, False):
            with self.subTest(service_id), self.assertRaisesRegex(UserError, "usage of its service"):
                order.x_fc_service_id = service_id
        unused = self._create_subscription(confirm=False)
        self._as(self.salesperson, unused).x_fc_service_id = other
        self.assertEqual(unused.x_fc_service_id, other)

    def test_the_counters_of_a_service_keep_finding_their_subscription(self):
        order = self._as(self.biller, self.order)
        order.x_fc_external_id = unique("typo corrected")
        self._use(self.order, 5)
        for external_id in (unique("mine"), False):
            with self.subTest(external_id), self.assertRaisesRegex(UserError, "its service renames it"):
                order.x_fc_external_id = external_id
        self.order.sudo().x_fc_external_id = unique("renamed by the service")

    # === RATED LINES === #

    def test_a_rated_line_is_billed_once_and_to_its_own_customer(self):
        self._use(self.order, 3)
        self._rate(self.order)
        other = self._create_subscription(confirm=False)
        line = self._get_usage_lines(self.order)
        for user in (self.salesperson, self.clerk):
            for values in (
                {"qty_to_invoice": 5},
                {"qty_to_invoice": 0},
                {"qty_invoiced": 1},
                {"invoice_status": "invoiced"},
                {"invoice_lines": [Command.clear()]},
                {"is_downpayment": True},
                {"order_id": other.id},
            ):
                with self.subTest(user=user.login, values=values), self.assertRaises(UserError):
                    self._as(user, line).write(values)

    def test_nobody_makes_a_usage_line(self):
        values = {"order_id": self.order.id, "product_id": self.usage_product.id}
        lines = self._as(self.salesperson, self.order.order_line)
        for field, value in (
            ("x_fc_is_rated", True),
            ("x_fc_charge_id", self.charge.id),
            ("x_fc_period_start", "2026-01-01"),
            ("x_fc_period_end", "2026-02-01"),
        ):
            with self.subTest(field):
                self.assertNotWritable(field, lambda f=field, v=value: lines.create({**values, f: v}))
                self.assertNotWritable(field, lambda f=field, v=value: lines[:1].write({f: v}))
                self.assertFalse(lines.with_context(**{f"default_{field}": value}).create(values)[field])

    # === WHAT A CLIENT SENDS BESIDE ITS CALL === #

    def _invoice_as_clerk(self, **context):
        self._use(self.order, 3)
        with self._on("2026-02-01"), trap_jobs():
            return self._as(self.clerk, self.order).with_context(**context)._create_invoices(final=True).sudo()

    def test_the_defaults_that_a_user_keeps_do_not_reach_the_ledger(self):
        defaults = self.env["ir.default"].with_user(self.clerk)
        defaults.set("fusion.billing.rating", "state", "cancelled", user_id=self.clerk.id)
        self._invoice_as_clerk()
        self.assertEqual(self._get_ledger(self.order), [("2026-01-01", 0, "billed", 3)])

    def test_a_client_does_not_bill_archived_charges(self):
        self._create_charge(price_per_unit=100, active=False)
        self.assertEqual(self._invoice_as_clerk(active_test=False).amount_untaxed, 23)

    def test_a_client_does_not_say_which_job_has_rated(self):
        self._invoice_as_clerk(job_uuid="forged")
        self.assertFalse(self._get_ratings(self.order).job_uuid)


@tagged("post_install", "-at_install")
class TestDocumentsWrittenByBilling(_Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls._create_service()
        cls.forged = {
            "x_fc_subscription_ids": [Command.set(cls._create_subscription(confirm=False).ids)],
            "x_fc_subscription_id": cls._create_subscription(confirm=False).id,
            "x_fc_service_id": cls.other.id,
            "x_fc_period_start": "2027-01-01",
            "x_fc_period_end": "2027-01-01",
            "x_fc_void_reason": "mine",
            "x_fc_payment_state": "paid",
            "x_fc_payment_failures": 9,
            "x_fc_next_payment_at": "2026-01-01 00:00:00",
            "x_fc_payment_error": "mine",
            "x_fc_lacks_token": True,
        }

    def _invoice(self):
        self._use(self.order, 3)
        move = self._invoice_on(self.order, "2026-02-01")
        self.assertTrue(move)
        return move

    def test_an_accountant_does_not_change_whose_an_invoice_is_nor_its_payment(self):
        move = self._as(self.clerk, self._invoice())
        for field, value in self.forged.items():
            with self.subTest(field):
                self.assertNotWritable(field, lambda f=field, v=value: move.write({f: v}))

    def test_an_accountant_does_not_make_an_invoice_of_a_service(self):
        moves = self._as(self.clerk, self.env["account.move"])
        values = {"move_type": "out_invoice", "partner_id": self.partner.id}
        for field, value in self.forged.items():
            with self.subTest(field):
                self.assertNotWritable(field, lambda f=field, v=value: moves.create({**values, f: v}))
        sent = {f"default_{field}": value for field, value in self.forged.items()}
        move = moves.with_context(**sent).create(values)
        self.assertFalse(
            [name for name in self.forged if name != "x_fc_payment_state" and move[name]], "presets are no way in"
        )
        self.assertEqual(move.x_fc_payment_state, "none")

    def test_a_void_invoice_stays_void(self):
        move = self._invoice()
        with trap_jobs():
            move._fc_void("wrong")
        move = self._as(self.clerk, move)
        self.assertNotWritable("x_fc_void_reason", lambda: move.write({"x_fc_void_reason": False}))
        with self.assertRaises(UserError):
            move.button_draft()

    def test_an_accountant_reverses_an_invoice_for_its_service(self):
        move = self._as(self.clerk, self._invoice())
        wizard = self.env["account.move.reversal"].with_user(self.clerk)
        wizard = wizard.with_context(active_model="account.move", active_ids=move.ids)
        with trap_jobs():
            wizard.create({"reason": "asked for", "journal_id": move.journal_id.id}).refund_moves()
        reversal = move.reversal_move_ids
        self.assertEqual((reversal.x_fc_service_id, reversal.x_fc_subscription_id), (self.service, self.order))
        self.assertEqual(reversal.x_fc_period_end, move.x_fc_period_end)

    def test_a_reversal_is_of_no_other_service_than_its_invoice(self):
        move = self._as(self.clerk, self._invoice())
        values = {"move_type": "out_refund", "partner_id": self.partner.id, "reversed_entry_id": move.id}
        self.assertNotWritable("x_fc_service_id", lambda: move.create({**values, "x_fc_service_id": self.other.id}))

    def test_an_accountant_does_not_say_what_of_an_invoice_is_credited(self):
        first, second = self._as(self.clerk, self._invoice()).invoice_line_ids[:2]
        self.assertNotWritable("x_fc_credited_line_id", lambda: first.write({"x_fc_credited_line_id": second.id}))

    def test_an_accountant_does_not_say_what_became_of_a_charge(self):
        method = self.env["payment.method"].with_context(active_test=False).search([], limit=1)
        charge = self.env["payment.transaction"].create(
            {
                "provider_id": self.env["payment.provider"].search([], limit=1).id,
                "payment_method_id": method.id,
                "reference": unique("charge"),
                "amount": 1,
                "currency_id": self.order.currency_id.id,
                "partner_id": self.partner.id,
                "x_fc_invoice_id": self._invoice().id,
                "x_fc_charge_state": "unclear",
            }
        )
        tx = self._as(self.clerk, charge)
        for field, value in (("x_fc_invoice_id", False), ("x_fc_charge_state", "queued"), ("x_fc_is_automatic", True)):
            with self.subTest(field):
                self.assertNotWritable(field, lambda f=field, v=value: tx.write({f: v}))
        tx._set_canceled()
        self.assertEqual(charge.x_fc_charge_state, "answered")

    def test_nobody_says_by_hand_who_is_a_customer_of_the_services(self):
        partner = self._as(self.salesperson, self.partner)
        for field, value in (
            ("x_fc_billing_email", "victim@example.com"),
            ("x_fc_created_by_service_id", self.service.id),
        ):
            with self.subTest(field):
                self.assertNotWritable(field, lambda f=field, v=value: partner.write({f: v}))
                self.assertNotWritable(field, lambda f=field, v=value: partner.create({"name": "New", f: v}))
        partner.name = "Renamed"
        self.assertEqual(self.partner.name, "Renamed")


@tagged("post_install", "-at_install")
class TestPricesWrittenByBilling(_Case):
    """The context in which a charge writes its tiers and filters is no way around the price history."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tiered = cls._create_charge(
            is_additional=True,
            charge_model="graduated",
            tiers=[{"up_to": 10, "price_per_unit": 2}, {"price_per_unit": 1}],
            filter_ids=[Command.create({"name": "region", "value": "eu"})],
        )

    def _get_history(self):
        return len(self._as(self.env.user, self.tiered).version_ids)

    def test_a_changed_tier_or_filter_is_a_new_price_whatever_the_client_sends(self):
        for forged in _FORGED:
            context = {"fusion_billing_checked_by_charge": forged}
            tier = self._as(self.manager, self.tiered.tier_ids[0]).with_context(**context)
            condition = self._as(self.manager, self.tiered.filter_ids[0]).with_context(**context)
            for act in (
                lambda tier=tier: tier.write({"price_per_unit": tier.price_per_unit + 1}),
                lambda condition=condition: condition.write({"value": condition.value + "x"}),
                lambda condition=condition: condition.copy({"value": unique("region")}),
            ):
                with self.subTest(forged):
                    before = self._get_history()
                    act()
                    self.assertEqual(self._get_history(), before + 1)

    def test_tiers_are_checked_whatever_the_client_sends(self):
        for forged in _FORGED:
            tiers = self._as(self.manager, self.tiered.tier_ids)
            tiers = tiers.with_context(fusion_billing_checked_by_charge=forged)
            with self.subTest("negative price", context=forged), self.assertRaises(ValidationError):
                tiers[0].price_per_unit = -1
            with self.subTest("no open tier", context=forged), self.assertRaises(ValidationError):
                tiers[1].unlink()
            with self.subTest("second open tier", context=forged), self.assertRaises(ValidationError):
                tiers.create({"charge_id": self.tiered.id, "price_per_unit": 1, "sequence": 99})

    def test_a_charge_changes_all_its_tiers_as_one_new_price(self):
        before = self._get_history()
        first, last = self._as(self.manager, self.tiered).tier_ids
        self._as(self.manager, self.tiered).tier_ids = [
            Command.update(first.id, {"up_to": 0}),
            Command.delete(last.id),
        ]
        self.assertEqual(self._get_history(), before + 1)
