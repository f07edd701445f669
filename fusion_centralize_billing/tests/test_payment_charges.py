# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import Command, fields
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..api.errors import BusinessRuleError
from .payments import PaymentCase


@tagged("post_install", "-at_install", "community")
class TestAutomaticPayment(PaymentCase):
    """What happens when an invoice is posted."""

    def test_a_posted_invoice_is_charged_and_paid(self):
        self._create_token("done")
        invoice = self._create_invoice(run_jobs=True)
        self.assertPayment(invoice, "paid", attempts=1, payment_state="paid")
        charge = invoice.x_fc_charge_ids
        self.assertRecordValues(charge, [{"state": "done", "amount": 20, "is_post_processed": True}])
        self.assertEqual(charge.operation, "offline")
        self.assertEqual(charge.payment_id.amount, 20)
        self.assertIn(charge.reference, charge.payment_id.memo)
        self.assertEqual(invoice.amount_residual, 0)

    def test_the_charge_waits_for_its_job(self):
        self._create_token("done")
        order = self._create_subscription()
        with self._on("2026-02-01"), trap_jobs() as trap:
            invoice = order._create_recurring_invoice()
            charge = invoice.x_fc_charge_ids
            trap.assert_jobs_count(1, only=charge._job_charge)
        self.assertRecordValues(charge, [{"state": "draft", "x_fc_charge_state": "queued", "x_fc_is_automatic": True}])
        self.assertPayment(invoice, "scheduled", attempts=0, payment_state="not_paid")

    def test_the_job_is_in_the_channel_of_payments(self):
        self._create_token("done")
        order = self._create_subscription()
        with self._on("2026-02-01"):
            invoice = order._create_recurring_invoice()
        job = self.env["queue.job"].search(
            [("identity_key", "=", f"fusion_centralize_billing.charge.{invoice.x_fc_charge_ids.id}")]
        )
        self.assertEqual((job.channel, job.state), ("root.billing.payment", "pending"))
        self.assertIn(job, self.env["queue.job"].search(invoice.action_view_x_fc_payment_jobs()["domain"]))

    def test_the_four_outcomes(self):
        cases = [
            # outcome, state of the payment, state of the invoice, next attempt, events
            ("done", "paid", "paid", None, ["invoice.finalized", "invoice.paid"]),
            ("pending", "in_progress", "not_paid", None, ["invoice.finalized"]),
            ("cancel", "waiting_retry", "not_paid", "2026-02-02", ["invoice.finalized", "invoice.payment_failed"]),
            ("error", "waiting_retry", "not_paid", "2026-02-02", ["invoice.finalized", "invoice.payment_failed"]),
        ]
        for outcome, state, payment_state, next_at, events in cases:
            with self.subTest(outcome):
                service = self._listen(self._create_service())
                partner = self.env["res.partner"].create({"name": outcome})
                self._create_link(service, partner, payment_token_id=self._create_token(outcome, partner=partner).id)
                invoice = self._create_invoice(run_jobs=True, partner_id=partner.id, service=service)
                self.assertPayment(invoice, state, attempts=1, next_at=next_at, payment_state=payment_state)
                told = [event for event in self._get_events(service).mapped("event_type") if "invoice" in event]
                self.assertEqual(told, events)

    def test_a_pending_charge_is_paid_when_the_provider_says_so(self):
        self._create_token("pending")
        invoice = self._create_invoice(run_jobs=True)
        with self._working("2026-02-03"):
            invoice.x_fc_charge_ids.action_demo_set_done()
        self.assertPayment(invoice, "paid", attempts=1, payment_state="paid")

    def test_a_pending_charge_that_fails_is_retried(self):
        self._create_token("pending")
        invoice = self._create_invoice(run_jobs=True)
        with self._working("2026-02-03"):
            invoice.x_fc_charge_ids.action_demo_set_error()
        self.assertPayment(invoice, "waiting_retry", attempts=1, next_at="2026-02-04")

    def test_without_a_token_nothing_happens_but_it_is_shown(self):
        self._listen()
        invoice = self._create_invoice(run_jobs=True)
        self.assertPayment(invoice, "no_token", attempts=0, payment_state="not_paid")
        self.assertFalse(invoice.transaction_ids)
        self.assertIn("no saved payment method", invoice._fc_describe_payment()["last_error"])
        self.assertFalse(self._get_events(self.service, "invoice.payment_failed"))

    def test_a_plan_without_automatic_payment_charges_nothing(self):
        self.plan.automatic_payment = False
        self._create_token("done")
        invoice = self._create_invoice(run_jobs=True)
        self.assertPayment(invoice, "none", attempts=0, payment_state="not_paid")
        self.assertFalse(invoice.transaction_ids)

    def test_an_invoice_of_nothing_is_not_charged(self):
        self._create_token("done")
        order = self._create_subscription(with_fee=False)
        invoice = self._create_manual_invoice(order, 0)
        self.assertEqual((invoice.payment_state, len(invoice.transaction_ids)), ("paid", 0))

    def test_a_credit_note_is_not_charged(self):
        self._create_token("done")
        order = self._create_subscription()
        credit_note = self._create_manual_invoice(order, 20, move_type="out_refund")
        self.assertFalse(credit_note.transaction_ids)
        self.assertPayment(credit_note, "none")

    def test_an_invoice_of_no_subscription_is_not_charged(self):
        self._create_token("done")
        invoice = self._create_manual_invoice(self.env["sale.order"], 20)
        self.assertFalse(invoice.transaction_ids)

    def test_a_plan_that_is_not_offered_any_more_still_charges(self):
        self._create_token("done")
        order = self._create_subscription()
        self.plan.active = False
        self.assertPayment(self._invoice(order, run_jobs=True), "paid")

    def _create_manual_invoice(self, order, price, move_type="out_invoice"):
        invoice = self.env["account.move"].create(
            {
                "move_type": move_type,
                "partner_id": self.partner.id,
                "currency_id": self._get_currency("CAD").id,
                "x_fc_subscription_id": order.id,
                "invoice_line_ids": [
                    Command.create({"product_id": self.fee.id, "price_unit": price, "tax_ids": [Command.clear()]})
                ],
            }
        )
        with self._working():
            invoice.action_post()
        return invoice


@tagged("post_install", "-at_install", "community")
class TestRetryPayment(PaymentCase):
    """A person or an app asks for a payment."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan.automatic_payment = False

    def assertNotCharged(self, code, invoice):
        before = invoice.transaction_ids
        with trap_jobs() as trap, self.assertRaises(BusinessRuleError) as caught:
            invoice._fc_retry_payment()
        self.assertEqual((caught.exception.code, caught.exception.http_status), (code, 422))
        trap.assert_jobs_count(0)
        self.assertEqual(invoice.transaction_ids, before)

    def test_it_returns_a_draft_that_a_job_charges(self):
        self._create_token("done")
        invoice = self._create_invoice()
        with self._working():
            charge = invoice._fc_retry_payment()
            self.assertRecordValues(charge, [{"state": "draft", "x_fc_invoice_id": invoice.id, "amount": 20}])
            self.assertFalse(charge.x_fc_is_automatic)
        self.assertPayment(invoice, "paid", attempts=1, payment_state="paid")

    def test_a_service_without_rights_on_payments_can_ask(self):
        self._create_token("done")
        invoice = self._create_invoice()
        with self._working():
            charge = invoice.with_user(self.service.user_id)._fc_retry_payment()
            self.assertEqual(charge.state, "draft")
        self.assertPayment(invoice, "paid", payment_state="paid")

    def test_a_draft_invoice_is_refused(self):
        self._create_token("done")
        invoice = self._create_invoice()
        invoice.button_draft()
        self.assertNotCharged("invoice_not_posted", invoice)

    def test_a_paid_invoice_is_refused(self):
        self._create_token("done")
        invoice = self._create_invoice()
        with self._working():
            invoice._fc_retry_payment()
        self.assertNotCharged("invoice_already_paid", invoice)

    def test_a_second_payment_is_refused_while_one_is_under_way(self):
        self._create_token("pending")
        invoice = self._create_invoice()
        with trap_jobs():
            charge = invoice._fc_retry_payment()
        self.assertNotCharged("payment_in_progress", invoice)
        charge._job_charge()
        self.assertEqual(charge.state, "pending")
        self.assertNotCharged("payment_in_progress", invoice)

    def test_a_payment_on_the_portal_is_under_way_too(self):
        token = self._create_token("done")
        cases = [
            # state, minutes ago, provider's code, refused
            ("draft", 1, "demo", True),
            ("draft", 20, "demo", False),
            ("pending", 9999, "demo", True),
            ("done", 9999, "demo", True),
            ("error", 1, "demo", False),
            ("cancel", 1, "demo", False),
        ]
        for state, minutes, code, refused in cases:
            with self.subTest(state, minutes=minutes):
                invoice = self._create_invoice()
                self.env["payment.transaction"].create(
                    {
                        "provider_id": self._get_provider(code, self.company).id,
                        "payment_method_id": token.payment_method_id.id,
                        "amount": 20,
                        "currency_id": invoice.currency_id.id,
                        "partner_id": self.partner.id,
                        "invoice_ids": [Command.set(invoice.ids)],
                        "operation": "online_direct",
                        "state": state,
                        "last_state_change": fields.Datetime.now() - timedelta(minutes=minutes),
                    }
                )
                if refused:
                    self.assertNotCharged("payment_in_progress", invoice)
                else:
                    with trap_jobs():
                        self.assertTrue(invoice._fc_retry_payment())

    def test_a_customer_without_saved_payment_method_is_refused(self):
        self.assertNotCharged("no_payment_token", self._create_invoice())

    def test_a_credit_note_is_refused(self):
        self._create_token("done")
        credit_note = self._create_invoice()._reverse_moves(cancel=True)
        self.assertNotCharged("nothing_due", credit_note)

    def test_a_reversed_invoice_is_refused(self):
        self._create_token("done")
        invoice = self._create_invoice()
        invoice._reverse_moves(cancel=True)
        self.assertNotCharged("nothing_due", invoice)

    def test_what_is_due_is_charged_not_the_total(self):
        self._create_token("done")
        invoice = self._create_invoice()
        self._pay_otherwise(invoice, 15)
        with self._working():
            charge = invoice._fc_retry_payment()
        self.assertEqual((charge.amount, invoice.payment_state), (5, "paid"))

    def test_a_failed_attempt_without_automatic_payment_is_the_end_of_it(self):
        self._create_token("error")
        invoice = self._create_invoice()
        with self._working():
            invoice._fc_retry_payment()
        self.assertPayment(invoice, "failed", attempts=1, payment_state="not_paid")

    def test_after_a_failure_another_attempt_is_another_transaction(self):
        token = self._create_token("error")
        invoice = self._create_invoice()
        with self._working():
            first = invoice._fc_retry_payment()
        token.demo_simulated_state = "done"
        with self._working():
            second = invoice._fc_retry_payment()
        self.assertNotEqual(first.reference, second.reference)
        self.assertEqual((first.state, second.state), ("error", "done"))
        self.assertPayment(invoice, "paid", attempts=2)

    def test_the_description_has_plain_values(self):
        self.plan.automatic_payment = True
        self._create_token("error")
        invoice = self._create_invoice(run_jobs=True)
        described = invoice.with_user(self.service.user_id)._fc_describe_payment()
        self.assertEqual(described.pop("last_error"), invoice.x_fc_charge_ids.state_message)
        expected = {"payment_state": "waiting_retry", "attempts": 1, "next_retry_at": "2026-02-02T12:00:00Z"}
        self.assertEqual(described, expected)

    def test_the_service_hears_of_attempts_and_the_next_one(self):
        self.plan.automatic_payment = True
        self._listen()
        self._create_token("error")
        invoice = self._create_invoice(run_jobs=True)
        [event] = self._get_events(self.service, "invoice.payment_failed")
        self.assertEqual(event.payload["payment"], invoice._fc_describe_payment())
        self.assertEqual(event.payload["payment"]["next_retry_at"], "2026-02-02T12:00:00Z")
        self.assertEqual(event.payload["invoice"]["invoice_id"], invoice.id)

    # === BACK OFFICE === #

    def test_the_button_is_for_accountants_and_billing_managers(self):
        self._create_token("done")
        for groups, allowed in (
            (["account.group_account_invoice"], True),
            (["fusion_centralize_billing.group_billing_manager", "account.group_account_readonly"], True),
            (["fusion_centralize_billing.group_billing_user", "account.group_account_readonly"], False),
        ):
            with self.subTest(groups), trap_jobs():
                invoice = self._create_invoice().with_user(self._create_user(*groups))
                if allowed:
                    invoice.action_x_fc_retry_payment()
                    self.assertEqual(invoice.x_fc_payment_state, "scheduled")
                else:
                    with self.assertRaises(AccessError):
                        invoice.action_x_fc_retry_payment()
                    self.assertEqual(invoice.x_fc_payment_state, "none")

    def test_a_known_outcome_cannot_be_noted_by_hand(self):
        self._create_token("pending")
        invoice = self._create_invoice()
        with self._working():
            charge = invoice._fc_retry_payment()
        for action in (charge.action_x_fc_note_charged, charge.action_x_fc_note_not_charged):
            with self.assertRaises(UserError):
                action()
        self.assertEqual(charge.state, "pending")

    def _pay_otherwise(self, invoice, amount):
        wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
        wizard.create({"amount": amount, "payment_difference_handling": "open"})._create_payments()


@tagged("post_install", "-at_install", "community")
class TestChargeIsStillRight(PaymentCase):
    """Between the decision to charge and the charge, things change."""

    def setUp(self):
        super().setUp()
        self.token = self._create_token("done")
        self.invoice = self._create_invoice()
        self.charge = self.invoice.x_fc_charge_ids
        self.assertEqual(self.charge.x_fc_charge_state, "queued")

    def _charge_on(self, day="2026-02-01"):
        with self._working(day):
            self.charge._job_charge()

    def assertWithdrawn(self):
        self.assertRecordValues(self.charge, [{"state": "cancel", "x_fc_charge_state": "withdrawn"}])
        self.assertFalse(self._get_sent(self.invoice) & self.charge)

    def test_an_invoice_that_was_paid_meanwhile_is_not_charged(self):
        self._pay_otherwise(20)
        self._listen()
        self._charge_on()
        self.assertWithdrawn()
        self.assertEqual(self.invoice.payment_state, "paid")
        self.assertFalse(self._get_events(self.service, "invoice.payment_failed"), "The customer has not failed to pay")

    def test_if_less_is_due_only_that_is_charged_later(self):
        self._pay_otherwise(15)
        self._charge_on()
        self.assertWithdrawn()
        self._sweep("2026-02-02")
        [sent] = self._get_sent(self.invoice)
        self.assertEqual((sent.amount, self.invoice.payment_state), (5, "paid"))

    def test_an_invoice_that_is_a_draft_again_is_not_charged(self):
        self.invoice.button_draft()
        self._charge_on()
        self.assertWithdrawn()

    def test_a_payment_method_that_was_removed_is_not_charged(self):
        self.token.active = False
        self._charge_on()
        self.assertWithdrawn()

    def test_a_disabled_provider_is_not_called(self):
        self.demo.state = "disabled"
        self._charge_on()
        self.assertWithdrawn()

    def test_another_payment_under_way_comes_first(self):
        self.env["payment.transaction"].create(
            {
                "provider_id": self.demo.id,
                "payment_method_id": self.demo_method.id,
                "amount": 20,
                "currency_id": self.invoice.currency_id.id,
                "partner_id": self.partner.id,
                "invoice_ids": [Command.set(self.invoice.ids)],
                "operation": "online_direct",
                "state": "pending",
            }
        )
        self._charge_on()
        self.assertWithdrawn()
        self.assertPayment(self.invoice, "waiting_retry", attempts=0, next_at="2026-02-01")

    def test_charging_twice_charges_once(self):
        self._charge_on()
        self._charge_on()
        self.assertEqual(self.charge.state, "done")
        self.assertEqual(self.env["account.payment"].search_count([("payment_transaction_id", "=", self.charge.id)]), 1)

    def test_registering_twice_registers_once(self):
        self._charge_on()
        payment = self.charge.payment_id
        self.assertTrue(payment)
        self.assertIn("Nothing", self.charge._job_post_process())
        self.assertEqual(self.charge.payment_id, payment)

    def _pay_otherwise(self, amount):
        wizard = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        )
        wizard.create({"amount": amount, "payment_difference_handling": "open"})._create_payments()
