# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import date

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged

from ..api.errors import ConflictError
from .common import BillingHttpCase
from .enterprise import EnterpriseMixin


@tagged("post_install", "-at_install", "enterprise")
class TestEnterpriseRenewals(EnterpriseMixin, TransactionCase):
    """Renewals and upsells of Enterprise: the new order goes on where the old one ends."""

    def test_the_old_order_is_billed_to_its_end_and_the_new_one_from_there(self):
        """(states, used before, used after) -> invoiced of the old order, of the new one on March 1."""
        table = [
            ("written", 150, 130, [50.0], [30.0], "each with its own quota"),
            ("written", 90, 90, [], [], "each within its quota"),
            ("computed", 150, 130, [50.0], [30.0], "the same if nobody calls write()"),
        ]
        for how, before, after, of_old, of_new, reason in table:
            with self.subTest(how=how, before=before, after=after, reason=reason):
                self._switch("states", how)
                old = self._open()
                external_id = old.x_fc_external_id
                self._run_on("2026-01-01", old)
                self._use(old, before, "2026-01-10")
                new = self._renew(old, "2026-02-01")
                self._run_closing_jobs(old, "2026-02-01")
                self.assertEqual(old.invoice_ids.mapped("amount_untaxed"), of_old)
                self.assertEqual((old.subscription_state, new.subscription_state), ("5_renewed", "3_progress"))
                self.assertEqual((old.x_fc_external_id, new.x_fc_external_id), (False, external_id))
                self.assertEqual(new.x_fc_service_id, self.service)
                self.assertEqual(new.x_fc_plan_code, self.usage_plan.code)
                self.assertEqual(new.x_fc_billed_until, date(2026, 2, 1))
                self._run_on("2026-02-01", new)
                self._use(new, after, "2026-02-10")
                self.assertEqual(self._run_on("2026-03-01", new), of_new)
                self._run_closing_jobs(old, "2026-03-01")
                self.assertEqual(old.invoice_ids.mapped("amount_untaxed"), of_old)

    def test_a_renewal_ahead_of_time_leaves_the_rest_of_the_period_to_the_old_order(self):
        old = self._open()
        self._run_on("2026-01-01", old)
        self._use(old, 80, "2026-01-10")
        new = self._renew(old, "2026-01-20")
        self.assertEqual(old.x_fc_ended_on, date(2026, 2, 1))
        self._use(new._fc_get_order_on(date(2026, 1, 25)), 50, "2026-01-25")
        self._run_closing_jobs(old, "2026-01-26")
        self.assertFalse(old.invoice_ids)  # its last period is not over
        self._run_on("2026-02-01", new)
        with self._on("2026-02-01"), trap_jobs() as trap, self._commits_ignored():
            self.env["sale.order"]._cron_find_work()
            self.assertIn(old, [job.recordset for job in trap.enqueued_jobs])
        self._run_closing_jobs(old, "2026-02-01")
        self.assertEqual(old.invoice_ids.mapped("amount_untaxed"), [30.0])
        self._use(new, 110, "2026-02-10")
        self.assertEqual(self._run_on("2026-03-01", new), [10.0])

    def test_a_minimum_of_a_renewed_order_is_billed_for_its_last_period_without_any_usage(self):
        plan = self._create_plan(
            product_id=False, price=0, minimum_commitment=50, commitment_product_id=self.usage_product.id
        )
        self._create_charge(plan)
        old = self._open(plan)
        self._run_on("2026-01-01", old)
        new = self._renew(old, "2026-01-20")
        with self._on("2026-02-01"), trap_jobs() as trap, self._commits_ignored():
            self.env["sale.order"]._cron_find_work()
            self.assertIn(old, [job.recordset for job in trap.enqueued_jobs])
        self._run_closing_jobs(old, "2026-02-01")
        self.assertEqual(old.invoice_ids.mapped("amount_untaxed"), [50.0])
        self._run_on("2026-02-01", new)
        self.assertEqual(self._run_on("2026-03-01", new), [50.0])

    def test_a_renewal_that_is_confirmed_late_gets_the_counters_of_its_time(self):
        old = self._open()
        self._run_on("2026-01-01", old)
        self._use(old, 120, "2026-01-10")
        with self._on("2026-01-25"), trap_jobs():
            quotation = self.env["sale.order"].browse(old.prepare_renewal_order()["res_id"])
        self._use(old, 105, "2026-02-05", idem="late")
        with self._on("2026-02-06"), trap_jobs():
            old._job_rate()
            quotation.action_confirm()
        counter = self.env["fusion.billing.usage"].search([("idempotency_key", "=", "late")])
        self.assertEqual(counter.subscription_id, quotation)
        self._run_closing_jobs(old, "2026-02-06")
        self.assertEqual(old.invoice_ids.mapped("amount_untaxed"), [20.0])
        self._run_on("2026-02-06", quotation)
        self.assertEqual(self._run_on("2026-03-01", quotation), [5.0])

    def test_a_cancelled_renewal_gives_the_subscription_back(self):
        old = self._open()
        external_id = old.x_fc_external_id
        self._run_on("2026-01-01", old)
        new = self._renew(old, "2026-01-20")
        self._use(new, 120, "2026-02-05")
        with self._on("2026-02-06"), trap_jobs():
            old.subscription_state = "3_progress"
        self.assertEqual((old.x_fc_external_id, new.x_fc_external_id), (external_id, False))
        self.assertFalse(old.x_fc_ended_on)
        self._run_on("2026-02-06", old)
        self.assertEqual(self._run_on("2026-03-01", old), [20.0])

    def test_a_cancelled_renewal_that_runs_again_takes_nothing_of_the_running_order(self):
        old = self._open()
        external_id = old.x_fc_external_id
        self._run_on("2026-01-01", old)
        new = self._renew(old, "2026-01-20")
        with self._on("2026-01-21"), trap_jobs():
            new.set_close()
            old.subscription_state = "3_progress"
            new.reopen_order()
        self.assertEqual((old.x_fc_external_id, new.x_fc_external_id), (external_id, False))
        self.assertFalse(old.x_fc_successor_id)
        self._use(old, 150, "2026-01-25")
        self.assertEqual(self._run_on("2026-02-01", old), [50.0])

    def test_a_renewal_that_has_billed_usage_cannot_be_undone(self):
        old = self._open()
        self._run_on("2026-01-01", old)
        new = self._renew(old, "2026-02-01")
        self._run_on("2026-02-01", new)
        self._use(new, 120, "2026-02-05")
        self._run_on("2026-03-01", new)
        with self._on("2026-03-02"), trap_jobs(), self.assertRaisesRegex(UserError, "taken over"):
            old.subscription_state = "3_progress"

    def test_a_renewed_order_that_is_closed_as_well_leaves_the_subscription_where_it_is(self):
        self._listen()
        old = self._open()
        external_id = old.x_fc_external_id
        self._run_on("2026-01-01", old)
        self._use(old, 150, "2026-01-10")
        new = self._renew(old, "2026-02-01")
        self._use(new, 150, "2026-02-03")
        with self._on("2026-02-10"), trap_jobs():
            old.subscription_state = "6_churn"
        self.assertEqual((new.x_fc_external_id, new.x_fc_predecessor_id), (external_id, old))
        self.assertEqual(old.x_fc_ended_on, date(2026, 2, 1))
        self._run_closing_jobs(old, "2026-02-11")
        self.assertEqual(old.invoice_ids.mapped("amount_untaxed"), [50.0])
        self.assertEqual(self._get_lives_told(), ["subscription.started"])

    def test_a_closed_order_that_is_renewed_later_owes_nothing_for_the_time_between(self):
        plan = self._create_plan(
            product_id=False, price=0, minimum_commitment=50, commitment_product_id=self.usage_product.id
        )
        self._create_charge(plan)
        old = self._open(plan)
        self._run_on("2026-01-01", old)
        with self._on("2026-01-20"), trap_jobs():
            values = old._prepare_upsell_renew_order_values("2_renewal")
            old.set_close()
        self._run_closing_jobs(old, "2026-01-20")
        with self._on("2026-03-10"), trap_jobs():
            new = self.env["sale.order"].create({**values, "start_date": "2026-03-10"})
            old.subscription_state = "5_renewed"
            new.write({"state": "sale", "next_invoice_date": "2026-03-10", "subscription_state": "3_progress"})
        self._run_closing_jobs(old, "2026-03-10")
        self.assertEqual(new.x_fc_predecessor_id, old)
        self.assertEqual(old.invoice_ids.mapped("amount_untaxed"), [50.0])

    def test_an_end_date_before_what_is_billed_leaves_no_gap_before_a_renewal(self):
        old = self._open()
        self._run_on("2026-01-01", old)
        self._use(old, 150, "2026-01-10")
        self._run_on("2026-02-01", old)
        with self._on("2026-02-05"), trap_jobs():
            old.end_date = "2026-01-05"
        new = self._renew(old, "2026-02-06")
        self.assertEqual((old.x_fc_ended_on, new.x_fc_taken_over_on), (date(2026, 3, 1), date(2026, 3, 1)))
        self._use(old, 110, "2026-02-20")
        self._run_closing_jobs(old, "2026-03-01")
        self.assertEqual(old.invoice_ids.sorted("id").mapped("amount_untaxed_signed"), [50.0, 10.0])

    def test_the_source_app_is_told_of_a_renewal_that_is_closed_and_reopened(self):
        self._listen()
        old = self._open()
        self._run_on("2026-01-01", old)
        new = self._renew(old, "2026-02-01")
        with self._on("2026-02-10"), trap_jobs():
            new.set_close()
            new.reopen_order()
        told = ["subscription.started", "subscription.terminated", "subscription.started"]
        self.assertEqual(self._get_lives_told(), told)

    def test_an_order_in_the_middle_of_several_is_not_taken_back(self):
        first = self._open()
        self._run_on("2026-01-01", first)
        second = self._renew(first, "2026-02-01")
        self._run_on("2026-02-01", second)
        third = self._renew(second, "2026-03-01")
        with self._on("2026-03-05"), trap_jobs(), self.assertRaisesRegex(UserError, "was renewed"):
            first.subscription_state = "3_progress"
        self.assertEqual(third._fc_get_first_id(), first.id)

    def test_a_renewal_that_cannot_be_undone_keeps_the_sweep_from_no_other_subscription(self):
        self._switch("states", "computed")
        old = self._open()
        self._run_on("2026-01-01", old)
        new = self._renew(old, "2026-02-01")
        self._run_on("2026-02-01", new)
        self._use(new, 120, "2026-02-05")
        self._run_on("2026-03-01", new)
        other = self._open()
        with self._on("2026-03-02"), trap_jobs() as trap, self._commits_ignored():
            old.stand_in_state = "3_progress"
            other.stand_in_state = "6_churn"
            self.env["sale.order"]._cron_find_work()
            self.assertEqual(other.x_fc_ended_on, date(2026, 3, 2))
            self.assertIn(old, [job.recordset for job in trap.enqueued_jobs])
            old._job_rate()
        self.assertIn("taken over", old.x_fc_attention)

    def test_a_renewal_of_another_customer_or_service_is_refused(self):
        other = self.env["res.partner"].create({"name": "Another customer"})
        table = [{"partner_id": other.id}, {"x_fc_service_id": self._create_service().id}]
        for values in table:
            with self.subTest(values=values):
                old = self._open()
                self._run_on("2026-01-01", old)
                with self.assertRaisesRegex(UserError, "another customer, service or company"):
                    self._renew(old, "2026-02-01", **values)
                self.assertTrue(old.x_fc_external_id)

    def test_a_renewal_keeps_the_service_and_the_name_of_the_usage_before_it(self):
        salesperson = self._create_user("sales_team.group_sale_manager")
        old = self._open()
        self._run_on("2026-01-01", old)
        self._use(old, 150, "2026-01-10")
        self._rate(old)
        new = self._renew(old, "2026-02-01")
        for values in ({"x_fc_service_id": self._create_service().id}, {"x_fc_external_id": "another-name"}):
            with self.subTest(values=values), self.assertRaises(UserError):
                new.with_user(salesperson).write(values)
        new.with_user(salesperson).x_fc_plan_code = self.plan.code  # nothing of it was rated yet

    def test_an_order_of_another_customer_that_names_a_subscription_takes_nothing_of_it(self):
        old = self._open()
        external_id = old.x_fc_external_id
        self._run_on("2026-01-01", old)
        self._use(old, 150, "2026-01-20")
        salesperson = self._create_user("sales_team.group_sale_salesman", "base.group_partner_manager")
        other = self.env["res.partner"].create({"name": "Another customer"})
        values = {"partner_id": other.id, "plan_id": self.recurrence.id, "start_date": "2026-01-15"}
        with self._on("2026-01-20"), trap_jobs():
            order = self.env["sale.order"].with_user(salesperson).create({**values, "subscription_id": old.id})
            order.action_confirm()
        self.assertEqual(order.subscription_state, "3_progress")
        self.assertEqual((old.x_fc_external_id, order.x_fc_external_id), (external_id, False))
        self.assertFalse(old.x_fc_successor_id)
        self.assertEqual(self._run_on("2026-02-01", old), [50.0])

    def test_an_external_id_that_a_renewal_was_given_stays_if_the_old_order_had_none(self):
        old = self._open(x_fc_external_id=False)
        self._run_on("2026-01-01", old)
        new = self._renew(old, "2026-02-01", x_fc_external_id="given-to-the-renewal")
        self.assertEqual(new.x_fc_external_id, "given-to-the-renewal")

    def test_a_counter_that_is_corrected_to_the_time_of_the_renewal_moves_there(self):
        old = self._open()
        self._run_on("2026-01-01", old)
        self._upsert(self.service, (old, 110, "2026-01-31", "2026-01-31", "key"))
        new = self._renew(old, "2026-02-01")
        self._run_closing_jobs(old, "2026-02-01")
        self.assertEqual(self._upsert(self.service, (new, 110, "2026-02-01", "2026-02-01", "key")), ["updated"])
        self._run_closing_jobs(old, "2026-02-02")
        self.assertEqual(old.invoice_ids.sorted("id").mapped("amount_untaxed_signed"), [10.0, -10.0])
        self._run_on("2026-02-02", new)
        self.assertEqual(self._run_on("2026-03-01", new), [10.0])
        in_one_batch = [
            (new, 1, "2026-02-01", "2026-02-01", "another key"),
            (old, 1, "2026-01-30", "2026-01-30", "another key"),
        ]
        self.assertEqual(self._upsert(self.service, *in_one_batch), ["accepted", "updated"])
        with self.assertRaises(ConflictError):
            self._upsert(self.service, (self._open(), 1, "2026-01-30", "2026-01-30", "another key"))

    def test_neither_renewal_nor_upsell_takes_rated_lines_along(self):
        for lines in ("recurring", "all"):
            with self.subTest(lines=lines):
                self._switch("renewal_lines", lines)
                old = self._open(self.plan)
                self._run_on("2026-01-01", old)
                self._create_charge(plan_code=self.plan.code) if lines == "recurring" else None
                self._use(old, 5, "2026-01-10")
                self._rate(old, "2026-01-20")
                self.assertTrue(self._get_usage_lines(old))
                with self._on("2026-01-20"), trap_jobs():
                    renewal = self.env["sale.order"].browse(old.prepare_renewal_order()["res_id"])
                    upsell = self.env["sale.order"].browse(old.prepare_upsell_order()["res_id"])
                self.assertEqual(renewal.order_line.product_id, self.fee)
                self.assertEqual(upsell.order_line.product_id, self.fee)

    def test_an_upsell_rates_nothing_and_the_subscription_goes_on(self):
        order = self._open(self.plan)
        self._create_charge(included_quota=100)
        self._run_on("2026-01-01", order)
        self._use(order, 130, "2026-01-10")
        with self._on("2026-01-20"), trap_jobs():
            upsell = self.env["sale.order"].browse(order.prepare_upsell_order()["res_id"])
            upsell.order_line.filtered("product_id").product_uom_qty = 1
            upsell.action_confirm()
            self.assertFalse(upsell.x_fc_plan_code)
            self.assertFalse(upsell.x_fc_service_id)
            upsell._create_invoices()
        self.assertFalse(self._get_ratings(upsell))
        self.assertFalse(upsell.x_fc_billed_until)
        self.assertEqual(self._run_on("2026-02-01", order), [20.0 * 2 + 30])

    def test_the_revenue_of_usage_is_not_deferred(self):
        order = self._open(self.plan)
        self._create_charge()
        self._run_on("2026-01-01", order)
        self._use(order, 5, "2026-01-10")
        self._run_on("2026-02-01", order)
        lines = order.invoice_ids.invoice_line_ids
        self.assertFalse(self._get_line(order.invoice_ids, self.usage_product).deferred_start_date)
        self.assertTrue(all(lines.filtered(lambda line: line.product_id == self.fee).mapped("deferred_start_date")))

    def test_recurring_revenue_has_no_usage_in_it(self):
        order = self._open(self.plan)
        self._create_charge()
        self._run_on("2026-01-01", order)
        self._use(order, 500, "2026-01-10")
        self._rate(order, "2026-01-20")
        self.assertEqual(order.recurring_monthly, 20)

    def _get_lives_told(self):
        """Return what the service was told of beginnings and ends."""
        return self._get_events(self.service, "subscription.started", "subscription.terminated").mapped("event_type")


@tagged("post_install", "-at_install", "enterprise")
class TestSourceAppNoticesNoRenewal(EnterpriseMixin, BillingHttpCase):
    """What a source app sees of a subscription is the same before and after its renewal."""

    def test_it_goes_on_under_its_external_id_and_its_number(self):
        self._listen()
        old = self._open()
        external_id, number = old.x_fc_external_id, old.id
        self._run_on("2026-01-01", old)
        with self._on("2026-01-12"):
            self._push(external_id, "2026-01-10", 150, "first")
        self._renew(old, "2026-02-01")
        self._run_closing_jobs(old, "2026-02-01")
        with self._on("2026-02-12"):
            for name in (external_id, str(number)):
                answer = self._call(f"/subscriptions/{name}").json()
                self.assertEqual((answer["subscription_id"], answer["external_id"]), (number, external_id))
                self.assertEqual(answer["subscription_state"], "3_progress")
            listed = self._call("/subscriptions").json()["subscriptions"]
            self.assertEqual([each["subscription_id"] for each in listed], [number])
            self._push(external_id, "2026-02-10", 120, "second")
            self._push(str(number), "2026-02-11", 10, "third")
            # A counter of the old order's time, corrected: the key is the same, and so is the order.
            self.assertEqual(self._push(external_id, "2026-01-10", 160, "first")["results"][0]["status"], "updated")
            counters = self._call("/usage/events", params={"subscription_external_id": external_id}).json()["usage"]
            self.assertEqual({each["subscription_id"] for each in counters}, {number})
            self.assertEqual(len(counters), 3)
            invoices = self._call("/invoices", params={"subscription_external_id": external_id}).json()["invoices"]
            self.assertEqual(
                [(each["subscription_id"], each["amount_untaxed"]) for each in invoices], [(number, "50.00")]
            )
        started = self._get_events(self.service, "subscription.started", "subscription.terminated")
        self.assertEqual(len(started), 1)
        orders = (
            self.env["fusion.billing.usage"].search([("service_id", "=", self.service.id)]).mapped("subscription_id")
        )
        self.assertEqual(len(orders), 2)

    def _push(self, name, day, quantity, key):
        event = {
            "subscription_external_id": name,
            "metric_code": self.metric.code,
            "quantity": quantity,
            "period_start": f"{day}T00:00:00Z",
            "period_end": f"{day}T01:00:00Z",
            "idempotency_key": key,
        }
        response = self._call("/usage", {"events": [event]})
        self.assertEqual(response.status_code, 202, response.text)
        return response.json()
