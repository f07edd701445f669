# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import BillingCase

#: Odoo's amount, the other system's, tolerance (None: the default), currency, difference, status, reason.
_COMPARISONS = [
    (100, 100, None, "CAD", 0, "match", "equal"),
    (0, 0, None, "CAD", 0, "match", "nothing was billed on either side"),
    (100.01, 100, None, "CAD", 0.01, "match", "as much as the tolerance"),
    (100, 100.01, None, "CAD", -0.01, "match", "as much as the tolerance, downwards"),
    (100.02, 100, None, "CAD", 0.02, "delta", "beyond the tolerance"),
    (99.98, 100, None, "CAD", -0.02, "delta", "beyond the tolerance, downwards"),
    (0.3, 0.29, None, "CAD", 0.01, "match", "as floats 0.3 - 0.29 is more than 0.01"),
    (1.1, 1.09, 0, "CAD", 0.01, "delta", "no tolerance at all"),
    (100, 95, 5, "CAD", 5, "match", "a tolerance of its own"),
    (100, 0, None, "CAD", 100, "delta", "billed by Odoo only"),
    (0, 12.34, None, "CAD", -12.34, "delta", "billed elsewhere only"),
    (-5, 5, None, "CAD", -10, "delta", "a credit on one side"),
    (1234567.89, 1234567.87, None, "CAD", 0.02, "delta", "large amounts"),
    (100, 99, None, "JPY", 1, "delta", "a currency without cents"),
    (1.009, 1, None, "KWD", 0.009, "match", "a currency of three digits"),
    (1.011, 1, None, "KWD", 0.011, "delta", "a currency of three digits, beyond"),
]


@tagged("post_install", "-at_install")
class TestReconciliation(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._create_user("fusion_centralize_billing.group_billing_manager")
        cls.user = cls._create_user("fusion_centralize_billing.group_billing_user")

    def _compare(self, odoo_amount=25, external_amount=20, currency="CAD", **values):
        return self.env["fusion.billing.reconciliation"].create(
            {
                "service_id": self.service.id,
                "partner_id": self.partner.id,
                "currency_id": self._get_currency(currency).id,
                "period_start": "2026-01-01",
                "period_end": "2026-02-01",
                "odoo_amount": odoo_amount,
                "external_amount": external_amount,
                **values,
            }
        )

    # === AMOUNTS === #

    def test_amounts_that_differ_by_no_more_than_the_tolerance_match(self):
        for ours, theirs, tolerance, currency, delta, status, reason in _COMPARISONS:
            with self.subTest(reason):
                values = {} if tolerance is None else {"tolerance": tolerance}
                row = self._compare(ours, theirs, currency, **values)
                self.env.flush_all()
                row.invalidate_recordset()
                self.assertEqual((row.delta, row.status), (delta, status))

    def test_a_period_of_a_subscription_is_compared_once(self):
        subscription = self._create_subscription()
        self._compare(subscription_id=subscription.id)
        self._compare(subscription_id=subscription.id, period_start="2026-02-01", period_end="2026-03-01")
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
            self._compare(subscription_id=subscription.id)

    def test_what_was_billed_outside_of_subscriptions_may_be_several_rows(self):
        rows = self._compare() | self._compare(odoo_amount=0)
        self.assertEqual(rows.mapped("delta"), [5, -20])

    # === RESOLVING === #

    def test_a_difference_is_resolved_with_a_reason(self):
        row = self._compare().with_user(self.manager)
        row.note = "The setup fee was waived there."
        row.action_resolve()
        expected = {"status": "resolved", "delta": 5, "resolved_delta": 5, "resolved_by_id": self.manager.id}
        self.assertRecordValues(row, [expected])
        self.assertTrue(row.resolved_at)

    def test_a_difference_is_not_resolved_without_a_reason(self):
        row = self._compare().with_user(self.manager)
        for note in (False, "", "  \n"):
            row.note = note
            with self.subTest(note=note), self.assertRaisesRegex(UserError, "Say in the note"):
                row.action_resolve()
        self.assertEqual(row.status, "delta")

    def test_what_matches_or_is_resolved_is_not_resolved(self):
        resolved = self._compare(note="Known.")
        resolved.action_resolve()
        for row in (self._compare(20, 20, note="Equal."), resolved):
            with self.subTest(row.status), self.assertRaisesRegex(UserError, "no open difference"):
                row.action_resolve()

    def test_another_difference_has_to_be_explained_anew(self):
        row = self._compare(note="Known.")
        row.action_resolve()
        row.odoo_amount = 26
        self.assertEqual(row.status, "delta")
        row.action_resolve()
        self.assertRecordValues(row, [{"status": "resolved", "resolved_delta": 6}])
        row.odoo_amount = 20
        self.assertEqual(row.status, "match")

    def test_amounts_that_are_read_again_and_are_the_same_stay_resolved(self):
        row = self._compare(note="Known.")
        row.action_resolve()
        row.write({"odoo_amount": 25, "external_amount": 20})
        self.assertEqual(row.status, "resolved")

    def test_a_difference_whose_reason_is_taken_away_is_open_again(self):
        row = self._compare(note="Known.")
        row.action_resolve()
        row.with_user(self.manager).note = " "
        self.assertEqual((row.status, row.resolved_by_id), ("delta", row.resolved_by_id.browse()))
        # Somebody else's reason is not the first one's.
        row.with_user(self.manager).note = "Another reason."
        self.assertEqual(row.status, "delta")

    def test_a_resolved_difference_is_opened_again(self):
        row = self._compare(note="Known.").with_user(self.manager)
        row.action_resolve()
        row.action_reopen()
        expected = {"status": "delta", "resolved_by_id": False, "resolved_at": False, "note": "Known."}
        self.assertRecordValues(row, [expected])
        with self.assertRaisesRegex(UserError, "Only a resolved difference"):
            row.action_reopen()

    # === PEOPLE === #

    def test_a_manager_writes_the_note_in_the_form_and_no_amount(self):
        row = self._compare().with_user(self.manager)
        with Form(row) as form:
            form.note = "To be looked at."
            with self.assertRaises(AssertionError):
                form.odoo_amount = 20
        self.assertEqual((row.note, row.delta), ("To be looked at.", 5))

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_who_only_looks_on_resolves_nothing(self):
        row = self._compare(note="Known.")
        for act in (row.with_user(self.user).action_resolve, row.with_user(self.user).action_reopen):
            with self.subTest(act.__name__), self.assertRaises(AccessError):
                act()

    def test_the_menu_is_under_reporting(self):
        menu = self.env.ref("fusion_centralize_billing.menu_billing_reconciliation")
        self.assertEqual(menu.parent_id, self.env.ref("fusion_centralize_billing.menu_billing_reporting"))
        self.assertIn(menu.id, self.env["ir.ui.menu"].with_user(self.user)._visible_menu_ids())
