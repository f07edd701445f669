"""``scripts/fcb_test_on_trial.sh --probe``: the table of what is there, and that nothing is changed by looking."""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from runtime import configuration, databases, python_env
from runtime.server import Odoo
from runtime.setup import Runtime
from trial_sandbox import CHECKOUT, PROBE, REFUSED, SANDBOX, UNPROVEN, Trial

STAND_IN = CHECKOUT / "tests_integration" / "stand_ins" / "enterprise"


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


# === WITHOUT ODOO === #


def test_the_probe_is_one_file_on_the_standard_input_of_odoos_shell(trial: Trial) -> None:
    done = trial.run("--probe")
    assert done.returncode == 0, done.stderr
    called = trial.odoo
    assert called["arguments"][:3] == ["shell", "-d", "trial"]
    assert not {"-i", "-u", "--test-enable", "--test-tags"} & set(called["arguments"])
    compile(called["input"], "probe", "exec")
    assert f"package.table.main(env, '{trial.addons}', as_json=False)" in called["input"]


def test_looking_touches_no_addon_and_leaves_nothing(trial: Trial) -> None:
    older = trial.addons / "fusion_centralize_billing"
    older.mkdir()
    (older / "old.py").write_text("")
    before = [(path, path.stat().st_mtime_ns) for path in (trial.addons, *trial.addons.rglob("*"))]
    trial.run("--probe")
    assert [(path, path.stat().st_mtime_ns) for path in (trial.addons, *trial.addons.rglob("*"))] == before
    assert trial.left_overs() == []
    assert list((trial.checkout / PROBE).glob("__pycache__")) == []


def test_a_folder_that_is_not_there_is_for_the_table_to_tell(trial: Trial) -> None:
    assert trial.run("--probe", FCB_ADDONS_PATH="/no/such/folder").returncode == 0


def test_no_addon_has_to_be_there_to_look(trial: Trial) -> None:
    assert trial.run("--probe", FCB_ADDONS="no_such_addon").returncode == 0


def test_programs_get_json(trial: Trial) -> None:
    trial.run("--probe", "--json")
    assert "as_json=True" in trial.odoo["input"]


def test_the_configuration_is_that_of_a_run(trial: Trial, tmp_path: Path) -> None:
    conf = tmp_path / "odoo.conf"
    conf.write_text("[options]\n")
    trial.run("--probe", FCB_ODOO_CONF=str(conf))
    assert trial.odoo["arguments"][:3] == ["shell", "-c", str(conf)]


@pytest.mark.parametrize(("mode", "code"), [("none", UNPROVEN), ("crash", 255)])
def test_a_probe_that_did_not_ask_everything_is_no_pass(trial: Trial, mode: str, code: int) -> None:
    done = trial.run("--probe", STAND_IN_ODOO=mode)
    assert done.returncode == code
    assert trial.left_overs() == []


def test_a_probe_damaged_on_the_way_is_not_run(trial: Trial) -> None:
    done = trial.run("--probe", STAND_IN_SSH="garbled")
    assert done.returncode == SANDBOX
    assert not trial.odoo_called.exists()


@pytest.mark.parametrize("name", ["nexamain", "NexaMain", "nexa''main", "nexa-main", "trial,nexamain"])
def test_production_is_not_looked_at_either(trial: Trial, name: str) -> None:
    done = trial.run("--probe", FCB_DB=name)
    assert done.returncode == REFUSED
    assert "production" in done.stderr
    assert trial.calls == []


def test_a_configuration_that_names_production_is_refused_in_the_machine(trial: Trial, tmp_path: Path) -> None:
    conf = tmp_path / "odoo.conf"
    conf.write_text("[options]\ndb_name = NexaMain\n")
    done = trial.run("--probe", FCB_ODOO_CONF=str(conf))
    assert done.returncode == SANDBOX
    assert trial.steps() == ["in_guest_prepare"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_who_reads_none_of_our_files_runs_the_probe(trial: Trial) -> None:
    done = trial.run("--probe", FCB_ODOO_USER="nobody", FCB_ODOO="sh -c id;cat")
    assert "(nobody)" in done.stdout
    assert "package.table.main(" in done.stdout


# === WITH ODOO ITSELF === #


@contextmanager
def odoo_settings(
    runtime: Runtime, odoo: Odoo, trial: Trial, database: str, *folders: Path
) -> Iterator[dict[str, str]]:
    """Yield the settings by which the script finds a real Odoo whose addons path ends with these folders."""
    conf = configuration.write(runtime.source, odoo.connection)
    paths = [*runtime.source.addons_paths, python_env.site_packages() / "odoo" / "addons", *folders]
    conf.write_text(re.sub("addons_path = .*", f"addons_path = {','.join(map(str, paths))}", conf.read_text()))
    environment = " ".join(f"{name}={value}" for name, value in odoo.environment(conf).items() if " " not in value)
    try:
        yield {
            "FCB_DB": database,
            "FCB_ODOO": f"env {environment} {' '.join(odoo.command())}",
            "FCB_ODOO_CONF": str(conf),
            "FCB_ADDONS_PATH": str(folders[-1]),
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        }
    finally:
        conf.unlink()


def read_rows(trial: Trial, settings: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Run the probe; return (verdict, found) by subject, or by section and subject where that is not enough."""
    done = trial.run("--probe", "--json", **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout
    [line] = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return {row["subject"]: (row["verdict"], row["found"]) for row in json.loads(line)["rows"]}


def digest(odoo: Odoo, database: str) -> str:
    """Return a digest of all that a database holds."""
    environment = {**os.environ, **odoo.connection.environment()}
    dump = subprocess.run(["pg_dump", database], env=environment, capture_output=True, check=True).stdout
    lines = (line for line in dump.splitlines() if not line.startswith((b"\\restrict", b"\\unrestrict")))
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


@pytest.fixture
def plain_database(runtime: Runtime, odoo: Odoo) -> Iterator[str]:
    """Yield a database that has what our addons depend on, but not them."""
    name = f"fusion_test_probe_{os.getpid()}"
    databases.create(odoo, runtime.queue_job_version, name)
    yield name
    databases.drop(odoo, name)


def test_the_table_of_community(trial: Trial, runtime: Runtime, odoo: Odoo, new_database: Callable[[], str]) -> None:
    database = new_database()
    before = digest(odoo, database)
    with odoo_settings(runtime, odoo, trial, database, CHECKOUT) as settings:
        rows = read_rows(trial, settings)
        table = trial.run("--probe", **settings).stdout
    assert digest(odoo, database) == before
    assert {verdict for verdict, _found in rows.values()} == {
        *("confirmed", "different", "not found"),
        "to be tested by hand",
    }
    assert rows["module sale_subscription"][0] == "not found"
    assert rows["module queue_job"][0] == "confirmed"
    assert rows["our modules"][0] == "different"
    assert "fusion_billing_reconciliation: 0 rows" in rows["our tables"][1]
    assert rows["encryption key"] == ("confirmed", "1 usable, in odoo.conf")
    assert rows["sale.order.set_close"][0] == "not found"
    assert rows["sale.order._get_invoiceable_lines"] == ("confirmed", "(self, final=False) by sale")
    assert re.search(r"^NOT FOUND +sale\.order\.set_close\n    assumed: .*\n    found: .*\n    means: ", table, re.M)
    assert re.search(rf"^probe: {len(rows)} rows: ", table, re.M)


def test_a_question_that_would_write_is_refused_by_the_database(odoo: Odoo, new_database: Callable[[], str]) -> None:
    database = new_database()
    bundle = CHECKOUT / PROBE / "bundle.py"
    command = ["python3", "-B", str(bundle), "/opt/odoo/custom-addons", "table"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    loaded, call = text.rsplit("package.table.main(", 1)
    write = 'lambda env: env.cr.execute("UPDATE res_partner SET comment = NULL")'
    question = f'package.verdicts.Question("Writing", "a write", "refused", "Nothing.", {write})'
    printed = odoo.shell(
        database, f"{loaded}\npackage.table.get_questions = lambda path: [{question}]\npackage.table.main({call}"
    )
    assert "cannot execute UPDATE in a read-only transaction" in printed
    assert "probe: 1 rows: 1 question failed" in printed


def test_the_stand_in_of_enterprise_is_confirmed_and_then_passes_tests(
    trial: Trial, runtime: Runtime, odoo: Odoo, plain_database: str
) -> None:
    """The two steps that a person takes on the sandbox, with the real addons, the script and Odoo itself."""
    with odoo_settings(runtime, odoo, trial, plain_database, STAND_IN, trial.addons) as settings:
        bare = read_rows(trial, settings)
        assert bare["our tables"] == ("confirmed", "none")
        assert bare[f"folder {trial.addons}"] == ("confirmed", "on the addons path of odoo.conf, and has no addon yet")
        assert bare["sale.order.set_close"][0] == "not found"  # nothing is installed yet
        trial.odoo_called.unlink(missing_ok=True)
        addons = f"{CHECKOUT}/enterprise/fusion_subscription {CHECKOUT}/fusion_centralize_billing"
        tags = "/fusion_centralize_billing:TestReconciliation,/fusion_centralize_billing:TestSecrets"
        passed = trial.run(**settings, FCB_ADDONS=addons, FCB_TEST_TAGS=tags)
        assert passed.returncode == 0, passed.stdout[-5000:] + passed.stderr
        assert passed.stdout.endswith("FCB_EXIT=0\n")
        before = digest(odoo, plain_database)
        rows = read_rows(trial, settings)
        assert digest(odoo, plain_database) == before
    unconfirmed = {subject for subject, (verdict, _found) in rows.items() if verdict in ("not found", "different")}
    # Nobody has set the parameter that consolidates invoices; our addons are installed now.
    assert unconfirmed == {"settings named like consolidat", "our modules", "our tables"}
    assert rows["sale.order.set_close"][1] == "(self, close_reason_id=None, renew=False) by sale_subscription"
    assert "_is_free_renewal" in rows["_invoice_is_considered_free"][1]
