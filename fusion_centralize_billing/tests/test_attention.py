# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from unittest.mock import patch

from odoo import fields
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import Job
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, LockError, RedirectWarning, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..api.errors import BusinessRuleError
from ..rating import RatingError
from .common import BillingCase, BillingHttpCase
from .editions import only_on

_RATE, _INVOICE, _CLOSE = "_job_rate", "_job_create_recurring_invoice", "_job_invoice_remaining_usage"


class _Case(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.charge = cls._create_charge()
        cls.order = cls._create_subscription()
        # That its plan is incomplete is another reason to be shown.
        orders = cls.registry["sale.order"]
        cls.startClassPatcher(patch.object(orders, "_fc_get_incomplete_reasons", lambda order: []))

    def _lose_product(self):
        """Take the charge's product away, which nobody can by Odoo's means while subscriptions run."""
        self.env.flush_all()
        self.env.cr.execute("UPDATE fusion_billing_charge SET product_id = NULL WHERE id = %s", [self.charge.id])
        self.env.invalidate_all()

    def _run(self, method, day, order=None):
        """Run a job of an order as the queue does, without those that it enqueues; return its result."""
        with self._on(day), trap_jobs():
            return getattr(order or self.order, method)()

    def _get_attention(self, order=None):
        """Return what needs attention as [(step, code)]."""
        return [(row.step, row.code) for row in (order or self.order).x_fc_attention_ids.sorted("id")]

    def _sweep(self, day, time="12:00:00"):
        """Run all that looks for work, and return what it enqueues for the class's order."""
        with self._commits_ignored(), self._on(day, time=time), trap_jobs() as trap:
            self.env["fusion.billing.usage"]._cron_rate_open_periods()
            self.env["sale.order"]._cron_find_work()
            if not self._is_enterprise():
                self.env["sale.order"]._cron_create_recurring_invoices()
            return sorted({job.method_name for job in trap.enqueued_jobs if job.recordset == self.order})

    def _fail(self, schedule, day, time="12:00:00"):
        """Have a job fail that ``schedule`` enqueues, by an exception that nobody foresaw; return it."""
        with self._on(day, time=time):
            schedule()
            record = self.env["queue.job"].search([], order="id desc", limit=1)
            job = Job.load(record.env, record.uuid)
            job.set_started()
            job.set_failed(exc_name="ZeroDivisionError", exc_message="division by zero", exc_info="Traceback")
            job.store()
            record.date_started = fields.Datetime.now()
        return record


@tagged("post_install", "-at_install")
class TestFaultsThatPeopleMend(_Case):
    def test_a_charge_without_product_is_shown_until_it_has_one(self):
        self._use(self.order, 3)
        self._lose_product()
        self.assertIn("no product", self._run(_RATE, "2026-01-20"))
        self.assertEqual(self._get_attention(), [("rating", "product_missing")])
        row = self.order.x_fc_attention_ids
        self.assertIn(self.charge.name, row.message)
        self.assertEqual((str(row.period_start), str(row.first_seen)), ("2026-01-01", "2026-01-20 12:00:00"))
        self.assertEqual(self.order.x_fc_attention, row.message)
        self.charge.product_id = self.usage_product
        self._run(_RATE, "2026-01-21")
        self.assertFalse(self._get_attention())
        self.assertFalse(self.order.x_fc_attention)
        self.assertEqual(self._get_ledger(self.order), [("2026-01-01", 0, "open", 3)])

    @only_on("community")
    def test_a_locked_month_is_shown_until_it_is_opened(self):
        self.company.fiscalyear_lock_date = "2026-03-31"
        self._run(_INVOICE, "2026-02-01")
        self.assertEqual(self._get_attention(), [("invoicing", "period_locked")])
        self.assertFalse(self.order.invoice_ids, "a draft was left")
        self.assertEqual(str(self.order.next_invoice_date), "2026-02-01")
        self.company.fiscalyear_lock_date = False
        self._run(_INVOICE, "2026-02-02")
        self.assertFalse(self._get_attention())
        self.assertEqual(self.order.invoice_ids.state, "posted")

    @mute_logger("odoo.sql_db")
    @only_on("community")
    def test_a_missing_account_is_shown_until_there_is_one(self):
        self._use(self.order, 3)
        journal = self.env["account.journal"].search([("type", "=", "sale"), ("company_id", "=", self.company.id)])
        account = journal[:1].default_account_id
        self.env["product.category"].search([]).property_account_income_categ_id = False
        self.env["ir.default"].search([("field_id.name", "=", "property_account_income_categ_id")]).unlink()
        self.company.income_account_id = False
        journal.default_account_id = False
        self._run(_INVOICE, "2026-02-01")
        self.assertEqual(self._get_attention(), [("invoicing", "account_missing")])
        journal.default_account_id = account
        self._run(_INVOICE, "2026-02-01")
        self.assertFalse(self._get_attention())
        self.assertEqual(self.order.invoice_ids.amount_untaxed, 23)

    def test_a_charge_in_another_currency_is_shown(self):
        self._use(self.order, 3)
        plan = self._create_plan("EUR")
        with patch.object(type(self.order), "_fc_get_charges_by_subscription") as charges:
            charges.return_value = {self.order: self._create_charge(plan)}
            self._run(_RATE, "2026-01-20")
        self.assertEqual(self._get_attention(), [("rating", "currency_mismatch")])

    def test_an_incomplete_plan_is_shown_as_long_as_it_is_incomplete(self):
        reasons = ["Charge has no product."]
        with (
            patch.object(self.registry["sale.order"], "_fc_get_incomplete_reasons", lambda order: reasons),
            trap_jobs(),
        ):
            order = self._create_subscription()
            self.assertEqual(self._get_attention(order), [("plan", "plan_incomplete")])
            self.assertEqual(order.x_fc_attention, "Charge has no product.")
            with self._on("2027-01-01"), self._commits_ignored():
                self.env["sale.order"]._cron_find_work()
            self.assertEqual(self._get_attention(order), [("plan", "plan_incomplete")])
            reasons.clear()
            order.x_fc_attention_ids.next_try_at = "2020-01-01"
            with self._commits_ignored():
                self.env["sale.order"]._cron_find_work()
            self.assertFalse(self._get_attention(order))

    def test_the_code_tells_the_reason_and_services_read_only_what_is_theirs(self):
        # (what the rating raised, code, whether services read its own words)
        cases = [
            (BusinessRuleError("Too much.", code="amount_out_of_range"), "amount_out_of_range", True),
            (RatingError("tiers_needed", "It needs tiers."), "rating_failed", True),
            (UserError("Record: res.partner(42,)"), "rating_failed", False),
            (ValidationError("Record: res.partner(42,)"), "rating_failed", False),
            (RedirectWarning("Choose a chart of accounts.", 1, "Go"), "rating_failed", False),
        ]
        for error, code, is_told in cases:
            with self.subTest(code, error=type(error).__name__):
                with patch.object(type(self.order), "_fc_rate", side_effect=error):
                    self._run(_RATE, "2026-01-20")
                self.assertEqual(self._get_attention(), [("rating", code)])
                [told] = self.order.x_fc_attention_ids._describe()
                self.assertEqual(told["code"], code)
                self.assertEqual(told["message"] == self.order.x_fc_attention, is_told)
                self.assertNotIn("res.partner", told["message"])

    @only_on("community")
    def test_a_fault_of_one_subscription_leaves_the_others_alone(self):
        other = self._create_subscription(plan=self._create_plan())
        for order in (self.order, other):
            self._use(order, 3)
        self._lose_product()
        self._run(_INVOICE, "2026-02-01")
        self._run(_INVOICE, "2026-02-01", other)
        self.assertEqual(self._get_attention(), [("invoicing", "product_missing")])
        self.assertEqual(other.invoice_ids.state, "posted")

    def test_what_the_job_did_before_the_fault_is_undone(self):
        self._use(self.order, 3)
        self._lose_product()
        before = self._get_changes(self.order).ids
        self._run(_RATE, "2026-01-20")
        self.assertEqual(self._get_changes(self.order).ids, before, "the changes would not be rated any more")
        self.assertFalse(self._get_ratings(self.order))

    @only_on("community")
    def test_another_fault_of_the_same_step_takes_the_place_of_the_first(self):
        self._use(self.order, 3)
        self._lose_product()
        self._run(_INVOICE, "2026-02-01")
        self.charge.product_id = self.usage_product
        self.company.fiscalyear_lock_date = "2026-03-31"
        self._run(_INVOICE, "2026-02-01")
        self.assertEqual(self._get_attention(), [("invoicing", "period_locked")])

    def test_the_same_fault_again_is_the_same_one(self):
        self._use(self.order, 3)
        self._lose_product()
        self._run(_RATE, "2026-01-20")
        self._run(_RATE, "2026-01-22")
        row = self.order.x_fc_attention_ids
        self.assertEqual((str(row.first_seen), str(row.last_seen)), ("2026-01-20 12:00:00", "2026-01-22 12:00:00"))

    def test_people_who_press_the_button_see_the_error(self):
        self._use(self.order, 3)
        self._lose_product()
        with self.assertRaises(BusinessRuleError) as caught:
            self._create_native_invoice_on(self.order, "2026-02-01")
        self.assertEqual(caught.exception.code, "product_missing")

    def test_a_conflict_is_none_of_peoples_business(self):
        locked = LockError("Locked")
        with patch.object(type(self.order), "_fc_rate", side_effect=locked), self.assertRaises(RetryableJobError):
            self._run(_RATE, "2026-01-20")
        self.assertFalse(self._get_attention())

    def test_a_fault_of_the_program_fails_the_job(self):
        error = ZeroDivisionError
        with patch.object(type(self.order), "_fc_rate", side_effect=error), self.assertRaises(error):
            self._run(_RATE, "2026-01-20")
        self.assertFalse(self._get_attention())


@tagged("post_install", "-at_install")
class TestActivitiesOfAttention(_Case):
    @only_on("community")
    def test_the_owner_of_the_service_has_one_activity_until_all_is_mended(self):
        self._use(self.order, 3)
        self._lose_product()
        mails = self.env["mail.mail"].search_count([])
        self._run(_RATE, "2026-02-01")
        activity = self.service.activity_ids
        self.assertEqual(activity.user_id, self.service.owner_id)
        self.assertIn(self.order.name, activity.summary)
        self._run(_INVOICE, "2026-02-01")
        with patch.object(self.registry["sale.order"], "_fc_get_incomplete_reasons", lambda order: ["No product"]):
            self.order._fc_check_plan()
        self.assertEqual(self.service.activity_ids, activity)
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)
        self.charge.product_id = self.usage_product
        self._run(_INVOICE, "2026-02-01")
        self.assertEqual(self.service.activity_ids, activity, "the plan is incomplete still")
        self.order._fc_check_plan()
        self.assertFalse(self.service.activity_ids)

    def test_an_activity_that_the_owner_has_done_does_not_come_back_with_each_try(self):
        self._use(self.order, 3)
        self._lose_product()
        self._run(_RATE, "2026-01-20")
        self.service.activity_ids.action_feedback("Told the plan's people")
        self._run(_RATE, "2026-01-21")
        self.assertFalse(self.service.activity_ids)
        self.charge.product_id = self.usage_product
        self._run(_RATE, "2026-01-22")
        self.assertFalse(self._get_attention())

    def test_each_subscription_has_its_own_activity(self):
        other = self._create_subscription()
        self._lose_product()
        for order in (self.order, other):
            self._use(order, 3)
            self._run(_RATE, "2026-01-20", order)
        self.assertEqual(len(self.service.activity_ids), 2)

    def test_a_subscription_of_no_service_has_none(self):
        order = self._create_subscription(service=self.env["fusion.billing.service"])
        self._use(order, 3)
        self._lose_product()
        self._run(_RATE, "2026-01-20", order)
        self.assertEqual(self._get_attention(order), [("rating", "product_missing")])


@tagged("post_install", "-at_install")
class TestWorkIsFoundFromData(_Case):
    def test_a_rating_that_met_a_fault_is_tried_each_hour_and_when_usage_comes(self):
        self._use(self.order, 3)
        self._lose_product()
        self.assertEqual(self._sweep("2026-01-20", "12:00:00"), [_RATE])
        self._run(_RATE, "2026-01-20")
        # (time, what comes before, what is enqueued, reason)
        cases = [
            ("12:01:00", 0, [], "tried a minute ago"),
            ("12:59:00", 0, [], "not an hour ago"),
            ("12:59:00", 1, [_RATE], "new usage"),
            ("13:00:00", 0, [_RATE], "an hour later"),
        ]
        for time, quantity, expected, reason in cases:
            with self.subTest(reason):
                if quantity:
                    self._use(self.order, quantity)
                self.assertEqual(self._sweep("2026-01-20", time), expected)

    @only_on("community")
    def test_an_invoice_that_met_a_fault_is_tried_each_hour(self):
        self.company.fiscalyear_lock_date = "2026-03-31"
        self._run(_INVOICE, "2026-02-01")
        self.assertEqual(self._sweep("2026-02-01", "13:00:00"), [_INVOICE])

    @only_on("community")
    def test_a_fault_that_is_mended_by_other_means_goes_away(self):
        self.company.fiscalyear_lock_date = "2026-03-31"
        self._run(_INVOICE, "2026-02-01")
        self.company.fiscalyear_lock_date = False
        self._invoice_on(self.order, "2026-02-01")
        self.assertEqual(self._sweep("2026-02-01", "13:00:00"), [_INVOICE], "nothing is due, and that ends it")
        self._run(_INVOICE, "2026-02-01")
        self.assertFalse(self._get_attention())

    @only_on("community")
    def test_a_failed_job_is_shown_and_tried_again_a_day_later_and_no_sooner(self):
        # (enqueued by, step, code, day, methods of the sweep a day later)
        cases = [
            (self.order._schedule_rating, "rating", "rating_failed", _RATE),
            (self.order._schedule_recurring_invoice, "invoicing", "invoicing_failed", _INVOICE),
        ]
        for schedule, step, code, method in cases:
            with self.subTest(step):
                self._use(self.order, 3, "2026-02-01")
                job = self._fail(schedule, "2026-02-01", "06:00:00")
                self.assertNotIn(method, self._sweep("2026-02-01", "07:00:00"))
                self.assertEqual(self._get_attention(), [(step, code)])
                self.assertIn("division by zero", self.order.x_fc_attention)
                self.assertNotIn("division", self.order.x_fc_attention_ids._describe()[0]["message"])
                self._use(self.order, 3, "2026-02-01")
                self.assertNotIn(
                    method, self._sweep("2026-02-02", "05:59:00"), "each failure is a mail to all managers"
                )
                self.assertIn(method, self._sweep("2026-02-02", "06:01:00"))
                self._run(method, "2026-02-02")
                self.assertFalse(self._get_attention())
                self.assertEqual(job.state, "done", "it is no failure any more")
                self._sweep("2026-02-02", "07:00:00")
                self.assertFalse(self._get_attention())

    @only_on("community")
    def test_a_job_whose_worker_was_killed_again_and_again_is_shown(self):
        job = self._fail(self.order._schedule_recurring_invoice, "2026-02-01")
        job.write({"exc_name": "JobFoundDead", "exc_message": False, "date_started": False})
        self._sweep("2026-02-01", "13:00:00")
        self.assertEqual(self._get_attention(), [("invoicing", "invoicing_failed")])

    @only_on("community")
    def test_a_failed_job_that_people_close_is_tried_at_once(self):
        job = self._fail(self.order._schedule_recurring_invoice, "2026-02-01")
        self._sweep("2026-02-01", "13:00:00")
        job.button_cancelled()
        self.assertEqual(self._sweep("2026-02-01", "13:05:00"), [_INVOICE])

    def test_a_closing_job_that_was_cancelled_is_found_again(self):
        self._use(self.order, 5)
        with self._on("2026-01-20"), trap_jobs():
            self._close(self.order)
        self._invoice_on(self.order, "2026-01-20")
        self._use(self.order, 4, "2026-01-19")
        with self._on("2026-01-22"):
            self.order._job_rate()
        self.env["queue.job"].search([("method_name", "=", _CLOSE)]).button_cancelled()
        self.assertEqual(self._sweep("2026-01-22"), [_CLOSE])
        self._run(_CLOSE, "2026-01-22")
        self.assertEqual(sum(self.order.invoice_ids.mapped("amount_untaxed")), self._by_edition(29, 9))
        self.assertFalse(self._sweep("2026-01-23"))

    @only_on("community")
    def test_what_an_ended_subscription_owes_waits_for_the_days_of_grace(self):
        order = self.order = self._create_subscription(x_fc_grace_days=5)
        self._use(order, 5)
        with self._on("2026-01-20"), trap_jobs():
            self._close(order)
        self._rate(order, "2026-01-20")
        self.assertFalse(self._sweep("2026-01-22"))
        self.assertEqual(self._sweep("2026-01-25"), [_INVOICE])

    def test_what_a_cancelled_order_was_rated_is_not_invoiced(self):
        self._use(self.order, 5)
        self._rate(self.order)
        with self._on("2026-01-20"), trap_jobs():
            self.order._action_cancel()
        self.assertNotIn(_CLOSE, self._sweep("2026-01-21"))

    def test_the_end_of_a_subscription_is_rated_even_if_its_job_is_lost(self):
        # Enterprise closes without an invoice: the rating job is what leads to the last one.
        self._use(self.order, 5)
        self._rate(self.order)
        closing = patch.object(type(self.order), "_edition_has_due_invoice", lambda order: False)
        with self._on("2026-01-20"), trap_jobs(), closing:
            self._close(self.order)
        self.assertIn(_RATE, self._sweep("2026-01-20"))

    @only_on("community")
    def test_ending_enqueues_no_rating_where_the_invoice_rates(self):
        with self._on("2026-01-20"), trap_jobs() as trap:
            self._close(self.order)
            self.assertEqual([job.method_name for job in trap.enqueued_jobs], [_INVOICE])


@tagged("post_install", "-at_install")
class TestWhoSeesAttention(_Case):
    def setUp(self):
        super().setUp()
        self._use(self.order, 3)
        self._lose_product()
        self._run(_RATE, "2026-01-20")
        self.row = self.order.x_fc_attention_ids

    def test_nobody_writes_it_by_hand(self):
        manager = self._create_user("fusion_centralize_billing.group_billing_manager")
        row = self.row.with_user(manager)
        for change in (lambda: row.write({"code": "fine"}), row.unlink, row.copy):
            with self.assertRaises(UserError):
                change()

    def test_salespeople_read_it_on_the_order(self):
        salesperson = self._create_user("sales_team.group_sale_salesman_all_leads")
        self.assertIn("no product", self.order.with_user(salesperson).x_fc_attention)

    def test_a_service_reads_its_own_only(self):
        other = self._create_service()
        for service, expected in ((self.service, self.row), (other, self.row.browse())):
            rows = self.env["fusion.billing.attention"].with_user(service.user_id)
            self.assertEqual(rows.search([("id", "=", self.row.id)]).ids, expected.ids)

    def test_billing_managers_try_again_at_once(self):
        biller = self._create_user("fusion_centralize_billing.group_billing_user")
        with self.assertRaises(AccessError):
            self.row.with_user(biller).action_retry()
        manager = self._create_user("fusion_centralize_billing.group_billing_manager")
        with trap_jobs() as trap:
            self.row.with_user(manager).action_retry()
            trap.assert_jobs_count(1, only=self.order._job_rate)

    def test_the_list_opens_from_the_subscription(self):
        action = self.order.action_view_x_fc_attention()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), self.row)


@tagged("post_install", "-at_install")
class TestAttentionOverTheApi(BillingHttpCase):
    def test_a_subscription_tells_what_needs_attention(self):
        charge = self._create_charge(product_id=False)
        order = self._create_subscription()
        self._use(order, 3)
        path = f"/subscriptions/{order.x_fc_external_id}"
        [plan] = self._call(path).json()["attention"]
        self.assertEqual(plan["code"], "plan_incomplete")
        with self._on("2026-01-20"), trap_jobs():
            order._job_rate()
        for answer in (self._call(path).json(), self._call("/subscriptions").json()["subscriptions"][0]):
            [_plan, attention] = answer["attention"]
            self.assertIn("no product", attention.pop("message"))
            self.assertEqual(attention, {"code": "product_missing", "since": "2026-01-20T12:00:00Z"})
        charge.product_id = self.usage_product
        with self._on("2026-01-20"), trap_jobs():
            order._job_rate()
        self.assertEqual(self._call(path).json()["attention"], [])
