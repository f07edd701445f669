# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import BillingCase
from .editions import only_on


@tagged("post_install", "-at_install")
class TestRunningPeriod(BillingCase):
    """The period that runs is that of today, not the one that is to be invoiced."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()

    def _terminate(self, order, day, **values):
        payload = {"subscription_external_id": order.x_fc_external_id, "at": "period_end", **values}
        with self._on(day), trap_jobs():
            return self.service._api_terminate_subscription(payload)

    def test_a_subscription_ends_with_the_period_of_today(self):
        cases = [
            ({}, "2026-01-20", "2026-02-01", "in the first period"),
            ({}, "2026-02-01", "2026-03-01", "on a boundary whose invoice is being made"),
            ({}, "2026-05-20", "2026-06-01", "while jobs are months late"),
            ({"x_fc_grace_days": 5}, "2026-02-03", "2026-03-01", "in the days of grace of January"),
            ({"start_date": "2026-01-31"}, "2026-03-05", self._by_edition("2026-03-31", "2026-03-28"), "from the 31st"),
            ({"start_date": "2026-06-10"}, "2026-05-01", "2026-07-10", "before its start: with its first period"),
            ({"end_date": "2026-02-15"}, "2026-02-03", "2026-02-15", "with its planned end, which comes first"),
        ]
        for values, day, end, reason in filter(lambda case: self._knows(case[0]), cases):
            with self.subTest(reason):
                order = self._create_subscription(**values)
                answer = self._terminate(order, day)
                self.assertEqual((answer["end_date"], answer["subscription_state"]), (end, "3_progress"))

    def test_what_is_ended_before_its_start_ends_with_it(self):
        # Enterprise ends on the day.
        cases = [
            ([], "2026-06-10", self._by_edition("6_churn", "3_progress")),
            (["2026-06-12"], "2026-06-11", "3_progress"),
        ]
        for usage, end, state in cases:
            with self.subTest(usage=usage):
                order = self._create_subscription(start_date="2026-06-10")
                for at in usage:
                    self._use(order, 3, at)
                answer = self._terminate(order, "2026-05-01", at=None)
                self.assertEqual((answer["end_date"], answer["subscription_state"]), (end, state))

    @only_on("community")
    def test_usage_until_the_end_is_billed(self):
        order = self._create_subscription(x_fc_grace_days=5)
        self._terminate(order, "2026-02-03")
        self._use(order, 7, at="2026-02-20")
        moves = self._invoice_on(order, "2026-03-06")
        self.assertEqual(moves.mapped("amount_untaxed"), [20, 27])

    def test_an_end_that_has_come_stays_although_no_job_has_closed_it(self):
        order = self._create_subscription(end_date="2026-02-15")
        self.assertEqual(self._terminate(order, "2026-02-20")["end_date"], "2026-02-15")

    def test_the_preview_of_the_period_end_is_that_of_the_period_of_today(self):
        cases = [
            ({"x_fc_grace_days": 5}, "2026-02-03", ("2026-02-01", "2026-03-01", "2026-03-06"), "23.00"),
            ({}, "2026-05-20", ("2026-05-01", "2026-06-01", "2026-06-01"), "20.00"),
        ]
        for values, day, dates, total in filter(lambda case: self._knows(case[0]), cases):
            with self.subTest(day):
                order = self._create_subscription(**values)
                self._use(order, 10, at="2026-01-10")
                self._use(order, 3, at="2026-02-02")
                with self._on(day), trap_jobs():
                    preview = order._fc_preview_invoice("period_end")
                self.assertEqual(tuple(preview[name] for name in ("period_start", "period_end", "invoice_date")), dates)
                self.assertEqual(preview["amount_total"], total)
                self.assertFalse(order.invoice_ids)


@tagged("post_install", "-at_install")
class TestReopened(BillingCase):
    """The end of an earlier life is forgotten with it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_charge()

    def _cancel_and_confirm(self, order, cancelled_on, confirmed_on):
        with self._on(cancelled_on), trap_jobs():
            order._action_cancel()
        self.assertEqual(str(order.x_fc_ended_on), cancelled_on)
        with self._on(confirmed_on), trap_jobs():
            order.action_draft()
            order.action_confirm()
        self._begin_first_period(order)

    def _record(self, order, day):
        event = {"subscription_external_id": order.x_fc_external_id, "metric_code": self.metric.code, "quantity": 7}
        return self.service._api_record_usage({"events": [{**event, "period_start": day, "period_end": day}]})

    def test_usage_after_the_old_end_is_accepted_and_billed_in_its_period(self):
        order = self._create_subscription()
        self._use(order, 10)
        self._cancel_and_confirm(order, "2026-01-15", "2026-01-20")
        self.assertFalse(order.x_fc_ended_on)
        self.assertEqual(self._record(order, "2026-01-25T00:00:00Z")["accepted"], 1)
        self.assertEqual(self._record(order, "2026-02-10T00:00:00Z")["accepted"], 1)
        moves = self._invoice_on(order, "2026-03-01")
        self.assertEqual(moves.mapped("amount_untaxed"), [37, 27])
        self.assertEqual([str(day) for day in moves.mapped("x_fc_period_end")], ["2026-02-01", "2026-03-01"])

    def test_a_life_that_was_taken_back_leaves_no_usage_behind(self):
        cases = [
            # cancelled on, new start, usage on, first invoice on, amount, reason
            ("2026-01-25", "2026-01-15", "2026-01-20", "2026-02-15", 30, "it was 40: the usage in both first periods"),
            ("2026-02-25", "2026-02-20", "2026-02-21", "2026-03-20", 30, "it could not be invoiced at all"),
        ]
        for cancelled_on, start, used_on, invoiced_on, amount, reason in cases:
            with self.subTest(reason):
                order = self._create_subscription()
                self._rate(order, "2026-01-10")
                self._use(order, 10, used_on)
                with self._on(cancelled_on), trap_jobs():
                    order._action_cancel()
                    order._job_rate()
                    order.action_draft()
                    order.start_date = start
                    order.action_confirm()
                self._begin_first_period(order)
                self.assertFalse(self._get_usage_lines(order))
                self.assertEqual(self._invoice_on(order, invoiced_on).amount_untaxed, amount)

    def test_a_minimum_of_the_new_life_counts_from_its_start(self):
        self.plan.commitment_product_id = self.usage_product
        order = self._create_subscription(x_fc_minimum_commitment=100)
        with self._on("2026-01-05"):
            order.x_fc_minimum_commitment = 200
        with self._on("2026-01-10"), trap_jobs():
            order._action_cancel()
            order.action_draft()
            order.x_fc_minimum_commitment = 500
            order.action_confirm()
        self._begin_first_period(order)
        self.assertEqual(self._invoice_on(order, "2026-03-01").mapped("amount_untaxed"), [500, 500])

    def test_start_and_time_zone_stay_if_usage_was_invoiced_before(self):
        order = self._create_subscription()
        self._use(order, 10)
        self._create_native_invoice_on(order, "2026-01-12")
        with self._on("2026-01-15"), trap_jobs():
            order._action_cancel()
            order.action_draft()
            for values in ({"start_date": "2026-01-05"}, {"x_fc_billing_tz": "America/Toronto"}):
                with self.assertRaises(UserError):
                    order.write(values)
            order.action_confirm()
        self._begin_first_period(order)
        self._use(order, 3, "2026-01-20")
        # Cancelling the order has cancelled the draft invoice of the 10.
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 33)

    def test_its_service_hears_of_no_end(self):
        self._listen()
        order = self._create_subscription()
        self._cancel_and_confirm(order, "2026-01-15", "2026-01-20")
        payload = self._get_events(self.service, "subscription.started").sorted("id")[-1].payload
        self.assertIsNone(payload["subscription"]["ended_on"])

    def test_a_state_that_code_writes_takes_the_end_back(self):
        """As Enterprise may do with a subscription whose invoice was paid late."""
        order = self._create_subscription()
        order.sudo().write({"x_fc_ended_on": "2026-01-15", "subscription_state": "6_churn"})
        order.sudo().subscription_state = "3_progress"
        self.assertFalse(order.x_fc_ended_on)
        self.assertEqual(self._record(order, "2026-01-25T00:00:00Z")["accepted"], 1)

    def test_an_end_that_was_left_behind_does_not_count(self):
        """A state may be stored without a call of write()."""
        order = self._create_subscription()
        self.env.cr.execute("UPDATE sale_order SET x_fc_ended_on = '2026-01-15' WHERE id = %s", [order.id])
        order.invalidate_recordset()
        self.assertEqual(self._record(order, "2026-01-25T00:00:00Z")["accepted"], 1)
        self.assertEqual(self._invoice_on(order, "2026-02-01").amount_untaxed, 27)

    def test_how_far_it_was_billed_is_forgotten_if_nothing_was_invoiced(self):
        order = self._create_subscription()
        with trap_jobs():
            order.sudo().write({"x_fc_billed_until": "2026-02-01", "subscription_state": "6_churn"})
            order.sudo().subscription_state = "1_draft"
        self.assertFalse(order.x_fc_billed_until)

    def test_how_far_it_was_billed_stays_if_something_was_invoiced(self):
        order = self._create_subscription()
        self._use(order, 10)
        self._invoice_on(order, "2026-02-01")
        with trap_jobs():
            order.sudo().subscription_state = "6_churn"
            order.sudo().subscription_state = "1_draft"
        self.assertEqual(str(order.x_fc_billed_until), "2026-02-01")
