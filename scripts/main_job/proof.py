"""The proof as a person runs it: of every counter, what has become of it."""

from collections import Counter
from dataclasses import dataclass

from runtime.progress import Fault, say

from . import job_queue
from .back_office import BackOffice


@dataclass(frozen=True)
class Proof:
    """What a proof came to.

    :param by_status: number of counters
    :param findings: what did not agree: ratings with their counters or price, invoice lines with the ledger
    """

    counters: int
    unexplained: int
    findings: int
    by_status: dict[str, int]


def run(office: BackOffice, *, despite_failures: bool = False) -> Proof:
    """Have all counters proved and return what comes of it; a Fault if the proof comes to no end."""
    proof = office.create("fusion.billing.proof", {})
    office.call("fusion.billing.proof", "action_run", [proof])
    job_queue.wait_until_idle(office, despite_failures=despite_failures)
    fields = ["state", "error", "counter_count", "unexplained_count", "finding_count"]
    [found] = office.find("fusion.billing.proof", [("id", "=", proof)], fields)
    if found["state"] not in ("balanced", "unexplained"):
        raise Fault(f"the proof is {found['state']}: {found['error']}")
    by_status: Counter[str] = Counter()
    for line in office.find("fusion.billing.proof.line", [("proof_id", "=", proof)], ["status", "counter_count"]):
        by_status[line["status"]] += line["counter_count"]
    say(f"proof: {found['counter_count'] - found['unexplained_count']} of {found['counter_count']} counters explained")
    return Proof(
        counters=found["counter_count"],
        unexplained=found["unexplained_count"],
        findings=found["finding_count"],
        by_status={status: count for status, count in sorted(by_status.items()) if count},
    )
