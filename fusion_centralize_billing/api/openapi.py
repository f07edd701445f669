# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The table of operations as an OpenAPI 3.1 document."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from .idempotency import HEADER, REPLAYED_HEADER
from .operations import OPERATIONS, Operation

_REFERENCE = "#/components/schemas/{model}"
_IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": (
        "Names this request for at least a day: sent again with the same key and body it is not done again, but"
        " answered as the first time. A request that failed may be sent again. With another body: 409,"
        " `idempotency_key_reused`."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
#: Statuses that tell when the same request may do.
_RETRIED = ("429", "503")
_ERROR_STATUSES = {
    "400": "The request is malformed.",
    "401": "No valid API key.",
    "403": "The key is not allowed to do this.",
    "404": "A record that the request names does not exist for this service.",
    "409": "The request contradicts what is stored.",
    "413": "The body has more than 16 MiB, also decompressed, or too many values.",
    "415": "The body is not JSON, or compressed otherwise than with gzip.",
    "422": "A rule of billing refuses the request.",
    "429": "The key asks for more than its share: see the code, and Retry-After.",
    "503": "Busy, too slow (`deadline_exceeded`), or not able to render a PDF; the same request may do later.",
}


@cache  # anybody may ask for it, and it takes some hundredths of a second
def document(base_path: str) -> dict[str, Any]:
    """Return the OpenAPI document of the REST transport served at ``base_path``."""
    schemas: dict[str, Any] = {"Error": _error_schema()}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS.values():
        paths.setdefault(_template(operation.path), {})[operation.verb.lower()] = _path_item(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Fusion Billing", "version": "1"},
        "servers": [{"url": base_path}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"apiKey": []}],
    }


def _path_item(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs the scope `{operation.scope}`.",
        "x-cost": operation.cost,
        "x-cost-class": operation.cost_class,
        "responses": {
            str(int(operation.status)): _success(operation, schemas),
            **{status: _error_response(status, text) for status, text in _ERROR_STATUSES.items()},
        },
    }
    schema = operation.payload.model_json_schema(ref_template=_REFERENCE)
    schemas.update(schema.pop("$defs", {}))
    in_path = _path_names(operation.path)
    parameters = [_parameter(name, "path", schema["properties"][name], True) for name in in_path]
    if operation.verb == "GET":
        required = schema.get("required", [])
        others = [name for name in schema["properties"] if name not in in_path]
        parameters += [_parameter(name, "query", schema["properties"][name], name in required) for name in others]
    else:
        schema["required"] = [name for name in schema.get("required", []) if name not in in_path]
        item["requestBody"] = {"required": True, "content": {"application/json": {"schema": _named(schema, schemas)}}}
    if operation.takes_idempotency_key:
        parameters.append(_IDEMPOTENCY_KEY)
    return {**item, "parameters": parameters}


def _parameter(name: str, place: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _success(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    if operation.content_type != "application/json":
        content: dict[str, Any] = {operation.content_type: {"schema": {"type": "string", "format": "binary"}}}
    else:
        schema = operation.answer.model_json_schema(mode="serialization", ref_template=_REFERENCE)
        schemas.update(schema.pop("$defs", {}))
        content = {operation.content_type: {"schema": _named(schema, schemas)}}
    response: dict[str, Any] = {"description": "Done.", "content": content}
    if operation.takes_idempotency_key:
        description = "true if this is the answer of an earlier request with the same key."
        response["headers"] = {REPLAYED_HEADER: {"description": description, "schema": {"type": "string"}}}
    return response


def _named(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Keep a schema among those of the document, and return the reference to it."""
    schemas[schema["title"]] = schema
    return {"$ref": _REFERENCE.format(model=schema["title"])}


def _path_names(path: str) -> list[str]:
    return re.findall(r"<(\w+)>", path)


def _template(path: str) -> str:
    """Return a path of the table in OpenAPI's notation."""
    return re.sub(r"<(\w+)>", r"{\1}", path)


def _error_response(status: str, description: str) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    if status in _RETRIED:
        described = "Seconds until the same request may do."
        response["headers"] = {"Retry-After": {"description": described, "schema": {"type": "integer"}}}
    return response


def _error_schema() -> dict[str, Any]:
    text = {"type": "string"}
    fault = {"type": "object", "properties": {"path": text, "code": text, "message": text}}
    properties = {
        "status": {"const": "error"},
        "code": text,
        "message": text,
        "errors": {"type": "array", "items": fault},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}
