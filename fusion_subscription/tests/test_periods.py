# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import date

from odoo.tests import BaseCase, tagged

from ..periods import Recurrence, covers


@tagged("post_install", "-at_install")
class TestPeriods(BaseCase):
    def test_boundaries_are_counted_from_the_anchor(self):
        table = [
            # value, unit, anchor, boundaries 1 to n
            (1, "month", "2026-01-15", ["2026-02-15", "2026-03-15", "2026-04-15"]),
            (1, "month", "2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
            (1, "month", "2023-12-31", ["2024-01-31", "2024-02-29", "2024-03-31"]),
            (1, "month", "2026-01-30", ["2026-02-28", "2026-03-30"]),
            (3, "month", "2025-11-30", ["2026-02-28", "2026-05-30", "2026-08-30"]),
            (1, "week", "2026-02-23", ["2026-03-02", "2026-03-09"]),
            (2, "week", "2025-12-25", ["2026-01-08", "2026-01-22"]),
            (1, "year", "2024-02-29", ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
            (2, "year", "2025-07-01", ["2027-07-01", "2029-07-01"]),
        ]
        for value, unit, anchor, expected in table:
            with self.subTest(value=value, unit=unit, anchor=anchor):
                recurrence = Recurrence(value, unit)
                found = [recurrence.boundary(date.fromisoformat(anchor), n + 1) for n in range(len(expected))]
                self.assertEqual([day.isoformat() for day in found], expected)

    def test_next_boundary_is_the_first_one_later(self):
        table = [
            # unit, anchor, after, expected, reason
            ("month", "2026-01-31", "2026-01-31", "2026-02-28", "first boundary is a period after the anchor"),
            ("month", "2026-01-31", "2026-02-28", "2026-03-31", "back to the 31st after a short month"),
            ("month", "2026-01-31", "2026-03-01", "2026-03-31", "between two boundaries"),
            ("month", "2026-01-31", "2026-03-30", "2026-03-31", "a day before a boundary"),
            ("month", "2026-06-01", "2026-01-01", "2026-07-01", "before the anchor: never the anchor itself"),
            ("week", "2026-01-01", "2026-01-14", "2026-01-15", "a day before a boundary"),
            ("week", "2026-01-01", "2026-01-15", "2026-01-22", "on a boundary"),
            ("year", "2024-02-29", "2027-02-28", "2028-02-29", "leap day comes back"),
            ("year", "2024-02-29", "2024-03-01", "2025-02-28", "within the first year"),
        ]
        for unit, anchor, after, expected, reason in table:
            with self.subTest(reason, unit=unit):
                found = Recurrence(1, unit).next_boundary(date.fromisoformat(anchor), date.fromisoformat(after))
                self.assertEqual(found.isoformat(), expected)

    def test_next_boundary_agrees_with_counting_one_by_one(self):
        for unit in ("week", "month", "year"):
            for value in (1, 2, 5):
                recurrence = Recurrence(value, unit)
                for anchor in (date(2024, 1, 31), date(2024, 2, 29), date(2025, 12, 1)):
                    for number in range(1, 40):
                        boundary = recurrence.boundary(anchor, number)
                        following = recurrence.boundary(anchor, number + 1)
                        self.assertEqual(recurrence.next_boundary(anchor, boundary), following)

    def test_a_period_without_length_or_of_an_unknown_unit_is_refused(self):
        for value, unit in ((0, "month"), (-1, "week"), (1, "day")):
            with self.subTest(value=value, unit=unit), self.assertRaises(ValueError):
                Recurrence(value, unit)

    def test_covers_takes_whole_periods_only(self):
        table = [
            # outer start, outer end, start, end, expected
            ("2026-02-01", "2026-03-01", "2026-02-01", "2026-03-01", True),
            ("2026-02-02", "2026-03-01", "2026-02-01", "2026-03-01", False),
            ("2026-02-01", "2026-02-28", "2026-02-01", "2026-03-01", False),
            ("2026-01-15", None, "2026-02-01", "2026-03-01", True),
        ]
        for *days, expected in table:
            with self.subTest(days=days):
                self.assertIs(covers(*(day and date.fromisoformat(day) for day in days)), expected)
