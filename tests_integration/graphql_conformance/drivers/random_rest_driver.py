"""Sends random requests that schemathesis makes from the served OpenAPI document, and prints what came of them.

Takes as JSON: ``url`` of the document, ``key``, ``seed``, ``examples`` (requests for each operation) and ``known``
(values by field that name something); ids of invoices, ratings and credit notes are looked up.
Prints ``sent`` (by operation), ``statuses`` (by operation and status) and ``faults``: answers with a 5xx status, with a
status or media type that the document does not tell, or that do not conform to their schema. The same seed gives the
same requests, but for the ids in them.

A quarter of the requests is sent as it was made. In the others most fields that name something name what there is, so
that the requests are done.
"""

import collections
import json
import sys

import requests
import schemathesis
from random_cases import send_all
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


def _find_ids(url, headers, known):
    """Add ids of what can be listed."""
    base = url.removesuffix("/openapi.json")

    def ids(path, list_name, field):
        answer = requests.get(f"{base}{path}", headers=headers, timeout=_HANGS_AFTER).json()
        return [item[field] for item in answer[list_name]]

    known["invoice_id"] = ids("/invoices", "invoices", "invoice_id")
    known["credit_note_id"] = ids("/credit_notes", "credit_notes", "credit_note_id")
    known["rating_id"] = [
        rating
        for invoice in known["invoice_id"]
        for rating in ids(f"/invoices/{invoice}/ratings", "ratings", "rating_id")
    ]
    return known


class _Usable:
    """Puts known values in the place of those that were made."""

    def __init__(self, known):
        self.known = known
        self.number = 0

    def change(self, case):
        self.number += 1
        if self.number % 4:
            for values in (case.path_parameters, case.query, case.body):
                self._change_fields(values)

    def _change_fields(self, values):
        if isinstance(values, list):
            for item in values:
                self._change_fields(item)
        elif isinstance(values, dict):
            for name in values:
                self._change_fields(values[name])
                self.number += 1
                if name in self.known and self.number % 8:
                    values[name] = self.known[name][self.number % len(self.known[name])]
            if self.number % 3:
                for name in ("cursor", "from", "to", "group_by"):
                    values.pop(name, None)


class _Record:
    def __init__(self, headers, usable):
        self.headers = headers
        self.usable = usable
        self.sent = collections.Counter()
        self.statuses = collections.Counter()
        self.faults = []

    def send(self, case):
        self.usable.change(case)
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


def main():
    task = json.load(sys.stdin)
    headers = {"Authorization": f"Bearer {task['key']}"}
    schema = schemathesis.openapi.from_url(task["url"])
    record = _Record(headers, _Usable(_find_ids(task["url"], headers, task["known"])))
    for result in schema.get_all_operations():
        send_all(result.ok(), task, record.send)
    print(json.dumps(record.as_dict()))


main()
