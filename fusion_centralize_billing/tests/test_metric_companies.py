# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""A metric is a company's, or all companies share it; then administrators only change it."""

from psycopg2.errors import ExclusionViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..api.errors import NotFoundError
from .common import BillingCase, load_script, unique

_MANAGER = "fusion_centralize_billing.group_billing_manager"
_SCRIPT = "19.0.1.2.0/pre-metric_companies.py"


class _Case(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company_2 = cls.env["res.company"].create({"name": unique("Other company")})
        cls.service_2 = cls._create_service(company_id=cls.company_2.id)
        cls.manager = cls._create_user(_MANAGER)
        cls.manager_2 = cls._create_user(_MANAGER, company_id=cls.company_2.id, company_ids=[(6, 0, cls.company_2.ids)])
        cls.administrator = cls._create_user("base.group_system")
        cls.metric_2 = cls._create_metric(company_id=cls.company_2.id)
        cls.shared = cls._create_metric(company_id=False)

    def _as(self, user, records):
        self.env.flush_all()
        self.env.invalidate_all()
        return records.with_user(user).with_context(allowed_company_ids=user.company_ids.ids)

    def _create_foreign_order(self):
        pricelist = self._create_pricelist(company_id=self.company_2.id)
        partner = self.env["res.partner"].create({"name": "Theirs"})
        return self.env["sale.order"].create(
            {
                "company_id": self.company_2.id,
                "partner_id": partner.id,
                "plan_id": self.recurrence.id,
                "pricelist_id": pricelist.id,
                "x_fc_service_id": self.service_2.id,
                "start_date": "2026-01-01",
            }
        )


@tagged("post_install", "-at_install")
class TestMetricRights(_Case):
    def test_a_new_metric_is_of_the_current_company(self):
        for user, company in ((self.manager, self.company), (self.manager_2, self.company_2)):
            metric = self._as(user, self.env["fusion.billing.metric"]).create({"name": "New", "code": unique("new")})
            self.assertEqual(metric.company_id, company)

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_who_changes_which_metric(self):
        own, foreign, shared = self.metric, self.metric_2, self.shared
        table = [
            # user, metric, sees it, changes it
            (self.manager, own, True, True),
            (self.manager, shared, True, False),
            (self.manager, foreign, False, False),
            (self.manager_2, own, False, False),
            (self.manager_2, shared, True, False),
            (self.manager_2, foreign, True, True),
            (self.administrator, own, True, False),
            (self.administrator, shared, True, True),
        ]
        for user, metric, sees, changes in table:
            with self.subTest(user=user.login, metric=metric.code):
                metrics = self._as(user, metric)
                self.assertEqual(bool(metrics.browse().search([("id", "=", metric.id)])), sees)
                self.assertEqual([metrics.has_access(mode) for mode in ("write", "unlink")], [changes] * 2)
                if not changes:
                    with self.assertRaises(AccessError):
                        metrics.code = unique("renamed")

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_a_manager_neither_makes_nor_takes_nor_gives_away_a_shared_metric(self):
        metrics = self._as(self.manager, self.metric)
        values = {"name": "New", "code": unique("new")}
        acts = {
            "make a shared one": lambda: metrics.create({**values, "company_id": False}),
            "make another company's": lambda: metrics.create({**values, "company_id": self.company_2.id}),
            "share his own": lambda: metrics.write({"company_id": False}),
            "move his own": lambda: metrics.write({"company_id": self.company_2.id}),
            "take a shared one": lambda: self._as(self.manager, self.shared).write({"company_id": self.company.id}),
        }
        for name, act in acts.items():
            with self.subTest(name), self.assertRaises(AccessError):
                act()

    def test_an_administrator_makes_a_shared_metric(self):
        metrics = self._as(self.administrator, self.env["fusion.billing.metric"])
        self.assertTrue(metrics.create({"name": "New", "code": unique("new"), "company_id": False}))

    def test_a_metric_that_other_companies_use_stays_shared(self):
        self.env["fusion.billing.charge"].create(
            {"name": "Theirs", "plan_code": "theirs", "metric_id": self.shared.id, "company_id": self.company_2.id}
        )
        with self.assertRaisesRegex(ValidationError, "used by other companies"):
            self.shared.company_id = self.company
        self.shared.company_id = self.company_2


@tagged("post_install", "-at_install")
class TestMetricCodes(_Case):
    @mute_logger("odoo.sql_db")
    def test_a_code_names_one_metric_of_a_company_and_the_shared_ones(self):
        one, two, everybody = self.company.id, self.company_2.id, False
        table = [
            # companies of two metrics with one code, whether both may be
            (one, two, True),
            (one, one, False),
            (one, everybody, False),
            (everybody, one, False),
            (everybody, everybody, False),
        ]
        for first, second, both in table:
            with self.subTest(first=first, second=second), self.env.cr.savepoint() as savepoint:
                code = unique("code")
                self._create_metric(code=code, company_id=first)
                if both:
                    self._create_metric(code=code, company_id=second)
                else:
                    with self.assertRaises(ExclusionViolation):
                        self._create_metric(code=code, company_id=second)
                savepoint.rollback()

    @mute_logger("odoo.sql_db")
    def test_the_database_itself_refuses_a_second_metric_of_a_code(self):
        # So that it holds for two transactions, too, of which neither sees the other's metric.
        columns = "(name, code, aggregation, unit_rounding)"
        insert = f"INSERT INTO fusion_billing_metric {columns} VALUES ('{{}}', %s, 'sum', 'none')"
        with self.assertRaises(ExclusionViolation):
            self.env.cr.execute(insert, [self.metric.code])

    def test_an_archived_metric_keeps_its_code(self):
        self.metric.active = False
        with mute_logger("odoo.sql_db"), self.assertRaises(ExclusionViolation):
            self._create_metric(code=self.metric.code)

    def test_each_company_means_its_own_metric_by_a_code(self):
        code = unique("same")
        own = self._create_metric(code=code, company_id=self.company.id)
        theirs = self._create_metric(code=code, company_id=self.company_2.id)
        order, foreign = self._create_subscription(), self._create_foreign_order()
        for subscription, service, metric in ((order, self.service, own), (foreign, self.service_2, theirs)):
            usages = self.env["fusion.billing.usage"]
            self.assertEqual(usages._record_usage(subscription, code, 1, "2026-01-10", "2026-01-10").metric_id, metric)
            self.env.invalidate_all()
            self.assertEqual(service._as_technical_user()._get_metric_ids({code}), {code: metric.id})

    def test_every_company_finds_a_shared_metric(self):
        code = self.shared.code
        for service in (self.service, self.service_2):
            self.assertEqual(service._as_technical_user()._get_metric_ids({code}), {code: self.shared.id})

    def test_the_metric_of_another_company_is_not_found(self):
        code = self.metric_2.code
        self.assertFalse(self.service._as_technical_user()._get_metric_ids({code}))
        with self.assertRaises(NotFoundError) as caught:
            self.env["fusion.billing.usage"]._record_usage(
                self._create_subscription(), code, 1, "2026-01-10", "2026-01-10"
            )
        self.assertEqual(caught.exception.code, "metric_not_found")

    def test_nothing_of_a_company_has_the_metric_of_another(self):
        order = self._create_subscription()
        counter = {"subscription_id": order.id, "metric_id": self.metric_2.id, "quantity": 1}
        days = {"period_start": "2026-01-10", "period_end": "2026-01-10"}
        acts = {
            "a charge": lambda: self._create_charge(metric_id=self.metric_2.id),
            "a counter": lambda: self.env["fusion.billing.usage"].create({**counter, **days}),
        }
        for name, act in acts.items():
            with self.subTest(name), self.assertRaisesRegex(UserError, "company"):
                act()
        self.assertTrue(self._create_charge(metric_id=self.shared.id))


@tagged("post_install", "-at_install")
class TestMetricUpgrade(_Case):
    """Metrics had no company: whose they are comes from who uses them."""

    def _migrate(self, metric):
        self.env.flush_all()
        self.env.cr.execute("UPDATE fusion_billing_metric SET company_id = NULL WHERE id = %s", [metric.id])
        load_script(_SCRIPT).migrate(self.env.cr, "19.0.1.1.0")
        self.env.invalidate_all()
        return metric.company_id

    def _charge(self, metric, company):
        self.env["fusion.billing.charge"].create(
            {"name": "Charge", "plan_code": unique("plan"), "metric_id": metric.id, "company_id": company.id}
        )

    def _use_in(self, metric, order):
        self.env["fusion.billing.usage"]._record_usage(order, metric.code, 1, "2026-01-10", "2026-01-10")

    def test_whose_a_metric_becomes(self):
        none, one, two = self.env["res.company"], self.company, self.company_2
        order, foreign = self._create_subscription(), self._create_foreign_order()
        table = [
            # charges of companies, usage of orders, whose it becomes
            ([one], [], one),
            ([], [order], one),
            ([one], [order], one),
            ([], [foreign], two),
            ([two, two], [foreign], two),
            ([one, two], [], none),
            ([one], [foreign], none),
            ([], [order, foreign], none),
            ([], [], none),  # there are several companies
        ]
        for companies, orders, expected in table:
            with self.subTest(companies=companies, orders=orders):
                metric = self._create_metric(company_id=False)
                for company in companies:
                    self._charge(metric, company)
                for used in orders:
                    self._use_in(metric, used)
                self.assertEqual(self._migrate(metric), expected)

    def test_a_database_with_one_company_shares_nothing(self):
        metric = self._create_metric(company_id=False)
        # Only for the script: nothing else looks at companies here.
        self.env.cr.execute("CREATE TEMPORARY TABLE res_company AS SELECT id FROM res_company WHERE id = %s", [1])
        self.addCleanup(self.env.cr.execute, "DROP TABLE IF EXISTS pg_temp.res_company")
        self.env.flush_all()
        load_script(_SCRIPT).migrate(self.env.cr, "19.0.1.1.0")
        self.env.cr.execute("SELECT company_id FROM fusion_billing_metric WHERE id = %s", [metric.id])
        self.assertEqual(self.env.cr.fetchone(), (1,))
