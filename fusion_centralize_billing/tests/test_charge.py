# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.exceptions import ValidationError
from odoo.tests import Form, tagged

from ..rating import CHARGE_MODELS
from .common import BillingCase

_PER_THOUSAND = {"price_per_unit": 0.10, "unit_batch": 1000}

# (charge model, terms, tiers, quantity, billable units, amount, reason)
_PRICES = [
    ("standard", {"included_quota": 5_000_000, **_PER_THOUSAND}, [], 4_000_000, 0.0, 0.00, "below the quota"),
    ("standard", {"included_quota": 5_000_000, **_PER_THOUSAND}, [], 5_000_000, 0.0, 0.00, "at the quota"),
    ("standard", {"included_quota": 5_000_000, **_PER_THOUSAND}, [], 6_000_000, 1_000_000.0, 100.00, "above the quota"),
    ("standard", _PER_THOUSAND, [], 1_500, 1_500.0, 0.20, "a begun batch counts whole"),
    ("standard", _PER_THOUSAND, [], 2_000, 2_000.0, 0.20, "a full batch is one batch"),
    ("standard", _PER_THOUSAND, [], 0, 0.0, 0.00, "no usage"),
    ("standard", {"price_per_unit": 0.005}, [], 1, 1.0, 0.01, "half a cent is rounded up"),
    ("standard", {"price_per_unit": 1.005}, [], 1, 1.0, 1.01, "1.005 is no binary fraction just below it"),
    ("standard", {"price_per_unit": 0.1}, [], 3, 3.0, 0.30, "three times a tenth"),
    ("package", {"price_per_unit": 2.00, "unit_batch": 1000}, [], 2_001, 2_001.0, 6.00, "three begun packages"),
    (
        "package",
        {"price_per_unit": 2.00, "unit_batch": 1000, "included_quota": 1_000_000},
        [],
        2_001,
        2_001.0,
        6.00,
        "the quota is ignored",
    ),
    (
        "package",
        {"price_per_unit": 2.00, "unit_batch": 1000, "free_units": 1_000},
        [],
        2_001,
        1_001.0,
        4.00,
        "packages above the free units",
    ),
    ("volume", {"included_quota": 100, **_PER_THOUSAND}, [], 1_100, 1_000.0, 0.10, "without tiers like standard"),
    ("graduated", {"included_quota": 100, **_PER_THOUSAND}, [], 1_100, 1_000.0, 0.10, "without tiers like standard"),
    (
        "graduated",
        {},
        [{"up_to": 10, "price_per_unit": 1}, {"price_per_unit": 0.5, "flat_fee": 3}],
        12,
        12.0,
        14.00,
        "10 at 1.00, 2 at 0.50, the second tier's fee",
    ),
    (
        "graduated",
        {},
        [{"up_to": 10, "price_per_unit": 1, "flat_fee": 2}, {"price_per_unit": 0.5}],
        0,
        0.0,
        2.00,
        "the first tier's fee is owed without usage",
    ),
    (
        "volume",
        {},
        [{"up_to": 10, "price_per_unit": 1}, {"price_per_unit": 0.5, "flat_fee": 3}],
        10,
        10.0,
        10.00,
        "up_to is inclusive",
    ),
    (
        "volume",
        {},
        [{"up_to": 10, "price_per_unit": 1}, {"price_per_unit": 0.5, "flat_fee": 3}],
        12,
        12.0,
        9.00,
        "all units at the second tier's price",
    ),
    ("percentage", {"rate": 2.5, "fixed_fee": 0.30}, [], 100, 100.0, 2.80, "2.5 % and one fee"),
    (
        "graduated_percentage",
        {},
        [{"up_to": 100, "rate": 10}, {"rate": 1, "flat_fee": 1}],
        200,
        200.0,
        12.00,
        "10 % of 100, 1 % of 100, one fee",
    ),
]


@tagged("post_install", "-at_install")
class TestCharge(BillingCase):
    def _create_priced(self, charge_model, terms, tiers):
        plan = self._create_plan()
        return self._create_charge(plan, charge_model=charge_model, tiers=tiers, **{"price_per_unit": 0, **terms})

    # === PRICES === #

    def test_prices_are_those_agreed(self):
        for charge_model, terms, tiers, quantity, billable, amount, reason in _PRICES:
            with self.subTest(reason, charge_model=charge_model, quantity=quantity):
                charge = self._create_priced(charge_model, terms, tiers)
                self.assertEqual(charge._compute_billable(quantity), (billable, amount))

    def test_billable_units_and_amount_are_floats(self):
        for result in self._create_charge()._compute_billable(3):
            self.assertIs(type(result), float)

    def test_the_amount_is_rounded_to_the_currency_of_the_plan(self):
        for currency, expected in (("JPY", 1.0), ("CAD", 1.23), ("KWD", 1.235)):
            with self.subTest(currency):
                charge = self._create_charge(plan=self._create_plan(currency), price_per_unit=1.2345)
                self.assertEqual(charge._compute_billable(1)[1], expected)

    def test_the_example_shows_the_price(self):
        charge = self._create_charge(included_quota=2, price_per_unit=3)
        charge.example_quantity = 5
        self.assertEqual(charge.example_amount, 9.0)

    # === TERMS === #

    def test_the_form_offers_every_charge_model(self):
        offered = [value for value, _label in self.env["fusion.billing.charge"]._fields["charge_model"].selection]
        self.assertEqual(sorted(offered), sorted(CHARGE_MODELS))

    def test_terms_that_cannot_be_priced_are_refused_when_saved(self):
        tiers = [{"up_to": 10, "price_per_unit": 1}]
        cases = [
            ("a negative price", {"price_per_unit": -1}, []),
            ("a negative quota", {"included_quota": -1}, []),
            ("an empty batch", {"unit_batch": 0}, []),
            ("no open last tier", {"charge_model": "graduated"}, tiers),
            ("an open tier before another", {"charge_model": "volume"}, [{"sequence": 1}, {"sequence": 2, "up_to": 5}]),
            ("equal tiers", {"charge_model": "volume"}, [{"up_to": 5}, {"up_to": 5}, {"up_to": 0}]),
            ("a batch with tiers", {"charge_model": "volume", "unit_batch": 10}, [{"up_to": 0, "price_per_unit": 1}]),
            ("a rate on a standard charge", {"rate": 3}, []),
        ]
        for reason, values, charge_tiers in cases:
            with self.subTest(reason), self.assertRaises(ValidationError), self.env.cr.savepoint():
                self._create_charge(tiers=charge_tiers, **values)

    def test_a_changed_tier_is_checked_as_well(self):
        charge = self._create_charge(charge_model="graduated", tiers=[{"up_to": 10}, {"up_to": 0}])
        with self.assertRaises(ValidationError):
            charge.tier_ids[0].up_to = -5

    def test_a_percentage_of_what_is_not_summed_up_is_refused(self):
        with self.assertRaises(ValidationError):
            metric = self._create_metric("max")
            self._create_charge(charge_model="percentage", price_per_unit=0, rate=1, metric_id=metric.id)

    def test_the_form_forgets_terms_that_another_charge_model_does_not_use(self):
        with Form(self._create_charge(price_per_unit=3, included_quota=7)) as form:
            form.charge_model = "percentage"
            form.rate = 5
        self.assertEqual((form.record.price_per_unit, form.record.rate), (0, 5))

    # === PLAN === #

    def test_a_charge_finds_its_plan_by_code_and_company(self):
        charge = self._create_charge()
        self.assertEqual(charge.billing_plan_id, self.plan)
        self.assertEqual(charge.currency_id, self.plan.currency_id)

    def test_a_charge_finds_a_plan_that_is_made_later(self):
        code = self.plan.code + "-later"
        charge = self._create_charge(plan_code=code)
        self.assertFalse(charge.billing_plan_id)
        self.assertEqual(charge.currency_id, self.company.currency_id)
        self.assertEqual(self._create_plan("KWD", code=code), charge.billing_plan_id)
        self.assertEqual(charge.currency_id.name, "KWD")

    def test_a_charge_keeps_currency_and_plan_when_the_plan_is_archived(self):
        charge = self._create_charge(plan=self._create_plan("KWD"))
        charge.billing_plan_id.active = False
        self.assertEqual(charge.currency_id.name, "KWD")
