# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import date
from fractions import Fraction

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

    def test_aligned_boundaries_lie_on_first_days_of_the_calendar(self):
        table = [
            # value, unit, first day, boundaries 1 to n
            (1, "month", "2026-01-15", ["2026-02-01", "2026-03-01", "2026-04-01"]),
            (1, "month", "2026-01-01", ["2026-02-01", "2026-03-01"]),
            (1, "month", "2026-01-31", ["2026-02-01", "2026-03-01"]),
            (1, "month", "2025-12-31", ["2026-01-01", "2026-02-01"]),
            (3, "month", "2026-02-15", ["2026-05-01", "2026-08-01"]),
            (1, "week", "2026-01-01", ["2026-01-05", "2026-01-12"]),  # a Thursday
            (1, "week", "2026-01-05", ["2026-01-12", "2026-01-19"]),  # a Monday
            (2, "week", "2026-01-11", ["2026-01-19", "2026-02-02"]),  # a Sunday
            (1, "year", "2024-02-29", ["2025-01-01", "2026-01-01"]),
            (2, "year", "2026-12-31", ["2028-01-01", "2030-01-01"]),
        ]
        for value, unit, first_day, expected in table:
            with self.subTest(value=value, unit=unit, first_day=first_day):
                recurrence = Recurrence(value, unit, aligned=True)
                reached, found = date.fromisoformat(first_day), []
                for _boundary in expected:
                    reached = recurrence.next_boundary(date.fromisoformat(first_day), reached)
                    found.append(reached.isoformat())
                self.assertEqual(found, expected)

    def test_a_day_lies_in_one_full_period(self):
        table = [
            # unit, aligned, first day, day, full period
            ("month", False, "2026-01-31", "2026-01-31", "2026-01-31", "2026-02-28"),
            ("month", False, "2026-01-31", "2026-02-27", "2026-01-31", "2026-02-28"),
            ("month", False, "2026-01-31", "2026-02-28", "2026-02-28", "2026-03-31"),
            ("month", True, "2026-01-15", "2026-01-15", "2026-01-01", "2026-02-01"),
            ("month", True, "2026-01-15", "2026-02-01", "2026-02-01", "2026-03-01"),
            ("week", True, "2026-01-01", "2026-01-04", "2025-12-29", "2026-01-05"),
            ("year", True, "2026-07-01", "2026-12-31", "2026-01-01", "2027-01-01"),
            ("year", False, "2024-02-29", "2025-02-28", "2025-02-28", "2026-02-28"),
        ]
        for unit, aligned, first_day, day, *expected in table:
            with self.subTest(unit=unit, aligned=aligned, day=day):
                recurrence = Recurrence(1, unit, aligned)
                found = recurrence.period_around(date.fromisoformat(first_day), date.fromisoformat(day))
                self.assertEqual([boundary.isoformat() for boundary in found], expected)

    def test_a_day_before_the_first_period_lies_in_none(self):
        for aligned, day in ((False, "2026-01-14"), (True, "2025-12-31")):
            with self.subTest(aligned=aligned), self.assertRaises(ValueError):
                Recurrence(1, "month", aligned).period_around(date(2026, 1, 15), date.fromisoformat(day))

    def test_the_fraction_is_one_for_whole_periods_and_days_of_full_days_for_a_part(self):
        table = [
            # value, unit, aligned, first day, start, end, days, full days
            (1, "month", False, "2026-01-15", "2026-01-15", "2026-02-15", 1, 1),
            (1, "month", False, "2026-01-31", "2026-01-31", "2026-02-28", 1, 1),
            (1, "month", False, "2026-01-01", "2026-02-01", "2026-02-10", 9, 28),
            (1, "month", False, "2026-01-31", "2026-02-28", "2026-03-01", 1, 31),
            (1, "month", True, "2026-01-15", "2026-01-15", "2026-02-01", 17, 31),
            (1, "month", True, "2026-01-15", "2026-02-01", "2026-03-01", 1, 1),
            (1, "month", True, "2026-01-15", "2026-01-15", "2026-01-25", 10, 31),
            (1, "month", True, "2024-02-29", "2024-02-29", "2024-03-01", 1, 29),
            (3, "month", True, "2026-02-15", "2026-02-15", "2026-05-01", 75, 89),
            (1, "week", True, "2026-01-01", "2026-01-01", "2026-01-05", 4, 7),
            (1, "year", True, "2026-07-01", "2026-07-01", "2027-01-01", 184, 365),
            (1, "month", False, "2026-01-01", "2026-01-01", "2026-01-01", 0, 1),
        ]
        for value, unit, aligned, first_day, start, end, days, full_days in table:
            with self.subTest(unit=unit, aligned=aligned, start=start, end=end):
                recurrence = Recurrence(value, unit, aligned)
                found = recurrence.fraction(*(date.fromisoformat(day) for day in (first_day, start, end)))
                self.assertEqual(found, Fraction(days, full_days))

    def test_a_period_without_length_or_of_an_unknown_unit_is_refused(self):
        for value, unit in ((0, "month"), (-1, "week"), (1, "day")):
            with self.subTest(value=value, unit=unit), self.assertRaises(ValueError):
                Recurrence(value, unit)

    def test_stretches_that_meet_or_overlap_cover_a_period_together(self):
        table = [
            # stretches (from, to), whether they hold all of February
            ([("2026-02-01", "2026-03-01")], True),
            ([("2026-02-02", "2026-03-01")], False),
            ([("2026-02-01", "2026-02-28")], False),
            ([("2026-01-15", None)], True),
            ([("2026-01-15", "2026-02-10"), ("2026-02-10", "2026-03-05")], True),
            ([("2026-02-08", None), ("2026-01-15", "2026-02-10")], True),
            ([("2026-01-15", "2026-02-10"), ("2026-02-11", "2026-03-05")], False),
            ([("2026-01-15", "2026-02-20"), ("2026-01-20", "2026-01-25"), ("2026-02-20", "2026-03-01")], True),
            ([], False),
        ]
        for stretches, expected in table:
            with self.subTest(stretches=stretches):
                days = [tuple(day and date.fromisoformat(day) for day in stretch) for stretch in stretches]
                self.assertIs(covers(days, date(2026, 2, 1), date(2026, 3, 1)), expected)
