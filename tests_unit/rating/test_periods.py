# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import datetime, timedelta, timezone, tzinfo

import pytest
from fusion_rating import attributed_at, microseconds_between
from hypothesis import given
from hypothesis import strategies as st

from .strategies import refused

MICROSECOND = timedelta(microseconds=1)
UTC = timezone.utc


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(datetime(2026, 1, 1), datetime(2026, 2, 1),
                     datetime(2026, 1, 31, 23, 59, 59, 999999), id="a month lies in that month"),
        pytest.param(datetime(2026, 1, 31, 23), datetime(2026, 2, 1, 1),
                     datetime(2026, 2, 1, 0, 59, 59, 999999), id="a straddling row lies in the later"),
        pytest.param(datetime(2026, 2, 1), datetime(2026, 2, 1),
                     datetime(2026, 2, 1), id="an instant on the boundary lies in the later"),
        pytest.param(datetime(2026, 2, 1), datetime(2026, 2, 1, 0, 0, 0, 1),
                     datetime(2026, 2, 1), id="the shortest period is its start"),
        pytest.param(datetime(2026, 2, 1), datetime(2026, 2, 1, 0, 0, 0, 2),
                     datetime(2026, 2, 1, 0, 0, 0, 1), id="two microseconds"),
        pytest.param(datetime.min, datetime.min, datetime.min, id="the first instant there is"),
    ],
)  # fmt: skip
def test_a_row_is_attributed_to_its_last_instant(start, end, expected):
    assert attributed_at(start, end) == expected


def test_naive_moments_stay_naive():
    assert attributed_at(datetime(2026, 1, 1), datetime(2026, 1, 2)).tzinfo is None


def test_moments_of_different_time_zones_are_compared_as_instants():
    east, west = timezone(timedelta(hours=2)), timezone(timedelta(hours=-5))
    start, end = datetime(2026, 1, 1, 1, tzinfo=east), datetime(2025, 12, 31, 19, tzinfo=west)
    found = attributed_at(start, end)
    assert found == datetime(2025, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert found.utcoffset() == timedelta(0)


class SpringForward(tzinfo):
    """UTC-5 until the clocks jump from 2:00 to 3:00 on 2026-03-08, UTC-4 from then on."""

    def utcoffset(self, moment):
        return timedelta(hours=-4 if moment.replace(tzinfo=None) >= datetime(2026, 3, 8, 3) else -5)

    def dst(self, moment):
        return self.utcoffset(moment) + timedelta(hours=5)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(datetime(2026, 6, 1), datetime(2026, 7, 1), 2_592_000_000_000, id="June: 30 * 86400 seconds"),
        pytest.param(datetime(2026, 6, 1), datetime(2026, 6, 1), 0, id="an instant"),
        pytest.param(datetime(2026, 6, 1), datetime(2026, 6, 1, 0, 0, 0, 1), 1, id="a microsecond"),
        pytest.param(datetime(1, 1, 1), datetime(9999, 12, 31), 315_537_811_200_000_000, id="3,652,058 days"),
    ],
)
def test_a_period_lasts_so_many_microseconds(start, end, expected):
    assert microseconds_between(start, end) == expected


def test_the_hour_that_the_clocks_skip_does_not_count():
    zone = SpringForward()
    day = datetime(2026, 3, 8, tzinfo=zone), datetime(2026, 3, 9, tzinfo=zone)
    assert microseconds_between(*day) == 23 * 3600 * 10**6


def test_a_row_that_ends_when_the_clocks_change_does_not_jump_by_an_hour():
    zone = SpringForward()
    start, end = datetime(2026, 3, 8, 1, tzinfo=zone), datetime(2026, 3, 8, 3, tzinfo=zone)
    assert attributed_at(start, end) == datetime(2026, 3, 8, 6, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(("start_zone", "end_zone"), [(UTC, None), (None, UTC)])
def test_mixing_naive_and_aware_moments_is_refused(start_zone, end_zone):
    with refused("mixed_time_zones", ("period_end",)):
        attributed_at(datetime(2026, 1, 1, tzinfo=start_zone), datetime(2026, 1, 2, tzinfo=end_zone))
    with refused("mixed_time_zones", ("period_end",)):
        microseconds_between(datetime(2026, 1, 1, tzinfo=start_zone), datetime(2026, 1, 2, tzinfo=end_zone))


@pytest.mark.parametrize("zone", [UTC, None])
def test_a_period_that_ends_before_it_starts_is_refused(zone):
    start = datetime(2026, 1, 1, tzinfo=zone)
    with refused("period_reversed", ("period_end",)):
        attributed_at(start, start - MICROSECOND)
    with refused("period_reversed", ("period_end",)):
        microseconds_between(start, start - MICROSECOND)


@given(st.datetimes(), st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_the_instant_lies_within_the_row_and_never_at_its_end(start, length):
    if start > datetime.max - length:
        return
    found = attributed_at(start, start + length)
    assert start <= found <= start + length
    assert length == timedelta(0) or found < start + length


@given(st.lists(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), min_size=2, max_size=8))
def test_each_row_belongs_to_exactly_one_of_contiguous_billing_periods(moments):
    *bounds, _ = cuts = sorted(set(moments))
    start, end = cuts[0], cuts[-1]
    if start == end:
        return
    found = attributed_at(start, end)
    periods = list(zip(bounds, cuts[1:], strict=True))
    assert [low <= found < high for low, high in periods].count(True) == 1
