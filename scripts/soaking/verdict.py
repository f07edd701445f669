"""What has to be true in the end, whoever was killed."""

import json
from collections import Counter
from dataclasses import dataclass, field

import requests
from main_job import job_queue, proof
from runtime import databases
from runtime.progress import Fault, say

from .record import Record
from .site import Site

#: So many boundaries lie behind a subscription at most, with some to spare.
_ROUNDS = 12
_DUE = (
    "SELECT count(*) FROM sale_order WHERE is_subscription AND subscription_state = '3_progress'"
    " AND next_invoice_date <= CURRENT_DATE"
)
_STORED = """
    SELECT COALESCE(json_agg(json_build_array(u.idempotency_key, o.x_fc_external_id, m.code, u.quantity)), '[]')
      FROM fusion_billing_usage u
      JOIN sale_order o ON o.id = u.subscription_id
      JOIN fusion_billing_metric m ON m.id = u.metric_id"""
_PERIODS_TWICE = """
    SELECT count(*) FROM (
        SELECT 1 FROM account_move m JOIN fusion_billing_invoice_subscription_rel billed ON billed.move_id = m.id
         WHERE m.move_type = 'out_invoice' AND m.state = 'posted' AND m.x_fc_period_start IS NOT NULL
         GROUP BY billed.order_id, m.x_fc_period_start HAVING count(*) > 1) twice"""
_NUMBERS_TWICE = """
    SELECT count(*) FROM (SELECT 1 FROM account_move WHERE state = 'posted' GROUP BY journal_id, name
                          HAVING count(*) > 1) twice"""
_INVOICES = "SELECT count(*) FROM account_move WHERE move_type = 'out_invoice' AND state = 'posted'"


@dataclass
class Verdict:
    """``wrong`` has to be zero throughout; ``counts`` tells how much there was to go wrong."""

    counts: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not any(self.wrong.values())


def settle(site: Site) -> None:
    """Let rating, invoices and webhooks come to their end, as they would by and by. What cannot is for the verdict."""
    office = site.office()
    for _round in range(_ROUNDS):
        try:
            for action in (job_queue.RATE_USAGE, job_queue.CREATE_INVOICES):
                job_queue.run_now(office, action)
                job_queue.wait_until_idle(office, despite_failures=True)
        except requests.ConnectionError:
            continue  # a worker that a kill has reached late ended with our request
        if not site.value(_DUE):
            return


def judge(site: Site, record: Record) -> Verdict:
    verdict = Verdict()
    try:
        settle(site)
        _judge_proof(site, verdict)
    except Fault as fault:
        verdict.wrong["not settled"] = 1
        verdict.details.append(str(fault))
    _judge_counters(site, record, verdict)
    _judge_jobs(site, verdict)
    _judge_invoices(site, verdict)
    _judge_webhooks(site, verdict)
    return verdict


def _judge_counters(site: Site, record: Record, verdict: Verdict) -> None:
    """Each acknowledged counter is there once, as it was acknowledged last; and nothing else is."""
    rows = json.loads(databases.psql(site.odoo, site.database, _STORED))
    times = Counter(key for key, *_values in rows)
    stored = {key: (subscription, metric, float(quantity)) for key, subscription, metric, quantity in rows}
    acknowledged = {
        key: (event["subscription_external_id"], event["metric_code"], float(event["quantity"]))
        for key, event in record.acknowledged.items()
    }
    differing = [key for key in acknowledged if key in stored and acknowledged[key] != stored[key]]
    verdict.counts |= {"counters acknowledged": len(acknowledged), "counters stored": len(rows)}
    verdict.wrong |= {
        "counters lost": len(acknowledged.keys() - stored.keys()),
        "counters doubled": sum(count > 1 for count in times.values()),
        "counters with other values": len(differing),
        "counters that nobody was told of": len(stored.keys() - acknowledged.keys()),
        "requests refused": len(record.refused),
    }
    verdict.details += [f"{key}: {acknowledged[key]} acknowledged, {stored[key]} stored" for key in differing[:5]]
    verdict.details += record.refused[:5]


def _judge_jobs(site: Site, verdict: Verdict) -> None:
    office = site.office()
    states = job_queue.jobs_by_state(office)
    verdict.counts["jobs done"] = states.get("done", 0)
    verdict.wrong["jobs stuck"] = sum(states.values()) - states.get("done", 0) - states.get("cancelled", 0)
    unfinished = [("state", "not in", ["done", "cancelled"])]
    for job in office.find("queue.job", unfinished, ["name", "state", "exc_name", "exc_message", "retry"])[:5]:
        reason = f"{job['exc_name']}: {job['exc_message']}"
        verdict.details.append(f"job {job['name']}: {job['state']}, tried {job['retry']} times; {reason}")


def _judge_invoices(site: Site, verdict: Verdict) -> None:
    verdict.counts["invoices"] = site.value(_INVOICES)
    verdict.wrong |= {
        "invoices doubled": site.value(_PERIODS_TWICE) + site.value(_NUMBERS_TWICE),
        "boundaries not invoiced": site.value(_DUE),
    }


def _judge_webhooks(site: Site, verdict: Verdict) -> None:
    sent = site.value("SELECT count(*) FROM fusion_billing_webhook WHERE state = 'sent'")
    received = site.endpoint.verified()
    verdict.counts |= {"webhooks sent": sent, "webhooks received": len(received)}
    verdict.wrong |= {
        "webhooks not sent": site.value("SELECT count(*) FROM fusion_billing_webhook WHERE state <> 'sent'"),
        "webhooks sent but not received": max(0, sent - len(received)),
        "webhooks with a wrong signature": sum(not delivery.verified for delivery in list(site.endpoint.deliveries)),
    }


def _judge_proof(site: Site, verdict: Verdict) -> None:
    say("proving all counters")
    found = proof.run(site.office(), despite_failures=True)
    verdict.counts["counters proved"] = found.counters
    verdict.wrong |= {"counters unexplained": found.unexplained, "findings of the proof": found.findings}
