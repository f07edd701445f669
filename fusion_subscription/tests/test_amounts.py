# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from decimal import Decimal
from fractions import Fraction

from odoo.tests import BaseCase, tagged

from ..amounts import get_line_amount


@tagged("post_install", "-at_install")
class TestAmounts(BaseCase):
    def test_the_amount_is_exact_and_rounded_once_half_up(self):
        table = [
            # quantity, price, discount, currency rounding, share, expected, reason
            (1, 100, 0, 0.01, "1", "100", "a whole period"),
            (1, 100, 0, 0.01, "17/31", "54.84", "54.8387..."),
            (1, 0.01, 0, 0.01, "1/2", "0.01", "half a cent goes up"),
            (1, 100.01, 0, 0.01, "1/2", "50.01", "50.005: the half goes up, also where the float is just below"),
            (1, 1.005, 0, 0.01, "1", "1.01", "the float of 1.005 is less than 1.005"),
            (1, -100.01, 0, 0.01, "1/2", "-50.01", "and away from zero below it"),
            (-1, 100.01, 0, 0.01, "1/2", "-50.01", "negative quantities as negative prices"),
            (3, 50, 10, 0.01, "17/31", "74.03", "135 x 17/31 = 74.032..."),
            (1, 100.02, 50, 0.01, "1/2", "25.01", "50.01 / 2 = 25.005: not rounded before the discount"),
            (0.5, 99.99, 0, 0.01, "17/31", "27.42", "49.995 x 17/31 = 27.416...: not from 50.00, which gives the same"),
            (1, 33.33, 33.33, 0.01, "14/28", "11.11", "33.33 x 0.6667 / 2 = 11.1105..."),
            (1, 100, 100, 0.01, "1/2", "0", "nothing is left"),
            (0, 100, 0, 0.01, "1/2", "0", "no quantity"),
            (1, 100, 0, 0.01, "0", "0", "no days"),
            (1, 101, 0, 1, "1/2", "51", "no decimals: 50.5"),
            (1, 1001, 15, 1, "1/2", "425", "no decimals: 850.85 / 2 = 425.425"),
            (7, 3, 0, 1, "1/31", "1", "no decimals: 0.677"),
            (1, 10.001, 0, 0.001, "1/2", "5.001", "three decimals: 5.0005"),
            (1, 1.234, 5, 0.001, "1/2", "0.586", "three decimals: 0.58615"),
            (1, 100, 0, 0.05, "17/31", "54.85", "coins of five: 54.8387 lies nearer to 54.85"),
            (1, 0.1, 0, 0.01, "1/3", "0.03", "0.0333..."),
            (3, 0.1, 0, 0.01, "1", "0.3", "three times a tenth is 0.3, not 0.30000000000000004"),
            (1, 1e-06, 0, 0.01, "1", "0", "a price of scientific notation"),
        ]
        for *terms, share, expected, reason in table:
            with self.subTest(reason, terms=terms):
                self.assertEqual(get_line_amount(*terms, share=Fraction(share)), Decimal(expected))
