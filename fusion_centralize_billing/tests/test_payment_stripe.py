# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import contextlib
import json
from unittest.mock import patch
from urllib.parse import parse_qs

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from odoo.addons.payment import utils as payment_utils
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged
from odoo.tests.common import _super_send
from odoo.tools import mute_logger

from ..api.errors import BusinessRuleError
from .common import _response
from .payments import PaymentCase

_NOT_REACHED = requests.ConnectionError(
    MaxRetryError(None, "https://api.stripe.com", NewConnectionError(None, "Name or service not known"))
)


@tagged("post_install", "-at_install", "community")
class TestStripe(PaymentCase):
    """Odoo's Stripe provider, with HTTP faked at the transport of requests: all of Odoo's code runs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        stripe = cls.env["payment.provider"].sudo().search([("code", "=", "stripe")], limit=1)
        stripe.write(
            {
                "company_id": cls.company.id,
                "stripe_publishable_key": "pk_test",
                "stripe_secret_key": "sk_test",
                "stripe_webhook_secret": "whsec_test",
            }
        )
        stripe.state = "test"
        cls.stripe = stripe
        cls.card = cls.env.ref("payment.payment_method_card")
        cls.card.active = True
        cls.token = cls._create_token(
            provider=stripe,
            payment_method_id=cls.card.id,
            demo_simulated_state=False,
            provider_ref="cus_123",
            stripe_payment_method="pm_123",
        )

    @contextlib.contextmanager
    def _stripe(self, status=200, error=None, **intent):
        """Answer requests to Stripe with a PaymentIntent (or an error) and yield what was sent."""
        sent = []

        def send(_adapter, request, **_options):
            sent.append(request)
            if error:
                raise error
            form = parse_qs(request.body)
            answer = {
                "id": "pi_123",
                "status": "succeeded",
                "amount": int(form["amount"][0]),
                "currency": form["currency"][0],
                "description": form["description"][0],
                "payment_method": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
                **intent,
            }
            if status != 200:
                answer = {"error": {"message": "Your card was declined."}}
            return _response(request, status, json.dumps(answer).encode(), {})

        with (
            patch.object(requests.Session, "send", _super_send),
            patch.object(requests.adapters.HTTPAdapter, "send", send),
            mute_logger("odoo.addons.payment.models.payment_provider"),
        ):
            yield sent

    def _charge(self, **stripe):
        """Bill and charge 20.00, and return the invoice and the requests that Stripe got."""
        invoice = self._create_invoice()
        with self._stripe(**stripe) as sent, self._working():
            invoice.x_fc_charge_ids._job_charge()
        return invoice, sent

    def test_the_card_is_charged_off_session_with_an_idempotency_key(self):
        invoice, [request] = self._charge()
        charge = invoice.x_fc_charge_ids
        form = {name: values[0] for name, values in parse_qs(request.body).items()}
        expected = {
            "amount": "2000",
            "currency": "cad",
            "confirm": "True",
            "off_session": "True",
            "customer": "cus_123",
            "payment_method": "pm_123",
            "description": charge.reference,
        }
        self.assertEqual({name: form.get(name) for name in expected}, expected)
        self.assertEqual((request.method, request.url), ("POST", "https://api.stripe.com/v1/payment_intents"))
        key = payment_utils.generate_idempotency_key(charge, scope="payment_intents")
        self.assertEqual(request.headers["Idempotency-Key"], key)
        self.assertEqual(charge.provider_reference, "pi_123")
        self.assertPayment(invoice, "paid", attempts=1, payment_state="paid")

    def test_each_attempt_has_another_key(self):
        invoice, [first] = self._charge(status=402)
        with self._stripe() as sent:
            self._sweep("2026-02-02")
        self.assertNotEqual(first.headers["Idempotency-Key"], sent[0].headers["Idempotency-Key"])
        self.assertPayment(invoice, "paid", attempts=2)

    def test_references_of_two_invoices_differ(self):
        first, second = self._create_invoice(), self._create_invoice()
        self.assertNotEqual(first.x_fc_charge_ids.reference, second.x_fc_charge_ids.reference)

    def test_a_refusal_is_retried_and_what_may_have_been_done_is_not(self):
        cases = [
            # what Stripe does, state of the payment, why
            ({"status": 402}, "waiting_retry", "declined"),
            ({"status": 400}, "waiting_retry", "refused as wrong"),
            ({"status": 429}, "waiting_retry", "refused as too much"),
            ({"error": _NOT_REACHED}, "waiting_retry", "nothing was sent"),
            ({"error": requests.ConnectTimeout()}, "waiting_retry", "nothing was sent"),
            ({"error": requests.ReadTimeout()}, "unclear", "sent, no answer"),
            ({"error": requests.ConnectionError("Connection reset by peer")}, "unclear", "sent, perhaps"),
            ({"status": 500}, "unclear", "perhaps after it was charged"),
            ({"status": 503}, "unclear", "perhaps after it was charged"),
            ({"status": 409}, "unclear", "the same request is being worked on"),
            ({"status_of_intent": "requires_action"}, "unclear", "the bank asks the customer"),
            ({"status_of_intent": "processing"}, "in_progress", "Stripe will tell"),
            ({"amount": 1999}, "unclear", "it says that it took a cent less"),
            ({"currency": "usd"}, "unclear", "it says that it took another currency"),
        ]
        for stripe, state, why in cases:
            with self.subTest(why, **stripe):
                intent = stripe.pop("status_of_intent", None)
                invoice = self._create_invoice()
                with self._stripe_answers(intent, **stripe) as sent, self._working():
                    invoice.x_fc_charge_ids._job_charge()
                self.assertEqual(len(sent), 1)
                self.assertPayment(
                    invoice,
                    state,
                    attempts=1,
                    next_at="2026-02-02" if state == "waiting_retry" else None,
                    payment_state="not_paid",
                )

    @contextlib.contextmanager
    def _stripe_answers(self, intent_status, **options):
        with self._stripe(**options) as sent:
            if not intent_status:
                yield sent
                return
            original = requests.adapters.HTTPAdapter.send

            def send(adapter, request, **send_options):
                response = original(adapter, request, **send_options)
                answer = {**response.json(), "status": intent_status}
                return _response(request, 200, json.dumps(answer).encode(), {})

            with patch.object(requests.adapters.HTTPAdapter, "send", send):
                yield sent

    def test_an_unclear_charge_is_never_sent_again_and_blocks_others(self):
        invoice, [_request] = self._charge(error=requests.ReadTimeout())
        charge = invoice.x_fc_charge_ids
        with self._stripe() as sent, self._working("2026-02-20"):
            charge._job_charge()
            self.env["payment.transaction"]._cron_resume_charges()
            self.env["account.move"]._cron_retry_payments()
            with self.assertRaises(BusinessRuleError) as caught:
                invoice._fc_retry_payment()
        self.assertEqual((sent, caught.exception.code), ([], "payment_in_progress"))
        self.assertPayment(invoice, "unclear", attempts=1)
        [activity] = self.service.activity_ids
        self.assertIn(charge.reference, activity.note)

    def test_the_webhook_ends_an_unclear_charge(self):
        for event, state, payment_state in (
            ("succeeded", "paid", "paid"),
            ("requires_payment_method", "waiting_retry", "not_paid"),
        ):
            with self.subTest(event):
                invoice, _sent = self._charge(error=requests.ReadTimeout())
                charge = invoice.x_fc_charge_ids
                intent = {"id": "pi_123", "status": event, "amount": 2000, "currency": "cad"}
                data = {"reference": charge.reference, "payment_intent": intent, "payment_method": "pm_123"}
                with self._working("2026-02-01"):
                    # What the controller of Stripe's webhook calls, once it has checked the signature.
                    self.env["payment.transaction"].sudo()._process("stripe", data)
                self.assertPayment(
                    invoice, state, payment_state=payment_state, next_at=None if event == "succeeded" else "2026-02-02"
                )

    def test_a_person_ends_an_unclear_charge(self):
        accountant = self._create_user("account.group_account_invoice")
        for action, state, next_at in (
            ("action_x_fc_note_charged", "paid", None),
            ("action_x_fc_note_not_charged", "waiting_retry", "2026-02-02"),
        ):
            with self.subTest(action):
                invoice, _sent = self._charge(error=requests.ReadTimeout())
                with self._working("2026-02-01"):
                    getattr(invoice.x_fc_charge_ids.with_user(accountant), action)()
                self.assertPayment(invoice, state, attempts=1, next_at=next_at)

    def test_a_webhook_before_the_job_runs_again_leaves_it_nothing_to_do(self):
        invoice = self._create_invoice()
        charge = invoice.x_fc_charge_ids
        self.assertTrue(self.env["fusion.billing.payment.call"]._take(charge), "The first run, which was killed")
        intent = {"id": "pi_123", "status": "succeeded", "amount": 2000, "currency": "cad"}
        data = {"reference": charge.reference, "payment_intent": intent, "payment_method": "pm_123"}
        with self._stripe() as sent, self._working():
            self.env["payment.transaction"].sudo()._process("stripe", data)
            charge._job_charge()
        self.assertFalse(sent)
        self.assertPayment(invoice, "paid", attempts=1, payment_state="paid")

    def test_requests_that_are_no_charges_of_ours_fail_as_ever(self):
        with trap_jobs():
            charge = self._create_invoice().x_fc_charge_ids
        charge.x_fc_charge_state = "answered"
        with self._stripe(error=requests.ReadTimeout()), self.assertRaisesRegex(Exception, "establish the connection"):
            charge._send_api_request("GET", "payment_intents/pi_123")
