# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The steps of random histories of Enterprise's subscriptions, see test_enterprise_histories.py."""

import contextlib
import datetime
from fractions import Fraction

from hypothesis import note

from odoo import fields
from odoo.exceptions import UserError

from ..proof import Scope, prove
from .common import unique
from .enterprise_history_model import Counter, EnterpriseModel, Life

_DAY = datetime.timedelta(days=1)


class History:
    """A subscription in the database beside its model, which is told what Enterprise did after each step."""

    def __init__(self, test, trap, spec, start, zone, switches):
        self.test, self.env, self.trap = test, test.env, trap
        self.today = start
        self.zone, self.time = zone
        self.switches = switches
        for name, value in switches.items():
            test._switch(name, value)
        is_last_day = switches["end_date"] == "last_day"
        self.env["ir.config_parameter"].set_param("fusion_subscription.end_date_is_last_day", str(is_last_day))
        self.asked_end = None
        with self._now():
            plan = test.plans[spec]
            order = test._create_subscription(
                plan,
                with_fee=bool(plan.product_id),
                plan_id=plan.plan_id.id,
                start_date=str(start),
                x_fc_billing_tz=self.zone,
                x_fc_minimum_commitment=float(spec.minimum),
                x_fc_proration=plan.proration,
            )
        self.name = order.x_fc_external_id
        self.orders = [order]
        self.offer = None
        self.model = EnterpriseModel(spec, [Life(start, start, order.next_invoice_date, spec.aligned)])
        self.keys = []
        self.reopened = set()

    @property
    def order(self):
        return self.orders[-1]

    @property
    def life(self):
        return self.model.lives[-1]

    # === STEPS === #

    def run(self, name, *arguments):
        note(f"{self.today}: {name} {arguments}")
        with self._now():
            getattr(self, "_" + name.replace(" ", "_"))(*arguments)
            self._follow()

    def _now(self):
        return self.test._on(str(self.today), self.zone, self.time)

    def _push(self, quantity, times):
        self._send(unique("key"), quantity, *self._get_time(times))

    def _push_again(self, number, quantity, times):
        for key in self._pick_counters(number):
            counter = self.model.counters[key]
            self._send(key, quantity, *(self._get_time(times) if times else (counter.day, 12)))

    def _void(self, number):
        for key in self._pick_counters(number):
            self.env["fusion.billing.usage"].search([("idempotency_key", "=", key)])._void("Counted twice")
            counter = self.model.counters[key]
            self.model.counters[key] = Counter(counter.day, counter.quantity, is_void=True)

    def _let_time_pass(self, days):
        self._do_jobs()  # crons see to them each minute
        self._follow()
        self.today += days * _DAY

    def _go_to_the_boundary(self):
        self._let_time_pass(max(0, (self.order.next_invoice_date - self.today).days))

    def _run(self):
        reached = None
        while self._is_due() and self.order.next_invoice_date != reached:
            reached = self.order.next_invoice_date
            self._run_once()
            self._follow()

    def _run_once(self):
        if self._is_due():
            self.order._create_recurring_invoice()

    def _do_jobs(self):
        """Do what crons and jobs do."""
        self.trap.enqueued_jobs = []
        for order in self.orders:
            order._job_rate()
        with self.test._commits_ignored():
            self.env["sale.order"]._cron_find_work()
        while self.trap.enqueued_jobs:
            jobs, self.trap.enqueued_jobs = self.trap.enqueued_jobs, []
            for job in jobs:
                if job.method_name in ("_job_rate", "_job_invoice_remaining_usage") and job.recordset in self._all():
                    getattr(job.recordset, job.method_name)()

    def _invoice_by_button(self):
        with _refused_is_good(self.env):
            wizard = self.env["sale.advance.payment.inv"].with_context(
                active_model="sale.order", active_ids=self.order.ids, active_id=self.order.id
            )
            wizard.create({"advance_payment_method": "delivered"}).create_invoices()
            self.life.invoice(self._get_reached())

    def _post(self):
        self._get_invoices("draft").action_post()

    def _delete_a_draft(self, number):
        for move in self._pick(number, self._get_invoices("draft")):
            move.unlink()

    def _cancel_an_invoice(self, number):
        for move in self._pick(number, self._get_invoices("posted")):
            if move.payment_state == "not_paid":
                move.button_draft()
                move.button_cancel()

    def _pay(self, number):
        for move in self._pick(number, self._get_invoices("posted")):
            if move.move_type == "out_invoice" and move.payment_state == "not_paid":
                self.test._pay(move)

    def _move_the_date(self, days):
        # Back only where nothing was reopened: what an end had closed stays closed, and the model takes it back whole.
        is_told_apart = days > 0 or self.order not in self.reopened
        if self.order.subscription_state == "3_progress" and is_told_apart:
            self._do_jobs()
            self._follow()
            day = self.order.next_invoice_date + days * _DAY
            if self.switches["next_invoice_date"] == "computed" and self.model.spec.aligned:
                day = day.replace(day=1)  # else nobody could tell afterwards which day was passed
            # Not the last days of a month, from which nobody comes back by months.
            self.order.next_invoice_date = min(day, day.replace(day=28))

    def _offer_a_renewal(self):
        with _refused_is_good(self.env):
            self.offer = self.env["sale.order"].browse(self.order.prepare_renewal_order()["res_id"])

    def _renew(self):
        if not self.offer:
            self._offer_a_renewal()
        if self.offer and self.order.subscription_state in ("3_progress", "4_paused"):
            self._do_jobs()
            self._follow()
            day = max(self.order.next_invoice_date, self.life.opened)
            self.offer.action_confirm()
            self.test._notice()
            self.life.pass_days(self._get_reached())
            self.model.renew(day)
            self.life.next_date = self.offer.next_invoice_date
            self.orders.append(self.offer)
            self.offer = None

    def _upsell(self):
        if self.order.subscription_state == "3_progress" and self.order.next_invoice_date != self.order.start_date:
            self._do_jobs()
            self._follow()
            upsell = self.env["sale.order"].browse(self.order.prepare_upsell_order()["res_id"])
            lines = upsell.order_line.filtered("recurring_invoice")
            lines.product_uom_qty = 1
            upsell.action_confirm()
            self.life.seats += len(lines)
            self.test.assertFalse(upsell.order_line.filtered("x_fc_is_rated"))

    def _close(self):
        if self.order.subscription_state == "3_progress":
            with _refused_is_good(self.env):
                self.order.set_close()

    def _terminate(self, days):
        if self.order.subscription_state == "3_progress":
            with _refused_is_good(self.env):
                day = self.today + days * _DAY
                self.order._fc_terminate(day, "other")
                # Enterprise notes the server's day, the API answers with this one.
                self.asked_end = day if self.order.subscription_state == "6_churn" else None

    def _plan_an_end(self, days):
        if self.order.subscription_state == "3_progress":
            with _refused_is_good(self.env):
                self.order.end_date = self.today + days * _DAY

    def _reopen(self):
        self.order.reopen_order()
        self.reopened.add(self.order)
        # Who closes it again within the minute in which nobody looks has not reopened it.
        self.test._notice()

    def _expire(self):
        with _refused_is_good(self.env):
            self.env["sale.order"]._close_expired_subscriptions()

    def _prove(self):
        """At any time every counter is explained, at the least by waiting for its rating."""
        outcome = prove(self.env, Scope((self.order.company_id.id,), service_id=self.test.service.id))
        self.test.assertEqual((outcome.unexplained, outcome.findings), (0, []))
        self.test.assertEqual(outcome.counters, len(self.model.counters))

    # === WHAT ENTERPRISE DID === #

    def _follow(self):
        """Tell the model how Enterprise's state, end and next invoice date have changed."""
        life, order = self.life, self.order
        has_ended = order.subscription_state == "6_churn"
        if has_ended and not life.ended_on:
            offset = _DAY if self.switches["end_date"] == "last_day" else 0 * _DAY
            day = self.asked_end or min(order.end_date + offset, max(self.today, order.start_date))
            self.asked_end = None
            life.pass_days(min(self._get_reached(), day))
            life.end(day, bool(self.model.get_counters(life)))
        elif not has_ended and life.ended_on:
            life.reopen()
        if order.next_invoice_date != life.next_date:
            life.move(order.next_invoice_date)
        for each in self.model.lives:
            each.pass_days(self._get_reached())

    def _get_reached(self):
        """Return the latest day that is today, for the subscription or for the server."""
        return max(self.today, fields.Date.today())

    # === THE END === #

    def settle(self, late):
        """Let runs and jobs do what is left to do; end the subscription.

        :param late: whether it ends while the run is late
        """
        days = [(counter.day - self.today).days for counter in self.model.counters.values()]
        self.run("let time pass", max(0, *days, 0))
        for days in (0, 65):
            self.run("let time pass", days)
            if not late:
                self.run("run")
            self.run("post")
            self.run("do jobs")
        self.run("close")
        for _month in range(2):
            self.run("do jobs")
            self.today += 40 * _DAY
        self.run("post")
        self.run("prove")

    def check(self):
        self.env.flush_all()
        for order, life in zip(self.orders, self.model.lives, strict=True):
            owed = self.model.price(life)
            note(f"{order.name} {order.subscription_state}: {life.get_periods()} owes {owed}")
            self.test.assertEqual(self._sum_ledger(order), owed)
            self.test.assertEqual(self._sum_invoiced(order), sum(owed.values()))
            left = order.x_fc_rating_ids.filtered(lambda row: row.state == "open" and row.amount)
            self.test.assertFalse(left, f"left open: {left.mapped('display_name')}")
            self.test.assertFalse(order.x_fc_attention_ids)
            self._check_periods(order, life)

    def _check_periods(self, order, life):
        """Closed periods do not overlap, leave no gap, and are those of the model."""
        closed = self.env["fusion.billing.period"].search([("subscription_id", "=", order.id)], order="start_on")
        expected = [(period.start, period.end) for period in life.closed]
        expected += [(period.start, period.end) for period in life.get_periods() if period not in life.closed]
        found = [(period.start_on, period.end_on) for period in closed]
        self.test.assertEqual(found, expected[: len(found)])

    def _sum_ledger(self, order):
        sums = {}
        for row in order.x_fc_rating_ids.filtered(lambda row: row.state != "cancelled"):
            sums[row.first_day] = sums.get(row.first_day, 0) + _to_money(row.amount)
        return {day: amount for day, amount in sums.items() if amount}

    def _sum_invoiced(self, order):
        """Return what invoices less credit notes bill of usage and minimum."""
        moves = order.invoice_ids.filtered(lambda move: move.state == "posted")
        products = self.test.usage_product | self.test.commitment_product
        lines = moves.invoice_line_ids.filtered(lambda line: line.product_id in products)
        return sum(_to_money(line.price_subtotal) * -line.move_id.direction_sign for line in lines)

    # === HELPERS === #

    def _send(self, key, quantity, day, hour):
        instant = datetime.datetime.combine(day, datetime.time(hour), tzinfo=datetime.timezone.utc)
        start = self.order._fc_start_of(day) + (instant - instant.replace(hour=0))
        event = {
            "subscription_external_id": self.name,
            "metric_code": self.test.metric.code,
            "quantity": quantity,
            "period_start": f"{start.isoformat()}Z",
            "period_end": f"{start.isoformat()}Z",
            "idempotency_key": key,
        }
        answer = self.test.service._api_record_usage({"events": [event], "error_policy": "reject_failed_rows"})
        [result] = answer["results"]
        note(f"    {day}: {quantity} {result['status']}")
        if result["status"] != "rejected":
            self.model.counters[key] = Counter(day, quantity)

    def _get_time(self, times):
        days_ago, hour = times
        return max(self.today - days_ago * _DAY, self.model.lives[0].first), hour

    def _is_due(self):
        day = self.order.next_invoice_date
        is_running = self.order.subscription_state == "3_progress"
        return is_running and bool(day) and day <= fields.Date.today()

    def _all(self):
        return self.env["sale.order"].union(*self.orders)

    def _get_invoices(self, state):
        return self._all().invoice_ids.filtered(lambda move: move.state == state).sorted("id")

    def _pick(self, number, things):
        return [things[number % len(things)]] if things else []

    def _pick_counters(self, number):
        """Return the key of a number that is not void, or nothing."""
        return self._pick(number, [key for key, counter in self.model.counters.items() if not counter.is_void])


@contextlib.contextmanager
def _refused_is_good(env):
    """Let a step go by that is refused: nothing may have changed then."""
    with contextlib.suppress(UserError), env.cr.savepoint():
        yield


def _to_money(amount):
    return Fraction(str(amount))
