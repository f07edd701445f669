# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo.tests import tagged

from ..models.number_text import format_number, format_quantity
from .common import BillingCase

_JAN = "2026-01-01", "2026-02-01"
_TIERS = [{"up_to": 10, "price_per_unit": 0.5, "flat_fee": 5}, {"price_per_unit": 0.4, "flat_fee": 2}]
_MANY = [{"up_to": 10 * number, "price_per_unit": 1} for number in range(1, 8)] + [{"price_per_unit": 1}]
_USED = "used {0}, included 0, billed {0}"


@tagged("post_install", "-at_install")
class TestRatedText(BillingCase):
    """A line says how its amount came about, so that a reader can recompute it."""

    def _explain(self, charge, *quantities, order=None):
        """Rate January and return the amount of its line, and what the line says below its title."""
        order = order or self._create_subscription()
        for quantity in quantities:
            self._use(order, quantity)
        order._fc_rate_usage(charge, *_JAN)
        line = self._get_usage_lines(order)
        return line.price_unit, line.name.split("\n", 1)[1].removeprefix("2026-01-01 - 2026-01-31: ")

    def test_a_line_says_what_makes_its_amount(self):
        graduated = {"charge_model": "graduated", "tiers": _TIERS}
        only_flat = {"charge_model": "volume", "tiers": [{"flat_fee": 5}]}
        percentage = {"charge_model": "percentage", "price_per_unit": 0, "rate": 2.5}
        limits = {**percentage, "row_minimum": 1, "row_maximum": 3}
        cases = [
            # terms, quantities, amount, what the line says; why
            ({"included_quota": 10, "price_per_unit": 0.25}, [50], 10, "used 50, included 10, billed 40\n40 × 0.25"),
            ({"price_per_unit": 0.00125}, [1000], 1.25, _USED.format("1,000") + "\n1,000 × 0.00125"),
            ({"unit_batch": 1000, "price_per_unit": 2}, [1500], 4, _USED.format("1,500") + "\n2 × 2.00 per 1,000"),
            (
                {"charge_model": "package", "free_units": 5, "unit_batch": 10, "price_per_unit": 3},
                [16],
                6,
                "used 16, included 5, billed 11\n2 × 3.00 per 10",
            ),
            (graduated, [15], 14, _USED.format(15) + "\n10 × 0.50 + flat fee 5.00 + 5 × 0.40 + flat fee 2.00"),
            (graduated, [0], 5, _USED.format(0) + "\nflat fee 5.00"),
            ({**graduated, "charge_model": "volume"}, [15], 8, _USED.format(15) + "\n15 × 0.40 + flat fee 2.00"),
            (only_flat, [15], 5, _USED.format(15) + "\n15 × 0.00 + flat fee 5.00"),
            (percentage, [200], 5, _USED.format(200) + "\n2.5 % of 200"),
            (
                {**percentage, "fixed_fee": 0.3, "free_rows": 1},
                [100, 60],
                4.3,
                _USED.format(160) + "\n2.5 % of 160 + 1 × 0.30 per transaction",
            ),
            (
                limits,
                [20, 400],
                4,
                _USED.format(420) + "\n2.5 % of 420 + 0.50 for the minimum of 1.00 per transaction (1 ×)"
                " - 7.00 for the maximum of 3.00 per transaction (1 ×)",
            ),
            (
                {"charge_model": "graduated_percentage", "tiers": [{"up_to": 100, "rate": 1}, {"rate": 2}]},
                [150],
                2,
                _USED.format(150) + "\n1 % of 100 + 2 % of 50",
            ),
            (
                {"charge_model": "graduated", "tiers": _MANY},
                [75],
                75,
                _USED.format(75) + "\n" + " + ".join(["10 × 1.00"] * 4) + " + 35.00 for 4 further tiers",
            ),
        ]
        for values, quantities, amount, expected in cases:
            with self.subTest(expected):
                charge = self._create_charge(**values, is_additional=True)
                self.assertEqual(self._explain(charge, *quantities), (amount, expected))

    def test_a_line_is_written_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.partner.lang = "fr_FR"
        text = self._explain(self._create_charge(price_per_unit=0.25), Decimal("1500.5"))[1]
        self.assertIn("0,25", text)
        self.assertRegex(text, r"1\s?500,5")

    # === ADJUSTMENTS === #

    def _adjust(self, quantity, again):
        """Bill a January and change its usage; return the invoice and the texts of the adjustment."""
        order = self._create_subscription()
        self._use(order, quantity, idem=order.name)
        invoice = self._invoice_on(order, "2026-02-01")
        self._use(order, again, idem=order.name)
        self._rate(order, "2026-02-10")
        [row] = self._get_ratings(order).filtered(lambda row: row.is_adjustment and row.state == "open")
        return order, invoice, row.order_line_id.name.split("\n")

    def test_an_adjustment_says_what_was_billed_what_is_right_and_on_which_invoice(self):
        self._create_charge(name="Calls")
        cases = [
            (10, 15, "before 10.00 (used 10), now 15.00 (used 15), difference 5.00"),
            (10, 4, "before 10.00 (used 10), now 4.00 (used 4), difference -6.00"),
            (10, 0, "before 10.00 (used 10), now 0.00 (used 0), difference -10.00"),
        ]
        for quantity, again, expected in cases:
            with self.subTest(expected):
                _order, invoice, text = self._adjust(quantity, again)
                self.assertEqual(text[0], f"Calls (adjustment of {invoice.name})")
                self.assertEqual(text[1:], [f"2026-01-01 - 2026-01-31: {expected}"])

    def test_a_second_adjustment_starts_from_the_first_and_names_the_original_invoice(self):
        self._create_charge(name="Calls")
        order, invoice, _text = self._adjust(10, 15)
        self._invoice_on(order, "2026-03-01")
        self._use(order, 12, idem=order.name)
        self._rate(order, "2026-03-10")
        [row] = self._get_ratings(order).filtered(lambda row: row.is_adjustment and row.state == "open")
        self.assertEqual(
            row.order_line_id.name,
            f"Calls (adjustment of {invoice.name})\n"
            "2026-01-01 - 2026-01-31: before 15.00 (used 15), now 12.00 (used 12), difference -3.00",
        )

    def test_an_adjustment_of_what_was_on_no_invoice_names_none(self):
        self._create_charge(name="Calls", included_quota=20)
        _order, _invoice, text = self._adjust(10, 25)
        self.assertEqual(text[0], "Calls (adjustment)")
        self.assertIn("before 0.00 (used 10), now 5.00 (used 25), difference 5.00", text[1])

    def test_the_minimum_commitment_says_what_was_reached_and_how_it_was_adjusted(self):
        self._create_charge()
        product = self._create_product(name="Commitment")
        plan = self._create_plan(minimum_commitment=100, commitment_product_id=product.id)
        self._create_charge(plan)
        order = self._create_subscription(plan)
        self._use(order, 10, idem=order.name)
        invoice = self._invoice_on(order, "2026-02-01")
        text = self._get_line(invoice, product).name
        self.assertIn("agreed 100.00, reached 30.00, missing 70.00", text)
        self._use(order, 15, idem=order.name)
        self._rate(order, "2026-02-10")
        [row] = self._get_ratings(order).filtered(lambda row: row.kind == "commitment" and row.is_adjustment)
        self.assertIn(f"(adjustment of {invoice.name})", row.order_line_id.name)
        self.assertIn("before 70.00, now 65.00, difference -5.00", row.order_line_id.name)

    # === NUMBERS === #

    def test_numbers_have_all_their_digits(self):
        cases = [
            (format_number, "0.1", "0.1"),
            (format_number, "1234567890123456789.123456789", "1,234,567,890,123,456,789.123456789"),
            (format_number, "9876543210.12345678901234567890123456789", "9,876,543,210.12345678901234567890123456789"),
            (format_number, "-1000", "-1,000"),
            (format_quantity, "12.333333333333333333", "12.333333"),
            (format_quantity, "0.000000123456789", "0.000000123457"),
            (format_quantity, "1000000.5", "1,000,000.5"),
            (format_quantity, "0", "0"),
        ]
        for function, number, expected in cases:
            with self.subTest(number):
                self.assertEqual(function(self.env, Decimal(number)), expected)
        self.assertEqual(format_number(self.env, Decimal("0.00125"), 2), "0.00125")
        self.assertEqual(format_number(self.env, Decimal("5"), 2), "5.00")

    def test_a_preview_shows_numbers_as_invoices_do(self):
        charge = self._create_charge(price_per_unit=0.1)
        order = self._create_subscription(confirm=False)
        order.order_line.product_uom_qty = 3
        order.action_confirm()
        self._use(order, 3)
        with self._on("2026-01-20"):
            preview = order._fc_preview_invoice("period_end")
        self.assertEqual([line["quantity"] for line in preview["lines"]], ["3", "1"])
        self.assertEqual([line["price_unit"] for line in preview["lines"]], ["20", "0.3"])
        with self._on("2026-01-20"):
            wizard = self.env["fusion.billing.invoice.preview"].create({"order_id": order.id})
            content = str(wizard.content)
        for text in (">3<", ">20.00<", ">60.00 ", ">0.30<", charge.name):
            self.assertIn(text, content.replace("\n", ""))
