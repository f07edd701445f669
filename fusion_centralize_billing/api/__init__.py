# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The API, once for every transport.

errors       one family of errors, and what a client sees of any exception
json_text    request bodies in, answers out, without passing money through floats
payloads     what each operation accepts (pydantic)
operations   the table of operations: read this first
execution    execute(): key, scope, payload, handler
dispatchers  one wire format each
openapi      the table as an OpenAPI document
"""

from . import dispatchers
