# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The API, once for every transport.

errors           one family of errors, and what a client sees of any exception
json_text        request bodies in, answers out, without passing money through floats
operations       the table of operations: read this first
payloads, list_payloads, invoice_payloads
                 what each operation accepts (pydantic)
answers          what each operation answers (pydantic, for the descriptions and the tests)
plain_values     values of records as answers show them
routes           the table as REST paths
execution        execute(): key, scope, payload, handler
idempotency      keys that make a request safe to send again
dispatchers      one wire format each
refusals         the request's id, one line in the log for each refusal
http_request     the key and the body of an HTTP request
openapi          the table as an OpenAPI document
jsonrpc          the protocol JSON-RPC 2.0, without Odoo
jsonrpc_methods  the table as JSON-RPC methods
openrpc          the table as an OpenRPC document
"""

from . import dispatchers
