# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from ..api.errors import BusinessRuleError
from .common import load_script, unique
from .payments import PaymentCase

_ACCOUNTANT = "account.group_account_invoice"


@tagged("post_install", "-at_install", "community")
class TestCardChoice(PaymentCase):
    """A saved card is charged only if it was chosen, and who has chosen it is known."""

    # === THE ATTACK === #

    def _reach_stranger(self):
        """Return the invoice of a subscription that a service has opened for a contact whose e-mail it knows."""
        stranger = self.env["res.partner"].create({"name": "Stranger", "email": f"{unique('mail')}@example.com"})
        self._create_token(partner=stranger)
        self.service._api_upsert_customer({"external_id": "victim", "email": stranger.email})
        answer = self.service._api_create_subscription(
            {"external_customer_id": "victim", "plan_code": self.plan.code, "start_date": "2026-01-01"}
        )
        order = self.env["sale.order"].browse(answer["subscription_id"])
        self.assertEqual(order.partner_id, stranger)
        return self._invoice(order, run_jobs=True)

    def test_an_email_address_does_not_reach_a_strangers_card(self):
        invoice = self._reach_stranger()
        self.assertFalse(invoice.transaction_ids)
        self.assertPayment(invoice, "no_token", attempts=0, payment_state="not_paid")

    def test_nor_does_the_services_retry_reach_it(self):
        invoice = self._reach_stranger()
        with self.assertRaises(BusinessRuleError) as caught:
            self.service._api_retry_payment({"invoice_id": invoice.id})
        self.assertEqual(caught.exception.code, "no_payment_token")
        self.assertFalse(invoice.transaction_ids)

    # === ON A PAYMENT PAGE === #

    def _pay_on_page(self, operation="online_direct", tokenize=False, token=None, state="done", **values):
        """Pay as on a payment page: what the customer has given there, and whether it is to be saved."""
        tx = self.env["payment.transaction"].create(
            {
                "provider_id": self.demo.id,
                "payment_method_id": self.demo_method.id,
                "amount": 20,
                "currency_id": self._get_currency("CAD").id,
                "partner_id": self.partner.id,
                "operation": operation,
                "tokenize": tokenize,
                "token_id": token and token.id,
                **values,
            }
        )
        with self._working("2026-02-02"):
            tx._process("demo", {"reference": tx.reference, "simulated_state": state, "payment_details": "1234"})
            tx._post_process()
        return tx

    def test_what_a_customer_chooses_by_paying(self):
        cases = [
            # the payment, and whether its card pays the subscription from now on
            ("a new card, to be saved", {"tokenize": True}, True),
            ("the same on the provider's site", {"tokenize": True, "operation": "online_redirect"}, True),
            ("a new card, not to be saved", {}, False),
            ("a new card that is refused", {"tokenize": True, "state": "error"}, False),
            ("a card that was saved for something else", {"operation": "online_token", "saved": True}, False),
        ]
        for name, payment, is_chosen in cases:
            with self.subTest(name):
                invoice = self._create_invoice()
                order = invoice.x_fc_subscription_id
                token = self._create_token(chosen=False) if payment.pop("saved", False) else None
                tx = self._pay_on_page(token=token, invoice_ids=[Command.set(invoice.ids)], **payment)
                self.assertEqual(bool(order.x_fc_payment_token_id), is_chosen)
                if is_chosen:
                    self.assertEqual(order.x_fc_payment_token_id, tx.token_id)
                    self.assertEqual(order.x_fc_payment_token_chooser_id, self.partner)
                    self.assertEqual(self._invoice(order, "2026-03-01").x_fc_charge_ids.token_id, tx.token_id)

    def test_paying_a_quotation_chooses_for_its_subscription(self):
        order = self._create_subscription(confirm=False)
        tx = self._pay_on_page(tokenize=True, sale_order_ids=[Command.set(order.ids)])
        self.assertEqual(order.x_fc_payment_token_id, tx.token_id)

    def test_a_card_of_the_customers_account_is_chosen_for_nothing(self):
        order = self._create_subscription()
        self._pay_on_page(operation="validation", tokenize=True)
        self.assertFalse(order.x_fc_payment_token_id)

    def test_whoever_pays_for_somebody_else_lends_no_card(self):
        invoice = self._create_invoice()
        friend = self.env["res.partner"].create({"name": "Friend"})
        self._pay_on_page(tokenize=True, partner_id=friend.id, invoice_ids=[Command.set(invoice.ids)])
        self.assertFalse(invoice.x_fc_subscription_id.x_fc_payment_token_id)

    def test_who_removes_a_card_is_told_what_it_pays(self):
        token = self._create_token()
        order = self._create_subscription(x_fc_payment_token_id=token.id)
        self.assertEqual([linked["name"] for linked in token.get_linked_records_info()], [order.name])

    def test_nobody_is_told_what_another_persons_card_pays(self):
        token = self._create_token()
        self._create_subscription(x_fc_payment_token_id=token.id)
        stranger = new_test_user(self.env, login=unique("portal"), groups="base.group_portal")
        with self.assertRaises(UserError):
            token.with_user(stranger).get_linked_records_info()

    # === IN THE BACK OFFICE === #

    def test_who_has_chosen_is_noted(self):
        token = self._create_token(chosen=False)
        order = self._create_subscription()
        accountant = self._create_user(
            _ACCOUNTANT, "sales_team.group_sale_salesman_all_leads", "fusion_centralize_billing.group_billing_manager"
        )
        for record, name in ((order, "x_fc_payment_token"), (self.link, "payment_token")):
            with self.subTest(name):
                record.with_user(accountant)[f"{name}_id"] = token
                self.assertEqual(record[f"{name}_chooser_id"], accountant.partner_id)
                record.with_user(accountant)[f"{name}_id"] = False
                self.assertFalse(record[f"{name}_chooser_id"])

    def test_an_accountant_chooses_on_the_order_form(self):
        token = self._create_token(chosen=False)
        order = self._create_subscription()
        accountant = self._create_user(
            _ACCOUNTANT, "sales_team.group_sale_salesman_all_leads", "fusion_centralize_billing.group_billing_user"
        )
        with Form(order.with_user(accountant)) as form:
            form.x_fc_payment_token_id = token
        self.assertEqual(order.x_fc_payment_token_chooser_id, accountant.partner_id)

    def test_only_tokens_that_fit_are_offered(self):
        contact = self.env["res.partner"].create({"name": "Contact", "parent_id": self.partner.id})
        stranger = self.env["res.partner"].create({"name": "Stranger"})
        fits = self._create_token(chosen=False) | self._create_token(partner=contact)
        self._create_token(partner=stranger)
        self._create_token(chosen=False).active = False
        order = self._create_subscription(partner_id=contact.id)
        for record, name in ((order, "x_fc_payment_token_id"), (self.link, "payment_token_id")):
            values = {"partner_id": record.partner_id.id, "company_id": self.company.id}
            domain = safe_eval(record._fields[name].domain, values)
            self.assertEqual(self.env["payment.token"].search(domain), fits.sorted(lambda token: -token.id), name)

    def test_nobody_writes_who_has_chosen(self):
        order = self._create_subscription()
        accountant = self._create_user(
            _ACCOUNTANT, "sales_team.group_sale_salesman_all_leads", "fusion_centralize_billing.group_billing_manager"
        )
        for record, name in ((order, "x_fc_payment_token_chooser_id"), (self.link, "payment_token_chooser_id")):
            with self.subTest(name), self.assertRaises(BusinessRuleError):
                record.with_user(accountant)[name] = self.partner

    def test_a_person_chooses_after_an_invoice_lacked_a_card(self):
        token = self._create_token(chosen=False)
        invoice = self._create_invoice()
        self.assertPayment(invoice, "no_token")
        invoice.x_fc_subscription_id.x_fc_payment_token_id = token
        with self._working():
            invoice.action_x_fc_retry_payment()
        self.assertPayment(invoice, "paid", attempts=1)

    def test_a_choice_that_is_taken_back_stops_a_charge_that_waits(self):
        self._create_token()
        invoice = self._create_invoice()
        self.link.payment_token_id = False
        with self._working():
            invoice.x_fc_charge_ids._job_charge()
        self.assertFalse(self._get_sent(invoice))

    # === UPGRADE === #

    def _upgrade(self):
        self.env.flush_all()
        load_script("19.0.1.2.0/post-chosen_tokens.py").migrate(self.env.cr, "19.0.1.1.0")
        self.env.invalidate_all()

    def _charge_once(self, state="done"):
        """Return a subscription whose invoice was charged with a token, and that token; nothing is chosen any more."""
        token = self._create_token(state)
        order = self._create_subscription()
        self._invoice(order, run_jobs=True)
        self.link.payment_token_id = False
        return order, token

    def test_an_upgrade_keeps_the_card_that_has_paid_the_subscription(self):
        order, token = self._charge_once()
        self._create_token(chosen=False)
        self._upgrade()
        self.assertEqual(order.x_fc_payment_token_id, token)
        self.assertEqual(self._invoice(order, "2026-03-01").x_fc_charge_ids.token_id, token)

    def test_an_upgrade_chooses_no_card_that_has_not_paid_the_subscription(self):
        paid, token = self._charge_once()
        refused, _token = self._charge_once("error")
        chosen = self._create_subscription(x_fc_payment_token_id=self._create_token(chosen=False).id)
        before = chosen.x_fc_payment_token_id
        fresh = self._create_subscription()
        token.active = False
        self._upgrade()
        self.assertFalse((paid | refused | fresh).mapped("x_fc_payment_token_id"))
        self.assertEqual(chosen.x_fc_payment_token_id, before)

    def test_an_upgrade_tells_the_owner_which_subscriptions_lack_a_card(self):
        self._create_token(chosen=False)
        order = self._create_subscription()
        self.service.owner_id = self.env.user
        self._upgrade()
        self.assertIn(order.name, self.service.activity_ids[-1:].note)
