"""Sends random requests that schemathesis makes from the served OpenAPI document, and prints what came of them.

Takes as JSON: ``url`` of the document, ``key``, ``seed`` and ``examples`` (requests for each operation).
Prints ``sent`` (by operation), ``statuses`` (by operation and status) and ``faults``: answers with a 5xx status, with a
status or media type that the document does not tell, or that do not conform to their schema. The same seed gives the
same requests.
"""

import collections
import json
import sys

import hypothesis
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

#: Seconds for one answer, so that a server that hangs is told; far more than any answer takes.
_HANGS_AFTER = 600
_CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


class _Record:
    def __init__(self, headers):
        self.headers = headers
        self.sent = collections.Counter()
        self.statuses = collections.Counter()
        self.faults = []

    def send(self, case):
        answer = case.call(headers=self.headers, timeout=_HANGS_AFTER)
        name = case.operation.definition.raw["operationId"]
        self.sent[name] += 1
        self.statuses[f"{name} {answer.status_code}"] += 1
        try:
            case.validate_response(answer, checks=_CHECKS)
        except (FailureGroup, Failure) as failure:
            faults = getattr(failure, "exceptions", [failure])
            told = [f"{type(fault).__name__}: {fault}"[:1000] for fault in faults]
            self.faults.append({"faults": told, "request": case.as_curl_command()[:2000], "answer": answer.text[:1000]})

    def as_dict(self):
        faults = sorted(self.faults, key=lambda fault: len(fault["request"]))
        return {"sent": self.sent, "statuses": self.statuses, "faults": faults}


def _send_requests(operation, task, record):
    @hypothesis.seed(task["seed"])
    @hypothesis.settings(
        max_examples=task["examples"],
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def send(case):
        record.send(case)

    send()


def main():
    task = json.load(sys.stdin)
    headers = {"Authorization": f"Bearer {task['key']}"}
    schema = schemathesis.openapi.from_url(task["url"])
    record = _Record(headers)
    for result in schema.get_all_operations():
        _send_requests(result.ok(), task, record)
    print(json.dumps(record.as_dict()))


main()
