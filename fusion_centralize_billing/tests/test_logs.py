# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import contextlib
import logging
from unittest.mock import patch

import psycopg2
from psycopg2 import errors

from odoo.tests import tagged

from ..api.errors import from_exception
from ..logs.keys import without_keys
from .common import BillingCase, BillingHttpCase, unique

_KEY = "fcb_0123abcd_" + "Zz9-_" * 8
_VALUE = "what-only-the-client-knows"


@tagged("post_install", "-at_install")
class TestKeysInLogs(BillingHttpCase):
    def test_the_access_log_shows_no_key_that_stood_in_a_url(self):
        paths = [
            f"/plans?api_key={self.key}",
            f"/plans?api_key={self.key.replace('_', '%5F')}",
            f"/{self.key}/plans",
        ]
        for path in paths:
            with self.subTest(path), self.assertLogs("werkzeug", level=logging.INFO) as logs:
                self._call(path)
            with self.subTest(path):
                told = "".join(record.getMessage() for record in logs.records)
                self.assertIn("fcb_...", told)
                self.assertNotIn(self.key[20:30], told)

    def test_keys_go_and_everything_else_stays(self):
        cases = [
            (f"GET /a?key={_KEY}&b=1 HTTP/1.1", "GET /a?key=fcb_...&b=1 HTTP/1.1"),
            (f"{_KEY} {_KEY}", "fcb_... fcb_..."),
            (_KEY.upper(), "fcb_..."),
            (_KEY.replace("_", "%5f"), "fcb_..."),
            ("fcb_0123abcd", "fcb_0123abcd"),
            ("100% of /fcb/", "100% of /fcb/"),
        ]
        for text, expected in cases:
            with self.subTest(text):
                self.assertEqual(without_keys(text), expected)

    def test_a_traceback_of_a_request_shows_no_key(self):
        logger = logging.getLogger("odoo.http")
        with self.assertLogs(logger, level="ERROR") as logs:
            try:
                raise ValueError(f"nobody knows {_KEY}")
            except ValueError:
                logger.exception("100%% failed: %s", _KEY)
        [record] = logs.records
        text = logging.Formatter().format(record)
        self.assertIn("ValueError: nobody knows fcb_...", text)
        self.assertIn("100% failed: fcb_...", text)
        self.assertNotIn(_KEY, text)


@tagged("post_install", "-at_install")
class TestRefusedRequestsInLogs(BillingHttpCase):
    def test_what_the_database_refused_to_a_request_is_logged_without_the_values(self):
        def insert(service, _request):
            service.env.cr.execute("INSERT INTO fusion_billing_idempotency_key (key) VALUES (%s)", [_VALUE])

        with (
            patch.object(self.registry["fusion.billing.service"], "_api_catalog", insert),
            self.assertLogs(level=logging.INFO) as logs,
        ):
            self.assertRefused(self._call("/plans"), 422, "validation_failed")
        told = [record.getMessage() for record in logs.records]
        self.assertIn("NotNullViolation (SQLSTATE 23502)", "".join(told))
        self.assertFalse([line for line in told if _VALUE in line])
        self.assertFalse([record for record in logs.records if record.levelno >= logging.ERROR])


@tagged("post_install", "-at_install")
class TestStatementsInLogs(BillingCase):
    def _records_of(self, statement, *values):
        """Return what a statement that fails leaves in the log."""
        with (
            self.assertLogs("odoo.sql_db", level=logging.INFO) as logs,
            contextlib.suppress(psycopg2.Error),
            self.env.cr.savepoint(flush=False),
        ):
            self.env.cr.execute(statement, values)
        return logs.records

    def test_a_conflict_is_one_line_without_values(self):
        key = unique("key")
        insert = (
            "INSERT INTO fusion_billing_idempotency_key (service_id, key, operation, fingerprint)"
            " VALUES (%s, %s, 'recordUsage', %s)"
        )
        self.env.cr.execute(insert, [self.service.id, key, _VALUE])
        [record] = self._records_of(insert, self.service.id, key, _VALUE)
        self.assertEqual(
            (record.levelname, record.getMessage()),
            (
                "INFO",
                "A statement on fusion_billing_idempotency_key was refused: UniqueViolation"
                " (SQLSTATE 23505, fusion_billing_idempotency_key_service_key_uniq)",
            ),
        )

    def test_other_faults_and_other_addons_statements_are_logged_as_before(self):
        name = f"'{_VALUE}'"
        cases = [
            # statement, why it is not shortened
            (f"SELECT 1 / 0 FROM fusion_billing_usage, (VALUES ({name})) AS v WHERE false OR 1 / 0 = 1", "a fault"),
            (f"INSERT INTO ir_config_parameter (key, value) SELECT key, {name} FROM ir_config_parameter", "not ours"),
        ]
        for statement, reason in cases:
            with self.subTest(reason):
                [record] = self._records_of(statement)
                self.assertEqual(record.levelname, "ERROR")
                self.assertIn(_VALUE, record.getMessage())

    def test_what_a_constraint_refuses_is_logged_without_the_values(self):
        with self.assertRaises(errors.NotNullViolation) as caught, self.env.cr.savepoint(flush=False):
            self.env.cr.execute(
                "INSERT INTO fusion_billing_idempotency_key (key) VALUES (%s)", [_VALUE], log_exceptions=False
            )
        self.assertIn(_VALUE, str(caught.exception))
        with self.assertLogs("odoo.addons.fusion_centralize_billing.api.errors", level="WARNING") as logs:
            from_exception(caught.exception)
        self.assertIn("NotNullViolation", logs.output[0])
        self.assertNotIn(_VALUE, logs.output[0])
