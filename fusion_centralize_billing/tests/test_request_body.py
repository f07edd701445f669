# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import gzip
import json
import zlib
from unittest.mock import Mock, patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import tagged

from ..api import json_text
from ..api.errors import PayloadTooLargeError
from ..api.jsonrpc_methods import PATH
from ..api.request_body import MAX_BODY
from .common import BillingHttpCase


@tagged("post_install", "-at_install")
class TestRequestBody(BillingHttpCase):
    """A body is read whole or refused. In chunks, which need a raw socket: tests_integration/test_bodies.py."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with trap_jobs():
            cls.order = cls._create_subscription()
        cls.body = json.dumps({"external_id": "zipped"}).encode()

    def _send(self, body, encoding):
        return self._call("/customers", body=body, headers={"Content-Encoding": encoding})

    # === GZIP === #

    def test_a_compressed_body_is_read(self):
        half = len(self.body) // 2
        bodies = {
            "gzip": gzip.compress(self.body),
            "GZIP": gzip.compress(self.body, 1),
            "x-gzip": gzip.compress(self.body[:half]) + gzip.compress(self.body[half:]),
            "identity": self.body,
            "": self.body,
        }
        for encoding, body in bodies.items():
            with self.subTest(encoding):
                self.assertEqual(self._send(body, encoding).json()["external_id"], "zipped")

    def test_a_compressed_body_of_just_the_limit_is_read(self):
        body = self.body.ljust(MAX_BODY)
        self.assertEqual(self._send(gzip.compress(body), "gzip").status_code, 200)
        self.assertRefused(self._send(gzip.compress(body + b" "), "gzip"), 413, "payload_too_large")

    def test_a_gzip_bomb_is_refused(self):
        packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        zeros = b"0" * MAX_BODY
        bomb = b"".join(packer.compress(zeros) for _megabytes in range(8)) + packer.flush()
        self.assertLess(len(bomb), MAX_BODY)
        self.assertRefused(self._send(bomb, "gzip"), 413, "payload_too_large")

    def test_many_short_members_are_read_once(self):
        """A reader that copies what is left after each of them takes minutes for a body of the greatest size."""
        decompressobj, given = zlib.decompressobj, []

        def counting(*args):
            member = decompressobj(*args)
            counted = Mock(wraps=member)
            counted.decompress.side_effect = lambda data, size: given.append(len(data)) or member.decompress(data, size)
            for name in ("eof", "unused_data", "unconsumed_tail"):
                setattr(type(counted), name, property(lambda _mock, name=name: getattr(member, name)))
            return counted

        body = gzip.compress(b"") * 2000 + gzip.compress(self.body) + gzip.compress(b"") * 2000
        with patch("odoo.addons.fusion_centralize_billing.api.request_body.zlib.decompressobj", counting):
            self.assertEqual(self._send(body, "gzip").json()["external_id"], "zipped")
        self.assertLess(max(given), 10_000)
        self.assertLess(sum(given), 200 * len(body))

    def test_what_is_no_gzip_is_refused(self):
        whole = gzip.compress(self.body)
        spoilt = whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:]
        for kind, body in (("text", self.body), ("cut", whole[:-3]), ("checksum", spoilt), ("more", whole + b"{}")):
            with self.subTest(kind):
                self.assertRefused(self._send(body, "gzip"), 400, "invalid_gzip")

    def test_another_encoding_is_refused(self):
        for encoding in ("deflate", "br", "gzip, gzip", "chunked"):
            with self.subTest(encoding):
                self.assertRefused(self._send(self.body, encoding), 415, "unsupported_encoding")

    def test_a_call_of_jsonrpc_may_be_compressed(self):
        message = gzip.compress(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "catalog"}).encode())
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        headers["Authorization"] = f"Bearer {self.key}"
        self.assertIn("result", self.url_open(PATH, data=message, headers=headers).json())

    # === WHAT IS IN IT === #

    def test_another_encoding_of_text_than_utf_8_is_no_json(self):
        text = self.body.decode()
        self.assertRefused(self._call("/customers", body=text.encode("utf-16")), 400, "invalid_json")
        self.assertEqual(self._call("/customers", body=text.encode("utf-8-sig")).status_code, 200)

    def test_too_many_values_are_refused_before_they_are_made(self):
        limit = json_text.MAX_VALUES
        for kind, part in (("numbers", b"1.1,"), ("arrays", b"[],"), ("objects", b'{"a":1},')):
            with self.subTest(kind):
                with self.assertRaises(PayloadTooLargeError) as caught:
                    json_text.loads(b"[" + part * limit + b"1]")
                self.assertEqual(caught.exception.code, "too_many_values")

    def test_what_stands_in_texts_is_no_value(self):
        text = '",[{\\"\\\\' * json_text.MAX_VALUES
        self.assertEqual(json_text.loads(json.dumps([text]).encode()), [text])

    def test_a_full_batch_with_all_properties_is_read(self):
        properties = {f"property_{number}": f"a, b, [{number}]" for number in range(20)}
        event = self._event(self.order, idempotency_key="k", properties=properties)
        body = json.dumps({"events": [event] * 5000}, separators=(",", ":")).encode()
        self.assertLess(len(body), MAX_BODY)
        self.assertEqual(len(json_text.loads(body)["events"]), 5000)
