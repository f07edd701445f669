# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from ..api.errors import BusinessRuleError
from .common import BillingCase

_GROUPS = 40


@tagged("post_install", "-at_install")
class TestAmountRounding(BillingCase):
    """What is rounded to the currency: the line of each group, or what a charge comes to in a period."""

    def _open(self, currency="CAD", **values):
        plan = self._create_plan(currency)
        charge = self._create_charge(plan, group_by="seat", **values)
        with trap_jobs():
            return self._create_subscription(plan, with_fee=False), charge

    def _use_seats(self, order, quantity, day="2026-01-10", seats=_GROUPS):
        events = [
            {
                "subscription_external_id": order.x_fc_external_id,
                "metric_code": self.metric.code,
                "quantity": quantity,
                "period_start": f"{day}T00:00:00Z",
                "period_end": f"{day}T01:00:00Z",
                "properties": {"seat": f"{seat:02}"},
            }
            for seat in range(seats)
        ]
        self.service._api_record_usage({"events": events})

    def _get_amounts(self, move):
        return sorted(move.invoice_line_ids.mapped("price_subtotal"))

    # === THE RULE === #

    def test_groups_are_rounded_by_line_or_as_the_sum_of_the_charge(self):
        # (currency, price of each of 40 groups, by line, as a sum, reason)
        cases = [
            ("CAD", 0.004, 0, 0.16, "each line is less than half a cent"),
            ("CAD", 0.005, 0.40, 0.20, "each line is rounded up"),
            ("CAD", 0.25, 10, 10, "whole cents"),
            ("JPY", 0.4, 0, 16, "no decimals"),
            ("KWD", 0.0004, 0, 0.016, "three decimals"),
        ]
        for currency, price, by_line, by_charge, reason in cases:
            for rule, expected in (("line", by_line), ("charge", by_charge)):
                with self.subTest(reason, rule=rule):
                    order, _charge = self._open(currency, price_per_unit=price, amount_rounding=rule)
                    self._use_seats(order, 1)
                    with self._on("2026-01-20"):
                        preview = order._fc_get_current_usage()[order]
                    move = self._invoice_on(order, "2026-02-01")
                    self.assertEqual(move.amount_untaxed, expected)
                    self.assertEqual(float(sum(entry["amount"] for entry in preview)), expected)

    def test_the_difference_is_on_the_largest_line(self):
        order, _charge = self._open(price_per_unit=0.004, amount_rounding="charge")
        self._use_seats(order, 1)
        self._use_seats(order, 499, "2026-01-11", seats=1)
        # 2.00 and 39 times 0.004: 2.156
        move = self._invoice_on(order, "2026-02-01")
        self.assertEqual(self._get_amounts(move), [2.16])
        self.assertEqual(move.x_fc_rating_ids.breakdown["lines"][-1]["basis"], "rounding")
        self.assertEqual(move.x_fc_rating_ids.breakdown["amount"], "2.16")

    def test_late_usage_brings_the_charge_to_the_rounded_sum_of_all_its_usage(self):
        order, _charge = self._open(price_per_unit=0.004, amount_rounding="charge")
        self._use_seats(order, 1)
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 0.16)
        self._use_seats(order, 2, "2026-01-12", seats=7)
        # 40 + 14 counters at 0.004: 0.216
        later = self._invoice_on(order, "2026-03-01")
        self.assertEqual((order.invoice_ids - later).amount_untaxed + later.amount_untaxed, 0.22)
        self._use_seats(order, 500, "2026-01-13", seats=2)
        # One of the two is the largest line now, and bears the difference: 54 + 1000 counters are 4.216.
        self._invoice_on(order, "2026-04-01")
        self.assertAlmostEqual(sum(order.invoice_ids.mapped("amount_untaxed")), 4.22)

    # === A TERM OF THE PRICE === #

    def test_a_begun_period_keeps_its_rule(self):
        order, charge = self._open(price_per_unit=0.004)
        with self._on("2026-01-15"):
            charge.amount_rounding = "charge"
        for day in ("2026-01-10", "2026-02-10"):
            self._use_seats(order, 1, day)
        amounts = [self._invoice_on(order, day).amount_untaxed for day in ("2026-02-01", "2026-03-01")]
        self.assertEqual(amounts, [0, 0.16])
        self.assertIn("rounded as a sum", charge.version_ids.sorted("id")[-1].summary)

    def test_prices_that_were_saved_without_a_rule_are_rounded_by_line_and_make_no_new_version(self):
        _order, charge = self._open(price_per_unit=0.004)
        version = charge.version_ids
        version.sudo().terms = {name: value for name, value in version.terms.items() if name != "amount_rounding"}
        charge.write({"price_per_unit": 0.004})
        self.assertEqual(charge.version_ids, version)
        self.assertEqual(charge._get_price_terms_today().amount_rounding, "line")

    # === LIMITS === #

    def _set_worth(self, currency, worth):
        """Let a unit of a currency be worth so much of the company's."""
        values = {"name": "2020-01-01", "inverse_company_rate": worth, "company_id": self.company.id}
        self.env["res.currency.rate"].create({**values, "currency_id": self._get_currency(currency).id})

    def test_what_odoo_cannot_book_exactly_is_refused_when_it_is_rated(self):
        self._set_worth("JPY", 0.01)
        # (currency, price, quantity, code or None, reason)
        cases = [
            ("CAD", 9_999_999_999.99, 1, None, "the largest amount"),
            ("CAD", 10_000_000_000, 1, "amount_out_of_range", "a cent more"),
            ("JPY", 999_999_999_999, 1, None, "the largest amount without decimals"),
            ("JPY", 1_000_000_000_000, 1, "amount_out_of_range", "a yen more"),
            ("KWD", 1_000_000_000, 1, "amount_out_of_range", "three decimals"),
            ("CAD", 0, 10**15, "quantity_out_of_range", "a quantity that a float would round"),
        ]
        for currency, price, quantity, code, reason in cases:
            with self.subTest(reason, currency=currency):
                plan = self._create_plan(currency)
                charge = self._create_charge(plan, name="Calls", price_per_unit=price)
                with trap_jobs():
                    order = self._create_subscription(plan, with_fee=False)
                self._use(order, quantity)
                if not code:
                    self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, price * quantity)
                    continue
                with self.assertRaises(BusinessRuleError) as caught:
                    self._rate(order)
                self.assertEqual(caught.exception.code, code)
                self.assertIn(charge.name, str(caught.exception))

    def test_an_amount_is_refused_that_the_companys_currency_could_not_hold(self):
        self._set_worth("JPY", 5)
        plan = self._create_plan("JPY")
        self._create_charge(plan, price_per_unit=3_000_000_000)
        with trap_jobs():
            order = self._create_subscription(plan, with_fee=False)
        self._use(order, 1)
        with self.assertRaisesRegex(BusinessRuleError, self.company.currency_id.name):
            self._rate(order)
