# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Local days: billing periods are whole days of a customer's time zone, and their instants follow from it.

Instants are naive and in UTC, as Odoo and PostgreSQL store them. Zones are IANA names.
"""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from functools import cache
from zoneinfo import ZoneInfo

from .errors import RatingError

UTC = "UTC"


def start_of_day(day: date, zone: str) -> datetime:
    """Return the first instant of a day.

    Where the clocks skip midnight, the day begins with the hour to which they jump; where midnight comes
    twice, with the first one. A day that a zone left out (December 30, 2011 in Samoa) has no length: it
    begins where the next one does.

    :raise RatingError: ``unknown_time_zone``
    """
    if zone == UTC:
        return datetime.combine(day, time.min)
    local = datetime.combine(day, time.min, tzinfo=_load(zone))
    return local.astimezone(timezone.utc).replace(tzinfo=None)


def day_of(instant: datetime, zone: str) -> date:
    """Return the day that holds an instant.

    :raise RatingError: ``unknown_time_zone``
    """
    if zone == UTC:
        return instant.date()
    return instant.replace(tzinfo=timezone.utc).astimezone(_load(zone)).date()


@cache
def _load(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise RatingError("unknown_time_zone", f"Unknown time zone: {zone[:60]!r}.", ("time_zone",)) from error
