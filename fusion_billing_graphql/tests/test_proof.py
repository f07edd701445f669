# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tests import tagged

from .common import GraphqlCase
from .operations import SIDES

_YEAR = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}


@tagged("post_install", "-at_install")
class TestProof(GraphqlCase):
    """The proof as REST tells it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = cls._create_service()
        cls._create_link()
        cls._create_charge()
        cls.order = cls._create_subscription()
        cls._use(cls(), cls.order, 15)
        cls._invoice_on(cls(), cls.order, "2026-02-01")
        cls._use(cls(), cls.order, 5, "2026-02-10")

    def test_it_is_the_answer_of_rest(self):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE fusion_billing_rating SET period_amount = 99 WHERE subscription_id = %s", [self.order.id]
        )
        side = SIDES["billingProof"]
        answer = side.read(self._ask(side.document("billingProof"), _YEAR))
        self.assertEqual(answer, self.service._api_billing_proof(_YEAR))
        self.assertEqual((answer["counters"], answer["balanced"]), (2, False))

    def test_a_day_without_a_time_begins_at_midnight(self):
        side = SIDES["billingProof"]
        days = {name: text[:10] for name, text in _YEAR.items()}
        answer = side.read(self._ask(side.document("billingProof"), days))
        self.assertEqual(answer, self.service._api_billing_proof(_YEAR))

    def test_it_is_for_services(self):
        user = self._create_user("fusion_centralize_billing.group_billing_manager")
        answer = self._answer(SIDES["billingProof"].document("billingProof"), _YEAR, env=self.env(user=user))
        self.assertEqual(answer.body["errors"][0]["extensions"]["code"], "forbidden")

    def test_it_is_too_costly_to_ask_for_many(self):
        proofs = " ".join(
            f'a{number}: billingProof(from: "{_YEAR["from"]}", to: "{_YEAR["to"]}") {{ balanced }}'
            for number in range(5)
        )
        self.assertEqual(self._get_codes(f"{{ {proofs} }}"), ["cost_limit_exceeded"])
