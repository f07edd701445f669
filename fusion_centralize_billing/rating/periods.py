# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Which instant decides to which billing period a usage row belongs, and how long a period lasts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from .errors import RatingError

#: The resolution of Python's and PostgreSQL's timestamps.
_INSTANT = timedelta(microseconds=1)


def attributed_at(period_start: datetime, period_end: datetime) -> datetime:
    """Return the last instant of a usage row: it belongs to the billing period that holds it.

    A row covers [start, end), so its last instant is one microsecond before the end. A row whose
    start is its end happened at that instant. Since one instant lies in exactly one billing
    period, a counter that straddles a boundary is billed once, in the later period.

    :return: in UTC if the arguments know their time zone, otherwise as naive as they are.
    :raise RatingError: ``mixed_time_zones`` if only one of them knows its time zone,
        ``period_reversed`` if the end lies before the start.
    """
    start, end = _instants(period_start, period_end)
    return start if start == end else end - _INSTANT


def microseconds_between(period_start: datetime, period_end: datetime) -> int:
    """Return how long a period lasts; an hour that the clocks skip is not counted.

    :raise RatingError: as :func:`attributed_at`.
    """
    start, end = _instants(period_start, period_end)
    return (end - start) // _INSTANT


def _instants(period_start: datetime, period_end: datetime) -> tuple[datetime, datetime]:
    """Return both ends, comparable with each other.

    :raise RatingError: as :func:`attributed_at`.
    """
    if (period_start.utcoffset() is None) != (period_end.utcoffset() is None):
        message = "Both ends of a period need a time zone, or neither."
        raise RatingError("mixed_time_zones", message, ("period_end",))
    start, end = _in_utc(period_start), _in_utc(period_end)
    if end < start:
        message = "A period must not end before it starts."
        raise RatingError("period_reversed", message, ("period_end",))
    return start, end


def _in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC; naive moments are left alone.

    Python compares and subtracts on the clock's face within one zone, which is wrong by an hour
    at a change to or from summer time.
    """
    return moment if moment.utcoffset() is None else moment.astimezone(timezone.utc)
