# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""GraphQL over HTTP: what a request says, and how an answer is sent.

Follows the draft "GraphQL over HTTP" (https://graphql.github.io/graphql-over-http/draft/) where the audit of
graphql-http agrees. They differ in this: the draft answers parameters and documents that are wrong with 422,
the audit wants 400 (BAD_REQUEST below); a partial answer is 200, not 294, which proxies do not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request

from odoo.addons.fusion_centralize_billing.api import json_text
from odoo.addons.fusion_centralize_billing.api.errors import (
    BillingError,
    InvalidPayloadError,
    MethodNotAllowedError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
)
from odoo.addons.fusion_centralize_billing.api.request_body import MAX_BODY, read_body
from odoo.http import Response

from .documents import MAX_LENGTH

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
BAD_REQUEST = 400
#: What of a request's head the answer depends on, whatever was asked.
VARY = "Accept, Origin"
#: Bytes of a body without a key, which can only ask for the schema, where that is shown to everybody.
MAX_BODY_OF_NOBODY = 64 * 1024
#: Bytes of the longest body that is read to choose the database. A longer one goes to the primary, which does all.
_MAX_LOOKED_AT = 64 * 1024
_METHODS = ["GET", "POST"]
_READING = ("GET", "HEAD")


class NotAcceptableError(BillingError):
    """The client takes none of the media types that there are."""

    code = "not_acceptable"
    http_status = 406


@dataclass(frozen=True)
class Call:
    """The parameters of a request."""

    query: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    may_mutate: bool = True


def media_type(request: Request) -> str | None:
    """Return the media type that the client prefers of ours, or None if it takes neither.

    Without a preference it is plain JSON, which older clients expect.
    """
    if not request.headers.get("Accept"):
        return JSON
    # Parameters such as charset do not matter: JSON is always UTF-8.
    accepted: dict[str, float] = {}
    for value, quality in request.accept_mimetypes:
        name = value.partition(";")[0].strip().lower()
        accepted[name] = max(quality, accepted.get(name, 0))
    anything = accepted.get("application/*", accepted.get("*/*", 0))
    modern, plain = accepted.get(GRAPHQL_JSON, 0), accepted.get(JSON, anything)
    if max(modern, plain) <= 0:
        return None
    return GRAPHQL_JSON if modern >= plain else JSON


def check_head(request: Request) -> None:
    """Raise a BillingError for a request that is none of GraphQL, whatever its body says."""
    if media_type(request) is None:
        raise NotAcceptableError(f"Answers are {GRAPHQL_JSON} or {JSON}.")
    if request.method in _READING:
        return
    if request.method != "POST":
        raise MethodNotAllowedError("GraphQL is asked with GET or POST.", _METHODS)
    if request.mimetype != JSON:
        raise UnsupportedMediaTypeError(f"The body must be {JSON}.")
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaTypeError("The body must be UTF-8.")


def is_readonly(request: Request) -> bool:
    """Tell whether a request only reads, so that a replica may serve it; one that will be refused reads.

    Nobody has been authenticated yet, so nothing is decoded, and nothing large is read: a body with a mutation has this
    word, unless it is written with escapes. A session may not mutate.
    """
    if request.method in _READING or "Authorization" not in request.headers:
        return True
    if request.headers.get("Content-Encoding") or not 0 < (request.content_length or 0) <= _MAX_LOOKED_AT:
        return False
    try:
        body = read_body(request)
    except BillingError:
        return True
    return b"mutation" not in body and b"\\u" not in body


def read(request: Request, max_body: int = MAX_BODY) -> Call:
    """Return the parameters of a request whose head is good, or raise a BillingError.

    :param max_body: bytes
    """
    if request.method in _READING:
        return _call(_query_parameters(request), may_mutate=False)
    body = json_text.loads(read_body(request, max_body))
    if isinstance(body, list):
        raise InvalidPayloadError(
            "Batches are not supported: send one request for each operation.", code="batching_not_supported"
        )
    if not isinstance(body, dict):
        raise InvalidPayloadError("The body must be a JSON object.")
    return _call(body, may_mutate=True)


def mutation_over_get() -> MethodNotAllowedError:
    return MethodNotAllowedError("Mutations need POST.", ["POST"])


def status(request: Request, executed: bool, is_our_fault: bool) -> int:
    """Return the status of an answer; clients of plain JSON read the errors of a refused document in a 200 only."""
    if is_our_fault:
        return 500
    return 200 if executed or media_type(request) == JSON else BAD_REQUEST


def response(body: dict, status: int, request: Request, headers: dict[str, str] | None = None) -> Response:
    type_ = media_type(request) or JSON
    return Response(
        json_text.dumps(body),
        status=status,
        headers={"Cache-Control": "no-store", "Vary": VARY, **(headers or {})},
        content_type=f"{type_}; charset=utf-8",
    )


def _query_parameters(request: Request) -> dict[str, Any]:
    parameters: dict[str, Any] = request.args.to_dict()
    for name in ("variables", "extensions"):
        if parameters.get(name):
            parameters[name] = json_text.loads(parameters[name].encode())
        else:
            parameters.pop(name, None)
    return parameters


def _call(parameters: dict[str, Any], *, may_mutate: bool) -> Call:
    query = parameters.get("query")
    if not isinstance(query, str) or not query.strip():
        raise InvalidPayloadError("query must be the text of a GraphQL document.", path="query")
    if len(query) > MAX_LENGTH:
        raise PayloadTooLargeError(f"query has at most {MAX_LENGTH} characters.", code="query_too_large", path="query")
    operation_name = parameters.get("operationName")
    if not isinstance(operation_name, str | None):
        raise InvalidPayloadError("operationName must be a text.", path="operationName")
    for name in ("variables", "extensions"):
        if not isinstance(parameters.get(name), dict | None):
            raise InvalidPayloadError(f"{name} must be a JSON object.", path=name)
    return Call(query, parameters.get("variables") or {}, operation_name or None, may_mutate)
