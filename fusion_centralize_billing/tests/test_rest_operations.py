# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import fields
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from .common import BillingHttpCase, unique


@tagged("post_install", "-at_install")
class TestRestCustomers(BillingHttpCase):
    def _post(self, **payload):
        return self._call("/customers", payload)

    def test_a_customer_is_made(self):
        external_id = unique("customer")
        response = self._post(external_id=external_id, name="Acme", email=f"{external_id}@example.com")
        link = self.env["fusion.billing.account.link"].search([("external_id", "=", external_id)])
        self.assertEqual(response.status_code, 200)
        self.assertEqual(
            response.json(), {"status": "ok", "partner_id": link.partner_id.id, "external_id": external_id}
        )
        self.assertEqual((link.service_id, link.partner_id.name), (self.service, "Acme"))

    def test_the_same_customer_again_is_the_same_partner(self):
        answers = [self._post(external_id="c-1", name=name).json() for name in ("Acme", "Acme Ltd")]
        self.assertEqual(answers[0], answers[1])

    def test_senseless_customers_are_refused_and_not_kept(self):
        before = self.env["res.partner"].search_count([])
        cases = [
            ({}, "external_id"),
            ({"external_id": ""}, "external_id"),
            ({"external_id": 7}, "external_id"),
            ({"external_id": "a\0"}, "external_id"),
            ({"external_id": "c", "name": ""}, "name"),
            ({"external_id": "c", "name": "x" * 256}, "name"),
            ({"external_id": "c", "email": "nobody"}, "email"),
            ({"external_id": "c", "email": "a@b"}, "email"),
            ({"external_id": "c", "email": "a@example.com\nBcc: b@example.com"}, "email"),
            ({"external_id": "c", "partner_id": 1}, "partner_id"),
        ]
        for payload, path in cases:
            with self.subTest(str(payload)[:60]):
                self.assertRefused(self._post(**payload), 400, "invalid_payload", path)
        self.assertEqual(self.env["res.partner"].search_count([]), before)


@tagged("post_install", "-at_install")
class TestRestCatalog(BillingHttpCase):
    def _get_charges(self):
        return {charge["name"]: charge for charge in self._call("/plans").json()["charges"]}

    def test_a_charge_is_described(self):
        self._create_charge(name="Calls", included_quota=5_000_000, price_per_unit=0.1, unit_batch=1000)
        described = self._get_charges()["Calls"]
        expected = {
            "plan_code": self.plan.code,
            "metric": self.metric.code,
            "included_quota": 5_000_000,
            "price_per_unit": 0.1,
            "unit_batch": 1000,
            "charge_model": "standard",
            "currency": "CAD",
        }
        self.assertEqual({name: described[name] for name in expected}, expected)

    def test_tiers_are_described(self):
        tiers = [{"up_to": 10, "price_per_unit": 2}, {"price_per_unit": 1, "flat_fee": 3}]
        self._create_charge(name="Tiered", charge_model="graduated", tiers=tiers)
        described = [
            (tier["up_to"], tier["price_per_unit"], tier["flat_fee"]) for tier in self._get_charges()["Tiered"]["tiers"]
        ]
        self.assertEqual(described, [(10, 2, 0), (None, 1, 3)])

    def test_a_plan_is_described(self):
        described = {plan["code"]: plan for plan in self._call("/plans").json()["plans"]}[self.plan.code]
        expected = {"plan_id": self.recurrence.id, "billing_period_unit": "month", "price": 20, "currency": "CAD"}
        self.assertEqual({name: described[name] for name in expected}, expected)

    def test_archived_charges_are_not_listed(self):
        self._create_charge(name="Old", active=False)
        self.assertNotIn("Old", self._get_charges())

    def test_the_answer_has_the_agreed_shape(self):
        response = self._call("/plans")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.json()["status"], "ok")
        self.assertIsInstance(response.json()["charges"], list)


@tagged("post_install", "-at_install")
class TestRestSubscriptions(BillingHttpCase):
    def _post(self, **values):
        return self._call("/subscriptions", {"external_customer_id": self.link.external_id, **values})

    def _find(self, response):
        self.assertEqual(response.status_code, 200, response.text)
        return self.env["sale.order"].browse(response.json()["subscription_id"])

    def _refuse(self, response, status, code, path=None):
        self.assertRefused(response, status, code, path)
        self.assertFalse(self.env["sale.order"].search([("x_fc_service_id", "=", self.service.id)]))

    # === OPENED === #

    def test_a_subscription_of_a_recurrence_with_lines_is_opened(self):
        response = self._post(plan_id=self.recurrence.id, lines=[{"product_id": self.usage_product.id, "quantity": 3}])
        order = self._find(response)
        answer = response.json()
        self.assertEqual(
            {name: answer[name] for name in ("status", "subscription_state")},
            {"status": "ok", "subscription_state": "3_progress"},
        )
        self.assertRecordValues(
            order,
            [
                {
                    "is_subscription": True,
                    "plan_id": self.recurrence.id,
                    "partner_id": self.partner.id,
                    "x_fc_service_id": self.service.id,
                }
            ],
        )
        self.assertRecordValues(order.order_line, [{"product_id": self.usage_product.id, "product_uom_qty": 3}])

    def test_a_subscription_of_a_catalogue_plan_is_opened(self):
        external_id = unique("subscription")
        response = self._post(plan_code=self.plan.code, external_id=external_id, start_date="2026-01-31")
        order = self._find(response)
        answer = {name: response.json()[name] for name in ("external_id", "start_date", "next_invoice_date")}
        first_invoice = self._by_edition("2026-02-28", "2026-01-31")
        self.assertEqual(
            answer, {"external_id": external_id, "start_date": "2026-01-31", "next_invoice_date": first_invoice}
        )
        self.assertEqual((order.plan_id, order.x_fc_plan_code), (self.recurrence, self.plan.code))
        self.assertEqual((order.pricelist_id, order.currency_id.name), (self.plan.pricelist_id, "CAD"))
        self.assertRecordValues(order.order_line, [{"product_id": self.fee.id, "product_uom_qty": 1, "price_unit": 20}])

    def test_a_subscription_starts_today_by_default(self):
        order = self._find(self._post(plan_code=self.plan.code))
        self.assertEqual(order.start_date, fields.Date.today())

    def test_the_same_request_again_opens_nothing(self):
        request = {"plan_code": self.plan.code, "external_id": unique("subscription"), "start_date": "2026-01-01"}
        first, second = self._post(**request), self._post(**request)
        self.assertEqual(first.json(), second.json())
        self.assertEqual(self.env["sale.order"].search_count([("x_fc_external_id", "=", request["external_id"])]), 1)

    def test_usage_of_a_new_subscription_is_billed(self):
        self._create_charge()
        external_id = unique("subscription")
        order = self._find(self._post(plan_code=self.plan.code, external_id=external_id, start_date="2026-01-01"))
        self._begin_first_period(order)
        self._call("/usage", {"events": [self._event(order, quantity=7)]})
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 27)

    # === REFUSED === #

    def test_the_external_id_of_another_subscription_is_a_conflict(self):
        external_id = unique("subscription")
        self._find(self._post(plan_code=self.plan.code, external_id=external_id, start_date="2026-01-01"))
        other = self._create_link(partner=self.env["res.partner"].create({"name": "Other"}))
        changes = [
            {"start_date": "2026-01-02"},
            {"plan_code": self._create_plan().code},
            {"external_customer_id": other.external_id},
        ]
        for change in changes:
            with self.subTest(change):
                response = self._post(
                    **{"plan_code": self.plan.code, "external_id": external_id, "start_date": "2026-01-01", **change}
                )
                self.assertRefused(response, 409, "external_id_conflict", "external_id")
        self.assertEqual(self.env["sale.order"].search_count([("x_fc_external_id", "=", external_id)]), 1)

    def test_the_external_id_of_a_subscription_that_has_ended_is_refused(self):
        today = fields.Date.today()
        request = {"plan_code": self.plan.code, "external_id": unique("subscription"), "start_date": str(today)}
        order = self._find(self._post(**request))
        cases = [
            (lambda: order._edition_plan_end(today + timedelta(days=9)), 200, "its end is planned only"),
            (lambda: self.env.cr.execute("UPDATE sale_order SET end_date = start_date"), 409, "no job has closed it"),
            (lambda: order._fc_terminate(), 409, "it was terminated"),
            (lambda: order._action_cancel(), 409, "it was cancelled"),
        ]
        for end, status, reason in cases:
            with self.subTest(reason), self.env.cr.savepoint() as savepoint, trap_jobs():
                end()
                self.env.invalidate_all()
                response = self._post(**request)
                if status == 200:
                    self.assertEqual(self._find(response), order)
                else:
                    self.assertRefused(response, status, "external_id_ended", "external_id")
                savepoint.rollback()

    def test_the_name_of_an_ended_subscription_is_free_once_it_has_another_one(self):
        request = {"plan_code": self.plan.code, "external_id": unique("subscription")}
        ended = self._find(self._post(**request))
        ended._fc_terminate()
        self.assertRefused(self._post(**request), 409, "external_id_ended", "external_id")
        new_name = {"external_id": unique("ended")}
        self.assertEqual(
            self._call(f"/subscriptions/{request['external_id']}", new_name, method="PATCH").status_code, 200
        )
        self.assertNotEqual(self._find(self._post(**request)), ended)

    def test_a_start_longer_ago_than_the_setting_is_refused(self):
        cases = [(366, 366, 200), (366, 367, 422), (0, 0, 200), (0, 1, 422), (0, -5, 200), (5000, 4000, 200)]
        for limit, days_ago, status in cases:
            with self.subTest(f"{days_ago} days ago, {limit} allowed"):
                self.company.x_fc_start_days_back = limit
                start_date = str(fields.Date.today() - timedelta(days=days_ago))
                response = self._post(plan_code=self.plan.code, start_date=start_date)
                if status == 200:
                    self.assertEqual(str(self._find(response).start_date), start_date)
                else:
                    self.assertRefused(response, status, "start_date_out_of_range", "start_date")

    def test_what_runs_already_is_found_however_long_ago_it_started(self):
        request = {"plan_code": self.plan.code, "external_id": unique("subscription"), "start_date": "2020-01-01"}
        order = self._find(self._post(**request))
        self.company.x_fc_start_days_back = 10
        self.assertEqual(self._find(self._post(**request)), order)

    def test_usage_before_the_start_names_it_and_a_start_in_the_past_takes_it(self):
        self._create_charge()
        for start, status in (("2026-01-11", 422), ("2026-01-10", 202)):
            with self.subTest(start):
                external_id = unique("subscription")
                order = self._find(self._post(plan_code=self.plan.code, external_id=external_id, start_date=start))
                self._begin_first_period(order)
                response = self._call("/usage", {"events": [self._event(order, quantity=7)]})
                if status == 422:
                    answer = self.assertRefused(response, 422, "usage_before_start", "events.0.period_end")
                    self.assertIn(start, answer["message"])
                    self.assertIn(start, answer["errors"][0]["message"])
                else:
                    self.assertEqual(response.status_code, 202)
                    self.assertEqual(self._invoice_on(order, "2026-02-10").amount_untaxed, 27)

    def test_what_does_not_exist_is_not_found(self):
        cases = [
            (
                {"external_customer_id": "unknown", "plan_code": self.plan.code},
                "customer_not_found",
                "external_customer_id",
            ),
            ({"plan_code": "unknown"}, "plan_not_found", "plan_code"),
            ({"plan_id": 2**31 - 1}, "recurrence_not_found", "plan_id"),
            (
                {"plan_id": self.recurrence.id, "lines": [{"product_id": 2**31 - 1}]},
                "product_not_found",
                "lines.0.product_id",
            ),
        ]
        for values, code, path in cases:
            with self.subTest(code):
                self._refuse(self._post(**values), 404, code, path)

    def test_a_product_that_is_not_for_sale_is_not_found(self):
        product = self._create_product(sale_ok=False)
        response = self._post(plan_id=self.recurrence.id, lines=[{"product_id": product.id}])
        self._refuse(response, 404, "product_not_found", "lines.0.product_id")

    def test_an_archived_plan_is_not_found(self):
        self.plan.active = False
        self._refuse(self._post(plan_code=self.plan.code), 404, "plan_not_found", "plan_code")

    def test_another_recurrence_than_the_plans_is_refused(self):
        recurrence = self.env["sale.subscription.plan"].create({"name": "Yearly", "billing_period_unit": "year"})
        self._refuse(self._post(plan_code=self.plan.code, plan_id=recurrence.id), 422, "recurrence_mismatch", "plan_id")

    def test_senseless_requests_are_refused(self):
        line = {"product_id": self.usage_product.id}
        cases = [
            ({}, "plan_code"),
            ({"plan_code": self.plan.code, "start_date": "2026-02-30"}, "start_date"),
            ({"plan_code": self.plan.code, "start_date": 20260101}, "start_date"),
            ({"plan_code": self.plan.code, "start_date": "1999-01-01"}, "start_date"),
            ({"plan_code": self.plan.code, "start_date": "9999-01-01"}, "start_date"),
            ({"plan_id": "1"}, "plan_id"),
            ({"plan_id": True}, "plan_id"),
            ({"plan_id": 0}, "plan_id"),
            ({"plan_id": 2**31}, "plan_id"),
            ({"plan_id": 1.5}, "plan_id"),
            ({"plan_id": self.recurrence.id, "lines": {}}, "lines"),
            ({"plan_id": self.recurrence.id, "lines": [line] * 101}, "lines"),
            ({"plan_id": self.recurrence.id, "lines": [{**line, "quantity": 0}]}, "lines.0.quantity"),
            ({"plan_id": self.recurrence.id, "lines": [{**line, "quantity": -1}]}, "lines.0.quantity"),
            ({"plan_id": self.recurrence.id, "lines": [{**line, "quantity": True}]}, "lines.0.quantity"),
            ({"plan_id": self.recurrence.id, "lines": [{**line, "quantity": 0.001}]}, "lines.0.quantity"),
            ({"plan_id": self.recurrence.id, "lines": [{**line, "quantity": "２"}]}, "lines.0.quantity"),
            ({"plan_id": self.recurrence.id, "lines": [{**line, "price_unit": 0}]}, "lines.0.price_unit"),
            ({"plan_code": self.plan.code, "partner_id": 1}, "partner_id"),
        ]
        for values, path in cases:
            with self.subTest(str(values)[:70]):
                self._refuse(self._post(**values), 400, "invalid_payload", path)
