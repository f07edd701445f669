# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import datetime
from decimal import Decimal

from psycopg2.errors import CheckViolation, UniqueViolation

from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import BillingCase

_JAN = (datetime(2026, 1, 1), datetime(2026, 2, 1))


@tagged("post_install", "-at_install")
class TestRatingLedger(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_subscription()

    # === ONE CHARGE === #

    def test_rating_prices_the_window_and_puts_a_line_on_the_order(self):
        charge = self._create_charge(included_quota=100, price_per_unit=0.10, unit_batch=1000)
        self._use(self.order, 1100)
        amount = self.order._fc_rate_usage(charge, *_JAN)
        self.assertEqual((type(amount), amount), (float, 0.10))
        line = self._get_usage_lines(self.order)
        self.assertRecordValues(
            line,
            [
                {
                    "product_id": self.usage_product.id,
                    "price_subtotal": 0.10,
                    "product_uom_qty": 1,
                    "x_fc_charge_id": charge.id,
                    "x_fc_period_start": _JAN[0],
                    "x_fc_period_end": _JAN[1],
                }
            ],
        )

    def test_the_ledger_tells_how_the_amount_came_about(self):
        charge = self._create_charge(included_quota=100, price_per_unit=0.10, unit_batch=1000)
        self._use(self.order, 1100)
        with self._on("2026-01-20"):
            self.order._fc_rate_usage(charge, *_JAN)
        rating = self._get_ratings(self.order)
        self.assertRecordValues(
            rating,
            [
                {
                    "service_id": self.service.id,
                    "metric_id": self.metric.id,
                    "period_start": _JAN[0],
                    "period_end": _JAN[1],
                    "sequence": 0,
                    "state": "open",
                    "is_adjustment": False,
                    "total_quantity": 1100,
                    "included_quantity": 100,
                    "billable_quantity": 1000,
                    "period_amount": 0.10,
                    "amount": 0.10,
                    "rated_at": datetime(2026, 1, 20, 12),
                    "order_line_id": self._get_usage_lines(self.order).id,
                    "invoice_line_id": False,
                }
            ],
        )
        self.assertEqual(sum(Decimal(line["subtotal"]) for line in rating.breakdown["lines"]), Decimal("0.1"))

    def test_the_breakdown_can_be_shown(self):
        charge = self._create_charge(charge_model="graduated", tiers=[{"up_to": 10, "price_per_unit": 7}, {}])
        self._use(self.order, 12)
        self.order._fc_rate_usage(charge, *_JAN)
        self.assertIn("70", str(self._get_ratings(self.order).breakdown_html))

    def test_the_line_says_what_was_used_included_and_billed(self):
        charge = self._create_charge(name="Storage", included_quota=100)
        self._use(self.order, Decimal("101.5"))
        self.order._fc_rate_usage(charge, *_JAN)
        text = self._get_usage_lines(self.order).name
        for part in ("Storage", "2026-01-01 - 2026-01-31", "used 101.5", "included 100", "billed 1.5"):
            self.assertIn(part, text)

    def test_the_line_is_in_the_language_of_the_customer(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        charge = self._create_charge(name="Storage")
        charge.with_context(lang="fr_FR").name = "Stockage"
        self.partner.lang = "fr_FR"
        self._use(self.order, 3)
        self._rate(self.order)
        self.assertIn("Stockage", self._get_usage_lines(self.order).name)

    def test_rating_twice_changes_nothing(self):
        charge = self._create_charge()
        self._use(self.order, 3)
        for _time in range(2):
            self.assertEqual(self.order._fc_rate_usage(charge, *_JAN), 3.0)
        self.assertEqual(self._get_ledger(self.order), [("2026-01-01", 0, "open", 3)])
        self.assertEqual(len(self._get_usage_lines(self.order)), 1)

    def test_an_open_rating_follows_the_usage(self):
        charge = self._create_charge()
        self._use(self.order, 3, idem="k")
        self.order._fc_rate_usage(charge, *_JAN)
        self._use(self.order, 5, idem="k")
        self.order._fc_rate_usage(charge, *_JAN)
        self.assertEqual(self._get_ledger(self.order), [("2026-01-01", 0, "open", 5)])
        self.assertEqual(self._get_usage_lines(self.order).price_subtotal, 5)

    def test_a_charge_of_another_plan_can_be_rated_by_hand(self):
        charge = self._create_charge(plan=self._create_plan())
        self._use(self.order, 3)
        self.assertEqual(self.order._fc_rate_usage(charge, *_JAN), 3.0)
        self.assertEqual(self._get_usage_lines(self.order).price_subtotal, 3)

    # === NOTHING TO BILL === #

    def test_zero_usage_is_rated_without_an_order_line(self):
        self._create_charge()
        self._rate(self.order)
        self.assertEqual(self._get_ledger(self.order), [("2026-01-01", 0, "open", 0)])
        self.assertFalse(self._get_usage_lines(self.order))

    def test_usage_within_the_quota_makes_no_order_line(self):
        self._create_charge(included_quota=10)
        self._use(self.order, 10)
        self._rate(self.order)
        self.assertFalse(self._get_usage_lines(self.order))

    def test_usage_that_falls_to_nothing_leaves_nothing_to_invoice(self):
        self._create_charge()
        self._use(self.order, 3, idem="k")
        self._rate(self.order)
        self.assertEqual(self._get_usage_lines(self.order).qty_to_invoice, 1)
        self._use(self.order, 0, idem="k")
        self._rate(self.order)
        line = self._get_usage_lines(self.order)
        self.assertEqual((line.price_subtotal, line.qty_to_invoice), (0, 0))

    # === WHICH CHARGES === #

    def test_only_charges_of_the_plan_are_rated(self):
        own = self._create_charge()
        self._create_charge(plan=self._create_plan())
        self._use(self.order, 3)
        self._rate(self.order)
        self.assertEqual(self._get_ratings(self.order).charge_id, own)

    def test_charges_of_another_company_are_not_rated(self):
        company = self.env["res.company"].create({"name": self.plan.code})
        metric = self._create_metric(company_id=company.id)
        self._create_charge(company_id=company.id, product_id=False, metric_id=metric.id)
        self._rate(self.order)
        self.assertFalse(self._get_ratings(self.order))

    def test_archived_charges_are_not_rated(self):
        self._create_charge(active=False)
        self._rate(self.order)
        self.assertFalse(self._get_ratings(self.order))

    def test_a_charge_archived_later_still_bills_the_period_it_has_begun(self):
        charge = self._create_charge()
        self._use(self.order, 3, idem="k")
        self._rate(self.order)
        with self._on("2026-01-20"):
            charge.active = False
        self._use(self.order, 5, idem="k")
        self.assertEqual(self._invoice_on(self.order, "2026-02-01").amount_untaxed, 25)
        self.assertEqual(self._invoice_on(self.order, "2026-03-01").amount_untaxed, 20)

    def test_a_subscription_without_plan_code_has_no_charges(self):
        self._create_charge()
        order = self._create_subscription(x_fc_plan_code=False)
        self._rate(order)
        self.assertFalse(self._get_ratings(order))

    def test_two_charges_with_one_product_are_two_lines(self):
        self._create_charge(name="First", price_per_unit=1)
        self._create_charge(name="Second", price_per_unit=2, is_additional=True)
        self._use(self.order, 3)
        self._rate(self.order)
        self.assertEqual(sorted(self._get_usage_lines(self.order).mapped("price_subtotal")), [3, 6])

    # === CURRENCIES === #

    def test_amounts_are_rounded_to_the_currency(self):
        cases = [
            ("JPY", "0.6", 1.0, "no decimals"),
            ("CAD", "0.125", 0.13, "two decimals, half up"),
            ("KWD", "0.1235", 0.124, "three decimals, half up"),
        ]
        for currency, quantity, expected, reason in cases:
            with self.subTest(reason):
                plan = self._create_plan(currency)
                self._create_charge(plan=plan)
                order = self._create_subscription(plan=plan, with_fee=False)
                self._use(order, Decimal(quantity))
                self._rate(order)
                rating = self._get_ratings(order)
                self.assertEqual((rating.amount, rating.currency_id.name), (expected, currency))
                self.assertEqual(self._get_usage_lines(order).price_subtotal, expected)
                move = self._invoice_on(order, "2026-02-01")
                self.assertEqual((move.amount_untaxed, move.currency_id.name), (expected, currency))

    def test_a_charge_in_another_currency_is_refused(self):
        charge = self._create_charge(plan=self._create_plan("KWD"))
        with self.assertRaises(UserError):
            self.order._fc_rate_usage(charge, *_JAN)
        self.assertFalse(self._get_ratings(self.order))

    # === ORDERS AND PRODUCTS === #

    def test_a_locked_order_is_rated(self):
        self._create_charge()
        self.order.action_lock()
        for quantity in (3, 5):
            self._use(self.order, quantity, idem="k")
            self._rate(self.order)
        self.assertEqual(self._get_usage_lines(self.order).price_subtotal, 5)

    def test_a_charge_without_product_is_refused_once_it_costs_something(self):
        charge = self._create_charge(self._create_plan(), product_id=False)
        self.assertEqual(self.order._fc_rate_usage(charge, *_JAN), 0.0)
        self._use(self.order, 3)
        with self.assertRaises(UserError):
            self.order._fc_rate_usage(charge, *_JAN)

    def test_a_product_invoiced_by_delivery_is_billed_alike(self):
        self._create_charge(product_id=self._create_product(invoice_policy="delivery").id)
        self._use(self.order, 3)
        self._rate(self.order)
        self.assertEqual(self._get_usage_lines(self.order).qty_to_invoice, 1)

    def test_the_taxes_are_those_of_the_product(self):
        tax = self.env["account.tax"].create(
            {"name": "Thirteen percent", "amount": 13, "type_tax_use": "sale", "company_id": self.company.id}
        )
        self._create_charge(product_id=self._create_product(taxes_id=[(6, 0, tax.ids)]).id)
        self._use(self.order, 100)
        self._rate(self.order)
        line = self._get_usage_lines(self.order)
        self.assertEqual((line.price_subtotal, line.price_tax), (100, 13))

    def test_new_prices_of_the_pricelist_leave_usage_lines_alone(self):
        self._create_charge()
        self._use(self.order, 3)
        self._rate(self.order)
        self.order._recompute_prices()
        self.assertEqual(self._get_usage_lines(self.order).price_subtotal, 3)

    def test_a_discount_of_the_pricelist_leaves_usage_lines_alone(self):
        self.env.user.group_ids += self.env.ref("sale.group_discount_per_so_line")
        plan = self._create_plan()
        item = {"compute_price": "percentage", "percent_price": 50, "applied_on": "3_global"}
        plan.pricelist_id.item_ids = [(0, 0, item)]
        self._create_charge(plan=plan)
        order = self._create_subscription(plan=plan)
        self._use(order, 3)
        self._rate(order)
        self.assertEqual(self._get_usage_lines(order).price_subtotal, 3)

    def test_a_copied_subscription_does_not_copy_usage(self):
        self._create_charge()
        self._use(self.order, 3)
        self._rate(self.order)
        copy = self.order.copy()
        self.assertEqual(copy.order_line.product_id, self.fee)
        self.assertFalse(copy.x_fc_service_id or copy.x_fc_external_id or copy.x_fc_billed_until)

    def test_a_percentage_charge_prices_each_row(self):
        self._create_charge(charge_model="percentage", price_per_unit=0, rate=10, fixed_fee=1, free_rows=1)
        for quantity in (10, 20, 30):
            self._use(self.order, quantity)
        self._rate(self.order)
        self.assertEqual(self._get_usage_lines(self.order).price_subtotal, 8)

    # === LEDGER ROWS === #

    @mute_logger("odoo.sql_db")
    def test_the_database_keeps_one_open_row_per_period(self):
        self._create_charge()
        self._rate(self.order)
        rating = self._get_ratings(self.order)
        with self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            rating.copy({"sequence": 1})
            self.env.flush_all()
        with self.assertRaises(CheckViolation), self.env.cr.savepoint():
            rating.copy({"sequence": 1, "state": "billed", "period_end": rating.period_start})
            self.env.flush_all()

    def test_the_usage_of_a_rating_can_be_shown(self):
        self._create_charge()
        counted = self._use(self.order, 1, datetime(2026, 1, 31, 23, 59, 59, 999999))
        self._use(self.order, 1, "2026-02-01")
        self._use(self.order, 1, metric=self._create_metric())
        self._use(self._create_subscription(), 1)
        self._rate(self.order)
        rating = self._get_ratings(self.order)
        self.assertEqual([counter["counter_id"] for counter in rating._get_counters()], counted.ids)

    # === JOBS === #

    def test_the_rating_job_notes_its_uuid_in_the_ledger(self):
        self._create_charge()
        self.order._schedule_rating()
        domain = [("identity_key", "=", f"fusion_centralize_billing.rating.{self.order.id}")]
        record = self.env["queue.job"].search(domain)
        Job.load(self.env, record.uuid).perform()
        rating = self._get_ratings(self.order)
        self.assertEqual(rating.job_uuid, record.uuid)
        self.assertEqual(self.env["queue.job"].search(rating.action_view_job()["domain"]), record)

    def test_a_rating_job_is_enqueued_once(self):
        for _time in range(2):
            self.order._schedule_rating()
        domain = [("identity_key", "=", f"fusion_centralize_billing.rating.{self.order.id}")]
        self.assertEqual(self.env["queue.job"].search_count(domain), 1)

    def test_a_rating_that_failed_is_not_tried_again_until_somebody_asks(self):
        self._use(self.order, 3)
        domain = [("identity_key", "=", f"fusion_centralize_billing.rating.{self.order.id}")]
        with self._commits_ignored():
            self.env["fusion.billing.usage"]._cron_rate_open_periods()
            job = self.env["queue.job"].search(domain)
            job.state = "failed"
            self.env["fusion.billing.usage"]._cron_rate_open_periods()
            self.assertEqual(self.env["queue.job"].search(domain), job)
            job.button_done()
            self.env["fusion.billing.usage"]._cron_rate_open_periods()
        self.assertEqual(self.env["queue.job"].search_count(domain), 2)

    def test_the_rating_job_takes_the_changes(self):
        self._use(self.order, 3)
        self.order._job_rate()
        self.assertFalse(self._get_changes(self.order))

    def test_the_rating_job_of_a_deleted_order_does_nothing(self):
        quotation = self._create_subscription(confirm=False)
        quotation.unlink()
        self.assertTrue(quotation._job_rate())

    def test_the_rating_of_a_running_subscription_schedules_no_invoice(self):
        self._create_charge()
        self._use(self.order, 3)
        with self._on("2026-01-20"), trap_jobs() as trap:
            self.order._job_rate()
            trap.assert_jobs_count(0)
