# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from psycopg2.errors import UniqueViolation

from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import BillingCase, unique


@tagged("post_install", "-at_install")
class TestAccountLink(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_service = cls._create_service(name="Other App")
        cls.email = f"{unique('mail')}@example.com"

    def _resolve(self, external_id="c-1", service=None, **values):
        links = self.env["fusion.billing.account.link"]
        return links._resolve_or_create_partner(service or self.service, external_id, **values)

    # === IDENTITY === #

    def test_the_same_customer_gives_the_same_link_and_partner(self):
        first = self._resolve(name="Acme", email=self.email)
        second = self._resolve(name="Acme Ltd", email=self.email)
        self.assertEqual((second, second.partner_id), (first, first.partner_id))

    def test_another_service_with_the_same_email_gives_another_link_and_the_same_partner(self):
        first = self._resolve(name="Acme", email=self.email)
        second = self._resolve(service=self.other_service, name="ACME", email=self.email.upper())
        self.assertNotEqual(second, first)
        self.assertEqual(second.partner_id, first.partner_id)

    def test_the_same_external_id_in_two_services_is_two_customers(self):
        first = self._resolve(email=self.email)
        second = self._resolve(service=self.other_service, email=f"other-{self.email}")
        self.assertNotEqual(second.partner_id, first.partner_id)

    def test_two_customers_without_email_are_two_partners(self):
        self.assertNotEqual(self._resolve("c-1").partner_id, self._resolve("c-2").partner_id)

    def test_external_ids_are_compared_exactly(self):
        links = {self._resolve(external_id) for external_id in ("c-1", "C-1", "c-1 ", "c_1", "c%")}
        self.assertEqual(len(links), 5)

    def test_a_partner_of_the_back_office_is_recognized_by_email(self):
        partner = self.env["res.partner"].create({"name": "Known", "email": self.email})
        self.assertEqual(self._resolve(email=self.email).partner_id, partner)

    def test_an_archived_customer_does_not_block_its_email(self):
        archived = self._resolve("c-1", email=self.email).partner_id
        archived.active = False
        link = self._resolve("c-2", email=self.email)
        self.assertTrue(link.partner_id)

    def test_a_partner_of_another_company_is_not_recognized(self):
        company = self.env["res.company"].create({"name": unique("Other company")})
        foreign = self.env["res.partner"].create({"name": "Foreign", "email": self.email, "company_id": company.id})
        self.assertNotEqual(self._resolve(email=self.email).partner_id, foreign)

    # === NEW PARTNERS === #

    def test_a_new_partner_has_the_name_and_email(self):
        partner = self._resolve(name="Acme", email=self.email).partner_id
        self.assertEqual((partner.name, partner.email), ("Acme", self.email))

    def test_a_partner_without_name_is_called_by_its_external_id(self):
        self.assertEqual(self._resolve("c-77").partner_id.name, "c-77")

    def test_more_values_go_to_a_new_partner_only(self):
        partner = self._resolve(email=self.email, extra={"city": "Toronto"}).partner_id
        self.assertEqual(partner.city, "Toronto")
        self._resolve("c-2", email=self.email, extra={"city": "Montreal"})
        self.assertEqual(partner.city, "Toronto")

    # === CHANGES === #

    def test_a_changed_name_and_email_reach_link_and_partner(self):
        link = self._resolve(name="Acme", email=self.email)
        self._resolve(name="Acme Ltd", email=f"new-{self.email}")
        self.assertEqual((link.external_name, link.external_email), ("Acme Ltd", f"new-{self.email}"))
        self.assertEqual((link.partner_id.name, link.partner_id.email), ("Acme Ltd", f"new-{self.email}"))

    def test_a_missing_name_or_email_changes_nothing(self):
        link = self._resolve(name="Acme", email=self.email)
        self._resolve()
        self.assertEqual((link.external_name, link.partner_id.name), ("Acme", "Acme"))
        self.assertEqual((link.external_email, link.partner_id.email), (self.email, self.email))

    def test_a_shared_partner_is_changed_by_no_service(self):
        partner = self._resolve(name="Acme", email=self.email).partner_id
        shared = self._resolve(service=self.other_service, email=self.email)
        self._resolve(service=self.other_service, name="Evil", email=f"evil-{self.email}")
        self.assertEqual((partner.name, partner.email), ("Acme", self.email))
        self.assertEqual((shared.external_name, shared.partner_id), ("Evil", partner))

    def test_a_partner_of_the_back_office_is_changed_by_no_service(self):
        partner = self.env["res.partner"].create({"name": "Known", "email": self.email, "street": "1 Main Street"})
        self._resolve(name="Acme", email=self.email, extra={"street": "2 Other Street"})
        link = self._resolve(name="Evil", email=f"evil-{self.email}")
        self.assertRecordValues(partner, [{"name": "Known", "email": self.email, "street": "1 Main Street"}])
        self.assertEqual((link.external_name, link.external_email), ("Evil", f"evil-{self.email}"))

    def test_a_changed_email_is_the_one_that_other_services_find(self):
        partner = self._resolve(name="Acme", email=self.email).partner_id
        self._resolve(email=f"new-{self.email}")
        self.assertEqual(self._resolve(service=self.other_service, email=f"new-{self.email}").partner_id, partner)
        self.assertNotEqual(self._resolve("c-2", service=self.other_service, email=self.email).partner_id, partner)

    def test_a_changed_email_does_not_merge_two_customers(self):
        first = self._resolve("c-1", email=self.email).partner_id
        self._resolve("c-2", email=f"second-{self.email}")
        self._resolve("c-2", email=self.email)
        third = self._resolve("c-1", service=self.other_service, email=self.email)
        self.assertEqual(third.partner_id, first)

    def test_the_partner_of_a_user_is_not_changed_by_a_service(self):
        # Whoever changes a user's e-mail gets the link that resets the user's password.
        user = new_test_user(self.env, login=unique("user"), groups="base.group_user", email=self.email, name="Clerk")
        self.assertEqual(self._resolve(email=self.email).partner_id, user.partner_id)
        self._resolve(name="Evil", email=f"evil-{self.email}")
        self.assertEqual((user.name, user.email), ("Clerk", self.email))

    @mute_logger("odoo.sql_db")
    def test_a_service_has_one_link_per_external_id(self):
        self._resolve("c-1")
        with self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            self._create_link(external_id="c-1")
