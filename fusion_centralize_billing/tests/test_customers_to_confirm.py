# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import ast
from unittest.mock import patch

from psycopg2.errors import ForeignKeyViolation

from odoo import Command
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, ConcurrencyError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..api.errors import NotFoundError
from .common import unique
from .editions import only_on
from .payments import PaymentCase

_ACCESS_LOGGERS = ("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
_MANAGER = "fusion_centralize_billing.group_billing_manager"


@tagged("post_install", "-at_install")
class TestCustomersToConfirm(PaymentCase):
    """A person says whether a service's customer is the contact that has the e-mail, and what becomes of both."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.x_fc_ask_before_linking = True
        cls.email = f"{unique('mail')}@example.com"
        cls.known = cls.env["res.partner"].create({"name": "Known Ltd", "email": cls.email, "street": "1 Main Street"})
        cls.manager = cls._create_user(_MANAGER)

    def _upsert(self, external_id="acme", service=None, **values):
        """Return the link of a customer that a service names with the e-mail of the known contact."""
        request = {"external_id": external_id, "name": "Acme", "email": self.email, **values}
        (service or self.service)._api_upsert_customer(request)
        domain = [("service_id", "=", (service or self.service).id), ("external_id", "=", external_id)]
        return self.env["fusion.billing.account.link"].search(domain)

    def _confirm(self, link, user=None):
        link.with_user(user or self.manager).action_same_customer()
        self.env.invalidate_all()

    # === ASKING === #

    def test_whose_e_mail_is_known_is_a_partner_of_its_own_until_confirmed(self):
        link = self._upsert()
        self.assertRecordValues(link, [{"to_confirm": True, "candidate_id": self.known.id}])
        self.assertNotEqual(link.partner_id, self.known)
        self.assertRecordValues(link.partner_id, [{"name": "Acme", "email": self.email, "x_fc_billing_email": False}])
        self.assertFalse(self.known.x_fc_billing_email)

    def test_who_is_asked_about(self):
        other = self.env["res.company"].create({"name": unique("Other company")})
        theirs = f"{unique('theirs')}@example.com"
        self.env["res.partner"].create({"name": "Theirs", "email": theirs, "company_id": other.id})
        cases = [
            # the e-mail that a service names, and whether people are asked
            ("of a contact", {}, True),
            ("in other letters", {"email": self.email.upper()}, True),
            ("of nobody", {"email": f"{unique('new')}@example.com"}, False),
            ("of a contact of another company", {"email": theirs}, False),
            ("none", {"email": None}, False),
        ]
        for name, values, is_asked in cases:
            with self.subTest(name):
                self.assertEqual(self._upsert(unique("c"), **values).to_confirm, is_asked)

    def test_nobody_is_asked_by_default(self):
        self.company.x_fc_ask_before_linking = False
        self.assertFalse(self.env["res.company"].create({"name": unique("New")}).x_fc_ask_before_linking)
        self.assertRecordValues(self._upsert(), [{"to_confirm": False, "partner_id": self.known.id}])

    def test_the_same_customer_again_asks_nothing_again(self):
        link = self._upsert()
        partner = link.partner_id
        self.assertEqual(self._upsert(name="Acme Ltd"), link)
        self.assertRecordValues(link, [{"to_confirm": True, "partner_id": partner.id, "external_name": "Acme Ltd"}])

    def test_a_second_service_is_asked_about_the_same_contact(self):
        first, second = self._upsert(), self._upsert(service=self._create_service())
        self.assertEqual(first.candidate_id | second.candidate_id, self.known)
        self.assertEqual(len(first.partner_id | second.partner_id), 2)

    def test_the_contacts_subscriptions_are_out_of_reach_until_confirmed(self):
        with trap_jobs():
            order = self._create_subscription(partner_id=self.known.id, x_fc_service_id=False, x_fc_external_id=False)
        link = self._upsert()
        self.env.invalidate_all()
        with self.assertRaises(NotFoundError):
            self.service._api_get_subscription({"subscription_external_id": str(order.id)})
        self._confirm(link)
        found = self.service._api_get_subscription({"subscription_external_id": str(order.id)})
        self.assertEqual(found["external_customer_id"], "acme")

    def test_both_are_shown_side_by_side(self):
        link = self._upsert()
        with trap_jobs():
            self._create_subscription(partner_id=self.known.id)
        user = self._create_user("fusion_centralize_billing.group_billing_user")
        shown = link.with_user(user).read(["partner_summary", "candidate_summary"])[0]
        for text in ("Known Ltd", self.email, "1 Main Street", "Open subscriptions: 1", "Invoices: 0"):
            self.assertIn(text, shown["candidate_summary"])
        self.assertIn("Open subscriptions: 0", shown["partner_summary"])
        self.assertNotIn("Main Street", shown["partner_summary"])

    def test_no_contact_is_shown_that_nobody_is_asked_about(self):
        link = self._upsert()
        other = self.env["res.company"].create({"name": unique("Other company")})
        theirs = self.env["res.partner"].create({"name": "Theirs", "street": "2 Side Street", "company_id": other.id})
        forged = {"candidate_id": theirs.id, "partner_id": theirs.id, "service_id": self.service.id}
        shown = {"candidate_summary": {}, "partner_summary": {}}
        links = self.env["fusion.billing.account.link"].with_user(self.manager)
        for record in (links, link.with_user(self.manager)):
            with self.subTest(record):
                answer = record.onchange(forged, list(forged), shown)["value"]
                self.assertNotIn("Side Street", str(answer))

    def test_the_screen_opens_with_what_each_person_may_see(self):
        link = self._upsert()
        action = self.env.ref("fusion_centralize_billing.action_billing_customers_to_confirm")
        self.assertIn(link, link.search(ast.literal_eval(action.domain)))
        cases = [
            (["fusion_centralize_billing.group_billing_user"], False, False),
            ([_MANAGER], True, False),
            ([_MANAGER, "account.group_account_invoice"], True, True),
        ]
        for groups, has_buttons, has_token in cases:
            with self.subTest(groups):
                user = self._create_user(*groups)
                arch = link.with_user(user).get_views([(False, "form")])["views"]["form"]["arch"]
                self.assertEqual("action_same_customer" in arch, has_buttons)
                self.assertEqual('name="payment_token_id"' in arch, has_token)
                self.assertEqual(Form(link.with_user(user)).candidate_id, self.known)

    # === THE SAME CUSTOMER === #

    @only_on("community")
    def test_nothing_is_lost_when_both_become_one(self):
        link = self._upsert()
        partner = link.partner_id
        order = self._create_subscription(partner_id=partner.id)
        token = self._create_token(partner=partner)
        self._create_charge()
        self._use(order, 7)
        invoice = self._invoice(order, run_jobs=True)
        self.assertPayment(invoice, "paid")
        self._use(order, 3, "2026-02-10")
        with trap_jobs():
            self._rate(order, "2026-02-20")
        before = self._get_facts(order, invoice)
        self._confirm(link)
        self.assertFalse(partner.exists())
        self.assertRecordValues(link, [{"to_confirm": False, "candidate_id": False, "partner_id": self.known.id}])
        for record in (order, invoice, token, invoice.x_fc_charge_ids, invoice.x_fc_charge_ids.payment_id):
            self.assertEqual(record.partner_id, self.known, record)
        self.assertEqual(invoice.commercial_partner_id, self.known)
        self.assertEqual(invoice.line_ids.partner_id, self.known)
        self.assertEqual(link.payment_token_id, token)
        self.assertEqual(self._get_facts(order, invoice), before)

    def _get_facts(self, order, invoice):
        ledger = [(row.amount, row.state, row.invoice_id.id) for row in self._get_ratings(order)]
        usage = order.x_fc_usage_ids.mapped("quantity")
        return ledger, usage, invoice.amount_total, invoice.payment_state, order.order_line.ids

    @only_on("community")
    def test_billing_goes_on_when_both_have_become_one(self):
        link = self._upsert()
        order = self._create_subscription(partner_id=link.partner_id.id)
        self._create_token(partner=link.partner_id)
        self._invoice(order, run_jobs=True)
        self._confirm(link)
        second = self._invoice(order, "2026-03-01", run_jobs=True)
        self.assertPayment(second, "paid")
        self.assertEqual(second.partner_id, self.known)

    def test_the_api_answers_the_same_customer(self):
        link = self._upsert()
        with trap_jobs():
            order = self._create_subscription(partner_id=link.partner_id.id)
        self._confirm(link)
        customer = self.service._api_get_customer({"external_id": "acme"})
        self.assertEqual((customer["name"], customer["email"]), ("Acme", self.email))
        subscription = self.service._api_get_subscription({"subscription_external_id": order.x_fc_external_id})
        self.assertEqual(subscription["external_customer_id"], "acme")
        self.assertEqual(self._upsert(), link)

    def test_the_contact_keeps_what_we_know_of_it(self):
        link = self._upsert()
        link.partner_id.street = "9 Other Street"
        self._confirm(link)
        self.assertRecordValues(self.known, [{"name": "Known Ltd", "email": self.email, "street": "1 Main Street"}])

    def test_no_service_renames_a_contact_that_it_was_joined_with(self):
        link = self._upsert()
        self._confirm(link)
        self._upsert(name="Renamed", email=f"new-{self.email}")
        self.assertRecordValues(self.known, [{"name": "Known Ltd", "email": self.email}])
        self.assertEqual(link.external_name, "Renamed")

    @only_on("community")
    def test_documents_of_a_contact_of_a_company_are_booked_on_the_company(self):
        parent = self.env["res.partner"].create({"name": "Parent Inc", "is_company": True})
        self.known.parent_id = parent
        link = self._upsert()
        order = self._create_subscription(partner_id=link.partner_id.id)
        token = self._create_token(partner=link.partner_id)
        first = self._invoice(order, run_jobs=True)
        self._confirm(link)
        self.assertEqual((first.partner_id, first.commercial_partner_id), (self.known, parent))
        self.assertEqual(first.line_ids.partner_id, parent)
        second = self._invoice(order, "2026-03-01", run_jobs=True)
        self.assertEqual((second.x_fc_charge_ids.token_id, second.payment_state), (token, "paid"))

    def test_odoos_own_merge_answers_the_question_too(self):
        """Whoever merges contacts need not know the menu; and no right to rename comes along."""
        link = self._upsert()
        admin = self.env.ref("base.user_admin")
        wizard = self.env["base.partner.merge.automatic.wizard"].with_user(admin)
        wizard._merge((link.partner_id | self.known).ids, self.known)
        self.env.invalidate_all()
        self.assertRecordValues(link, [{"to_confirm": False, "candidate_id": False, "partner_id": self.known.id}])
        self.assertFalse(self.known.x_fc_created_by_service_id)

    def test_a_merged_contact_takes_over_the_identity_that_it_lacks(self):
        self.company.x_fc_ask_before_linking = False
        made = self._upsert("made", email=f"made-{self.email}").partner_id
        wizard = self.env["base.partner.merge.automatic.wizard"].with_user(self.env.ref("base.user_admin"))
        wizard._merge((made | self.known).ids, self.known)
        self.assertEqual(self.known.x_fc_billing_email, f"made-{self.email}".lower())
        self.assertFalse(self.known.x_fc_created_by_service_id)
        other = self._upsert(service=self._create_service(), email=f"made-{self.email}")
        self.assertEqual(other.partner_id, self.known)

    # === ANOTHER CUSTOMER === #

    def test_another_customer_stays_apart_and_is_not_asked_about_again(self):
        link = self._upsert()
        partner = link.partner_id
        link.with_user(self.manager).action_another_customer()
        self._upsert(name="Acme Ltd")
        self.assertRecordValues(link, [{"to_confirm": False, "candidate_id": False, "partner_id": partner.id}])
        self.assertEqual(partner.name, "Acme Ltd")

    def test_others_with_the_e_mail_still_meet_the_contact(self):
        self._upsert().with_user(self.manager).action_another_customer()
        self.assertEqual(self._upsert(service=self._create_service()).candidate_id, self.known)
        self.company.x_fc_ask_before_linking = False
        self.assertEqual(self._upsert(service=self._create_service()).partner_id, self.known)

    # === WHO DECIDES === #

    def test_only_billing_managers_of_the_company_decide(self):
        other = self.env["res.company"].create({"name": unique("Other company")})
        link = self._upsert()
        people = {
            "a billing user": self._create_user("fusion_centralize_billing.group_billing_user"),
            "an accountant": self._create_user("account.group_account_manager"),
            "a manager of another company": self._create_user(
                _MANAGER, company_id=other.id, company_ids=[Command.set(other.ids)]
            ),
        }
        self.env.flush_all()
        self.env.invalidate_all()
        for name, person in people.items():
            for action in ("action_same_customer", "action_another_customer"):
                with self.subTest(name, action=action), self.assertRaises(AccessError), mute_logger(*_ACCESS_LOGGERS):
                    getattr(link.with_user(person), action)()
        self.assertTrue(link.to_confirm)

    def test_nobody_writes_what_is_asked(self):
        link = self._upsert()
        for values in ({"to_confirm": False}, {"candidate_id": self.partner.id}):
            with self.subTest(values), self.assertRaises(UserError):
                link.with_user(self.manager).write(values)

    def test_what_cannot_be_joined(self):
        other = self.env["res.company"].create({"name": unique("Other company")})

        def decided(link):
            link.with_user(self.manager).action_another_customer()

        def gone(link):
            self.known.unlink()

        def shared(link):
            self._create_link(self._create_service(), link.partner_id)

        def elsewhere(link):
            self.env["sale.order"].create({"partner_id": link.partner_id.id, "company_id": other.id})

        def known_already(link):
            self._create_link(partner=self.known)

        for make in (decided, shared, elsewhere, known_already, gone):
            self.known.x_fc_account_link_ids.unlink()
            link = self._upsert(unique("c"))
            make(link)
            partner = link.partner_id
            with self.subTest(make.__name__), self.assertRaises(UserError):
                link.with_user(self.manager).action_same_customer()
            self.assertEqual(link.partner_id, partner)

    def test_a_document_that_is_made_meanwhile_makes_the_merge_run_again(self):
        link = self._upsert()
        wizard = self.registry["base.partner.merge.automatic.wizard"]
        with patch.object(wizard, "_merge", side_effect=ForeignKeyViolation()), self.assertRaises(ConcurrencyError):
            link.with_user(self.manager).action_same_customer()
