"""Sends random documents that schemathesis makes from the served schema, and prints what came of them.

Takes as JSON: ``url``, ``key``, ``seed`` and ``examples`` (documents for each field of the roots).
Prints ``sent`` and ``executed`` (by field of a root), ``refused`` (by code) and ``faults``: answers with a 5xx status,
answers that are no GraphQL, and errors that the server calls its own. The same seed gives the same documents, but for
the ids in them.

A quarter of the documents is sent as it was made, which is nearly always refused for the size of a page or an
unknown id. In the others pages get a size and most ids are those of objects, so that they are executed.
"""

import collections
import json
import sys
import zlib

import graphql
import requests
import schemathesis
from graphql.language import ArgumentNode, FieldNode, IntValueNode, NameNode, StringValueNode
from hypothesis import strategies as st
from random_cases import send_all
from schemathesis.graphql import nodes

#: Seconds for one answer, so that a server that hangs is told; far more than any answer takes.
_HANGS_AFTER = 600
_WINDOW = ("first", "last", "after", "before")


class _Usable(graphql.Visitor):
    """Gives pages a size and replaces ids; what it chooses depends on the document alone."""

    def __init__(self, types, ids, number):
        super().__init__()
        self.types = types
        self.ids = ids
        self.number = number
        self.wanted = None

    def enter_field(self, node, *_place):
        definition = self.types.get_field_def()
        type_ = graphql.get_named_type(definition.type).name if definition else ""
        self.number += 1
        if type_.endswith("Connection"):
            kept = [argument for argument in node.arguments if argument.name.value not in _WINDOW]
            size = IntValueNode(value=str(self.number % 4))
            return _with_arguments(node, _argument(("first", "last")[self.number % 2], size), *kept)
        if type_ in self.ids and node.arguments:
            self.wanted = type_
            return _with_arguments(node, _argument("id", self.id_of(type_)))
        return None

    def enter_object_field(self, node, *_place):
        named = node.name.value.removesuffix("Id").capitalize()
        self.wanted = named if named in self.ids else self.wanted

    def enter_string_value(self, _node, *_place):
        type_ = self.types.get_input_type()
        if not type_ or graphql.get_named_type(type_).name != "ID":
            return None
        self.number += 1
        if self.number % 5 == 0:
            return None
        return self.id_of(self.wanted or list(self.ids)[self.number % len(self.ids)])

    enter_int_value = enter_string_value  # is an ID, too

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
        if number % 4 == 0:
            return body
        types = graphql.TypeInfo(schema)
        return graphql.visit(body, graphql.TypeInfoVisitor(types, _Usable(types, ids, number // 4)))

    return change


def _find_ids(schema, url, headers):
    """Return some ids of objects that can be listed, by type."""
    ids = {}
    for name, field in schema.query_type.fields.items():
        if graphql.get_named_type(field.type).name.endswith("Connection"):
            question = f"{{ list: {name}(first: 3) {{ nodes {{ __typename id }} }} }}"
            answer = requests.post(url, json={"query": question}, headers=headers, timeout=_HANGS_AFTER).json()
            for node in answer["data"]["list"]["nodes"]:
                ids.setdefault(node["__typename"], []).append(node["id"])
    return ids


def _register_scalars():
    texts = st.one_of(st.text(max_size=20), st.sampled_from(["0", "-1", "1e9", "1E-30", "NaN", "Infinity", "1e999999"]))
    numbers = st.one_of(st.integers().map(nodes.Int), st.floats(allow_nan=False, allow_infinity=False).map(nodes.Float))
    schemathesis.graphql.scalar("Decimal", st.one_of(numbers, texts.map(nodes.String)))
    schemathesis.graphql.scalar("JSON", texts.map(nodes.String))


def _judge(answer):
    """Return what is wrong with an answer, or None, and the codes of its errors."""
    if answer.status_code >= 500:
        return f"status {answer.status_code}", set()
    try:
        body = answer.json()
    except ValueError:
        return "no JSON", set()
    if not isinstance(body, dict) or not ({"data", "errors"} & set(body)):
        return "neither data nor errors", set()
    codes = {error.get("extensions", {}).get("code") for error in body.get("errors", ())}
    if None in codes:
        return "an error without a code", codes
    return ("an error of the server" if "internal" in codes else None), codes


class _Record:
    """What was sent and what came of it."""

    def __init__(self, headers):
        self.headers = headers
        self.sent = collections.Counter()
        self.executed = collections.Counter()
        self.refused = collections.Counter()
        self.faults = []

    def send(self, case):
        answer = case.call(headers=self.headers, timeout=_HANGS_AFTER)
        self.sent[case.operation.label] += 1
        fault, codes = _judge(answer)
        if fault:
            self.faults.append({"fault": fault, "document": case.body, "answer": answer.text[:2000]})
        elif codes:
            self.refused.update(codes)
        else:
            self.executed[case.operation.label] += 1

    def as_dict(self):
        faults = sorted(self.faults, key=lambda fault: len(fault["document"]))
        return {"sent": self.sent, "executed": self.executed, "refused": self.refused, "faults": faults}


def main():
    task = json.load(sys.stdin)
    headers = {"Authorization": f"Bearer {task['key']}"}
    schema = schemathesis.graphql.from_url(task["url"], headers=headers)
    _register_scalars()
    ids = _find_ids(schema.client_schema, task["url"], headers)
    schemathesis.hook("map_body")(_make_usable(schema.client_schema, ids))
    record = _Record(headers)
    for result in schema.get_all_operations():
        send_all(result.ok(), task, record.send)
    print(json.dumps(record.as_dict()))


main()
