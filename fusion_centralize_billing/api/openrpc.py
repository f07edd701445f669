# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The table of operations as an OpenRPC 1.3 document (https://spec.open-rpc.org)."""

from __future__ import annotations

from functools import cache
from typing import Any

from .operations import OPERATIONS, Operation

_DESCRIPTION = """Authorization: Bearer KEY, as in REST. The data of an error holds REST's code and faults.

The calls of methods with a scope that ends in ":write" may have the member "idempotency_key" beside "method" and
"params", of up to 255 printable ASCII characters. It names the call for at least a day: made again with the same key
and params, it is not done again, but answered as the first time.

Each call is a transaction of its own. The calls of a batch may cost so much together as the server's operator says
(500 if nothing): a call costs what its method says as "x-cost", and 1 more for each 100 items of a list in its params.
Once the results of a batch have 16 MiB together, the calls that are left are not made: `answer_too_large`.
A message beyond the rate or number of the key's requests is refused with HTTP 429 and Retry-After."""
_REFERENCE = "#/components/schemas/{model}"
#: What any method may answer; ``data.code`` tells more.
_ERRORS = {
    -32602: "Invalid params",
    -32603: "Internal error",
    -32003: "The key is not allowed to do this.",
    -32004: "A record that the request names does not exist for this service.",
    -32009: "The request contradicts what is stored.",
    -32013: "The calls before it have filled the answer; this one was not made.",
    -32022: "A rule of billing refuses the request.",
    -32029: "The service may create no more of this today.",
}


@cache  # anybody may ask for it, and it takes some hundredths of a second
def document(url: str) -> dict[str, Any]:
    """Return the OpenRPC document of the JSON-RPC transport served at ``url``."""
    schemas: dict[str, Any] = {}
    methods = [_method(operation, schemas) for operation in OPERATIONS.values()]
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "Fusion Billing",
            "version": "1",
            "description": _DESCRIPTION,
        },
        "servers": [{"name": "Fusion Billing", "url": url}],
        "methods": methods,
        "components": {"schemas": schemas},
    }


def parameter_names(operation: Operation) -> list[str]:
    """Return the order of positional parameters: the payload's fields, those that must be given first.

    OpenRPC demands that of a description, and a caller may so leave out what he does not need.
    """
    fields = {field.alias or name: field for name, field in operation.payload.model_fields.items()}
    return sorted(fields, key=lambda name: not fields[name].is_required())


def _method(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = operation.payload.model_json_schema(ref_template=_REFERENCE)
    answer = operation.answer.model_json_schema(mode="serialization", ref_template=_REFERENCE)
    for described in (schema, answer):
        schemas.update(described.pop("$defs", {}))
    schemas[answer["title"]] = answer
    return {
        "name": operation.name,
        "summary": operation.summary,
        "description": f"Needs the scope `{operation.scope}`.",
        "x-cost": operation.cost,
        "x-cost-class": operation.cost_class,
        "paramStructure": "either",
        "params": [
            {"name": name, "required": name in schema.get("required", []), "schema": schema["properties"][name]}
            for name in parameter_names(operation)
        ],
        "result": {"name": "answer", "schema": {"$ref": _REFERENCE.format(model=answer["title"])}},
        "errors": [{"code": number, "message": message} for number, message in _ERRORS.items()],
    }
