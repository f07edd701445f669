"""One minute of scripts/soak. Nothing is said of speed: a slow machine is asked less, not judged otherwise."""

import json
import subprocess

from runtime import layout

SEED = 20_260


def test_nothing_is_lost_doubled_or_stuck_in_a_minute_of_kills() -> None:
    command = [layout.SCRIPTS / "soak", "--minutes", "1", "--seed", str(SEED), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["good"]
    assert not any(outcome["wrong"].values()), outcome["wrong"]
    # What there was to go wrong.
    assert set(outcome["kills"]) == {"worker", "worker of jobs", "job runner", "database backend", "PostgreSQL"}
    assert outcome["requests_repeated"] > 0, "no kill was noticed: nothing was proved"
    counts = outcome["counts"]
    assert counts["counters acknowledged"] == counts["counters stored"] == counts["counters proved"] > 0
    assert counts["webhooks sent"] == counts["webhooks received"] > 0
    assert min(counts["invoices"], counts["jobs done"]) > 0
