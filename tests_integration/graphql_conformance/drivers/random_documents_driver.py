"""Sends random documents that schemathesis makes from the served schema, and prints what came of them.

Takes as JSON: ``url``, ``key``, ``seed``, ``examples`` (documents for each field of the roots), ``seconds`` (after
which no more are sent) and ``ids`` (lists of ids that there are, by type).
Prints ``sent`` and ``executed`` (by field of a root), ``slowest`` (in seconds) and ``faults``: answers with a 5xx
status, answers that are no GraphQL, and errors that the server calls its own. The same seed gives the same documents.

Half of the documents are sent as they were made, which is nearly always refused for the size of a page or an
unknown id. In the other half pages get a size and ids are those of objects, so that they are executed.
"""

import collections
import json
import sys
import time
import zlib

import graphql
import hypothesis
import schemathesis
from graphql.language import ArgumentNode, FieldNode, IntValueNode, NameNode, StringValueNode
from hypothesis import strategies as st
from schemathesis.graphql import nodes

_WINDOW = ("first", "last", "after", "before")


class _Usable(graphql.Visitor):
    """Gives pages a size and replaces ids; what it chooses depends on the document alone."""

    def __init__(self, types, ids, number):
        super().__init__()
        self.types = types
        self.ids = ids
        self.number = number

    def enter_field(self, node, *_place):
        definition = self.types.get_field_def()
        type_ = graphql.get_named_type(definition.type).name if definition else ""
        self.number += 1
        if type_.endswith("Connection"):
            kept = [argument for argument in node.arguments if argument.name.value not in _WINDOW]
            size = IntValueNode(value=str(self.number % 4))
            return _with_arguments(node, _argument(("first", "last")[self.number % 2], size), *kept)
        if type_ in self.ids and node.arguments:
            return _with_arguments(node, _argument("id", self.id_of(type_)))
        return None

    def enter_string_value(self, _node, *_place):
        type_ = self.types.get_input_type()
        if not type_ or graphql.get_named_type(type_).name != "ID":
            return None
        self.number += 1
        return self.id_of(list(self.ids)[self.number % len(self.ids)])

    def id_of(self, type_):
        return StringValueNode(value=self.ids[type_][self.number % len(self.ids[type_])])


def _argument(name, value):
    return ArgumentNode(name=NameNode(value=name), value=value)


def _with_arguments(node, *arguments):
    return FieldNode(
        alias=node.alias,
        name=node.name,
        arguments=arguments,
        directives=node.directives,
        selection_set=node.selection_set,
    )


def _make_usable(schema, ids):
    def change(_context, body):
        number = zlib.crc32(graphql.print_ast(body).encode("utf-8", "surrogatepass"))
        if number % 2:
            return body
        types = graphql.TypeInfo(schema)
        return graphql.visit(body, graphql.TypeInfoVisitor(types, _Usable(types, ids, number // 2)))

    return change


def _register_scalars():
    texts = st.one_of(st.text(max_size=20), st.sampled_from(["0", "-1", "1e9", "1E-30", "NaN", "Infinity", "1e999999"]))
    numbers = st.one_of(st.integers().map(nodes.Int), st.floats(allow_nan=False, allow_infinity=False).map(nodes.Float))
    schemathesis.graphql.scalar("Decimal", st.one_of(numbers, texts.map(nodes.String)))
    schemathesis.graphql.scalar("JSON", texts.map(nodes.String))


def _fault_in(answer):
    """Return what is wrong with an answer, or None."""
    if answer.status_code >= 500:
        return f"status {answer.status_code}"
    try:
        body = answer.json()
    except ValueError:
        return "no JSON"
    if not isinstance(body, dict) or not ({"data", "errors"} & set(body)):
        return "neither data nor errors"
    codes = [error.get("extensions", {}).get("code") for error in body.get("errors", ())]
    if not all(codes):
        return "an error without a code"
    return "an error of the server" if "internal" in codes else None


class _Record:
    """What was sent and what came of it."""

    def __init__(self, headers, seconds):
        self.headers = headers
        self.end = time.monotonic() + seconds
        self.sent = collections.Counter()
        self.executed = collections.Counter()
        self.slowest = 0.0
        self.faults = []

    def send(self, case):
        begun = time.monotonic()
        if begun > self.end:
            return
        answer = case.call(headers=self.headers, timeout=60)
        self.slowest = max(self.slowest, time.monotonic() - begun)
        self.sent[case.operation.label] += 1
        self.executed[case.operation.label] += answer.status_code == 200 and "errors" not in answer.json()
        fault = _fault_in(answer)
        if fault:
            self.faults.append({"fault": fault, "document": case.body, "answer": answer.text[:2000]})

    def as_dict(self):
        faults = sorted(self.faults, key=lambda fault: len(fault["document"]))
        return {"sent": self.sent, "executed": self.executed, "slowest": round(self.slowest, 2), "faults": faults}


def _send_documents(operation, seed, examples, record):
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
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
    schema = schemathesis.graphql.from_url(task["url"], headers=headers)
    _register_scalars()
    schemathesis.hook("map_body")(_make_usable(schema.client_schema, task["ids"]))
    record = _Record(headers, task["seconds"])
    for result in schema.get_all_operations():
        _send_documents(result.ok(), task["seed"], task["examples"], record)
    print(json.dumps(record.as_dict()))


main()
