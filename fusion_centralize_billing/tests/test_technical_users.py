# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The API works as the technical user of its service, with the rights of a service, or not at all."""

from odoo.exceptions import AccessDenied, AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..api.errors import BusinessRuleError, ForbiddenError
from .common import BillingCase, BillingHttpCase, load_script, unique

_GROUP = "fusion_centralize_billing.group_billing_"
_SCRIPT = "19.0.1.2.0/post-technical_users.py"


class _Case(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company_2 = cls.env["res.company"].create({"name": unique("Other company")})

    def _spoil(self, service=None):
        """Yield (what is wrong, act that makes it so) of a service's technical user."""
        user = (service or self.service).user_id
        group = self.env.ref(f"{_GROUP}user")
        both = (self.company + self.company_2).ids
        yield "archived", lambda: user.write({"active": False})
        yield "another group", lambda: user.write({"group_ids": [Command.link(group.id)]})
        yield "without its group", lambda: user.write({"group_ids": [Command.clear()]})
        yield (
            "another group instead",
            lambda: user.write({"group_ids": [Command.set(self.env.ref("base.group_portal").ids)]}),
        )
        yield (
            "another company",
            lambda: user.write({"company_ids": [Command.set(self.company_2.ids)], "company_id": self.company_2.id}),
        )
        yield "a second company", lambda: user.write({"company_ids": [Command.set(both)]})
        yield "an administrator", lambda: self._become(self._create_user("base.group_system"))
        yield "the superuser", lambda: self._become(self.env.ref("base.user_root"))

    def _log_in(self, user, password):
        credential = {"type": "password", "login": user.login, "password": password}
        with mute_logger("odoo.addons.base.models.res_users"):
            return self.env["res.users"].authenticate(credential, {"interactive": False})

    def _become(self, user):
        self.service.user_id = user

    def _drop_user(self, service=None):
        """Make a service one of an older version, without a technical user."""
        self.env.flush_all()
        self.env.cr.execute("ALTER TABLE fusion_billing_service ALTER COLUMN user_id DROP NOT NULL")
        self.env.cr.execute(
            "UPDATE fusion_billing_service SET user_id = NULL WHERE id = %s", [(service or self.service).id]
        )
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestTechnicalUsers(_Case):
    # === WHAT THE API WORKS AS === #

    def assertUnusable(self, service):
        with self.assertRaises(ForbiddenError) as caught:
            service._as_technical_user()
        self.assertEqual((caught.exception.code, caught.exception.http_status), ("technical_user_unusable", 403))
        self.assertTrue(service.user_fault)

    def test_a_service_works_as_its_technical_user(self):
        service = self.service._as_technical_user()
        self.assertEqual((service.env.user, service.env.su), (self.service.user_id, False))
        self.assertEqual(service.env.companies, self.company)
        self.assertFalse(self.service.user_fault)

    def test_a_service_without_a_technical_user_does_not_work_as_its_caller(self):
        self._drop_user()
        self.assertUnusable(self.service)

    @mute_logger("odoo.addons.base.models.res_users")
    def test_a_service_does_not_work_as_a_user_with_other_rights(self):
        for name, act in self._spoil():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                act()
                self.assertUnusable(self.service)
                savepoint.rollback()
                self.env.registry.clear_all_caches()
        self.assertTrue(self.service._as_technical_user())

    def test_what_the_group_of_services_implies_is_no_other_right(self):
        self.env.ref(f"{_GROUP}service").implied_ids = self.env["res.groups"].create({"name": "Reads something"})
        self.assertTrue(self.service._as_technical_user())

    def test_looking_at_the_technical_user_costs_one_query(self):
        self.service._as_technical_user()  # fills the caches of the registry
        self.env.invalidate_all()
        service = self.service.with_env(self.env)
        self.assertTrue(service.code)  # what authentication has read anyway
        with self.assertQueryCount(1):
            service._as_technical_user()

    # === WHO MAKES AND CHANGES IT === #

    def test_nobody_logs_in_as_the_technical_user_of_a_service(self):
        """Whoever may write contacts can have a new password sent; defaults of a manager may set one, too."""
        manager = self._create_user(f"{_GROUP}manager")
        self.env["ir.default"].with_user(manager).set("res.users", "password", "known-12345", user_id=True)
        service = self.env["fusion.billing.service"].with_user(manager).create({"name": "New", "code": unique("new")})
        for user, password in ((service.sudo().user_id, "known-12345"), (self.service.user_id, "reset-12345")):
            user.sudo().password = password
            with self.subTest(password), self.assertRaises(AccessDenied):
                self._log_in(user, password)

    def test_people_who_got_the_group_of_services_by_mistake_log_in(self):
        person = self._create_user(f"{_GROUP}service", "base.group_user")
        person.password = "known-12345"
        self.assertEqual(self._log_in(person, "known-12345")["uid"], person.id)

    def test_every_service_has_a_technical_user_of_its_own(self):
        services = self._create_service() + self._create_service()
        self.assertEqual(len(services.user_id), 2)
        self.assertFalse([fault for fault in services.mapped("user_fault") if fault])
        copied = services[0].copy()
        self.assertNotIn(copied.user_id, services.user_id)

    def test_a_new_service_does_not_take_over_the_login_of_another_one(self):
        service = self._create_service()
        service.user_id.login = "kept"
        self.assertNotEqual(self._create_service().user_id.login, service.user_id.login)

    def test_a_manager_makes_a_service_and_does_not_choose_its_user(self):
        manager = self._create_user(f"{_GROUP}manager")
        services = self.env["fusion.billing.service"].with_user(manager)
        values = {"name": "New", "code": unique("new")}
        with self.assertRaises(BusinessRuleError):
            services.create({**values, "user_id": self.env.ref("base.user_admin").id})
        preset = services.with_context(default_user_id=self.env.ref("base.user_admin").id)
        self.env["ir.default"].set(services._name, "user_id", self.env.ref("base.user_admin").id, user_id=manager.id)
        self.assertFalse(preset.create(values).user_fault)

    def test_a_service_moves_with_its_user(self):
        service = self._create_service()
        service.company_id = self.company_2
        self.assertEqual(service.user_id.company_ids, self.company_2)
        self.assertTrue(service._as_technical_user())

    def test_a_service_that_moves_leaves_alone_a_user_with_other_rights(self):
        service = self._create_service()
        administrator = self._create_user("base.group_system")
        service.user_id = administrator
        service.company_id = self.company_2
        self.assertEqual(administrator.company_ids, self.company)
        self.assertUnusable(service)

    def test_a_service_with_anything_that_depends_on_it_keeps_its_company(self):
        plain = self._create_service()
        table = {
            "a customer": lambda: self._create_link(plain),
            "a plan that is not sold any more": lambda: self._create_plan(service_id=plain.id, active=False),
            "a quotation": lambda: self._create_subscription(service=plain, confirm=False),
        }
        for name, act in table.items():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                act()
                with self.assertRaisesRegex(UserError, "cannot move"):
                    plain.company_id = self.company_2
                savepoint.rollback()
        plain.company_id = self.company_2

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_a_manager_moves_a_service_to_his_companies_only(self):
        service = self._create_service()
        manager = self._create_user(f"{_GROUP}manager")
        with self.assertRaises(AccessError):
            service.with_user(manager).company_id = self.company_2
        manager.company_ids += self.company_2
        service.with_user(manager).with_context(allowed_company_ids=manager.company_ids.ids).company_id = self.company_2
        self.assertEqual(service.user_id.company_id, self.company_2)

    # === UPGRADES === #

    def test_an_upgrade_makes_the_technical_user_that_a_service_lacks(self):
        self._drop_user()
        load_script(_SCRIPT).migrate(self.env.cr, "19.0.1.1.0")
        self.assertFalse(self.service.user_fault)
        self.assertEqual(self.service._as_technical_user().env.company, self.company)

    def test_an_upgrade_changes_no_technical_user_and_the_form_says_what_is_wrong(self):
        user = self.service.user_id
        user.group_ids += self.env.ref(f"{_GROUP}user")
        groups = user.group_ids
        load_script(_SCRIPT).migrate(self.env.cr, "19.0.1.1.0")
        self.assertEqual((self.service.user_id, user.group_ids), (user, groups))
        manager = self._create_user(f"{_GROUP}manager")
        self.assertIn("rights", self.service.with_user(manager).user_fault)

    def test_no_service_is_without_a_technical_user(self):
        self.assertTrue(self.env["fusion.billing.service"]._fields["user_id"].required)
        self.env.cr.execute(
            "SELECT is_nullable FROM information_schema.columns"
            " WHERE table_name = 'fusion_billing_service' AND column_name = 'user_id'"
        )
        self.assertEqual(self.env.cr.fetchone(), ("NO",))


@tagged("post_install", "-at_install")
class TestTechnicalUsersOverHttp(_Case, BillingHttpCase):
    def test_a_key_of_a_service_without_a_technical_user_opens_nothing(self):
        order = self._create_subscription(service=self._create_service())
        self._drop_user()
        calls = {
            "its customers": lambda: self._call("/customers"),
            "another service's subscription": lambda: self._call(f"/subscriptions/{order.id}"),
            "usage": lambda: self._call("/usage", {"events": [self._event(order)]}),
        }
        for name, call in calls.items():
            with self.subTest(name):
                answer = self.assertRefused(call(), 403, "technical_user_unusable")
                self.assertNotIn(order.name, str(answer))
        self.assertFalse(order.x_fc_usage_ids)

    def test_a_technical_user_that_got_other_rights_is_refused_in_a_batch_too(self):
        self.service.user_id.group_ids += self.env.ref(f"{_GROUP}manager")
        body = '[{"jsonrpc": "2.0", "id": 1, "method": "catalog"}, {"jsonrpc": "2.0", "id": 2, "method": "catalog"}]'
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        answers = self.url_open("/api/billing/jsonrpc", data=body, headers=headers, timeout=60).json()
        self.assertEqual([answer["error"]["data"]["code"] for answer in answers], ["technical_user_unusable"] * 2)
