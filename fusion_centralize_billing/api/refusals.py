# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The id of each request, and one line in the log for each refusal.

A line names the request, the service, the operation, the stable code and the HTTP status; nothing of the body, and no
key. The status is that of the error: a call of JSON-RPC that failed is answered with 200 all the same. Refusals are
noted where they are found, and written when the answer is ready: what is noted while a transaction runs that is run
again never happened.

What is noted lies in the WSGI environment, and ends with the request; without a request nothing is noted.
"""

from __future__ import annotations

import logging
import re
import uuid
from dataclasses import dataclass, field

from odoo.http import HTTPRequest, request

from ..logs.keys import without_keys

HEADER = "X-Request-Id"
_logger = logging.getLogger(__name__)
_PLACE = "fusion_billing.refusals"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOBODY = "-"


@dataclass
class _Notes:
    request_id: str
    service: str = _NOBODY
    operation: str = _NOBODY
    refusals: list[tuple[str, str, int]] = field(default_factory=list)


def request_id(httprequest: HTTPRequest) -> str:
    """Return the id that the client or a proxy gave the request, or a new one."""
    return _notes(httprequest).request_id


def begin() -> None:
    """Forget what was noted while the request ran before: Odoo runs it again after a conflict."""
    if request:
        notes = _notes(request.httprequest)
        notes.service, notes.operation, notes.refusals = _NOBODY, _NOBODY, []


def note_service(code: str) -> None:
    """Note who asks."""
    if request:
        _notes(request.httprequest).service = code


def note_operation(name: str) -> None:
    """Note what is asked, where a request is one operation."""
    if request:
        _notes(request.httprequest).operation = name


def note(code: str, status: int, operation: str | None = None) -> None:
    """Note a refusal.

    :param status: the HTTP status that the error has, whatever the transport answers with
    :param operation: its name, where a request is several; never what a client made up
    """
    if request:
        notes = _notes(request.httprequest)
        notes.refusals.append((operation or notes.operation, code, status))


def write_down() -> None:
    """Write a line for each refusal that was noted."""
    notes = _notes(request.httprequest)
    for operation, code, status in notes.refusals:
        _logger.info(
            "API request %s refused: service=%s operation=%s code=%s status=%s",
            *(notes.request_id, notes.service, operation, code, status),
        )
    notes.refusals = []


def _notes(httprequest: HTTPRequest) -> _Notes:
    environ = httprequest.environ
    if _PLACE not in environ:
        environ[_PLACE] = _Notes(_given_id(httprequest) or uuid.uuid4().hex)
    notes: _Notes = environ[_PLACE]
    return notes


def _given_id(httprequest: HTTPRequest) -> str | None:
    given: str = httprequest.headers.get(HEADER, "")
    return given if _ID.fullmatch(given) and without_keys(given) == given else None
