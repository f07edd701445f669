# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import json
from decimal import Decimal

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..models.usage_row import UsageRow, naive_utc
from .common import BillingCase, load_script

_JAN_10 = ("2026-01-10", "2026-01-11")
_BELOW = 1000
#: When the database server was started.
_RUN = "2026-01-01 00:00:00+00"


@tagged("post_install", "-at_install")
class TestRatedCounters(BillingCase):
    """A ledger row leads to its counters as they were when it was rated: they add up to it, whatever comes later."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with trap_jobs():
            cls.order = cls._create_subscription()
        cls.charge = cls._create_charge()

    def _push(self, quantity, key="k", times=_JAN_10, **properties):
        start, end = map(naive_utc, times)
        row = UsageRow(self.order.id, self.metric.id, Decimal(quantity), start, end, key, properties or None)
        self.env["fusion.billing.usage"]._upsert(self.service, [row])

    def _get_usage(self, key="k"):
        return self.env["fusion.billing.usage"].search([("idempotency_key", "=", key)])

    def _get_row(self, sequence=0):
        return self._get_ratings(self.order).filtered(lambda row: row.sequence == sequence)[:1]

    def _get_counters(self, row):
        return {
            counter["idempotency_key"]: (
                str(counter["quantity"]),
                None if counter["current_quantity"] is None else str(counter["current_quantity"]),
                counter["correction"],
            )
            for counter in row._get_counters()
        }

    # === WHAT COMES LATER === #

    def test_later_corrections_are_shown_beside_what_was_rated(self):
        self._push(5, "kept")
        self._push(7, "amended")
        self._push(11, "voided")
        self._push(13, "deleted")
        self._push(17, "moved")
        self._invoice_on(self.order, "2026-02-01")
        self._get_usage("amended")._amend(Decimal("6.5"), "Meter was off")
        self._get_usage("amended")._amend(Decimal("6.25"), "And again")
        self._get_usage("voided")._void("Counted twice")
        self._get_usage("deleted").unlink()
        self._push(17, "moved", ("2026-02-10", "2026-02-11"))
        self._push(19, "late")
        self.assertEqual(
            self._get_counters(self._get_row()),
            {
                "kept": ("5", "5", None),
                "amended": ("7", "6.25", "amended"),
                "voided": ("11", "11", "voided"),
                "deleted": ("13", None, "deleted"),
                "moved": ("17", "17", "amended"),
            },
        )

    def test_an_adjustment_shows_the_whole_period_as_it_was_when_the_adjustment_was_rated(self):
        self._push(5, "a")
        self._push(7, "b")
        self._invoice_on(self.order, "2026-02-01")
        self._get_usage("b")._amend(Decimal(10), "Meter was off")
        self._push(1, "late")
        self._invoice_on(self.order, "2026-03-01")
        self._get_usage("a")._void("Counted twice")
        first, adjustment = self._get_row(0), self._get_row(1)
        self.assertEqual((first.total_quantity, adjustment.total_quantity, adjustment.amount), (12, 16, 4))
        self.assertEqual(self._get_counters(first), {"a": ("5", "5", "voided"), "b": ("7", "10", "amended")})
        self.assertEqual(
            self._get_counters(adjustment),
            {"a": ("5", "5", "voided"), "b": ("10", "10", None), "late": ("1", "1", None)},
        )

    def test_what_was_void_or_deleted_before_is_not_shown(self):
        self._push(5, "kept")
        self._push(7, "void")
        self._push(11, "deleted")
        self._get_usage("void")._void("Counted twice")
        self._get_usage("deleted").unlink()
        self._rate(self.order)
        self._get_usage("void").unlink()
        self.assertEqual(self._get_counters(self._get_row()), {"kept": ("5", "5", None)})

    def test_an_open_row_follows_its_rating(self):
        self._push(5)
        self._rate(self.order)
        self._push(6)
        self.assertEqual(self._get_counters(self._get_row()), {"k": ("5", "6", "amended")})
        self._rate(self.order)
        self.assertEqual(self._get_counters(self._get_row()), {"k": ("6", "6", None)})

    def test_an_end_that_is_set_later_adds_nothing_to_what_was_rated(self):
        self._push(5, "january")
        self._push(7, "later", ("2026-02-10", "2026-02-11"))
        self._invoice_on(self.order, "2026-02-01")
        with self._on("2026-02-01"), trap_jobs():
            self.order._fc_terminate()
        self._run_closing_jobs(self.order, "2026-02-01")
        self.assertEqual(self._get_counters(self._get_row(0)), {"january": ("5", "5", None)})
        both = {"january": ("5", "5", None), "later": ("7", "7", None)}
        self.assertEqual(self._get_counters(self._get_row(1)), both)

    def test_a_counter_that_leaves_a_group_is_shown_where_it_was_rated(self):
        self.charge.write({"group_by": "region", "price_effective_from": "2026-01-01"})
        self._push(5, region="eu")
        self._invoice_on(self.order, "2026-02-01")
        self._push(5, region="us")
        self._rate(self.order, "2026-02-02")
        found = {
            (row.dimensions, row.sequence): [str(counter["quantity"]) for counter in row._get_counters()]
            for row in self._get_ratings(self.order)
            if str(row.first_day) == "2026-01-01"
        }
        self.assertEqual(found, {("region: eu", 0): ["5"], ("region: eu", 1): [], ("region: us", 0): ["5"]})

    def test_a_charge_that_applies_no_more_leads_to_no_counters(self):
        self._push(5)
        self._rate(self.order)
        self.charge.effective_until = "2026-01-01"
        self._rate(self.order)
        row = self._get_row()
        self.assertEqual((row.total_quantity, row._get_counters()), (0, []))

    # === WHO CAME FIRST === #

    def test_what_a_rating_saw_is_told_by_transactions_and_between_servers_by_times(self):
        """The reading: snapshot 100:200:150 in transaction 180, at noon; last counter 7."""
        reading = {"snapshot": "100:200:150", "xact": "180", "run": _RUN, "at": "2026-01-10 12:00:00"}
        reading |= {"counter": 7 - _BELOW, "correction": 7}
        cases = [
            ("committed before", "99", _RUN, "2026-01-10 11:00:00", 1, True),
            ("committed before, begun just now", "120", _RUN, "2026-01-10 12:00:00", 1, True),
            ("committed meanwhile, begun before", "150", _RUN, "2026-01-10 11:00:00", 6, False),
            ("written after the snapshot, begun before", "200", _RUN, "2026-01-10 11:00:00", 9, False),
            ("in the same transaction, before", "180", _RUN, "2026-01-10 12:00:00", 7, True),
            ("in the same transaction, after", "180", _RUN, "2026-01-10 12:00:00", 8, False),
            ("on the server that the dump came from", "900", "2025-06-01 00:00:00+00", "2026-01-10 10:00:00", 5, True),
            ("on the server to which a dump went", "3", "2026-02-01 00:00:00+00", "2026-02-02 00:00:00", 9, False),
            ("by an older version", None, None, "2026-01-10 11:00:00", 1, True),
        ]
        self._push(5)
        self._rate(self.order)
        self._set_reading(reading)
        for reason, *origin, expected in cases:
            with self.subTest(reason):
                self._set_origin(*origin)
                self.assertEqual(bool(self._get_row()._get_counters()), expected)

    def test_what_an_older_version_rated_is_told_by_times(self):
        self._push(5)
        self._rate(self.order)
        self._set_reading(None)
        self.env.cr.execute("UPDATE fusion_billing_rating SET rated_at = '2026-01-10 12:00:00'")
        cases = [
            ("recorded before", None, None, "2026-01-10 11:59:59", True),
            ("recorded after", None, None, "2026-01-10 12:00:01", False),
            ("recorded after the upgrade", "5", _RUN, "2026-01-10 11:00:00", False),
        ]
        for reason, *origin, expected in cases:
            with self.subTest(reason):
                self._set_origin(*origin, 1)
                self.assertEqual(bool(self._get_row()._get_counters()), expected)

    def test_an_upgrade_finds_the_counters_of_what_was_rated_before(self):
        for number, key in enumerate(("kept", "deleted", "amended")):
            self._push(number + 5, key)
        self._invoice_on(self.order, "2026-02-01")
        self._get_usage("amended")._amend(Decimal(1), "Meter was off")
        self._get_usage("deleted").unlink()
        self._forget()
        load_script("19.0.1.1.0/post-rated_counters.py").migrate(self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()
        expected = {"kept": ("5", "5", None), "deleted": ("6", None, "deleted"), "amended": ("7", "1", "amended")}
        self.assertEqual(self._get_counters(self._get_row()), expected)

    def _forget(self):
        """Leave the tables as an older version did: January is rated on February 1, what comes later is later."""
        self.env.flush_all()
        rated = "UPDATE fusion_billing_rating SET usage_until = NULL, reading = NULL, rated_at = '2026-02-01 12:00:00'"
        self.env.cr.execute(rated)
        origin = "recorded_in = NULL, recorded_run = NULL"
        self.env.cr.execute(f"UPDATE fusion_billing_usage SET {origin}, create_date = '2026-01-11'")
        self.env.cr.execute(
            f"UPDATE fusion_billing_usage_history SET {origin}, create_date = '2026-02-03', counter_id = NULL,"
            " counter_in = NULL, counter_run = NULL, counter_date = NULL, source = NULL"
        )

    def _set_reading(self, reading):
        self.env.flush_all()
        self.env.cr.execute("UPDATE fusion_billing_rating SET reading = %s", [reading and json.dumps(reading)])
        self.env.invalidate_all()

    def _set_origin(self, xact, run, at, number):
        """Let the only counter come from a transaction, with a number that is less than those of real ones."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE fusion_billing_usage SET recorded_in = %s::text::xid8, recorded_run = %s, create_date = %s, id = %s"
            " WHERE subscription_id = %s",
            [xact, run, at, number - _BELOW, self.order.id],
        )
        self.env.invalidate_all()

    # === READING THEM === #

    def test_people_see_the_counters_of_a_rating_and_their_total(self):
        self._push(5, "a")
        self._push(7, "b")
        self._invoice_on(self.order, "2026-02-01")
        self._get_usage("b")._amend(Decimal(10), "Meter was off")
        reader = self._create_user("fusion_centralize_billing.group_billing_user")
        row = self._get_row().with_user(reader)
        action = row.action_view_usage()
        self.assertIn("used 12", action["name"])
        counters = self.env[action["res_model"]].with_user(reader).with_context(action["context"]).search([])
        self.assertRecordValues(
            counters.sorted("idempotency_key"),
            [
                {"idempotency_key": "a", "quantity": 5, "current_quantity": 5, "correction": False},
                {"idempotency_key": "b", "quantity": 7, "current_quantity": 10, "correction": "amended"},
            ],
        )
        self.assertEqual(sum(counters.mapped("quantity")), row.total_quantity)
        self.assertEqual(counters[0].action_open_counter()["res_id"], counters[0].usage_id.id)

    def test_a_deleted_counter_leads_to_its_corrections(self):
        self._push(5)
        self._rate(self.order)
        self._get_usage().unlink()
        action = self._get_row().action_view_usage()
        counter = self.env[action["res_model"]].with_context(action["context"]).search([])
        opened = counter.action_open_counter()
        self.assertEqual(self.env[opened["res_model"]].search(opened["domain"]).mapped("kind"), ["deleted"])

    def test_nobody_sees_counters_of_ratings_that_he_may_not_read(self):
        self._push(5)
        self._rate(self.order)
        counters = self.env["fusion.billing.rated.counter"].with_context(rating_id=self._get_row().id)
        company = self.env["res.company"].create({"name": "Other"})
        groups = "fusion_centralize_billing.group_billing_manager"
        stranger = self._create_user(groups, company_id=company.id, company_ids=[(6, 0, company.ids)])
        self.assertFalse(counters.with_user(stranger).with_company(company).search([]))
        self.assertTrue(counters.search([]))
        with self.assertRaises(AccessError):
            counters.with_user(self.service.user_id).search([])

    def test_without_a_rating_there_are_no_counters(self):
        self._push(5)
        self._rate(self.order)
        counters = self.env["fusion.billing.rated.counter"]
        for rating_id in (None, 0, "1", [self._get_row().id]):
            self.assertFalse(counters.with_context(rating_id=rating_id).search([]))

    def test_the_api_lists_what_was_rated_page_by_page(self):
        for number in range(5):
            self._push(number + 1, f"k{number}")
        self._invoice_on(self.order, "2026-02-01")
        self._get_usage("k1")._amend(Decimal(10), "Meter was off")
        self._get_usage("k2")._void("Counted twice")
        self._get_usage("k3").unlink()
        request, pages = {"rating_id": self._get_row().id, "limit": 2}, []
        while not pages or pages[-1]["next_cursor"]:
            cursor = {"cursor": pages[-1]["next_cursor"]} if pages else {}
            pages.append(self.service._api_list_rating_usage({**request, **cursor}))
        found = [
            (
                row["idempotency_key"],
                row["quantity"],
                row["current_quantity"],
                row["correction"],
                bool(row["voided_at"]),
            )
            for page in pages
            for row in page["usage"]
        ]
        expected = [
            ("k4", "5", "5", None, False),
            ("k3", "4", None, "deleted", False),
            ("k2", "3", "3", "voided", True),
            ("k1", "2", "10", "amended", False),
            ("k0", "1", "1", None, False),
        ]
        self.assertEqual(found, expected)
        self.assertEqual([len(page["usage"]) for page in pages], [2, 2, 1])

    def test_a_service_sees_its_own_counters_only(self):
        other = self._create_service()
        row = UsageRow(self.order.id, self.metric.id, Decimal(7), *map(naive_utc, _JAN_10), "theirs")
        self.env["fusion.billing.usage"]._upsert(other, [row])
        self._push(5, "ours")
        self._rate(self.order)
        self._get_usage("theirs").unlink()
        answer = self.service._api_list_rating_usage({"rating_id": self._get_row().id})
        self.assertEqual([counter["idempotency_key"] for counter in answer["usage"]], ["ours"])
