# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.fields import Command
from odoo.tests import tagged

from ..models.usage_row import UsageRow, naive_utc
from ..proof import Scope, prove
from .common import BillingCase, load_script


@tagged("post_install", "-at_install")
class TestPropertyValuesUpgrade(BillingCase):
    """An upgrade joins values that are one number, and bills what was invoiced as it was."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with trap_jobs():
            cls.order = cls._create_subscription()

    def _push(self, quantity, tier, day="2026-01-10", key=None):
        """Keep a counter with a value as older versions did: as it was written."""
        at = naive_utc(day)
        row = UsageRow(self.order.id, self.metric.id, Decimal(quantity), at, at, key, {"tier": tier})
        self.env["fusion.billing.usage"]._upsert(self.service, [row])

    def _filter(self, *values):
        """Create a charge that filters by values as older versions kept them."""
        charge = self._create_charge(filter_ids=[Command.create({"name": "tier", "value": value}) for value in values])
        self.env.flush_all()
        self.env.cr.execute("UPDATE fusion_billing_charge_filter SET value = value || '.0'")
        self.env.cr.execute(
            "UPDATE fusion_billing_charge_version SET terms = REPLACE(terms::text, '\"5\"', '\"5.0\"')::jsonb"
            " WHERE charge_id = %s",
            [charge.id],
        )
        self.env.invalidate_all()
        return charge

    def _upgrade(self):
        self.env.flush_all()
        self.env.cr.execute("DROP TABLE IF EXISTS fusion_spelling")
        load_script("19.0.1.2.0/post-property_values.py").migrate(self.env.cr, "19.0.1.1.0")
        self.env.invalidate_all()

    def _get_values(self):
        usages = self.env["fusion.billing.usage"].search([("subscription_id", "=", self.order.id)], order="id")
        return [usage.properties["tier"] for usage in usages]

    def _get_rows(self):
        """Return (group, state, amount) of the ledger, oldest period first."""
        rows = self._get_ratings(self.order).sorted(lambda row: (row.period_start, row.group_key or "", row.sequence))
        return [(row.dimensions, row.state, row.amount) for row in rows]

    def _get_usage_amount(self, invoice):
        return sum(invoice.invoice_line_ids.filtered("x_fc_rating_ids").mapped("price_subtotal"))

    def assertExplained(self):
        self.env.flush_all()
        outcome = prove(self.env, Scope((self.company.id,), service_id=self.service.id))
        self.assertFalse([finding.code for finding in outcome.findings])
        unexplained = [line for line in outcome.lines if line.status == "unexplained" and line.counters]
        self.assertFalse(unexplained)

    def test_one_spelling_is_renamed_everywhere_and_nothing_is_billed_anew(self):
        self._create_charge(group_by="tier", included_quota=2)
        self._push(5, "5.0", key="corrected")
        self._push(3, "1.10")
        self._invoice_on(self.order, "2026-02-01")
        self._push(6, "5.0", key="corrected")
        self._rate(self.order)
        self._push(7, "5.0", "2026-02-10")
        self._rate(self.order)
        before = [(group.replace("5.0", "5"), *rest) for group, *rest in self._get_rows()]
        self._upgrade()
        self.assertEqual(self._get_values(), ["5", "1.10", "5"])
        self._rate(self.order)
        self.assertEqual(self._get_rows(), before)
        self.assertExplained()
        self._push(1, "5", "2026-02-11")
        [invoice] = self._invoice_on(self.order, "2026-03-01")
        self.assertEqual(self._get_usage_amount(invoice), 1 + (7 + 1 - 2))
        self.assertExplained()

    def test_several_spellings_of_the_open_period_are_billed_as_one_group(self):
        self._create_charge(group_by="tier", included_quota=10)
        for quantity, tier in ((8, "5"), (8, "5.0"), (8, "5.000000"), (3, "6")):
            self._push(quantity, tier)
        self._rate(self.order)
        self.assertEqual(sum(amount for _group, _state, amount in self._get_rows()), 0)
        self._upgrade()
        self.assertEqual(self._get_values(), ["5", "5", "5", "6"])
        [invoice] = self._invoice_on(self.order, "2026-02-01")
        self.assertEqual(self._get_usage_amount(invoice), 24 - 10)
        self.assertExplained()

    def test_several_spellings_of_an_invoiced_period_stay_as_they_were_billed(self):
        self._create_charge(group_by="tier", included_quota=10)
        self._push(15, "5")
        self._push(12, "5.0")
        [january] = self._invoice_on(self.order, "2026-02-01")
        self.assertEqual(self._get_usage_amount(january), 5 + 2)
        self._push(20, "5", "2026-02-10")
        self._push(20, "5.0", "2026-02-10")
        self._upgrade()
        self.assertEqual(self._get_values(), ["5", "5.0", "5", "5"])
        self._rate(self.order)
        self.assertExplained()
        self._push(4, "5", "2026-01-20")
        [february] = self._invoice_on(self.order, "2026-03-01")
        self.assertEqual(self._get_usage_amount(february), (40 - 10) + 4)
        self.assertExplained()

    def test_filters_take_the_same_counters_as_before_also_late_ones(self):
        charge = self._filter("5")
        self._push(10, "5.0")
        self._push(100, "6")
        [january] = self._invoice_on(self.order, "2026-02-01")
        self.assertEqual(self._get_usage_amount(january), 10)
        self._push(3, "5.0", "2026-02-10")
        self._upgrade()
        self.assertEqual(charge.filter_ids.mapped("value"), ["5"])
        self.assertEqual([terms["filters"] for terms in charge.version_ids.mapped("terms")], [[["tier", ["5"]]]])
        self._push(1, "5", "2026-01-20")
        [february] = self._invoice_on(self.order, "2026-03-01")
        self.assertEqual(self._get_usage_amount(february), 1 + 3)
        self.assertExplained()

    def test_counters_that_a_filter_did_not_take_stay_unpriced_in_invoiced_periods(self):
        self._filter("5")
        self._push(10, "5.0")
        self._push(7, "5")
        [january] = self._invoice_on(self.order, "2026-02-01")
        self._push(3, "5", "2026-02-10")
        self._upgrade()
        [february] = self._invoice_on(self.order, "2026-03-01")
        self.assertEqual([self._get_usage_amount(invoice) for invoice in (january, february)], [10, 3])
        self.assertExplained()

    def test_a_filter_that_stood_in_two_spellings_stands_there_once(self):
        charge = self._create_charge(filter_ids=[Command.create({"name": "tier", "value": value}) for value in "56"])
        self.env.flush_all()
        self.env.cr.execute("UPDATE fusion_billing_charge_filter SET value = '5.0' WHERE value = '6'")
        self._upgrade()
        self.assertEqual(charge.filter_ids.mapped("value"), ["5"])
