"""scripts/bench in a configuration so small that nothing is learnt of speed, only that it measures what it says."""

import json
import os
import subprocess
from typing import Any

import pytest
from runtime import layout


def _run(*arguments: str) -> str:
    command = [layout.SCRIPTS / "bench", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def output() -> list[str]:
    database = f"fusion_test_bench_{os.getpid()}"
    return _run("graphql", "--customers", "6", "--page", "4", "--rounds", "2", "-d", database, "--json").splitlines()


@pytest.fixture(scope="module")
def result(output: list[str]) -> dict[str, Any]:
    return dict(json.loads(output[-1])["graphql"])


def test_help_lists_every_benchmark() -> None:
    assert "graphql" in _run("--help").split("Benchmarks:")[1].split("Ways are")[0]


def test_every_way_answered_the_whole_page(result: dict[str, Any]) -> None:
    """Twenty days of three counters for each of four customers; the quantities are those that world.py pushes."""
    units = 3 * sum((number * 37 + day * 11) % 500 + 1 for number in range(4) for day in range(20))
    found = result["answer"]
    assert (found["customers"], found["subscriptions"], found["priced_usages"]) == (4, 4, 4 * 3)
    assert found["units"] == units
    assert found["dollars"] > 0


def test_calls_bytes_and_queries_are_counted_in_every_round(result: dict[str, Any]) -> None:
    calls = {way["name"]: way["calls"] for way in result["ways"]}
    assert calls == {"graphql": 1, "graphql-ledger": 1, "json-2": 4, "json-2-each": 2 + 2 * 4}
    for way in result["ways"]:
        assert len(way["rounds"]) == 2
        for figure in ("seconds", "bytes", "queries"):
            assert 0 < way[figure]["min"] <= way[figure]["median"] <= way[figure]["max"]
        # Each way has to bring the same names and ids over.
        assert way["bytes"]["min"] > 1000


def test_people_get_a_table_with_the_ratios(output: list[str], result: dict[str, Any]) -> None:
    for way in result["ways"]:
        [line] = [line for line in output if line.startswith(f"{way['name']} ")]
        assert f"{way['ratio']['median']:.1f}" in line.split()
        assert f"{way['name']}: {way['about']}" in output


def test_the_proof_of_many_counters_explains_them_all() -> None:
    """In a database that SQL has filled: what it should be is known, so that the benchmark proves something."""
    last = _run("proof", "--counters", "3000", "-d", f"fusion_test_proof_{os.getpid()}", "--json").splitlines()[-1]
    found = json.loads(last)["proof"]
    assert found["counters"] >= 3000
    assert (found["unexplained"], found["findings"]) == (0, 0)
    assert found["by_status"]["invoiced"] > found["by_status"]["open"] > 0
    assert sum(found["by_status"].values()) == found["counters"]


def test_hostile_clients_are_measured_with_and_without() -> None:
    database = f"fusion_test_bench_hostile_{os.getpid()}"
    options = ("--clients", "4", "--seconds", "1", "--customers", "2")
    found = json.loads(_run("hostile", *options, "-d", database, "--json").splitlines()[-1])["hostile"]
    assert found["calm"]["requests"] > 0
    assert found["attacked"]["requests"] > 0
    assert sum(found["hostile_statuses"].values()) > 0
    assert set(found["ratio"]) == {"request_median", "request_p95", "request_max", "jobs_median", "jobs_max"}
