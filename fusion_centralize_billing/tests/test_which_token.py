# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.exceptions import UserError
from odoo.tests import tagged

from .payments import PaymentCase


@tagged("post_install", "-at_install", "community")
class TestWhichToken(PaymentCase):
    """Whose payment method is charged."""

    def assertCharged(self, token, **order_values):
        invoice = self._create_invoice(**order_values)
        self.assertEqual(invoice.x_fc_charge_ids.token_id, token)
        return invoice

    def test_none_of_the_customer_that_was_not_chosen(self):
        self._create_token(chosen=False)
        invoice = self.assertCharged(self.env["payment.token"])
        self.assertPayment(invoice, "no_token")

    def test_the_one_of_the_subscription_before_that_of_the_customer(self):
        chosen = self._create_token(chosen=False)
        self._create_token()
        self.assertCharged(chosen, x_fc_payment_token_id=chosen.id)

    def test_the_one_of_the_customer_for_subscriptions_without_one(self):
        of_customer = self._create_token()
        self._create_token(chosen=False)
        self.assertCharged(of_customer)

    def test_the_one_of_the_customer_if_that_of_the_subscription_was_removed(self):
        chosen = self._create_token(chosen=False)
        of_customer = self._create_token()
        self._create_token(chosen=False)
        order = self._create_subscription(x_fc_payment_token_id=chosen.id)
        chosen.active = False
        self.assertEqual(self._invoice(order).x_fc_charge_ids.token_id, of_customer)

    def test_never_one_that_was_chosen_for_another_service(self):
        other = self._create_service()
        token = self._create_token(chosen=False)
        self._create_link(other, payment_token_id=token.id)
        self.assertCharged(self.env["payment.token"])
        self.assertCharged(token, service=other)

    def test_none_if_customers_of_one_service_with_one_partner_chose_differently(self):
        token = self._create_token()
        other = self._create_link(payment_token_id=token.id)
        self.assertCharged(token)
        other.payment_token_id = self._create_token(chosen=False)
        self.assertCharged(self.env["payment.token"])

    def test_none_if_another_customer_of_the_service_got_the_partner_by_its_email_and_chose_none(self):
        self._create_token()
        self._create_link()
        self.assertCharged(self.env["payment.token"])

    def test_none_of_the_customer_for_a_subscription_of_the_back_office(self):
        token = self._create_token()
        order = self._create_subscription(x_fc_service_id=False, x_fc_external_id=False)
        self.assertFalse(self._invoice(order).x_fc_charge_ids)
        order.x_fc_payment_token_id = token
        self.assertEqual(self._invoice(order, "2026-03-01").x_fc_charge_ids.token_id, token)

    def test_one_that_a_contact_of_the_customer_has_saved(self):
        contact = self.env["res.partner"].create({"name": "Contact", "parent_id": self.partner.id})
        token = self._create_token(partner=contact)
        self.link.payment_token_id = token
        self.assertCharged(token)

    def test_never_one_of_another_customer(self):
        stranger = self.env["res.partner"].create({"name": "Stranger"})
        self._create_token(partner=stranger)
        self.assertCharged(self.env["payment.token"])

    def test_never_a_removed_one(self):
        self._create_token().active = False
        self.assertCharged(self.env["payment.token"])

    def test_never_one_of_another_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        provider = self._get_provider("demo", other)
        token = self._create_token(provider=provider)
        self.assertEqual(token.company_id, other)
        self.assertCharged(self.env["payment.token"])

    def test_never_one_of_the_parent_company(self):
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.company.id})
        self._create_token()
        invoice = self._create_invoice()
        self.assertTrue(invoice._fc_get_payment_tokens())
        invoice.company_id = branch
        self.assertFalse(invoice._fc_get_payment_tokens())

    def test_never_one_of_a_disabled_provider(self):
        token = self._create_token()
        self.demo.state = "disabled"
        # Odoo archives the tokens of a provider that is disabled; one must not be charged even if it is not.
        self.env.cr.execute("UPDATE payment_token SET active = TRUE WHERE id = %s", [token.id])
        token.invalidate_recordset()
        self.assertCharged(self.env["payment.token"])

    def test_never_one_of_a_provider_that_only_reserves_the_money(self):
        self._create_token()
        self.demo.capture_manually = True
        self.assertCharged(self.env["payment.token"])

    def test_never_one_that_cannot_pay_in_the_currency(self):
        self._create_token()
        euro = self._get_currency("EUR")
        for record, name in ((self.demo, "available_currency_ids"), (self.demo_method, "supported_currency_ids")):
            with self.subTest(name):
                record[name] = euro
                self.assertCharged(self.env["payment.token"])
                record[name] = euro + self._get_currency("CAD")
                self.assertTrue(self._create_invoice().x_fc_charge_ids)
                record[name] = False

    def test_nobody_chooses_a_token_of_another_customer_or_company(self):
        stranger = self.env["res.partner"].create({"name": "Stranger"})
        other = self.env["res.company"].create({"name": "Other"})
        order = self._create_subscription()
        for token in (
            self._create_token(partner=stranger),
            self._create_token(provider=self._get_provider("demo", other)),
        ):
            for record, name in ((order, "x_fc_payment_token_id"), (self.link, "payment_token_id")):
                with self.subTest(name), self.assertRaises(UserError):
                    record[name] = token
