# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..api.errors import ForbiddenError, NotFoundError
from .common import BillingCase


@tagged("post_install", "-at_install")
class TestGivenSubscriptions(BillingCase):
    """What the back office has made for a linked customer a service reads and meters; it changes it only if given.

    That every transport says so is a case of the parity tests.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()
        with trap_jobs():
            cls.order = cls._create_subscription(x_fc_service_id=False, x_fc_external_id=False)
        cls.named = {"subscription_external_id": str(cls.order.id)}

    def _get_state(self):
        self.env.invalidate_all()
        order = self.order
        return (order.subscription_state, order.end_date, order.x_fc_external_id, order.order_line.product_uom_qty)

    def _record(self, **values):
        times = {"period_start": "2026-01-10T00:00:00Z", "period_end": "2026-01-11T00:00:00Z"}
        event = {**self.named, "metric_code": self.metric.code, "quantity": 7, **times, **values}
        return self.service._api_record_usage({"events": [event]})

    def _give(self, service=None):
        person = self._create_user(
            "sales_team.group_sale_salesman_all_leads", "fusion_centralize_billing.group_billing_user"
        )
        self.order.with_user(person).x_fc_service_id = service or self.service

    def test_what_a_service_does_not_change(self):
        line = {"line_id": self.order.order_line.id, "quantity": 9}
        cases = [
            ("_api_terminate_subscription", {}),
            ("_api_terminate_subscription", {"at": "period_end"}),
            ("_api_update_subscription", {"end_date": "2090-01-01"}),
            ("_api_update_subscription", {"external_id": "mine"}),
            ("_api_update_subscription", {"lines": [line]}),
            ("_api_update_subscription", {"plan_code": self.plan.code}),
        ]
        before = self._get_state()
        for handler, values in cases:
            with self.subTest(handler, **values), self.assertRaises(ForbiddenError) as caught:
                getattr(self.service, handler)({**self.named, **values})
            self.assertEqual(caught.exception.code, "subscription_not_given")
            self.assertEqual(self._get_state(), before)

    def test_its_invoices_are_nobodys_to_charge_void_or_credit(self):
        invoice = self._invoice_on(self.order, "2026-02-01")
        cases = [
            ("_api_retry_payment", {}),
            ("_api_void_invoice", {"reason": "Mine"}),
            ("_api_create_credit_note", {"reason": "Mine"}),
            ("_api_get_invoice_pdf", {}),
        ]
        for handler, values in cases:
            with self.subTest(handler), self.assertRaises(NotFoundError):
                getattr(self.service, handler)({"invoice_id": invoice.id, **values})

    def test_what_a_service_still_does(self):
        with trap_jobs():
            self.assertEqual(self._record()["accepted"], 1)
        self.assertEqual(self.service._api_get_subscription(self.named)["subscription_id"], self.order.id)
        listed = self.service._api_list_subscriptions({"external_customer_id": self.link.external_id})
        self.assertIn(self.order.id, [row["subscription_id"] for row in listed["subscriptions"]])
        self.assertEqual(self.service._api_preview_invoice(self.named)["subscription_id"], self.order.id)

    def test_a_given_subscription_is_the_services_own(self):
        self._give()
        self.service._api_update_subscription({**self.named, "external_id": "mine"})
        self.service._api_terminate_subscription({"subscription_external_id": "mine", "end_date": "2090-01-01"})
        self.assertEqual((self.order.x_fc_external_id, str(self.order.end_date)), ("mine", "2090-01-01"))

    def test_a_subscription_that_was_metered_and_rated_can_still_be_given(self):
        with trap_jobs():
            self._record()
            self._rate(self.order)
        self._give()
        self.assertEqual(self.order.x_fc_rating_ids.service_id, self.service)
        self.service._api_terminate_subscription({**self.named, "end_date": "2090-01-01"})

    def test_one_that_a_service_has_metered_is_given_to_no_other(self):
        with trap_jobs():
            self._record()
            self._rate(self.order)
        with self.assertRaises(UserError):
            self._give(self._create_service())

    def test_a_given_subscription_is_not_taken_back_once_it_was_rated(self):
        self._give()
        with trap_jobs():
            self._record()
            self._rate(self.order)
        with self.assertRaises(UserError):
            self.order.x_fc_service_id = False

    def test_one_given_to_another_service_is_out_of_reach(self):
        self._give(self._create_service())
        with self.assertRaises(NotFoundError):
            self.service._api_terminate_subscription(self.named)

    def test_no_service_gives_itself_a_subscription(self):
        """Opening one with the same name makes another subscription; the back office's stays what it is."""
        with trap_jobs():
            answer = self.service._api_create_subscription(
                {
                    "external_customer_id": self.link.external_id,
                    "external_id": str(self.order.id),
                    "plan_code": self.plan.code,
                    "start_date": "2026-01-01",
                }
            )
        self.assertNotEqual(answer["subscription_id"], self.order.id)
        self.assertFalse(self.order.x_fc_service_id)
