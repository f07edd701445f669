# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Local days and their instants."""

from datetime import date, datetime, timedelta

import pytest
from fusion_rating import RatingError, day_of, start_of_day
from hypothesis import given
from hypothesis import strategies as st

TORONTO, KOLKATA, LORD_HOWE, APIA = "America/Toronto", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"
ZONES = ("UTC", TORONTO, KOLKATA, LORD_HOWE, APIA, "America/Havana", "Asia/Beirut", "America/Sao_Paulo")
SKIPPED = date(2011, 12, 30)

STARTS = [
    # zone, day, first instant in UTC, why
    ("UTC", date(2026, 2, 1), "2026-02-01T00:00", "UTC is its own zone"),
    (TORONTO, date(2026, 2, 1), "2026-02-01T05:00", "five hours behind in winter"),
    (TORONTO, date(2026, 7, 1), "2026-07-01T04:00", "four in summer"),
    (KOLKATA, date(2026, 2, 1), "2026-01-31T18:30", "half an hour matters"),
    (LORD_HOWE, date(2026, 1, 1), "2025-12-31T13:00", "eleven hours ahead in summer"),
    (LORD_HOWE, date(2026, 7, 1), "2026-06-30T13:30", "ten and a half in winter"),
    (APIA, date(2026, 2, 1), "2026-01-31T11:00", "thirteen hours ahead"),
    (APIA, date(2011, 12, 29), "2011-12-29T10:00", "on the other side of the date line until then"),
    (APIA, SKIPPED, "2011-12-30T10:00", "a day without length begins where the next one does"),
    (APIA, date(2011, 12, 31), "2011-12-30T10:00", "the day after the one that was left out"),
    ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00", "midnight was skipped: the day began at 01:00"),
    ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00", "midnight comes twice: the day begins with the first"),
]

LENGTHS = [
    (TORONTO, date(2026, 3, 8), timedelta(hours=23), "clocks go forward"),
    (TORONTO, date(2026, 11, 1), timedelta(hours=25), "clocks go back"),
    (LORD_HOWE, date(2026, 4, 5), timedelta(hours=24, minutes=30), "half an hour of daylight saving"),
    (LORD_HOWE, date(2026, 10, 4), timedelta(hours=23, minutes=30), "and back"),
    (KOLKATA, date(2026, 3, 8), timedelta(hours=24), "no daylight saving"),
    (APIA, SKIPPED, timedelta(0), "a day that was left out"),
]

days = st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 30))
zones = st.sampled_from(ZONES)


@pytest.mark.parametrize(("zone", "day", "expected", "reason"), STARTS)
def test_a_day_begins_at_its_first_instant(zone, day, expected, reason):
    assert start_of_day(day, zone) == datetime.fromisoformat(expected), reason


@pytest.mark.parametrize(("zone", "day", "expected", "reason"), LENGTHS)
def test_a_day_lasts_as_long_as_its_clocks_say(zone, day, expected, reason):
    assert start_of_day(day + timedelta(days=1), zone) - start_of_day(day, zone) == expected, reason


@given(day=days, zone=zones)
def test_the_first_instant_of_a_day_lies_in_it_and_the_one_before_does_not(day, zone):
    if (zone, day) == (APIA, SKIPPED):
        return
    first = start_of_day(day, zone)
    assert day_of(first, zone) == day
    assert day_of(first - timedelta(microseconds=1), zone) < day


@given(day=days, zone=zones)
def test_days_follow_each_other_without_a_gap(day, zone):
    assert start_of_day(day, zone) <= start_of_day(day + timedelta(days=1), zone)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime"])
def test_an_unknown_zone_is_refused_with_a_stable_code(zone):
    with pytest.raises(RatingError) as caught:
        start_of_day(date(2026, 1, 1), zone)
    assert caught.value.code == "unknown_time_zone"
