# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import date
from decimal import Decimal

from odoo.tests import BaseCase, tagged

from ..fee_ledger import FeePart, FeeWindow, Terms, find_missing, split_by_terms

OLD, NEW, LESS = Terms(1, 31, 0), Terms(2, 31, 0), Terms(1, -31, 0)


def _days(first, last):
    return set(range(date(2026, 1, first).toordinal(), date(2026, 1, last).toordinal() + 1))


def _part(first, last, terms, amount, is_credit=False, invoiced=None):
    after = date.fromordinal(date(2026, 1, last).toordinal() + 1)
    invoiced = amount if invoiced is None else invoiced
    return FeePart(date(2026, 1, first), after, terms, Decimal(amount), is_credit, Decimal(invoiced))


@tagged("post_install", "-at_install")
class TestFeeLedger(BaseCase):
    """A dollar a day in January."""

    def test_the_ledger_is_brought_to_what_is_owed(self):
        whole = _part(1, 31, OLD, 31)
        table = [
            # owed days by terms, recorded, missing (first, last, amount, is a credit), reason
            ({OLD: _days(1, 31)}, [], [(1, 31, 31, False)], "nothing is billed"),
            ({OLD: _days(1, 31)}, [whole], [], "all is billed"),
            ({OLD: _days(1, 10)}, [whole], [(11, 31, -21, True)], "an end"),
            ({}, [whole], [(1, 31, -31, True)], "a pause"),
            (
                {OLD: _days(1, 10), NEW: _days(11, 31)},
                [whole],
                [(11, 31, -21, True), (11, 31, 42, False)],
                "other terms",
            ),
            (
                {OLD: _days(1, 31)},
                [whole, _part(11, 31, OLD, -21, True)],
                [(11, 31, 21, False)],
                "the end was moved out again",
            ),
            ({OLD: _days(1, 10)}, [_part(1, 31, OLD, 31, invoiced=0)], [], "people have credited all of it"),
            (
                {OLD: _days(1, 10)},
                [_part(1, 31, OLD, 31, invoiced=15)],
                [(11, 31, -5, True)],
                "people have credited some of it",
            ),
            ({OLD: _days(1, 31)}, [_part(1, 31, OLD, 31, invoiced=0)], [], "what people credited is not billed again"),
            ({LESS: _days(1, 10)}, [_part(1, 31, LESS, -31)], [(11, 31, 21, True)], "a discount that ends"),
            (
                {OLD: _days(1, 5) | _days(11, 15), NEW: _days(6, 10) | _days(16, 31)},
                [whole],
                [(6, 10, -5, True), (6, 10, 10, False), (16, 31, -16, True), (16, 31, 32, False)],
                "two stretches of days",
            ),
            (
                {OLD: _days(1, 20)},
                [_part(1, 20, OLD, 31)],
                [],
                "the days are billed: what they came to by another rule stays",
            ),
        ]
        for owed, recorded, expected, reason in table:
            with self.subTest(reason):
                found = find_missing(owed, recorded, 31, 0.01)
                self.assertEqual(
                    [
                        (
                            part.start.day,
                            (part.end.toordinal() - date(2025, 12, 31).toordinal() - 1),
                            part.amount,
                            part.is_credit,
                        )
                        for part in found
                    ],
                    expected,
                )

    def test_parts_of_an_amount_add_up(self):
        terms = Terms(1, 100, 0)
        days = _days(1, 3) | _days(11, 13) | _days(21, 23)
        parts = find_missing({terms: days}, [], 31, 0.01)
        self.assertEqual([part.amount for part in parts], [Decimal("9.68"), Decimal("9.67"), Decimal("9.68")])
        self.assertEqual(sum(part.amount for part in parts), terms.get_amount(0.01, 9) / 31 // Decimal("0.01") / 100)

    def test_the_newest_terms_that_have_begun_hold(self):
        window = FeeWindow(date(2026, 1, 1), date(2026, 2, 1), date(2026, 1, 1), date(2026, 2, 1))
        timeline = [(None, OLD), (date(2026, 1, 20), NEW), (date(2026, 1, 10), LESS)]
        self.assertEqual(split_by_terms(window, timeline), {OLD: _days(1, 9), LESS: _days(10, 31)})
        nothing = Terms(0, 31, 0)
        self.assertEqual(split_by_terms(window, [(None, OLD), (date(2026, 1, 10), nothing)]), {OLD: _days(1, 9)})
        self.assertEqual(split_by_terms(window, [(date(2026, 1, 30), NEW)]), {NEW: _days(30, 31)})
