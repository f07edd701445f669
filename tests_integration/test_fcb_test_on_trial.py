"""scripts/fcb_test_on_trial.sh as its users run it, against a stand-in for the sandbox (trial_sandbox.py)."""

import contextlib
import os
import pwd
import random
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from trial_sandbox import (
    CHECKOUT,
    REFUSED,
    SANDBOX,
    SCRIPT,
    TIMEOUT,
    UNPROVEN,
    UNREACHABLE,
    Trial,
    is_running,
    wait_until,
)

ADDONS = ("fusion_subscription", "fusion_centralize_billing")


ODOO_TEST = """
from odoo.tests import HttpCase


class TestTiny(HttpCase):
    def test_server_answers(self):
        self.assertTrue(self.url_open("/web/health").ok)
"""


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


# === A RUN === #


def test_passing_tests_are_a_pass_and_their_output_is_shown(trial):
    done = trial.run()
    assert done.returncode == 0, done.stderr
    assert "0 failed, 0 error(s) of 12 tests" in done.stdout
    assert "12 tests passed" in done.stderr


def test_each_addon_is_installed_where_new_and_updated_where_known(trial):
    trial.run()
    arguments = trial.odoo["arguments"]
    names = ",".join(ADDONS)
    assert arguments[:6] == ["-d", "trial", "-i", names, "-u", names]
    assert arguments[arguments.index("--test-tags") + 1] == "/fusion_subscription,/fusion_centralize_billing,-community"
    assert {"--no-http", "--test-enable", "--stop-after-init"} <= set(arguments)
    assert arguments[arguments.index("--workers") + 1] == "0"


def test_the_defaults_are_those_of_the_sandbox(trial):
    trial.run()
    assert {call["host"] for call in trial.calls} == {"pve-worker1"}
    assert all(call["command"].startswith("qm guest exec 316 ") for call in trial.calls)


def test_the_default_folder_is_that_of_the_sandbox(trial):
    settings = {name: value for name, value in trial.environment.items() if name != "FCB_ADDONS_PATH"}
    trial.environment = settings
    assert "no such folder: /opt/odoo/custom-addons" in trial.run().stderr


def test_host_machine_and_database_come_from_the_environment(trial):
    done = trial.run(FCB_SSH_HOST="root@other.example", FCB_VM="4711", FCB_DB="trial-2")
    assert done.returncode == 0
    assert {call["host"] for call in trial.calls} == {"root@other.example"}
    assert all(call["command"].startswith("qm guest exec 4711 ") for call in trial.calls)
    assert trial.odoo["arguments"][:2] == ["-d", "trial-2"]


def test_the_enterprise_binding_is_shipped_under_the_common_name(trial):
    trial.run()
    assert (trial.addons / "fusion_subscription" / "SUMMARY").read_text() == "the Enterprise binding"


def test_an_older_addon_is_replaced_whole_and_others_are_left_alone(trial):
    for name in ("fusion_centralize_billing", "somebody_elses"):
        (trial.addons / name).mkdir()
        (trial.addons / name / "old.py").write_text("")
    trial.run()
    assert not (trial.addons / "fusion_centralize_billing" / "old.py").exists()
    assert (trial.addons / "fusion_centralize_billing" / "SUMMARY").exists()
    assert (trial.addons / "somebody_elses" / "old.py").exists()


def test_other_addons_can_be_chosen(trial):
    trial.add_addon("fusion_billing_graphql", "GraphQL")
    done = trial.run(FCB_ADDONS=f"  fusion_billing_graphql\n {trial.checkout}/fusion_subscription ")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in trial.addons.iterdir()) == ["fusion_billing_graphql", "fusion_subscription"]
    assert (trial.addons / "fusion_subscription" / "SUMMARY").read_text() == "the Community addon"


def test_addons_beyond_the_limit_of_one_call_arrive_unharmed(trial):
    noise = random.Random(1).randbytes(2_500_000)
    (trial.checkout / "fusion_centralize_billing" / "noise.bin").write_bytes(noise)
    done = trial.run()
    assert done.returncode == 0, done.stderr
    assert (trial.addons / "fusion_centralize_billing" / "noise.bin").read_bytes() == noise
    assert trial.steps().count("in_guest_receive") > 3
    assert max(call["input"] for call in trial.calls) < 1024 * 1024


def test_what_python_and_git_leave_behind_is_not_shipped(trial):
    for folder in ("__pycache__", ".git"):
        (trial.checkout / "fusion_centralize_billing" / folder).mkdir()
    trial.run()
    assert not (trial.addons / "fusion_centralize_billing" / "__pycache__").exists()
    assert not (trial.addons / "fusion_centralize_billing" / ".git").exists()


def test_a_log_longer_than_one_call_and_with_odd_bytes_is_shown_whole(trial):
    done = trial.run(STAND_IN_ODOO="long")
    assert done.returncode == 0
    numbers = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("line ")]
    assert numbers == [f"{number:05d}" for number in range(9000)]
    assert "café" in done.stdout


def test_answers_that_come_later_are_waited_for(trial):
    done = trial.run(STAND_IN_QM="slow")
    assert done.returncode == 0, done.stderr
    assert any("exec-status" in call["command"] for call in trial.calls)


@pytest.mark.parametrize("mode", ["pass", "fail", "none", "crash"])
def test_nothing_temporary_remains_on_either_side(trial, mode):
    trial.run(STAND_IN_ODOO=mode)
    assert trial.left_overs() == []


# === VERDICTS === #


@pytest.mark.parametrize(("mode", "code"), [("fail", 1), ("crash", 255)])
def test_a_failure_keeps_the_exit_code_of_odoo(trial, mode, code):
    assert trial.run(STAND_IN_ODOO=mode).returncode == code


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("none", "no test ran"),
        ("silent", "no test summary"),
        ("skip", "fusion_centralize_billing was neither installed"),
    ],
)
def test_success_that_proves_nothing_is_no_pass(trial, mode, message):
    done = trial.run(STAND_IN_ODOO=mode)
    assert done.returncode == UNPROVEN
    assert message in done.stderr


def test_a_hanging_run_is_stopped_and_told_as_a_timeout(trial):
    done = trial.run(STAND_IN_ODOO="hang", FCB_TIMEOUT="5")  # time enough to begin
    assert done.returncode == TIMEOUT
    assert "did not end within 5 s" in done.stderr
    assert "test_forever" in done.stdout
    assert not is_running(trial.odoo["pid"])
    assert trial.left_overs() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupted_script_stops_the_run_and_cleans_up(trial, number, code):
    process = trial.start(STAND_IN_ODOO="hang")
    pid = trial.wait_for_odoo()
    process.send_signal(number)
    assert trial.finished(process).returncode == code
    assert not is_running(pid)
    assert trial.left_overs() == []


def test_a_run_that_dies_without_a_result_is_noticed(trial):
    process = trial.start(STAND_IN_ODOO="hang")
    odoo = trial.wait_for_odoo()
    (job,) = trial.guest_tmp.glob("*/job.pid")
    os.killpg(int(job.read_text()), signal.SIGKILL)
    done = trial.finished(process)
    assert done.returncode == SANDBOX
    assert "vanished" in done.stderr
    wait_until(lambda: not is_running(odoo))


# === THE SANDBOX IS NOT FIT === #


def test_two_runs_at_once_do_not_mix(trial):
    first = trial.start(STAND_IN_ODOO="hang")
    pid = trial.wait_for_odoo()
    second = trial.run()
    assert second.returncode == SANDBOX
    assert "another run is using" in second.stdout
    assert is_running(pid)
    first.terminate()
    trial.finished(first)
    assert trial.run().returncode == 0


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("FCB_ODOO", "no-such-odoo --flag", "command not found: no-such-odoo"),
        ("FCB_ADDONS_PATH", "/no/such/folder", "no such folder"),
        ("FCB_ODOO_CONF", "/no/such/odoo.conf", "no such file"),
        ("FCB_ODOO_USER", "no_such_user", "no such user"),
    ],
)
def test_a_missing_part_of_the_sandbox_is_named(trial, setting, value, message):
    done = trial.run(**{setting: value})
    assert done.returncode == SANDBOX
    assert message in done.stderr
    assert trial.left_overs() == []


def test_odoo_gets_its_configuration_and_user(trial):
    conf = trial.guest_tmp.parent / "odoo.conf"
    conf.write_text("[options]\n")
    done = trial.run(FCB_ODOO_CONF=str(conf), FCB_ODOO=f"env MARK=1 {trial.environment['FCB_ODOO']}")
    assert done.returncode == 0
    assert trial.odoo["arguments"][:2] == ["-c", str(conf)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_odoo_runs_as_its_user_in_the_home_of_that_user(trial):
    done = trial.run(FCB_ODOO_USER="nobody", FCB_ODOO="sh -c id;env")
    assert "(nobody)" in done.stdout
    assert f"HOME={pwd.getpwnam('nobody').pw_dir}\n" in done.stdout


def test_addons_damaged_on_the_way_are_not_put_in_place(trial):
    done = trial.run(STAND_IN_SSH="garbled")
    assert done.returncode == SANDBOX
    assert "did NOT match" in done.stdout
    assert list(trial.addons.iterdir()) == []
    assert not trial.odoo_called.exists()


def test_an_addon_that_cannot_be_replaced_stays_as_it_was(trial, tmp_path):
    older = trial.addons / "fusion_centralize_billing"
    older.mkdir()
    (older / "old.py").write_text("")
    (tmp_path / "mv").write_text(f'#!/bin/sh\ncase $1 in */new/{older.name}) exit 1 ;; esac\nexec /bin/mv "$@"\n')
    (tmp_path / "mv").chmod(0o755)
    done = trial.run(STAND_IN_BIN=str(tmp_path))
    assert done.returncode == SANDBOX
    assert (older / "old.py").exists()
    assert trial.left_overs() == []


# === NO CONNECTION === #


def test_an_unreachable_host_is_told_at_once(trial):
    done = trial.run(STAND_IN_SSH="down")
    assert done.returncode == UNREACHABLE
    assert "No route to host" in done.stderr
    assert len(trial.calls) == 1
    assert trial.left_overs() == []


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("agent down", "QEMU guest agent is not running"),
        ("broken json", 'not usable: {    "exitcode" : 0,    "exi'),
        ("not json", "not usable: Welcome to the machine"),
    ],
)
def test_a_machine_without_a_usable_answer_is_told(trial, fault, message):
    done = trial.run(STAND_IN_QM=fault)
    assert done.returncode == UNREACHABLE
    assert message in done.stderr
    assert not trial.odoo_called.exists()


@pytest.mark.parametrize("step", ["in_guest_receive", "in_guest_launch", "in_guest_poll"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dropped_connection_loses_neither_result_nor_output(trial, when, step):
    done = trial.run(STAND_IN_DROP=f"{when}:{step}:3")
    assert done.returncode == 0, done.stderr
    assert "trying again" in done.stderr
    assert done.stdout.count("0 failed, 0 error(s) of 12 tests") == 1
    assert trial.left_overs() == []


def test_a_launch_whose_answer_is_lost_starts_only_one_run(trial):
    done = trial.run(STAND_IN_DROP="after:in_guest_launch:2")
    assert trial.steps().count("in_guest_launch") == 3
    assert done.returncode == 0, done.stderr
    assert trial.odoo["arguments"]


def test_a_connection_lost_for_good_leaves_the_result_in_the_machine(trial):
    done = trial.run(STAND_IN_DROP="before:in_guest_poll:1000", FCB_RECONNECTS="3")
    assert done.returncode == UNREACHABLE
    (folder,) = trial.guest_tmp.iterdir()
    assert f"in VM 316, {folder}" in done.stderr
    wait_until((folder / "exit").exists)
    assert (folder / "exit").read_text() == "odoo 0\n"
    assert "12 tests" in (folder / "log").read_text()


def test_waiting_for_a_lost_connection_ends_with_the_time(trial):
    settings = {"FCB_RECONNECTS": "999999", "FCB_TIMEOUT": "1", "FCB_GRACE": "0"}
    done = trial.run(STAND_IN_DROP="before:in_guest_poll:1000000", **settings)
    assert done.returncode == TIMEOUT
    assert "Connection closed" in done.stderr


# === REFUSALS === #


@pytest.mark.parametrize(
    "name",
    [
        *[
            "nexamain",
            "NexaMain",
            "NEXAMAIN",
            " nexamain",
            "nexamain ",
            "nexamain\n",
            "'nexamain'",
            '"nexamain"',
            "nexa\\main",
        ],
        *[
            "nexa''main",
            "nexa-main",
            "nexamain,trial",
            "trial,nexamain",
            "postgresql:///nexamain",
            "dbname=nexamain",
            "ne xa main",
        ],
    ],
)
def test_production_is_refused_in_every_spelling_and_nothing_is_contacted(trial, name):
    done = trial.run(FCB_DB=name)
    assert done.returncode == REFUSED
    assert "production" in done.stderr
    assert trial.calls == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("FCB_ODOO", "odoo -d NexaMain"),
        ("FCB_ODOO_CONF", "/etc/odoo/nexamain.conf"),
        ("FCB_SSH_HOST", "nexamain.example"),
        ("FCB_ADDONS_PATH", "/opt/nexamain/addons"),
    ],
)
def test_production_is_refused_in_every_setting(trial, setting, value):
    done = trial.run(**{setting: value})
    assert done.returncode == REFUSED
    assert trial.calls == []


def test_a_configuration_that_names_production_is_refused_in_the_machine(trial):
    conf = trial.guest_tmp.parent / "odoo.conf"
    conf.write_text("[options]\ndb_name = NexaMain\n")
    done = trial.run(FCB_ODOO_CONF=str(conf))
    assert done.returncode == SANDBOX
    assert "names production" in done.stderr
    assert trial.steps() == ["in_guest_prepare"]
    assert list(trial.addons.iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("FCB_DB", "trial;touch pwned"),
        ("FCB_DB", "$(touch pwned)"),
        ("FCB_DB", "-u"),
        ("FCB_DB", "nexa\N{FULLWIDTH LATIN SMALL LETTER M}ain"),
        ("FCB_SSH_HOST", "-oProxyCommand=touch pwned"),
        ("FCB_SSH_HOST", "host;touch pwned"),
        ("FCB_VM", "316;touch pwned"),
        ("FCB_VM", "316 --"),
        ("FCB_ADDONS_PATH", "/tmp/x;touch pwned"),
        ("FCB_ADDONS_PATH", "relative"),
        ("FCB_ADDONS_PATH", "/"),
        ("FCB_REMOTE_TMP", "$(touch pwned)"),
        ("FCB_ODOO_CONF", "/etc/`touch pwned`"),
        ("FCB_ODOO_USER", "odoo;touch pwned"),
        ("FCB_ODOO", " "),
        ("FCB_ADDONS", "$(touch pwned)"),
        ("FCB_ADDONS", "no_such_addon"),
        ("FCB_ADDONS", "fusion_subscription enterprise/fusion_subscription"),
        ("FCB_ADDONS", " "),
        ("FCB_TIMEOUT", "a[$(touch pwned)]"),
        ("FCB_TIMEOUT", "0"),
        ("FCB_POLL", "1;touch pwned"),
        ("FCB_RECONNECTS", "-1"),
        ("FCB_GRACE", "x"),
    ],
)
def test_a_wrong_setting_is_refused_and_nothing_is_contacted_or_executed(trial, setting, value):
    done = trial.run(**{setting: value})
    assert done.returncode == REFUSED
    assert "refused" in done.stderr
    assert trial.calls == []
    assert trial.left_overs() == []


@pytest.mark.parametrize(
    "text", ["/x;touch pwned", "$(touch pwned)", "`touch pwned`", "'; touch pwned; '", '" & touch pwned', "é *\n|x"]
)
def test_shell_characters_reach_odoo_as_they_are(trial, text, tmp_path):
    done = trial.run(FCB_TEST_TAGS=text, FCB_ODOO=f"{trial.environment['FCB_ODOO']} $(touch) `pwned` ; * '\"")
    assert done.returncode == 0, done.stderr
    arguments = trial.odoo["arguments"]
    assert arguments[:5] == ["$(touch)", "`pwned`", ";", "*", "'\""]
    assert arguments[arguments.index("--test-tags") + 1] == f"{text},-community"
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("arguments", [["--tags=/x"], ["--json"], ["--probe", "/x"], ["--probe", "--json", ""], [""]])
def test_an_unknown_argument_is_refused(trial, arguments):
    done = trial.run(*arguments)
    assert done.returncode == REFUSED
    assert trial.calls == []


def test_help_names_every_setting_and_is_no_pass(trial):
    process = trial.start("--help")
    out, _err = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "FCB_EXIT=0" not in out
    used = set(re.findall(r"\bFCB_[A-Z_]+\b", (CHECKOUT / SCRIPT).read_text()))
    assert used - {"FCB_EXIT", "FCB_END"} == set(re.findall(r"^  (FCB_\w+)=", out, re.M))
    assert trial.calls == []


# === WITH ODOO ITSELF === #


@pytest.fixture
def database() -> Iterator[str]:
    """Yield a name for a database, which Odoo makes by itself; drop it afterwards."""
    name = f"fcb_trial_{os.getpid()}"
    yield name
    subprocess.run([CHECKOUT / "scripts" / "odoo", "db", "drop", name], capture_output=True, check=False)


@pytest.fixture
def busy_port() -> Iterator[None]:
    """Hold Odoo's usual port, as the sandbox's own Odoo service does; somebody else may hold it already."""
    with socket.socket() as holder:
        with contextlib.suppress(OSError):
            holder.bind(("0.0.0.0", 8069))
            holder.listen()
        yield


@pytest.mark.usefixtures("busy_port")
def test_odoo_itself_passes_then_fails_then_matches_no_test(trial, database):
    addon = trial.add_addon("fcb_tiny", "an addon with one test")
    (addon / "tests" / "__init__.py").write_text("from . import test_tiny\n")
    (addon / "tests" / "test_tiny.py").write_text(ODOO_TEST)
    settings = {
        "FCB_ADDONS": "fcb_tiny",
        "FCB_DB": database,
        "FCB_ODOO": str(CHECKOUT / "scripts" / "odoo"),
        "FUSION_EXTRA_ADDONS": str(trial.addons),
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
    }
    passed = trial.run(**settings)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "1 tests passed" in passed.stderr

    (addon / "tests" / "test_tiny.py").write_text(ODOO_TEST.replace("assertTrue", "assertFalse"))
    failed = trial.run(**settings)
    assert failed.returncode == 1
    assert "1 failed, 0 error(s) of 1 tests" in failed.stdout

    assert trial.run(**settings, FCB_TEST_TAGS="/fcb_tyni").returncode == UNPROVEN
