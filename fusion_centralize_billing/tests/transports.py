# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The transports of the API as the parity tests see them: an operation in, an outcome out.

An addon with a transport of its own derives its test from ParityMixin (parity.py) and adds it to ``transports``.
"""

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from werkzeug.http import parse_options_header

from ..api.jsonrpc_methods import PATH
from ..api.operations import OPERATIONS, PDF


@dataclass
class Outcome:
    """What a client learns, apart from the wire format.

    :param code: stable code of the error; None for an answer
    :param errors: ``{"path", "code", "message"}`` for each fault
    """

    code: str | None = None
    answer: Any = None
    message: str = ""
    errors: list = field(default_factory=list)


class Transport:
    """A way to the operations.

    The outcomes that are compared are plain: an Outcome's values, with ids that differ from run to run named.
    """

    name = ""

    def run(self, test, operation_name, payload, key):
        """Run an operation and return its Outcome; ``key=None`` sends no key."""
        raise NotImplementedError

    def compare(self, test, operation_name, outcome, reference):
        """Check that a client of this transport learns what one of the first transport (REST) learns."""
        test.assertEqual(outcome, reference, f"{self.name} differs")


class RestTransport(Transport):
    name = "REST"

    def run(self, test, operation_name, payload, key):
        operation = OPERATIONS[operation_name]
        path, body = operation.path, dict(payload)
        for parameter in [name for name in body if f"<{name}>" in path]:
            path = path.replace(f"<{parameter}>", quote(str(body.pop(parameter)), safe=""))
        headers = {"Authorization": f"Bearer {key}" if key else None}
        if operation.verb == "GET":
            response = test._call(path, params=body, headers=headers)
        else:
            response = test._call(path, body, method=operation.verb, headers=headers)
        return self._read(test, response, operation)

    def _read(self, test, response, operation):
        answer = self._read_document(response) or response.json()
        if answer["status"] == "ok":
            test.assertEqual(response.status_code, operation.status)
            operation.answer.model_validate(answer)
            return Outcome(answer=answer)
        test.assertGreaterEqual(response.status_code, 400)
        return Outcome(answer["code"], None, answer["message"], answer["errors"])

    def _read_document(self, response):
        """Return an answer that REST sends as bytes in the form of the other transports."""
        if response.headers["Content-Type"] != PDF:
            return None
        _disposition, options = parse_options_header(response.headers["Content-Disposition"])
        content = base64.b64encode(response.content).decode()
        return {"status": "ok", "filename": options["filename"], "content_type": PDF, "content_base64": content}


class JsonrpcTransport(Transport):
    name = "JSON-RPC"

    def run(self, test, operation_name, payload, key):
        message = {"jsonrpc": "2.0", "method": operation_name, "params": payload, "id": 1}
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        response = test.url_open(PATH, data=json.dumps(message), headers=headers, timeout=60)
        answer = response.json()
        if "result" in answer:
            test.assertEqual(response.status_code, 200)
            return Outcome(answer=answer["result"])
        data = answer["error"]["data"]
        test.assertEqual(response.status_code, 401 if data["code"] == "unauthenticated" else 200)
        return Outcome(data["code"], None, data["message"], data["errors"])
