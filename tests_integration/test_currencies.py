"""Which currency companies have: Canadian dollars in what our scripts make, their own wherever we are installed."""

import os
import re
from collections.abc import Callable, Iterator

import pytest
from runtime import databases, layout
from runtime.server import Odoo
from runtime.setup import Runtime

_CURRENCIES = """
    SELECT company.name, currency.name FROM res_company company
    JOIN res_currency currency ON currency.id = company.currency_id ORDER BY company.id
"""
_EUROPEAN = """
euro = env["res.currency"].with_context(active_test=False).search([("name", "=", "EUR")])
euro.active = True
env.company.write({"name": "Canadian, in euros", "currency_id": euro.id})
yen = env["res.currency"].with_context(active_test=False).search([("name", "=", "JPY")])
yen.active = True
env["res.company"].create({"name": "Without a country", "country_id": False, "currency_id": yen.id})
env.cr.commit()
"""


@pytest.fixture
def plain_database(runtime: Runtime, odoo: Odoo) -> Iterator[str]:
    """Yield a database that has what our addons depend on, but not them."""
    name = f"fusion_test_currencies_{os.getpid()}"
    databases.create(odoo, runtime.queue_job_version, name)
    yield name
    databases.drop(odoo, name)


def read_currencies(odoo: Odoo, database: str) -> dict[str, str]:
    return dict(line.split("|") for line in databases.psql(odoo, database, _CURRENCIES).splitlines())


def test_databases_that_our_scripts_make_use_canadian_dollars(
    odoo: Odoo, new_database: Callable[[], str], plain_database: str
) -> None:
    for database in (new_database(), plain_database):
        assert set(read_currencies(odoo, database).values()) == {"CAD"}


def test_no_script_makes_a_database_of_its_own() -> None:
    """All are copies of one template, which the test above looks at."""
    makes = re.compile(r'createdb|CREATE DATABASE|"db", "init"')
    scripts = [path for path in layout.SCRIPTS.rglob("*") if path.is_file() and path.suffix in ("", ".py", ".sh")]
    found = {path.name for path in scripts if makes.search(path.read_text())}
    assert found - {"cluster.py"} == {"databases.py"}  # cluster.py only names the tool


def test_companies_keep_their_currency_when_our_addons_are_installed_and_upgraded(
    odoo: Odoo, plain_database: str
) -> None:
    odoo.shell(plain_database, _EUROPEAN)
    expected = {"Canadian, in euros": "EUR", "Without a country": "JPY"}
    assert read_currencies(odoo, plain_database) == expected
    databases.install_addons(odoo, plain_database)
    assert databases.has_addons(odoo, plain_database)
    assert read_currencies(odoo, plain_database) == expected
    arguments = ["-d", plain_database, "-u", ",".join(databases.ADDONS), "--no-http", "--workers", "0"]
    odoo.run([*arguments, "--stop-after-init"], log=layout.LOGS / f"{plain_database}-upgrade.log")
    assert read_currencies(odoo, plain_database) == expected
