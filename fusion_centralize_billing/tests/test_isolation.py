# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from ..api.errors import BillingError, NotFoundError
from .common import BillingCase, BillingHttpCase, load_script, unique
from .test_rights_matrix import get_readable

#: What fusion_billing_graphql opens beside that where it is installed.
_READABLE_OVER_GRAPHQL = {"res.currency"}
_OPERATIONS = ("read", "write", "create", "unlink")


class TwoServices:
    """Two source apps with a customer, a private plan, and a subscription with usage each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own = cls._create_world(cls.service)
        cls.other_service = cls._create_service(name="Other App")
        cls.foreign = cls._create_world(cls.other_service)

    @classmethod
    def _create_world(cls, service):
        """Return the records of a service by model. External ids are the same in every service."""
        cls._listen(service)
        partner = cls.env["res.partner"].create({"name": "Customer"})
        link = cls._create_link(service, partner, external_id="customer-1")
        plan = cls._create_plan(service_id=service.id)
        charge = cls._create_charge(plan)
        with trap_jobs():
            order = cls._create_subscription(plan, service, partner_id=partner.id, x_fc_external_id="subscription-1")
            usage = cls.env["fusion.billing.usage"]._record_usage(
                order, cls.metric.code, 5, "2026-01-10", "2026-01-10", "key-1"
            )
            order._fc_rate_usage(charge, "2026-01-01", "2026-02-01")
        return {
            "fusion.billing.account.link": link,
            "fusion.billing.plan": plan,
            "fusion.billing.usage": usage,
            "sale.order": order,
        }

    def _event(self, **values):
        event = {"subscription_external_id": "subscription-1", "metric_code": self.metric.code, "quantity": 7}
        return {**event, "period_start": "2026-01-11T00:00:00Z", "period_end": "2026-01-12T00:00:00Z", **values}


@tagged("post_install", "-at_install")
class TestIsolation(TwoServices, BillingCase):
    # === MODELS: see also test_rights_matrix.py === #

    def test_every_model_that_a_service_reads_is_confined_or_common(self):
        rules = self.env["ir.rule"].search(
            [("groups", "in", self.env.ref("fusion_centralize_billing.group_billing_service").id)]
        )
        confined = set(rules.mapped("model_id.model")) - _READABLE_OVER_GRAPHQL
        self.assertEqual(confined, get_readable() - {"fusion.billing.metric"})

    def test_a_service_has_no_access_to_any_other_model(self):
        readable = {
            name for name in self.registry if not self.registry[name]._abstract and self._as_service_quick(name)
        }
        over_graphql = _READABLE_OVER_GRAPHQL if "fusion_billing_graphql" in self.registry._init_modules else set()
        self.assertEqual(readable - self._get_everybodys_models() - over_graphql, get_readable())

    def _as_service_quick(self, name):
        user_env = self.service._as_technical_user().env
        return any(
            self.env["ir.model.access"].with_env(user_env).check(name, mode, raise_exception=False)
            for mode in _OPERATIONS
        )

    def _get_everybodys_models(self):
        """Return the models that Odoo opens to every user, by access rights without a group."""
        rights = self.env["ir.model.access"].search([("group_id", "=", False)])
        open_rights = rights.filtered(lambda right: any(right[f"perm_{operation}"] for operation in _OPERATIONS))
        return set(open_rights.mapped("model_id.model"))

    def test_no_billing_model_is_open_to_everybody(self):
        ours = {name for name in self._get_everybodys_models() if name.startswith("fusion.")}
        self.assertFalse(ours)

    # === CATALOGUE === #

    def _get_catalogue(self, service=None):
        answer = (service or self.service)._api_catalog()
        return {charge["plan_code"] for charge in answer["charges"]}, {plan["code"] for plan in answer["plans"]}

    def test_the_private_plan_of_another_service_is_not_listed(self):
        code = self.foreign["fusion.billing.plan"].code
        for codes in self._get_catalogue():
            self.assertNotIn(code, codes)
        for codes in self._get_catalogue(self.other_service):
            self.assertIn(code, codes)

    def test_an_archived_private_plan_stays_private(self):
        plan = self.foreign["fusion.billing.plan"]
        plan.active = False
        self.assertNotIn(plan.code, self._get_catalogue()[0])

    def test_a_common_plan_is_listed_for_everybody(self):
        self._create_charge()
        for service in (self.service, self.other_service):
            for codes in self._get_catalogue(service):
                self.assertIn(self.plan.code, codes)

    def test_the_catalogue_of_another_company_is_not_listed(self):
        company = self.env["res.company"].create({"name": unique("Other company")})
        plan = self._create_plan(company_id=company.id, pricelist_id=False, product_id=False, price=0)
        self._create_charge(
            plan, company_id=company.id, product_id=False, metric_id=self._create_metric(company_id=company.id).id
        )
        for codes in self._get_catalogue():
            self.assertNotIn(plan.code, codes)

    # === OPERATIONS === #

    def test_the_same_external_ids_do_not_meet(self):
        self.service._api_record_usage(
            {"events": [self._event(idempotency_key="key-1", period_start="2026-01-10T00:00:00Z")]}
        )
        self.assertEqual(self.own["fusion.billing.usage"].quantity, 7)
        self.assertEqual(self.foreign["fusion.billing.usage"].quantity, 5)

    def test_the_same_customer_id_is_another_customer(self):
        own = self.service._api_upsert_customer({"external_id": "customer-1", "name": "Renamed"})
        self.assertEqual(own["partner_id"], self.own["fusion.billing.account.link"].partner_id.id)
        self.assertEqual(self.foreign["fusion.billing.account.link"].partner_id.name, "Customer")

    def test_the_order_of_another_service_is_not_found_by_its_id(self):
        foreign = self.foreign["sale.order"]
        with self.assertRaises(NotFoundError) as caught:
            self.service._api_record_usage({"events": [self._event(subscription_external_id=str(foreign.id))]})
        self.assertEqual(caught.exception.code, "subscription_not_found")
        self.assertEqual(len(foreign.x_fc_usage_ids), 1)

    def test_a_handler_is_confined_whoever_calls_it(self):
        foreign = self.foreign["sale.order"]
        with self.assertRaises(NotFoundError):
            self.service.sudo()._api_record_usage({"events": [self._event(subscription_external_id=str(foreign.id))]})

    def test_the_private_plan_of_another_service_cannot_be_subscribed_to(self):
        plan = self.foreign["fusion.billing.plan"]
        for more in ({}, {"plan_id": self.recurrence.id}):
            with self.subTest(more), self.assertRaises(NotFoundError) as caught:
                self.service._api_create_subscription(
                    {"external_customer_id": "customer-1", "plan_code": plan.code, **more}
                )
            self.assertEqual(caught.exception.code, "plan_not_found")

    def test_the_customer_of_another_service_cannot_be_subscribed(self):
        self._create_link(self.other_service, external_id="only-theirs")
        with self.assertRaises(NotFoundError) as caught:
            self.service._api_create_subscription(
                {"external_customer_id": "only-theirs", "plan_id": self.recurrence.id}
            )
        self.assertEqual(caught.exception.code, "customer_not_found")

    def test_the_external_id_of_another_services_subscription_is_free(self):
        self.own["sale.order"].x_fc_external_id = unique("renamed")
        answer = self.service._api_create_subscription(
            {"external_customer_id": "customer-1", "external_id": "subscription-1", "plan_id": self.recurrence.id}
        )
        self.assertNotEqual(answer["subscription_id"], self.foreign["sale.order"].id)

    def test_product_and_recurrence_of_another_company_cannot_be_used(self):
        company = self.env["res.company"].create({"name": unique("Other company")})
        product = self._create_product(company_id=company.id)
        recurrence = self.env["sale.subscription.plan"].create({"name": "Theirs", "company_id": company.id})
        requests = [{"plan_id": recurrence.id}, {"plan_id": self.recurrence.id, "lines": [{"product_id": product.id}]}]
        for request in requests:
            with self.subTest(request), self.assertRaises(NotFoundError):
                self.service._api_create_subscription({"external_customer_id": "customer-1", **request})

    # === SUBSCRIPTIONS OF THE BACK OFFICE === #

    def _push(self, order, service=None):
        """Push usage for an order; return whether it was found."""
        try:
            (service or self.service)._api_record_usage(
                {"events": [self._event(subscription_external_id=str(order.id))]}
            )
        except BillingError as error:
            self.assertEqual(error.code, "subscription_not_found")
            return False
        return True

    def test_a_subscription_without_service_is_reached_through_its_customer_only(self):
        partner = self.own["fusion.billing.account.link"].partner_id
        order = self._create_subscription(partner_id=partner.id, x_fc_service_id=False, x_fc_external_id=False)
        self.assertTrue(self._push(order))
        self.assertFalse(self._push(order, self.other_service))

    def test_a_subscription_of_a_customer_without_link_is_not_reached(self):
        partner = self.env["res.partner"].create({"name": "Nobody's"})
        order = self._create_subscription(partner_id=partner.id, x_fc_service_id=False, x_fc_external_id=False)
        self.assertFalse(self._push(order))

    def test_a_shared_customer_does_not_open_the_other_services_subscription(self):
        self._create_link(self.service, self.foreign["fusion.billing.account.link"].partner_id)
        self.assertFalse(self._push(self.foreign["sale.order"]))

    def test_a_subscription_of_another_company_is_not_reached(self):
        company = self.env["res.company"].create({"name": unique("Other company")})
        partner = self.own["fusion.billing.account.link"].partner_id
        order = self.env["sale.order"].create(
            {"partner_id": partner.id, "company_id": company.id, "is_subscription": True, "plan_id": self.recurrence.id}
        )
        self.assertFalse(self._push(order))

    def test_an_upgrade_lets_services_see_a_renewed_subscription_once(self):
        rule = self.env.ref("fusion_centralize_billing.sale_order_service_rule")
        new = rule.domain_force
        rule.domain_force = """[
            ('is_subscription', '=', True),
            '|', ('x_fc_service_id.user_id', '=', user.id),
            '&', ('x_fc_service_id', '=', False),
            ('partner_id.x_fc_account_link_ids.service_id.user_id', '=', user.id)]"""
        order = self._create_subscription()
        renewal = self._create_subscription()
        self.env.flush_all()
        self.env.cr.execute("UPDATE sale_order SET x_fc_successor_id = %s WHERE id = %s", [renewal.id, order.id])
        self.env.invalidate_all()
        seen = self.service._as_technical_user().env["sale.order"]
        self.assertEqual(len(seen.search([("id", "in", (order | renewal).ids)])), 2)
        script = load_script("19.0.1.3.0/post-service_rules.py")
        script.migrate(self.env.cr, "19.0.1.2.0")
        self.assertEqual(seen.search([("id", "in", (order | renewal).ids)]).ids, renewal.ids)
        rule.domain_force = new
        script.migrate(self.env.cr, "19.0.1.2.0")
        self.assertEqual(rule.domain_force, new)

    def test_two_spellings_of_one_id_do_not_hide_each_other(self):
        order = self.own["sale.order"]
        names = [str(order.id), f"0{order.id}"]
        events = [self._event(subscription_external_id=name) for name in names]
        try:
            self.service._api_record_usage({"events": events})
        except NotFoundError as error:
            self.assertEqual([fault.path for fault in error.errors], ["events.1.subscription_external_id"])


@tagged("post_install", "-at_install")
class TestIsolationOverHttp(TwoServices, BillingHttpCase):
    """Every operation with a key of one service and the names of another's records."""

    def test_no_operation_reaches_another_service(self):
        order, plan = self.foreign["sale.order"], self.foreign["fusion.billing.plan"]
        self._create_link(self.other_service, external_id="only-theirs")
        requests = [
            ("/usage", {"events": [self._event(subscription_external_id=str(order.id))]}, "subscription_not_found"),
            (
                "/subscriptions",
                {"external_customer_id": "only-theirs", "plan_id": self.recurrence.id},
                "customer_not_found",
            ),
            ("/subscriptions", {"external_customer_id": "customer-1", "plan_code": plan.code}, "plan_not_found"),
        ]
        for path, payload, code in requests:
            with self.subTest(code):
                answer = self.assertRefused(self._call(path, payload), 404, code)
                self.assertNotIn(order.name, str(answer))
        self.assertNotIn(plan.code, self._call("/plans").text)
        self.assertEqual(len(order.x_fc_usage_ids), 1)

    def test_a_foreign_record_looks_like_one_that_does_not_exist(self):
        order = self.foreign["sale.order"]
        answers = []
        for name in (str(order.id), "999999999"):
            response = self._call("/usage", {"events": [self._event(subscription_external_id=name)]})
            answers.append((response.status_code, response.text.replace(name, "NAME")))
        self.assertEqual(answers[0], answers[1])
