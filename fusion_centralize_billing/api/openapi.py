# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The table of operations as an OpenAPI 3.1 document."""

from __future__ import annotations

import re
from typing import Any

from .operations import OPERATIONS, Operation

_ERROR_STATUSES = {
    "400": "The request is malformed.",
    "401": "No valid API key.",
    "403": "The key is not allowed to do this.",
    "404": "A record that the request names does not exist for this service.",
    "409": "The request contradicts what is stored.",
    "422": "A rule of billing refuses the request.",
}


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
        "responses": {
            str(int(operation.status)): {
                "description": "Done.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            **{status: _error_response(text) for status, text in _ERROR_STATUSES.items()},
        },
    }
    in_path = _path_names(operation.path)
    if in_path:
        item["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in in_path
        ]
    if operation.verb != "GET":
        schema = operation.payload.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schema["required"] = [name for name in schema.get("required", []) if name not in in_path]
        schemas[operation.payload.__name__] = schema
        reference = {"$ref": f"#/components/schemas/{operation.payload.__name__}"}
        item["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
    return item


def _path_names(path: str) -> list[str]:
    return re.findall(r"<(\w+)>", path)


def _template(path: str) -> str:
    """Return a path of the table in OpenAPI's notation."""
    return re.sub(r"<(\w+)>", r"{\1}", path)


def _error_response(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


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
