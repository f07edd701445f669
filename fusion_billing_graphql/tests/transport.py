# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""GraphQL as the parity tests of the API see it (see ParityMixin)."""

import json
import re

from graphql import get_nullable_type, is_enum_type, is_input_object_type, is_list_type

from odoo.addons.fusion_centralize_billing.tests.transports import Outcome, Transport

from ..controllers.graphql import URL
from ..schema import SCHEMA
from .operations import DIFFERENCES, SIDES, Mutation, rest_fault, value_of


class GraphqlTransport(Transport):
    """Sends operations as mutations or queries.

    GraphQL tells all faults, but no code of the whole: an outcome has the first fault's. What is refused
    without a fault has one without a path.
    """

    name = "GraphQL"

    def __init__(self):
        self.differences_met = set()

    def run(self, test, operation_name, payload, key):
        side = SIDES[operation_name]
        is_mutation = isinstance(side, Mutation)
        if is_mutation:
            variables = {"input": _as_input(payload, _input_type(operation_name))}
        else:
            variables = {_camel_case(name): value for name, value in payload.items()}
        body = {"query": side.document(operation_name), "variables": variables}
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        response = test.url_open(URL, data=json.dumps(body), headers=headers, timeout=60)
        answer = response.json()
        if "errors" in answer:
            return self._read_errors(test, response, answer["errors"])
        test.assertEqual(response.status_code, 200)
        if is_mutation:
            return self._read_mutation(side, answer["data"][operation_name])
        if variables.keys() - set(re.findall(r"\$(\w+)\s*:", side.text)):
            return _refused([{"path": "", "code": "ignored", "message": ""}])
        read = side.read(answer["data"])
        return Outcome(answer=read) if read else _refused([{"path": "", "code": "null", "message": ""}])

    def compare(self, test, operation_name, outcome, reference):
        known = (operation_name, *_first_fault(reference))
        if outcome["code"] in ("invalid_variables", "ignored", "null"):
            code, _reason = DIFFERENCES.get(known, (None, None))
            test.assertEqual(outcome["code"], code, f"no known difference: {known}, where REST answers {reference}")
            self.differences_met.add(known)
            return
        if reference["code"]:
            expected = _refused(reference["errors"] or [_whole(reference)]).__dict__
            test.assertIn(reference["code"], (expected["code"], "invalid_payload"))
        else:
            shown = getattr(SIDES[operation_name], "shown", lambda answer: answer)
            expected = {**reference, "answer": shown(reference["answer"])}
        super().compare(test, operation_name, outcome, expected)

    def _read_mutation(self, side, payload):
        if payload["userErrors"]:
            return _refused([rest_fault(error) for error in payload["userErrors"]])
        return Outcome(answer=side.read(payload))

    def _read_errors(self, test, response, errors):
        extensions = errors[0]["extensions"]
        statuses = {"unauthenticated": 401, "insufficient_scope": 403, "internal": 500}
        test.assertEqual(response.status_code, statuses.get(extensions["code"], 200))
        whole = {"path": "", "code": extensions["code"], "message": errors[0]["message"]}
        return _refused(extensions.get("errors") or [whole])


def _refused(faults):
    return Outcome(faults[0]["code"], None, faults[0]["message"], faults)


def _whole(reference):
    return {"path": "", "code": reference["code"], "message": reference["message"]}


def _first_fault(reference):
    """Return path and code of the first fault in an outcome, which may be that of a part of it."""
    faults = list(reference["errors"])
    for result in (reference["answer"] or {}).get("results", ()):
        faults += result.get("errors", ())
    return (faults[0]["path"], faults[0]["code"]) if faults else ("", reference["code"])


def _input_type(name):
    return SCHEMA.mutation_type.fields[name].args["input"].type


def _as_input(value, type_):
    """Return a payload with the names of the schema, and members of enumerations instead of their values."""
    type_ = get_nullable_type(type_)
    if is_list_type(type_) and isinstance(value, list):
        return [_as_input(item, type_.of_type) for item in value]
    if is_input_object_type(type_) and isinstance(value, dict):
        names = {name: _camel_case(name) for name in value}
        return {
            names[name]: _as_input(item, type_.fields[names[name]].type) if names[name] in type_.fields else item
            for name, item in value.items()
        }
    if is_enum_type(type_):
        return next((member for member in type_.values if value_of(type_.name, member) == value), value)
    return value


def _camel_case(name):
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
