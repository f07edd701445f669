# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The body of a request, whole or refused: with a length or in chunks, plain or compressed with gzip."""

from __future__ import annotations

import traceback
import zlib
from collections.abc import Iterator
from typing import IO

from werkzeug.exceptions import BadRequest
from werkzeug.serving import DechunkedInput

from odoo.http import HTTPRequest

from .errors import BillingError, InvalidPayloadError, PayloadTooLargeError, UnsupportedMediaTypeError

#: Bytes of a body, also decompressed. Larger than MAX_EVENTS counters with the longest keys need.
MAX_BODY = 16 * 1024 * 1024
_STEP = 64 * 1024
_INPUT_STEP = 4 * 1024
#: Bytes of a line between chunks: one number.
_MAX_CHUNK_LINE = 4 * 1024
_KEPT = "fusion_billing.body"
# zlib's sign for the format of gzip.
_GZIP = 16 + zlib.MAX_WBITS


def read_body(request: HTTPRequest, max_body: int = MAX_BODY) -> bytes:
    """Return a request's body, decompressed; it is read once and kept, since Odoo may run a request again.

    :param max_body: bytes, at most MAX_BODY
    :raises PayloadTooLargeError: beyond ``max_body``
    :raises UnsupportedMediaTypeError: ``unsupported_encoding``
    :raises InvalidPayloadError: ``incomplete_body``, ``invalid_gzip``
    """
    if (request.content_length or 0) > max_body:
        raise _too_large()
    if _KEPT not in request.environ:
        request.environ[_KEPT] = _read_or_refuse(request)
    kept: bytes | BillingError = request.environ[_KEPT]
    if isinstance(kept, BillingError):
        raise kept
    if len(kept) > max_body:
        raise _too_large()
    return kept


def release(request: HTTPRequest, exc: BaseException) -> None:
    """Let go of what a refused request has sent, once it is answered.

    Odoo ties exceptions into reference cycles, which Python clears late: their frames would hold many bodies.
    """
    request.environ.pop(_KEPT, None)
    traceback.clear_frames(exc.__traceback__)
    if isinstance(exc, BillingError):
        exc.__cause__ = exc.__context__ = None


def _read_or_refuse(request: HTTPRequest) -> bytes | BillingError:
    """Return the body, or why there is none: it cannot be read a second time."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    try:
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            message = "A body is sent as it is, or compressed with gzip."
            raise UnsupportedMediaTypeError(message, code="unsupported_encoding")
        body = _read(request)
        return _inflate(body) if encoding.endswith("gzip") else body
    except BillingError as exc:
        return exc


def _read(request: HTTPRequest) -> bytes:
    # More than may be read: at its own limit werkzeug ends a body in chunks without a word.
    request.max_content_length = MAX_BODY + 2 * _STEP
    body = bytearray()
    try:
        for part in _parts(request):
            body += part
            if len(body) > MAX_BODY:
                raise _too_large()
    except BadRequest as exc:  # ClientDisconnected, which also stands for chunks that are none
        raise InvalidPayloadError(
            "The body ended too early, or its chunks are broken.", code="incomplete_body"
        ) from exc
    return bytes(body)


def _parts(request: HTTPRequest) -> Iterator[bytes | memoryview]:
    """Yield the body as it comes, in pieces of at most _STEP bytes."""
    # Odoo shows of werkzeug's request only what it lists (odoo/http.py: HTTPREQUEST_ATTRIBUTES), not its stream.
    stream = request._HTTPRequest__wrapped.stream
    if request.content_length is not None:
        while part := stream.read(_STEP):
            yield part
        return
    _bound_chunk_lines(request)
    # Into a view, whose size is fixed: werkzeug's reader of chunks shrinks a buffer when a client hangs up, and
    # Python's read() would then take the memory behind it for the body.
    view = memoryview(bytearray(_STEP))
    while length := stream.readinto(view):
        yield view[:length]


def _bound_chunk_lines(request: HTTPRequest) -> None:
    """Have a long line between chunks end the body: werkzeug reads each whole, however long."""
    # Of werkzeug's request: Odoo's environ leaves out what begins with "wsgi." (odoo/http.py: HTTPRequest).
    source = request._HTTPRequest__wrapped.environ["wsgi.input"]
    if isinstance(source, DechunkedInput) and not isinstance(source._rfile, _ShortLines):
        source._rfile = _ShortLines(source._rfile)  # type: ignore[assignment]


class _ShortLines:
    """What werkzeug's DechunkedInput reads of a file, with a limit on its lines."""

    def __init__(self, file: IO[bytes]):
        self._file = file

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def readline(self) -> bytes:
        line = self._file.readline(_MAX_CHUNK_LINE)
        if len(line) == _MAX_CHUNK_LINE:
            raise OSError("too long a line between chunks")  # werkzeug makes a ClientDisconnected of it
        return line


def _inflate(body: bytes) -> bytes:
    inflated = bytearray()
    try:
        for part in _inflated_parts(body):
            inflated += part
            if len(inflated) > MAX_BODY:
                raise _too_large()
    except zlib.error as exc:
        raise InvalidPayloadError("The body is no gzip.", code="invalid_gzip") from exc
    return bytes(inflated)


def _inflated_parts(body: bytes) -> Iterator[bytes]:
    """Yield what is in a gzip file in pieces of at most _STEP bytes; a file may have several members."""
    member = None
    # In small pieces: zlib copies what it leaves of its input, and a member may be as short as 20 bytes.
    for start in range(0, len(body), _INPUT_STEP):
        rest = body[start : start + _INPUT_STEP]
        is_full = False
        while rest or is_full:
            if member is None or member.eof:
                member = zlib.decompressobj(_GZIP)
            part = member.decompress(rest, _STEP)
            yield part
            rest = member.unused_data if member.eof else member.unconsumed_tail
            is_full = len(part) == _STEP and not member.eof  # there may be more than was given out
    if member is not None and not member.eof:
        raise zlib.error("the end is missing")


def _too_large() -> PayloadTooLargeError:
    return PayloadTooLargeError("The request body is too large.")
