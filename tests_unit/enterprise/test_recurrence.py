# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The arithmetic of Enterprise's periods, by tables."""

import importlib.util
import sys
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

_FILE = Path(__file__).resolve().parents[2] / "enterprise" / "fusion_subscription" / "recurrence.py"
_SPEC = importlib.util.spec_from_file_location("enterprise_recurrence", _FILE)
recurrence = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = recurrence  # dataclasses look their module up
_SPEC.loader.exec_module(recurrence)


def day(text):
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("unit", "value", "boundary", "around", "expected"),
    [
        ("month", 1, "2026-01-31", "2026-03-05", ("2026-02-28", "2026-03-31")),
        ("month", 1, "2026-02-01", "2026-02-01", ("2026-02-01", "2026-03-01")),
        ("month", 3, "2026-04-01", "2026-01-20", ("2026-01-01", "2026-04-01")),
        ("week", 2, "2026-01-15", "2026-03-01", ("2026-02-26", "2026-03-12")),
        ("year", 1, "2027-01-01", "2026-06-01", ("2026-01-01", "2027-01-01")),
        ("week", 1, "2026-01-08", "2099-12-31", ("2099-12-31", "2100-01-07")),
    ],
)
def test_the_period_of_a_day_is_counted_from_a_known_boundary(unit, value, boundary, around, expected):
    found = recurrence.Recurrence(value, unit).period_around(day(boundary), day(around))
    assert tuple(map(str, found)) == expected


@pytest.mark.parametrize(
    ("unit", "boundary", "around", "expected", "reason"),
    [
        ("month", "2026-01-17", "2026-01-17", ("2026-01-01", "2026-02-01"), "the first day is no boundary"),
        ("month", "2026-02-01", "2026-01-17", ("2026-01-01", "2026-02-01"), "counted back"),
        ("week", "2026-01-01", "2026-01-06", ("2026-01-05", "2026-01-12"), "Mondays"),
        ("year", "2026-07-01", "2026-12-31", ("2026-01-01", "2027-01-01"), "years"),
    ],
)
def test_aligned_periods_begin_with_the_calendar(unit, boundary, around, expected, reason):
    found = recurrence.Recurrence(1, unit, aligned=True).period_around(day(boundary), day(around))
    assert tuple(map(str, found)) == expected, reason


@pytest.mark.parametrize(
    ("after", "boundary", "expected", "reason"),
    [
        ("2026-01-15", "2026-02-15", [], "one whole period"),
        ("2026-01-15", "2026-04-15", ["2026-02-15", "2026-03-15"], "two boundaries were jumped over"),
        ("2026-02-15", "2026-02-28", [], "moved on by some days"),
        ("2026-02-15", "2026-03-20", ["2026-02-20"], "moved on by more than a month"),
        ("2026-01-31", "2026-02-28", [], "a short month"),
        ("2026-02-28", "2026-03-31", [], "back to the 31st"),
        ("2026-03-15", "2026-02-15", [], "moved back"),
        ("2026-02-28", "2026-03-28", [], "goes on from the short month"),
    ],
)
def test_boundaries_that_were_jumped_over_are_counted_back(after, boundary, expected, reason):
    found = recurrence.Recurrence(1, "month").boundaries_between(day(after), day(boundary), day(boundary))
    assert [str(each) for each in found] == expected, reason


def test_boundaries_before_an_end_are_counted_on():
    found = recurrence.Recurrence(1, "month").boundaries_between(
        day("2026-01-01"), day("2026-04-10"), day("2026-02-01")
    )
    assert [str(each) for each in found] == ["2026-02-01", "2026-03-01", "2026-04-01"]


@pytest.mark.parametrize(
    ("unit", "aligned", "start", "end", "expected", "reason"),
    [
        ("month", False, "2026-01-15", "2026-02-15", Fraction(1), "a whole period"),
        ("month", False, "2026-01-31", "2026-02-28", Fraction(1), "a whole one of a short month"),
        ("month", False, "2026-02-15", "2026-02-28", Fraction(13, 28), "moved on by 13 days"),
        ("month", True, "2026-01-15", "2026-02-01", Fraction(17, 31), "the rest of January"),
        ("month", True, "2026-03-01", "2026-03-10", Fraction(9, 31), "ended on March 10"),
        ("month", True, "2026-03-01", "2026-04-01", Fraction(1), "a whole month"),
        ("week", True, "2026-01-01", "2026-01-05", Fraction(4, 7), "from Thursday to Monday"),
        ("year", True, "2026-07-01", "2027-01-01", Fraction(184, 365), "the second half"),
    ],
)
def test_a_part_of_a_period_is_its_days_of_those_of_the_full_one(unit, aligned, start, end, expected, reason):
    assert recurrence.Recurrence(1, unit, aligned).fraction(day(start), day(end)) == expected, reason


@pytest.mark.parametrize(
    ("aligned", "start", "expected", "reason"),
    [
        (False, "2026-01-15", "2026-02-15", "from day to day"),
        (False, "2026-01-31", "2026-02-28", "a short month"),
        (True, "2026-01-15", "2026-02-01", "with the calendar month"),
        (True, "2026-02-01", "2026-03-01", "a whole calendar month"),
    ],
)
def test_a_full_period_ends_where_the_next_one_begins_whatever_cuts_it(aligned, start, expected, reason):
    assert str(recurrence.Recurrence(1, "month", aligned).end_of(day(start))) == expected, reason
